"""Positioning: changes against our own earlier contexts, and what they are called."""

from __future__ import annotations

from datetime import timedelta

import pytest

from market_assets.features.positioning import positioning_pressure
from market_assets.features.thresholds import PositioningThresholds
from market_assets_tests.features.rows import NOW, context, contexts

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(hours=24), timedelta(minutes=1)


def _row(*rows: dict[str, object]) -> dict[str, object]:
    return positioning_pressure(contexts(*rows), as_of=NOW).row(0, named=True)


def test_each_column_by_hand() -> None:
    row = _row(
        context(at=NOW - DAY, open_interest=800.0, mark_px=80.0),
        context(at=NOW - HOUR, open_interest=1100.0, mark_px=105.0),
        context(mark_px=100.5, oracle_px=100.0, volume_24h_quote=50_000.0),
    )
    assert (row["symbol"], row["as_of"]) == ("BTC", NOW)
    assert (row["open_interest"], row["open_interest_usd"]) == (1000.0, 100_000.0)
    assert row["oi_change_1h_pct"] == pytest.approx(100 * (1000 / 1100 - 1))
    assert row["oi_change_24h_pct"] == pytest.approx(25.0)
    assert row["mark_change_1h_pct"] == pytest.approx(100 * (100.5 / 105 - 1))
    assert row["mark_change_24h_pct"] == pytest.approx(25.625)
    assert row["oi_to_volume_24h"] == pytest.approx(1000 * 100.5 / 50_000)
    assert row["mark_oracle_premium_bps"] == pytest.approx(50.0)
    assert row["pressure"] == "long_liquidation"


def test_a_change_is_null_until_there_is_an_earlier_context() -> None:
    row = _row(context(at=NOW - 59 * MINUTE), context())
    for name in ("oi_change_1h_pct", "oi_change_24h_pct", "mark_change_1h_pct", "pressure"):
        assert row[name] is None


def test_the_nearest_at_or_before_is_taken_within_the_tolerance() -> None:
    earlier = [
        context(at=NOW - HOUR - 8 * MINUTE, open_interest=1.0),
        context(at=NOW - HOUR - 3 * MINUTE, open_interest=500.0),
        context(at=NOW - HOUR + MINUTE, open_interest=2.0),
    ]
    assert _row(*earlier, context())["oi_change_1h_pct"] == pytest.approx(100.0)
    at_the_edge = context(at=NOW - HOUR - 10 * MINUTE)
    assert _row(at_the_edge, context())["oi_change_1h_pct"] == pytest.approx(0.0)
    too_old = context(at=NOW - HOUR - 11 * MINUTE)
    assert _row(too_old, context())["oi_change_1h_pct"] is None
    of_a_day = context(at=NOW - DAY - 30 * MINUTE)
    assert _row(of_a_day, context())["oi_change_24h_pct"] == pytest.approx(0.0)
    assert _row(context(at=NOW - DAY - 31 * MINUTE), context())["oi_change_24h_pct"] is None


@pytest.mark.parametrize("then", [0.0, None])
def test_no_positions_earlier_give_no_change(then: float | None) -> None:
    row = _row(context(at=NOW - HOUR, open_interest=then), context())
    assert row["oi_change_1h_pct"] is None
    assert row["pressure"] is None


@pytest.mark.parametrize("volume", [0.0, None])
def test_without_volume_there_is_no_ratio(volume: float | None) -> None:
    assert _row(context(volume_24h_quote=volume))["oi_to_volume_24h"] is None


def test_a_ratio_needs_no_dollars() -> None:
    row = _row(context(quote_token="USDH", open_interest_usd=None, volume_24h_usd=None))
    assert row["open_interest_usd"] is None
    assert row["oi_to_volume_24h"] == pytest.approx(2.0)


def test_prices_that_are_missing_leave_nulls() -> None:
    row = _row(context(oracle_px=None))
    assert row["mark_oracle_premium_bps"] is None
    row = _row(context(mark_px=None))
    assert row["mark_oracle_premium_bps"] is None
    assert row["oi_to_volume_24h"] is None


@pytest.mark.parametrize(
    ("oi", "mark", "pressure"),
    [
        (1010.0, 101.0, "new_longs"),
        (990.0, 101.0, "short_covering"),
        (1010.0, 99.0, "new_shorts"),
        (990.0, 99.0, "long_liquidation"),
        (1004.0, 101.0, "quiet"),
        (1010.0, 100.1, "quiet"),
    ],
)
def test_quadrants(oi: float, mark: float, pressure: str) -> None:
    row = _row(context(at=NOW - HOUR), context(open_interest=oi, mark_px=mark))
    assert row["pressure"] == pressure


def test_other_thresholds_make_other_words() -> None:
    history = contexts(context(at=NOW - HOUR), context(open_interest=1010.0, mark_px=101.0))
    deaf = PositioningThresholds(quiet_oi_pct=2.0)
    rows = positioning_pressure(history, as_of=NOW, thresholds=deaf)
    assert rows["pressure"].item() == "quiet"


def test_only_listed_perpetuals_have_rows() -> None:
    history = contexts(
        context("OLD", at=NOW - HOUR),
        context("OLD", is_delisted=True),
        context("@107", open_interest=None, funding_rate=None),
        context("BACK", at=NOW - HOUR, is_delisted=True, open_interest=0.0),
        context("BACK"),
        context("LATER", at=NOW + MINUTE),
        context("NULL", at=NOW - MINUTE),
        context("NULL", open_interest=None),
    )
    rows = positioning_pressure(history, as_of=NOW)
    assert rows["symbol"].to_list() == ["BACK"]
    assert rows["oi_change_1h_pct"].item() is None
