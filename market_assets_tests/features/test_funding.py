"""Funding pressure: each column by hand, each NULL by its rule, each word by its threshold."""

from __future__ import annotations

import statistics
from datetime import timedelta

import polars as pl
import pytest

from market_assets.features.funding import funding_pressure
from market_assets_tests.features.rows import NOW, context, contexts, rates
from market_assets_tests.recordings import recordings

PIN = 0.000_012_5
WEEK = 168
WAVE = [PIN * (1 + i % 5) for i in range(WEEK)]


def _row(
    history: pl.DataFrame, *, rate: float = PIN, premium: float | None = 0.0
) -> dict[str, object]:
    now = contexts(context(funding_rate=rate, premium=premium))
    return funding_pressure(history, now, as_of=NOW).row(0, named=True)


def test_each_column_by_hand() -> None:
    premiums = [i / 1e6 for i in range(WEEK)]
    row = _row(rates(WAVE, premiums=premiums), rate=4 * PIN, premium=41.5e-6)
    assert (row["symbol"], row["as_of"]) == ("BTC", NOW)
    assert row["funding_rate_1h"] == 4 * PIN
    assert row["funding_annualized_pct"] == pytest.approx(4 * 10.95)
    assert row["premium_bps"] == pytest.approx(0.415)
    assert row["premium_percentile_7d"] == pytest.approx(100 * 42 / 168)
    assert row["funding_mean_24h"] == pytest.approx(statistics.fmean(WAVE[-24:]))
    assert row["cumulative_24h_pct"] == pytest.approx(100 * sum(WAVE[-24:]))
    expected = (4 * PIN - statistics.fmean(WAVE)) / statistics.stdev(WAVE)
    assert row["funding_zscore_7d"] == pytest.approx(expected)
    assert row["rates_used_7d"] == WEEK


def test_half_of_the_hours_that_tie_rank_below() -> None:
    row = _row(rates(WAVE, premiums=[0.0] * 84 + [1e-4] * 84), premium=0.0)
    assert row["premium_percentile_7d"] == pytest.approx(25.0)


def test_a_week_of_one_rate_has_no_z_score() -> None:
    """Pinned: most weeks of a calm asset. In floating point its deviation is not quite 0."""
    row = _row(rates([PIN] * WEEK, premiums=[i / 1e6 for i in range(WEEK)]), premium=0.0)
    assert row["funding_zscore_7d"] is None
    assert row["funding_mean_24h"] == pytest.approx(PIN)
    assert row["premium_percentile_7d"] == pytest.approx(100 * 0.5 / 168)


def test_without_history_the_present_stands_alone() -> None:
    row = _row(rates([]), rate=2 * PIN, premium=0.001)
    for name in (
        "premium_percentile_7d",
        "funding_mean_24h",
        "funding_zscore_7d",
        "cumulative_24h_pct",
    ):
        assert row[name] is None
    assert (row["rates_used_7d"], row["pressure"]) == (0, "longs_pay")


def test_short_history_is_null_not_a_guess() -> None:
    row = _row(rates(WAVE[:23], premiums=[0.0] * 23))
    assert row["funding_mean_24h"] is not None
    assert row["cumulative_24h_pct"] is None, "a sum of 23 hours is not that of a day"
    assert row["funding_zscore_7d"] is None
    assert row["premium_percentile_7d"] is None
    assert _row(rates(WAVE[:21]))["funding_mean_24h"] is None
    assert _row(rates(WAVE[:151]))["funding_zscore_7d"] is None
    assert _row(rates(WAVE[:152]))["funding_zscore_7d"] is not None


def test_a_missing_hour_leaves_the_mean_and_takes_the_sum() -> None:
    history = rates([*WAVE[:150], None, *WAVE[151:]])
    row = _row(history)
    assert row["cumulative_24h_pct"] is None
    day = [*WAVE[144:150], *WAVE[151:]]
    assert row["funding_mean_24h"] == pytest.approx(statistics.fmean(day))
    assert row["rates_used_7d"] == WEEK - 1


def test_more_than_a_week_is_not_used() -> None:
    longer = rates([1.0] * 50 + WAVE)
    assert _row(longer) == _row(rates(WAVE))


def test_a_day_ends_with_the_newest_rate_that_was_paid() -> None:
    """An hour whose rate has not been fetched yet takes nothing from the day before it."""
    an_hour_old = rates(WAVE, until=NOW - timedelta(hours=1))
    assert _row(an_hour_old)["cumulative_24h_pct"] == pytest.approx(100 * sum(WAVE[-24:]))
    too_old = rates(WAVE, until=NOW - timedelta(hours=4))
    assert _row(too_old)["cumulative_24h_pct"] is None
    assert _row(too_old)["rates_used_7d"] == 0


