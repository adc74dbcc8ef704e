"""What is expected of a day, what is there, and what the ledger of gaps knows of the rest."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.features.completeness import (
    ASSETS,
    COUNTED,
    GAPS,
    STORED,
    completeness,
    gaps_by_day,
    rows_until,
)
from market_assets.tables import GRID_SERIES

MINUTES, HOURS, FUNDING, MIDS = GRID_SERIES
DAY = date(2026, 11, 20)
EVE = date(2026, 11, 19)
NEXT = date(2026, 11, 21)
LATER = datetime(2026, 11, 25, tzinfo=UTC)


def at(day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """An instant of November 2026."""
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


def rows(
    *,
    series: Any = MINUTES,
    days: tuple[date, ...] = (DAY,),
    counted: list[tuple[Any, ...]] = [],  # noqa: B006 - never changed
    assets: list[tuple[Any, ...]] = [],  # noqa: B006
    gaps: list[tuple[Any, ...]] = [],  # noqa: B006
    stored: list[tuple[Any, ...]] = [],  # noqa: B006
    as_of: datetime = LATER,
) -> list[dict[str, Any]]:
    """The rows of `data_completeness` that these make."""
    made = completeness(
        series,
        days=days,
        counted=pl.DataFrame(counted, COUNTED, orient="row"),
        assets=pl.DataFrame(assets, ASSETS, orient="row"),
        gaps=pl.DataFrame(gaps, GAPS, orient="row"),
        stored=pl.DataFrame(stored, STORED, orient="row"),
        as_of=as_of,
    )
    return made.to_dicts()


def only(**given_: Any) -> dict[str, Any]:
    """The one row that these make."""
    (row,) = rows(**given_)
    return row


OLD = ("BTC", at(1), None)
"""An asset that has been known for weeks."""
EVE_WHOLE = ("BTC", EVE, 1440, 0, 0)
"""It had all of its rows on the day before."""


@pytest.mark.parametrize(
    ("series", "interval", "expected"),
    [(MINUTES, "1m", 1440), (HOURS, "1h", 24), (FUNDING, None, 24), (MIDS, None, 17280)],
)
def test_a_whole_day_of_a_known_asset_is_expected_whole(
    series: Any, interval: str | None, expected: int
) -> None:
    row = only(
        series=series,
        counted=[("BTC", DAY, expected, at(20))],
        assets=[OLD],
        stored=[EVE_WHOLE],
    )
    assert (row["table_name"], row["interval"]) == (series.table.name, interval)
    assert (row["symbol"], row["day"], row["updated_at"]) == ("BTC", DAY, LATER)
    assert (row["expected_rows"], row["present_rows"]) == (expected, expected)
    assert (row["healed_rows"], row["lost_rows"], row["completeness_pct"]) == (0, 0, 100.0)


def test_a_day_that_lacks_rows_says_how_many_are_there() -> None:
    row = only(counted=[("BTC", DAY, 1080, at(20))], assets=[OLD], stored=[EVE_WHOLE])
    assert (row["expected_rows"], row["present_rows"]) == (1440, 1080)
    assert row["completeness_pct"] == 75.0


def test_a_day_without_any_row_is_expected_all_the_same() -> None:
    row = only(assets=[OLD], stored=[EVE_WHOLE])
    assert (row["expected_rows"], row["present_rows"], row["completeness_pct"]) == (1440, 0, 0.0)


@pytest.mark.parametrize(("back", "count"), [(7, 1), (8, 0)])
def test_after_a_week_without_rows_an_asset_is_not_collected_any_more(
    back: int, count: int
) -> None:
    last = ("BTC", DAY - timedelta(days=back), 1440, 0, 0)
    assert len(rows(assets=[OLD], stored=[last])) == count


def test_a_recorded_outage_keeps_an_asset_expected_for_as_long_as_it_lasts() -> None:
    last = ("BTC", DAY - timedelta(days=9), 1440, 0, 0)
    gap = ("BTC", "downtime", at(11), at(21), None, None)
    assert only(assets=[OLD], stored=[last], gaps=[gap])["expected_rows"] == 1440


@pytest.mark.parametrize("cause", ["fresh", "listing", "unsubscribed", "not paid"])
def test_a_gap_of_time_in_which_nobody_collected_makes_nothing_expected(cause: str) -> None:
    gap = ("BTC", cause, at(11), at(21), at(21), 0)
    assert rows(assets=[OLD], gaps=[gap]) == []


def test_an_asset_listed_at_noon_is_expected_from_noon_on() -> None:
    row = only(counted=[("NEW", DAY, 690, at(20, 12, 30))], assets=[("NEW", at(20, 12), None)])
    assert (row["expected_rows"], row["present_rows"]) == (720, 690)
    assert row["completeness_pct"] == pytest.approx(95.8333, abs=1e-4)


def test_between_two_instants_of_the_grid_the_later_is_the_first_expected() -> None:
    row = only(
        counted=[("NEW", DAY, 719, at(20, 12, 1))], assets=[("NEW", at(20, 12, 0, 30), None)]
    )
    assert (row["expected_rows"], row["completeness_pct"]) == (719, 100.0)


def test_a_row_before_the_registry_knew_the_asset_proves_an_earlier_life() -> None:
    row = only(counted=[("NEW", DAY, 900, at(20, 9))], assets=[("NEW", at(20, 12), None)])
    assert (row["expected_rows"], row["completeness_pct"]) == (900, 100.0)
    from_midnight = only(
        counted=[("NEW", DAY, 900, at(20, 9))],
        assets=[("NEW", at(20, 12), None)],
        stored=[("NEW", EVE, 10, 0, 0)],
    )
    assert from_midnight["expected_rows"] == 1440


def test_an_asset_that_was_known_and_not_collected_begins_with_its_first_row() -> None:
    row = only(counted=[("BTC", DAY, 600, at(20, 14))], assets=[OLD])
    assert (row["expected_rows"], row["completeness_pct"]) == (600, 100.0)


def test_before_the_project_knew_an_asset_only_backfilled_days_are_shown() -> None:
    days = (date(2026, 11, 10), date(2026, 11, 11))
    (row,) = rows(
        days=days, counted=[("BTC", days[0], 1440, at(10))], assets=[("BTC", at(15), None)]
    )
    assert (row["day"], row["expected_rows"], row["completeness_pct"]) == (days[0], 1440, 100.0)


def test_an_asset_of_which_the_registry_knows_nothing_begins_with_its_first_row() -> None:
    row = only(counted=[("?", DAY, 60, at(20, 23))])
    assert (row["expected_rows"], row["present_rows"]) == (60, 60)


@pytest.mark.parametrize(
    ("series", "as_of", "expected"),
    [
        (MINUTES, at(20, 1), 58),  # of 00:00 to 00:57; those of 00:58 and 00:59 may still come
        (MINUTES, at(20, 0, 2), 0),
        (HOURS, at(20, 3, 4), 2),
        (HOURS, at(20, 3, 5), 3),
        (FUNDING, at(20, 2, 29), 1),
        (FUNDING, at(20, 2, 30), 2),
        (MIDS, at(20, 0, 3), 13),  # of 00:00:00 to 00:01:00
    ],
)
def test_today_is_expected_up_to_the_rows_that_are_due(
    series: Any, as_of: datetime, expected: int
) -> None:
    found = rows(series=series, assets=[OLD], stored=[EVE_WHOLE], as_of=as_of)
    assert sum(row["expected_rows"] for row in found) == expected
    assert rows_until(series, as_of) == at(20) + expected * series.step


def test_a_delisted_asset_is_expected_until_that_was_seen() -> None:
    found = rows(
        days=(DAY, NEXT),
        counted=[("OLD", DAY, 360, at(20))],
        assets=[("OLD", at(1), at(20, 6))],
        stored=[("OLD", EVE, 1440, 0, 0)],
    )
    assert [(row["day"], row["expected_rows"]) for row in found] == [(DAY, 360)]
    assert found[0]["completeness_pct"] == 100.0


def test_rows_of_a_day_on_which_none_is_expected_have_no_share() -> None:
    row = only(counted=[("OLD", DAY, 5, at(20))], assets=[("OLD", at(1), at(19))])
    assert (row["expected_rows"], row["present_rows"], row["completeness_pct"]) == (0, 5, None)


def test_a_healed_gap_over_midnight_is_dealt_to_both_days() -> None:
    """Ten minutes before midnight and twenty after it; 27 of the 30 rows came."""
    gap = ("BTC", "downtime", at(20, 23, 50), at(21, 0, 20), at(21, 1), 27)
    found = rows(
        days=(DAY, NEXT),
        counted=[("BTC", DAY, 1439, at(20)), ("BTC", NEXT, 1438, at(21))],
        assets=[OLD],
        stored=[EVE_WHOLE],
        gaps=[gap],
    )
    assert [row["healed_rows"] for row in found] == [9, 18]
    assert [row["lost_rows"] for row in found] == [0, 0]


def test_a_gap_that_is_closed_without_a_row_is_lost() -> None:
    gap = ("BTC", "downtime", at(20, 23, 50), at(21, 0, 20), at(21, 1), 0)
    found = rows(
        days=(DAY, NEXT),
        counted=[("BTC", DAY, 1430, at(20)), ("BTC", NEXT, 1420, at(21, 0, 20))],
        assets=[OLD],
        stored=[EVE_WHOLE],
        gaps=[gap],
    )
    assert [row["lost_rows"] for row in found] == [10, 20]
    assert [row["expected_rows"] for row in found] == [1440, 1440]


def test_an_hour_that_was_not_paid_is_lost() -> None:
    gap = ("BTC", "not paid", at(20, 5), at(20, 6), at(20, 9), 0)
    row = only(
        series=FUNDING,
        counted=[("BTC", DAY, 23, at(20))],
        assets=[OLD],
        stored=[EVE_WHOLE],
        gaps=[gap],
    )
    assert (row["expected_rows"], row["present_rows"], row["lost_rows"]) == (24, 23, 1)


def test_an_open_gap_is_neither_healed_nor_lost() -> None:
    gap = ("BTC", "downtime", at(20, 1), at(20, 2), None, None)
    row = only(counted=[("BTC", DAY, 1380, at(20))], assets=[OLD], stored=[EVE_WHOLE], gaps=[gap])
    assert (row["healed_rows"], row["lost_rows"], row["present_rows"]) == (0, 0, 1380)


def test_rows_that_came_after_all_are_not_lost() -> None:
    gap = ("BTC", "downtime", at(20, 1), at(20, 2), at(20, 3), 0)
    row = only(counted=[("BTC", DAY, 1435, at(20))], assets=[OLD], stored=[EVE_WHOLE], gaps=[gap])
    assert row["lost_rows"] == 5


def test_what_the_ledger_has_forgotten_is_kept() -> None:
    row = only(
        counted=[("BTC", DAY, 1430, at(20))],
        assets=[OLD],
        stored=[EVE_WHOLE, ("BTC", DAY, 1420, 20, 10)],
    )
    assert (row["present_rows"], row["healed_rows"], row["lost_rows"]) == (1430, 20, 10)


SECONDS = st.integers(0, 6 * 86_400)


@given(present=st.integers(0, 1440), more=st.integers(0, 200))
def test_a_share_is_a_share_and_rows_never_lower_it(present: int, more: int) -> None:
    first, second = (
        only(
            counted=[("BTC", DAY, count, at(20))] if count else [],
            assets=[OLD],
            stored=[EVE_WHOLE],
        )["completeness_pct"]
        for count in (present, present + more)
    )
    assert 0 <= first <= second <= 100
    assert (first == 100) is (present == 1440)


@given(
    series=st.sampled_from(GRID_SERIES),
    spans=st.lists(
        st.tuples(SECONDS, SECONDS, st.integers(0, 500), st.booleans()), min_size=1, max_size=5
    ),
)
def test_the_days_of_a_gap_have_all_of_its_rows(
    series: Any, spans: list[tuple[int, int, int, bool]]
) -> None:
    begin = at(10)
    gaps = [
        (
            f"S{n}",
            "downtime",
            begin + timedelta(seconds=min(a, b)),
            begin + timedelta(seconds=max(a, b)),
            LATER if is_closed else None,
            healed if is_closed else None,
        )
        for n, (a, b, healed, is_closed) in enumerate(spans)
    ]
    split = gaps_by_day(series, pl.DataFrame(gaps, GAPS, orient="row"), until=LATER)
    for symbol, _, from_at, to_at, healed_at, healed in gaps:
        of_gap = split.filter(pl.col("symbol") == symbol)
        grid = pl.datetime_range(at(10), at(17), series.step, eager=True, closed="left")
        inside = [instant for instant in grid if from_at <= instant < to_at]
        assert of_gap["healed_rows"].sum() == (healed if inside and healed else 0)
        is_lost = healed_at is not None and not healed
        for day, lost in of_gap.select("day", "lost_rows").iter_rows():
            on_day = sum(instant.date() == day for instant in inside)
            assert lost == (on_day if is_lost else 0)
        assert set(of_gap["day"]) == {instant.date() for instant in inside}


@given(
    present=st.integers(0, 2000),
    lost=st.integers(0, 1440),
    healed=st.integers(0, 1440),
    seen=SECONDS,
)
def test_no_count_contradicts_another(present: int, lost: int, healed: int, seen: int) -> None:
    gaps = [
        ("BTC", "downtime", at(20), at(20) + timedelta(minutes=lost), LATER, 0),
        ("BTC", "reconnect", at(20, 2), at(20, 3), LATER, healed),
    ]
    for row in rows(
        counted=[("BTC", DAY, present, at(20, 1))] if present else [],
        assets=[("BTC", at(17) + timedelta(seconds=seen), None)],
        gaps=gaps,
    ):
        assert 0 <= row["healed_rows"] <= row["present_rows"]
        assert 0 <= row["lost_rows"] <= max(row["expected_rows"] - row["present_rows"], 0)
        assert 0 <= row["expected_rows"] <= 1440
        assert row["completeness_pct"] is None or 0 <= row["completeness_pct"] <= 100
