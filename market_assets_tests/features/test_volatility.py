"""Volatility against recorded values of independent implementations, and by hand."""

from __future__ import annotations

import math
import statistics
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from market_assets.features.series import closed_bars
from market_assets.features.thresholds import VolatilityThresholds
from market_assets.features.volatility import (
    VARIANCES,
    annualised,
    periods_per_year,
    variance_terms,
    volatility_profiles,
)
from market_assets_tests.features.rows import NOW, Bar, candles, flat
from market_assets_tests.recordings import recordings

LATER = NOW + timedelta(days=100)
RATES = ("realized_vol", "parkinson", "garman_klass", "rogers_satchell", "yang_zhang")
DAY = 1440


def _swinging(count: int, *, by: float = 0.001) -> list[Bar | None]:
    """Bars that go up and down by `by`, each with a range of a third more."""
    bars: list[Bar | None] = []
    for i in range(count):
        low, high = 100.0, 100.0 * math.exp(by)
        opened, closed = (low, high) if i % 2 == 0 else (high, low)
        bars.append((opened, high * math.exp(by / 6), low * math.exp(-by / 6), closed))
    return bars


def _profile(bars: list[Bar | None], **options: object) -> dict[str, object]:
    frame = candles(bars, **options)  # type: ignore[arg-type]  # options of `candles`
    return volatility_profiles(frame, as_of=LATER).row(0, named=True)


def test_recorded_estimators_are_met() -> None:
    """Windows of 24 hours of BTC, annualised by 8760; the recording holds 12 digits."""
    folder = recordings("hyperliquid")
    if folder is None:
        pytest.skip("no recordings on this machine")
    rows = pl.read_csv(folder / "candles_BTC_1h_candleSnapshot_rows_2026.csv")
    bars: list[Bar | None] = list(rows.select("o", "h", "l", "c").cast(pl.Float64).iter_rows())
    reference = pl.read_csv(folder / "reference_volatility_BTC_1h_n24_N8760.csv").rename(
        {"cc_ddof1": "realized_vol"}
    )
    hours = closed_bars(candles(bars, interval="1h"), interval="1h", as_of=LATER)
    variances = (
        variance_terms(hours).rolling("close_at", period="24h", group_by="symbol").agg(**VARIANCES)
    )
    periods = periods_per_year("1h")
    found = variances.select(annualised(pl.col(name), periods).alias(name) for name in RATES)
    for name in RATES:
        expected = reference[name].cast(pl.Float64)
        known = expected.is_not_null()
        assert known.sum() >= 776, name
        off = (found[name].filter(known) / expected.filter(known) - 1).abs()
        assert off.max() < 1e-9, name  # type: ignore[operator]  # known is not empty


@pytest.mark.parametrize(
    ("interval", "periods"), [("1m", 525_600), ("5m", 105_120), ("1h", 8760), ("1d", 365)]
)
def test_a_year_has_365_days_of_24_hours(interval: str, periods: int) -> None:
    assert periods_per_year(interval) == periods


def test_each_column_by_hand() -> None:
    row = _profile(_swinging(DAY + 1), untraded=range(0, DAY, 4))
    year = math.sqrt(525_600)
    gains = [0.001 if i % 2 == 0 else -0.001 for i in range(1, DAY + 1)]
    assert row["realized_vol_1h_rate"] == pytest.approx(statistics.stdev(gains[-60:]) * year)
    assert row["realized_vol_24h_rate"] == pytest.approx(statistics.stdev(gains) * year)
    spread = 0.001 * 4 / 3
    assert row["parkinson_24h_rate"] == pytest.approx(spread / math.sqrt(4 * math.log(2)) * year)
    garman_klass = 0.5 * spread**2 - (2 * math.log(2) - 1) * 0.001**2
    assert row["garman_klass_24h_rate"] == pytest.approx(math.sqrt(garman_klass) * year)
    # Up 7/6 and 1/6, down 1/6 and 7/6 of a move: twice 7/36 of its square.
    rogers_satchell = 2 * 7 / 36 * 0.001**2
    assert row["rogers_satchell_24h_rate"] == pytest.approx(math.sqrt(rogers_satchell) * year)
    k = 0.34 / (1.34 + (DAY + 1) / (DAY - 1))
    yang_zhang = k * statistics.variance(gains) + (1 - k) * rogers_satchell
    assert row["yang_zhang_24h_rate"] == pytest.approx(math.sqrt(yang_zhang) * year)
    assert row["range_24h_pct"] == pytest.approx(100 * math.expm1(spread))
    assert row["traded_share_pct"] == pytest.approx(75.0, abs=0.1)
    assert row["candles_used"] == DAY
    assert row["as_of"] == NOW + timedelta(minutes=DAY + 1)


