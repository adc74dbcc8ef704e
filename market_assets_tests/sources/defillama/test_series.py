"""Daily series: which points are whole days, which is the running one, which are none."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.sources.defillama import series, wire
from market_assets_tests.sources.defillama.shapes import (
    TODAY,
    YESTERDAY,
    chain_locked,
    charted,
    locked,
    pegged,
    stamp,
)

BEFORE = YESTERDAY - timedelta(days=1)


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def test_the_last_run_of_a_protocol_is_no_day() -> None:
    """Its point is off the grid: dropped; today's on the grid is the running day's."""
    page = locked({BEFORE: 1.0, YESTERDAY: 2.0, TODAY: 3.0}, now=9.0)
    read = series.read_protocol_tvl(body(page), TODAY)
    assert read.days == ((BEFORE, 1.0), (YESTERDAY, 2.0))
    assert read.running == (TODAY, 3.0)
    assert read.dropped == 1


def test_a_series_that_ends_with_a_complete_day() -> None:
    """Nothing is running then: the last point counts."""
    read = series.read_chart(body(charted({BEFORE: 5, YESTERDAY: "6.5"})), TODAY)
    assert read.days == ((BEFORE, 5.0), (YESTERDAY, 6.5))
    assert read.running is None


@pytest.mark.parametrize("answer", [{}, {"totalDataChart": []}, {"totalDataChart": None}])
def test_no_chart_is_no_days(answer: dict[str, object]) -> None:
    """HTTP 200 with nothing in it: unknown, not 0."""
    assert series.read_chart(body({**answer, "name": "x"}), TODAY) == series.Series((), None, 0)


def test_null_and_nonsense_are_no_points() -> None:
    """They leave a hole, and are counted."""
    days = [YESTERDAY - timedelta(days=ago) for ago in range(4, -1, -1)]
    values = [1.0, None, "abc", -5.0, 2.0]
    points = chain_locked(dict(zip(days, values, strict=True)))
    odd = [
        None,
        {"tvl": 3.0},
        {"date": "soon", "tvl": 3.0},
        {"date": stamp(TODAY) * 1000, "tvl": 3},
    ]
    read = series.read_chain_tvl(body([*points, *odd]), TODAY)
    assert read.days == ((days[0], 1.0), (days[4], 2.0))
    assert read.dropped == 7


def test_a_flow_can_be_negative_and_a_stock_can_not() -> None:
    """Revenue of a day can be; value locked below zero is nonsense."""
    assert series.read_chart(body(charted({YESTERDAY: -5})), TODAY).days == ((YESTERDAY, -5.0),)
    assert series.read_chain_tvl(body(chain_locked({YESTERDAY: -5})), TODAY).days == ()


def test_stablecoins_are_dollars_over_all_pegs() -> None:
    """Dates are strings; days before a coin existed have no key: unknown; a 0 is a 0."""
    points = {
        BEFORE - timedelta(days=1): {},
        BEFORE: {"peggedUSD": 0, "peggedEUR": 0},
        YESTERDAY: {"peggedUSD": "100.5", "peggedEUR": 2.0},
    }
    read = series.read_stablecoins(body(pegged(points)), TODAY)
    assert read.days == ((BEFORE, 0.0), (YESTERDAY, 102.5))
    assert read.dropped == 1


def test_of_two_points_for_a_day_the_later_counts() -> None:
    points = chain_locked({YESTERDAY: 1.0}) + chain_locked({YESTERDAY: 2.0})
    assert series.read_chain_tvl(body(points), TODAY).days == ((YESTERDAY, 2.0),)


def test_days_that_are_still_to_come_are_dropped() -> None:
    read = series.read_chain_tvl(body(chain_locked({TODAY + timedelta(days=1): 1.0})), TODAY)
    assert read == series.Series((), None, 1)


def test_another_shape_is_an_error() -> None:
    """An object where a list is due, text where an object is."""
    with pytest.raises(msgspec.ValidationError):
        series.read_chain_tvl(body({"message": "nope"}), TODAY)
    with pytest.raises(msgspec.ValidationError):
        series.read_chart(body([1]), TODAY)


@given(
    st.lists(
        st.tuples(
            st.integers(stamp(date(2026, 11, 1)), stamp(TODAY) + 86_400),
            st.one_of(st.none(), st.floats(0, 1e12), st.text(max_size=3)),
        ),
        max_size=12,
    )
)
@settings(max_examples=40)
def test_days_are_on_the_grid_ascending_and_over(points: list[tuple[int, object]]) -> None:
    """Whatever the points: no running day among the complete ones, each day once."""
    read = series.daily(points, wire.read_number, TODAY)
    days = [day for day, _ in read.days]
    assert days == sorted(set(days))
    assert all(day < TODAY for day in days)
    on_grid = {datetime.fromtimestamp(at, UTC).date() for at, _ in points if at % 86_400 == 0}
    assert set(days) <= on_grid


def test_points_of_another_shape_are_counted_with_those_that_are_dropped() -> None:
    """Nothing is left out without a word."""
    day = stamp(YESTERDAY)
    chart = {"totalDataChart": [[day, 5], [day], None, "?"]}
    read = series.read_chart(body(chart), TODAY)
    assert (read.days, read.dropped) == (((YESTERDAY, 5.0),), 3)
