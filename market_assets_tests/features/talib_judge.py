"""What TA-Lib says of one symbol's candles, under this project's names."""

from __future__ import annotations

import polars as pl
import talib

INDICATORS = (
    "sma_20",
    "ema_12",
    "ema_26",
    "rsi_14",
    "macd",
    "macd_signal",
    "macd_hist",
    "atr_14",
    "bb_upper",
    "bb_middle",
    "bb_lower",
    "adx_14",
)


def judged(candles: pl.DataFrame) -> pl.DataFrame:
    """One row for each candle of a symbol; candles after a hole start anew."""
    by_time = candles.sort("open_at")
    follows = pl.col("open_at") == pl.col("close_at").shift()
    runs = by_time.with_columns(run=(~follows.fill_null(value=False)).cum_sum())
    return pl.concat(
        [_of_a_run(run) for run in runs.partition_by("run", maintain_order=True)], how="vertical"
    )


def _of_a_run(candles: pl.DataFrame) -> pl.DataFrame:
    high, low, close = (candles[name].to_numpy() for name in ("high", "low", "close"))
    macd, signal, hist = talib.MACD(close, 12, 26, 9)
    upper, middle, lower = talib.BBANDS(close, 20, 2, 2)
    values = {
        "sma_20": talib.SMA(close, 20),
        "ema_12": talib.EMA(close, 12),
        "ema_26": talib.EMA(close, 26),
        "rsi_14": talib.RSI(close, 14),
        "macd": macd,
        "macd_signal": signal,
        "macd_hist": hist,
        "atr_14": talib.ATR(high, low, close, 14),
        "bb_upper": upper,
        "bb_middle": middle,
        "bb_lower": lower,
        "adx_14": talib.ADX(high, low, close, 14),
    }
    return candles.select("symbol", as_of="close_at").with_columns(
        pl.Series(name, values[name]).fill_nan(None) for name in INDICATORS
    )