def test_a_day_needs_its_minimum_of_candles_and_an_hour_all_of_them() -> None:
    least = VolatilityThresholds().minimum_candles_24h
    enough, short = _profile(_swinging(least)), _profile(_swinging(least - 1))
    of_the_day = [name for name in enough if "_24h_" in name]
    assert len(of_the_day) == 6
    assert all(enough[name] is not None for name in [*of_the_day, "regime"])
    assert all(short[name] is None for name in [*of_the_day, "regime"])
    assert short["realized_vol_1h_rate"] is not None
    assert short["candles_used"] == least - 1
    assert _profile(_swinging(61))["realized_vol_1h_rate"] is not None
    assert _profile(_swinging(60))["realized_vol_1h_rate"] is None


def test_nothing_reaches_over_a_hole() -> None:
    """A hole half an hour ago leaves neither an hour nor a day."""
    bars = _swinging(DAY)
    bars[-30] = None
    row = _profile(bars)
    assert row["candles_used"] == 29
    assert row["realized_vol_1h_rate"] is None
    assert row["realized_vol_24h_rate"] is None


def test_more_than_a_day_is_not_used() -> None:
    calm, wild = _swinging(DAY), _swinging(600, by=0.05)
    later = candles(calm, start=NOW + timedelta(minutes=600))
    earlier = candles(wild)
    row = volatility_profiles(pl.concat([earlier, later]), as_of=LATER).row(0, named=True)
    assert row["candles_used"] == DAY
    alone = volatility_profiles(later, as_of=LATER).row(0, named=True)
    for name in ("parkinson_24h_rate", "range_24h_pct", "traded_share_pct"):
        assert row[name] == alone[name]


def test_one_candle_and_no_candles() -> None:
    row = _profile(flat(5.0, 1))  # type: ignore[arg-type]  # bars without holes
    assert row["candles_used"] == 1
    assert {v for k, v in row.items() if k.endswith("_rate")} == {None}
    assert volatility_profiles(candles([]), as_of=LATER).is_empty()


@pytest.mark.parametrize(
    ("by", "untraded", "regime"),
    [
        (0.0003, 0, "calm"),
        (0.0006, 0, "normal"),
        (0.0015, 0, "elevated"),
        (0.0030, 0, "extreme"),
        (0.0030, 1310, "thin"),
    ],
)
def test_regimes_begin_where_their_thresholds_say(by: float, untraded: int, regime: str) -> None:
    row = _profile(_swinging(DAY, by=by), untraded=range(untraded))
    assert row["regime"] == regime


def test_other_thresholds_make_other_regimes() -> None:
    frame = candles(_swinging(DAY, by=0.003))
    lax = VolatilityThresholds(calm_below_rate=10.0)
    assert volatility_profiles(frame, as_of=LATER, thresholds=lax)["regime"].item() == "calm"


@pytest.mark.parametrize("bar", [(100.0, 100.0, 100.0, 120.0), (100.0, 100.0, 0.0, 100.0)])
def test_bars_that_make_no_sense_cost_only_their_symbol(bar: Bar) -> None:
    """A high that is not the highest, a price of 0: NULL, and the other symbol's row stands."""
    broken = candles([bar] * DAY, symbol="BAD")
    sound = candles(_swinging(DAY), symbol="GOOD")
    rows = volatility_profiles(pl.concat([broken, sound]), as_of=LATER)
    assert rows.filter(symbol="BAD")["garman_klass_24h_rate"].item() is None
    assert_frame_equal(rows.filter(symbol="GOOD"), volatility_profiles(sound, as_of=LATER))


def test_delisted_symbols_are_left_out() -> None:
    both = pl.concat([candles(_swinging(3), symbol=symbol) for symbol in ("A", "B")])
    assert volatility_profiles(both, as_of=LATER, delisted=["B"])["symbol"].to_list() == ["A"]