def test_the_eight_hour_era_is_not_mixed_in() -> None:
    old = rates([8 * PIN] * 21, interval_hours=8, until=NOW - timedelta(hours=100))
    hourly = rates(WAVE[:100], until=NOW)
    mixed = _row(pl.concat([old, hourly]))
    assert mixed == _row(hourly)
    only_old = _row(rates([8 * PIN] * 21, interval_hours=8))
    assert only_old["rates_used_7d"] == 0
    assert only_old["funding_mean_24h"] is None


def test_no_premium_now_is_null_and_neutral_by_premium() -> None:
    row = _row(rates(WAVE, premiums=[0.0] * WEEK), premium=None)
    assert row["premium_bps"] is None
    assert row["premium_percentile_7d"] is None
    assert row["pressure"] == "neutral"


def test_only_listed_perpetuals_have_rows_and_the_latest_context_speaks() -> None:
    now = contexts(
        context("OLD", at=NOW - timedelta(minutes=5)),
        context("OLD", is_delisted=True),
        context("@107", funding_rate=None, premium=None, open_interest=None),
        context("BTC", at=NOW - timedelta(minutes=5), funding_rate=1.0),
        context("BTC"),
        context("BTC", at=NOW + timedelta(minutes=5), funding_rate=2.0),
    )
    rows = funding_pressure(rates([]), now, as_of=NOW)
    assert rows.select("symbol", "funding_rate_1h").rows() == [("BTC", PIN)]


@pytest.mark.parametrize(
    ("rate", "premium_bps", "pressure"),
    [
        (PIN, 0.0, "neutral"),
        (PIN, 5.9, "neutral"),
        (2 * PIN, 6.1, "longs_pay"),
        (-PIN, -4.1, "shorts_pay"),
        (-PIN, -1.0, "neutral"),
        (-PIN, 6.1, "neutral"),
        (PIN, -4.1, "neutral"),
    ],
)
def test_pressure_by_premium(rate: float, premium_bps: float, pressure: str) -> None:
    row = _row(rates([]), rate=rate, premium=premium_bps / 1e4)
    assert row["pressure"] == pressure


def test_pressure_by_percentile_where_rates_tie() -> None:
    """The rate is pinned all week, and yet the premium has never been so high."""
    week = rates([PIN] * WEEK, premiums=[-(i % 10) / 1e6 for i in range(WEEK)])
    assert _row(week, premium=1e-6)["pressure"] == "longs_pay"
    assert _row(week, premium=-5e-6)["pressure"] == "neutral"
    below = rates([PIN] * WEEK, premiums=[-(1 + i % 10) / 1e5 for i in range(WEEK)])
    assert _row(below, premium=-1e-6)["premium_percentile_7d"] == 100.0
    assert _row(below, premium=-1e-6)["pressure"] == "neutral", "high for it, and still negative"
    above = rates([-PIN] * WEEK, premiums=[(1 + i % 10) / 1e5 for i in range(WEEK)])
    assert _row(above, rate=-PIN, premium=1e-6)["pressure"] == "neutral"
    negative = rates([-PIN] * WEEK, premiums=[i / 1e6 for i in range(WEEK)])
    assert _row(negative, rate=-PIN, premium=-1e-6)["pressure"] == "shorts_pay"


def test_pressure_by_z_score() -> None:
    assert _row(rates(WAVE), rate=20 * PIN, premium=None)["pressure"] == "longs_pay"
    assert _row(rates(WAVE), rate=-20 * PIN, premium=None)["pressure"] == "shorts_pay"


def test_two_years_of_recorded_rates() -> None:
    """The last week of a recording with jitter, holes and the 8-hour era, against plain Python."""
    folder = recordings("hyperliquid")
    if folder is None:
        pytest.skip("no recordings on this machine")
    rows = pl.read_csv(folder / "funding_BTC_20230512_20250726.csv")
    paid = pl.from_epoch("t", "ms").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    history = rates([0.0] * rows.height).with_columns(
        funding_at=rows.select(paid.dt.truncate("1h")).to_series(),
        funding_rate=rows["fundingRate"].cast(pl.Float64),
    )
    newest = history["funding_at"].max()
    now = contexts(context(at=newest, funding_rate=PIN))
    row = funding_pressure(history, now, as_of=newest).row(0, named=True)  # type: ignore[arg-type]
    week = history["funding_rate"].tail(WEEK).to_list()
    assert row["rates_used_7d"] == WEEK
    assert row["cumulative_24h_pct"] == pytest.approx(100 * sum(week[-24:]))
    expected = (PIN - statistics.fmean(week)) / statistics.stdev(week)
    assert row["funding_zscore_7d"] == pytest.approx(expected)
