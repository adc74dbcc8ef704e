"""Changes and sums over complete days: right where all days are there, NULL where one is not."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.features.daily_windows import changes, sums

LAST = date(2026, 11, 19)


def days(values: dict[int, float], subject: str = "chain:a", metric: str = "tvl") -> pl.DataFrame:
    """Daily values by how many days ago, counted from the last."""
    rows = [(subject, metric, LAST - timedelta(days=ago), usd) for ago, usd in values.items()]
    schema = {"subject_id": pl.String, "metric": pl.String, "day": pl.Date, "value_usd": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def only(frame: pl.DataFrame) -> dict[str, float | None]:
    (row,) = frame.drop("subject_id", "metric").rows(named=True)
    return row


def test_changes() -> None:
    """Dollars and per cent of the earlier day."""
    row = only(changes(days({0: 110.0, 1: 100.0, 7: 220.0, 30: 55.0, 3: 1e9}), LAST))
    assert row == {
        "change_1d_usd": 10.0,
        "change_7d_usd": -110.0,
        "change_30d_usd": 55.0,
        "change_1d_pct": pytest.approx(10.0),
        "change_7d_pct": pytest.approx(-50.0),
        "change_30d_pct": pytest.approx(100.0),
    }


def test_a_missing_end_is_null() -> None:
    """Neither the nearest day nor 0 stands in for it."""
    row = only(changes(days({0: 110.0, 2: 100.0, 6: 1.0}), LAST))
    assert set(row.values()) == {None}
    row = only(changes(days({1: 110.0, 7: 100.0}), LAST))
    assert set(row.values()) == {None}, "the last day itself is missing"


def test_growth_from_nothing_has_no_percentage() -> None:
    row = only(changes(days({0: 5.0, 1: 0.0}), LAST))
    assert (row["change_1d_usd"], row["change_1d_pct"]) == (5.0, None)


def test_sums() -> None:
    """The last day, seven, thirty; what is older or later does not count."""
    values = {ago: float(ago + 1) for ago in range(-1, 40)}
    row = only(sums(days(values), LAST))
    assert row == {"sum_24h_usd": 1.0, "sum_7d_usd": 28.0, "sum_30d_usd": 465.0}


def test_a_hole_makes_longer_sums_null() -> None:
    """What is not known is not 0: the day before the hole is still summed."""
    values = {ago: 1.0 for ago in range(30) if ago != 8}
    assert only(sums(days(values), LAST)) == {
        "sum_24h_usd": 1.0,
        "sum_7d_usd": 7.0,
        "sum_30d_usd": None,
    }


def test_series_are_kept_apart() -> None:
    """By subject and by metric."""
    both = pl.concat(
        [days({0: 1.0}, "chain:a"), days({0: 2.0}, "chain:b"), days({0: 3.0}, "chain:a", "fees")]
    )
    found = sums(both, LAST)
    assert found.select("subject_id", "metric", "sum_24h_usd").rows() == [
        ("chain:a", "fees", 3.0),
        ("chain:a", "tvl", 1.0),
        ("chain:b", "tvl", 2.0),
    ]
    assert changes(days({}), LAST).is_empty()
    assert sums(days({}), LAST).is_empty()


@given(st.dictionaries(st.integers(-3, 40), st.floats(-1e9, 1e9), max_size=45))
@settings(max_examples=40)
def test_a_sum_is_of_exactly_its_days(values: dict[int, float]) -> None:
    """Whatever days there are: the sum of all of the window's, or NULL."""
    found = sums(days(values), LAST)
    if found.is_empty():
        assert values == {}
        return
    row = only(found)
    for name, span in (("24h", 1), ("7d", 7), ("30d", 30)):
        inside = [values[ago] for ago in range(span) if ago in values]
        if len(inside) < span:
            assert row[f"sum_{name}_usd"] is None
        else:
            assert row[f"sum_{name}_usd"] == pytest.approx(sum(inside), rel=1e-9, abs=1e-3)
