"""Indicators against TA-Lib: its recorded values, and itself on series of any shape."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from market_assets.features.indicators import technical_indicators
from market_assets.tables import HYPERLIQUID_TECHNICAL_INDICATORS
from market_assets_tests.features.rows import NOW, Bar, candles, flat
from market_assets_tests.features.talib_judge import INDICATORS, judged
from market_assets_tests.recordings import recordings

LATER = NOW + timedelta(days=100)
FIRST_DEFINED = {
    "sma_20": 19,
    "ema_12": 11,
    "ema_26": 25,
    "rsi_14": 14,
    "macd": 33,
    "macd_signal": 33,
    "macd_hist": 33,
    "atr_14": 14,
    "bb_upper": 19,
    "bb_middle": 19,
    "bb_lower": 19,
    "adx_14": 27,
}


def _series(frame: pl.DataFrame, interval: str = "1m") -> pl.DataFrame:
    return technical_indicators(frame, interval=interval, as_of=LATER, last_only=False)


def _assert_equal(found: pl.DataFrame, judge: pl.DataFrame, prices: pl.Series) -> None:
    """To 1e-9, and NULL in the same places.

    What is a difference of prices may be 0 but for rounding: there, 1e-12 of the price is equal.
    """
    for name in INDICATORS:
        pairs = pl.DataFrame({"found": found[name], "judge": judge[name], "price": prices})
        assert pairs["found"].is_null().equals(pairs["judge"].is_null()), name
        floor = 1e-12 if name in ("rsi_14", "adx_14") else 1e-12 * pl.col("price")
        off = pairs.filter(
            (pl.col("found") - pl.col("judge")).abs() > 1e-9 * pl.col("judge").abs() + floor
        )
        assert off.is_empty(), (name, off)


def test_recorded_values_of_ta_lib_are_met() -> None:
    """800 hours of BTC; the recording holds 12 digits."""
    folder = recordings("hyperliquid")
    if folder is None:
        pytest.skip("no recordings on this machine")
    rows = pl.read_csv(folder / "candles_BTC_1h_candleSnapshot_rows_2026.csv")
    bars: list[Bar | None] = list(rows.select("o", "h", "l", "c").cast(pl.Float64).iter_rows())
    reference = pl.read_csv(folder / "reference_indicators_BTC_1h_talib082.csv").rename(
        {
            "rsi14": "rsi_14",
            "ema12": "ema_12",
            "ema26": "ema_26",
            "sma20": "sma_20",
            "atr14": "atr_14",
            "bb_up": "bb_upper",
            "bb_mid": "bb_middle",
            "bb_low": "bb_lower",
        }
    )
    assert reference["T"].equals(rows["T"])
    found = _series(candles(bars, interval="1h"), "1h")
    for name in [name for name in INDICATORS if name in reference.columns]:
        expected = reference[name].cast(pl.Float64)
        assert found[name].is_null().equals(expected.is_null()), name
        assert ((found[name] - expected).abs() <= 1e-9 * expected.abs()).all(), name


def _bars(price: float, moves: list[tuple[int, int, int]]) -> list[Bar | None]:
    """Bars from (ticks to the close, ticks above, ticks below); a tick is 1/10000 of the price."""
    tick, close, bars = price / 10_000, price, []
    for move, above, below in moves:
        opened, close = close, max(close + move * tick, tick)
        top, bottom = max(opened, close) + above * tick, min(opened, close) - below * tick
        bars.append((opened, top, max(bottom, tick / 2), close))
    return list(bars)


STILL = st.just((0, 0, 0))
MOVE = st.tuples(st.integers(-300, 300), st.integers(0, 50), st.integers(0, 50))
SHAPES = st.one_of(
    st.lists(MOVE, min_size=1, max_size=90),
    st.lists(STILL, min_size=1, max_size=60),
    st.lists(st.one_of(STILL, STILL, STILL, MOVE), min_size=30, max_size=90),
    st.tuples(st.lists(MOVE, max_size=40), st.lists(STILL, max_size=60)).map(lambda t: t[0] + t[1]),
)
PRICES = st.sampled_from([0.000_012_3, 0.037, 1.0, 63.7, 2_871.3, 110_337.0])


@st.composite
def _markets(draw: st.DrawFn) -> dict[str, list[Bar | None]]:
    market = {}
    for symbol in draw(st.sets(st.sampled_from(["BTC", "@107", "xyz:TSLA", "kPEPE"]), min_size=1)):
        bars = _bars(draw(PRICES), draw(SHAPES) or [(0, 0, 0)])
        for hole in draw(st.sets(st.integers(0, len(bars) - 1), max_size=2)):
            bars[hole] = None
        if any(bars):
            market[symbol] = bars
    return market


@settings(max_examples=36, deadline=None)
@given(_markets())
def test_any_series_equals_ta_lib(market: dict[str, list[Bar | None]]) -> None:
    """Several symbols at once; holes, prices that stand still, a single candle."""
    if not market:
        return
    frames = {symbol: candles(bars, symbol=symbol) for symbol, bars in market.items()}
    everything = pl.concat(list(frames.values()))
    series = _series(everything)
    for symbol, frame in frames.items():
        found = series.filter(symbol=symbol)
        _assert_equal(found, judged(frame), frame["close"])
    last = technical_indicators(everything, interval="1m", as_of=LATER)
    assert_frame_equal(last, series.group_by("symbol", maintain_order=True).last()[last.columns])


def test_a_price_that_stands_still_for_days_equals_ta_lib() -> None:
    """Its averages decay to 1e-200 and beyond; their ratio stays what it was."""
    bars = [*_bars(1.0, [(5, 1, 0), (-3, 0, 2), (8, 2, 2)] * 20), *flat(1.0, 4000)]
    frame = candles(bars)
    _assert_equal(_series(frame), judged(frame), frame["close"])


def test_bars_that_widen_both_ways_move_in_neither_direction_as_in_ta_lib() -> None:
    """Highs rise as much as lows fall, to the last bit: prices are eighths."""
    widths = [(i * i % 5 + 1) / 8 * (1 + i % 3) for i in range(60)]
    bars: list[Bar | None] = [
        (64.0, 64.0 + width, 64.0 - width, 64.0 + width * (i % 2)) for i, width in enumerate(widths)
    ]
    bars[20:30] = _bars(64.0, [(3, 1, 0), (-2, 0, 1)] * 5)
    frame = candles(bars)
    _assert_equal(_series(frame), judged(frame), frame["close"])


def test_short_history_is_null_until_each_indicator_can_be_known() -> None:
    bars = _bars(100.0, [(i % 7 - 3, 2, 2) for i in range(60)])
    series = _series(candles(bars))
    for name, first in FIRST_DEFINED.items():
        assert series[name].is_null().to_list() == [i < first for i in range(60)], name
    assert series["candles_used"].to_list() == list(range(1, 61))


def test_one_candle_has_its_close_and_nothing_else() -> None:
    row = technical_indicators(candles(flat(5.0, 1)), interval="1m", as_of=LATER).row(0, named=True)
    assert (row["close"], row["candles_used"]) == (5.0, 1)
    assert (row["symbol"], row["interval"], row["as_of"]) == (
        "BTC",
        "1m",
        NOW + timedelta(minutes=1),
    )
    assert {row[name] for name in INDICATORS} == {None}


def test_only_the_run_that_ends_at_the_last_candle_counts() -> None:
    bars = _bars(100.0, [(i % 7 - 3, 2, 2) for i in range(80)])
    broken = [*bars[:50], None, *bars[51:]]
    row = technical_indicators(candles(broken), interval="1m", as_of=LATER)
    alone = candles(bars[51:], start=NOW + timedelta(minutes=51))
    assert_frame_equal(row, technical_indicators(alone, interval="1m", as_of=LATER))
    assert row["candles_used"].item() == 29
    assert row["macd"].item() is None
    assert row["adx_14"].item() is not None


def test_a_price_that_never_moved_has_an_rsi_of_0_as_in_ta_lib() -> None:
    row = technical_indicators(candles(flat(7.0, 40)), interval="1m", as_of=LATER).row(
        0, named=True
    )
    assert (row["rsi_14"], row["atr_14"], row["adx_14"]) == (0.0, 0.0, 0.0)
    assert row["macd"] == pytest.approx(0.0, abs=1e-14)
    assert row["bb_lower"] == row["bb_middle"] == row["bb_upper"] == 7.0


def test_forming_candles_other_intervals_and_later_ones_are_not_used() -> None:
    bars = _bars(100.0, [(i % 7 - 3, 2, 2) for i in range(45)])
    minutes = candles(bars)
    as_of = NOW + timedelta(minutes=44, seconds=59)
    forming = minutes.with_columns(is_closed=pl.col("open_at") < NOW + timedelta(minutes=42))
    hours = candles(bars, interval="1h")
    row = technical_indicators(minutes, interval="1m", as_of=as_of)
    assert row["as_of"].item() == NOW + timedelta(minutes=44)
    row = technical_indicators(pl.concat([forming, hours]), interval="1m", as_of=LATER)
    assert row["as_of"].item() == NOW + timedelta(minutes=42)
    assert row["candles_used"].item() == 42


def test_delisted_symbols_are_left_out_and_no_candles_give_no_rows() -> None:
    both = pl.concat([candles(flat(1.0, 3), symbol=symbol) for symbol in ("A", "B")])
    rows = technical_indicators(both, interval="1m", as_of=LATER, delisted=["A"])
    assert rows["symbol"].to_list() == ["B"]
    nothing = technical_indicators(both.clear(), interval="1m", as_of=LATER)
    assert nothing.schema == pl.Schema(HYPERLIQUID_TECHNICAL_INDICATORS.schema)
    assert nothing.is_empty()


def test_rows_in_any_order_give_the_same() -> None:
    both = pl.concat(
        [
            candles(_bars(p, [(i % 5 - 2, 1, 1) for i in range(50)]), symbol=s)
            for s, p in (("B", 2.0), ("A", 9.0))
        ]
    )
    shuffled = both.sample(fraction=1.0, shuffle=True, seed=3)
    assert_frame_equal(_series(shuffled), _series(both))
    assert _series(both)["symbol"].unique(maintain_order=True).to_list() == ["A", "B"]
