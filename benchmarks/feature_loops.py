"""The features of `benchmarks/features.py` as others compute them: loops with TA-Lib, and pandas.

Written to be fast, not to lose: no row is made but the last, nothing is computed twice.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

YEAR = 525_600


def talib_split_once(candles: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The best loop: the frame is split by symbol in one go."""
    usable = candles.filter(_usable(as_of))
    return _talib_loop(usable.partition_by("symbol", maintain_order=True))


def talib_filter_each(candles: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The usual loop: the frame is filtered for each symbol."""
    symbols = candles["symbol"].unique(maintain_order=True)
    return _talib_loop(candles.filter(_usable(as_of), symbol=symbol) for symbol in symbols)


def _usable(as_of: datetime) -> pl.Expr:
    closed = pl.col("is_closed") & (pl.col("close_at") <= as_of)
    return closed & (pl.col("interval") == "1m")


def _talib_loop(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """A row for each frame, from the candles after its last hole."""
    import talib  # noqa: PLC0415 - only these variants pay for it

    rows = []
    for candles in frames:
        opened_at = candles["open_at"].to_numpy()
        holes = np.flatnonzero(np.diff(opened_at) != np.timedelta64(1, "m"))
        bars = candles[int(holes[-1]) + 1 :] if len(holes) else candles
        o, h, low, c = (bars[name].to_numpy() for name in ("open", "high", "low", "close"))
        macd, signal, hist = talib.MACD(c, 12, 26, 9)
        upper, middle, lower = talib.BBANDS(c, 20, 2, 2)
        gain = np.diff(np.log(c))
        spread, body, jump = np.log(h / low), np.log(c / o), np.log(o[1:] / c[:-1])
        rs = np.mean(np.log(h / c) * np.log(h / o) + np.log(low / c) * np.log(low / o))
        k = 0.34 / (1.34 + (len(c) + 1) / (len(c) - 1))
        variances = {
            "realized_vol_1h_rate": np.var(gain[-60:], ddof=1),
            "realized_vol_24h_rate": np.var(gain, ddof=1),
            "parkinson_24h_rate": np.mean(spread**2) / (4 * math.log(2)),
            "garman_klass_24h_rate": np.mean(0.5 * spread**2 - (2 * math.log(2) - 1) * body**2),
            "rogers_satchell_24h_rate": rs,
            "yang_zhang_24h_rate": np.var(jump, ddof=1) + k * np.var(body, ddof=1) + (1 - k) * rs,
        }
        rows.append(
            {
                "symbol": bars["symbol"][-1],
                "as_of": bars["close_at"][-1],
                "close": c[-1],
                "sma_20": talib.SMA(c, 20)[-1],
                "ema_12": talib.EMA(c, 12)[-1],
                "ema_26": talib.EMA(c, 26)[-1],
                "rsi_14": talib.RSI(c, 14)[-1],
                "macd": macd[-1],
                "macd_signal": signal[-1],
                "macd_hist": hist[-1],
                "atr_14": talib.ATR(h, low, c, 14)[-1],
                "bb_upper": upper[-1],
                "bb_middle": middle[-1],
                "bb_lower": lower[-1],
                "adx_14": talib.ADX(h, low, c, 14)[-1],
                **{name: math.sqrt(YEAR * value) for name, value in variances.items()},
                "range_24h_pct": 100 * (h.max() / low.min() - 1),
                "traded_share_pct": 100 * np.mean(bars["trades"].to_numpy() > 0),
            }
        )
    return pl.DataFrame(rows)


def pandas_groups(candles: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The group-wise averages that pandas has.

    They start from the first value and not from a mean, which a day later makes no difference.
    They know symbols, and no holes.
    """
    import pandas as pd  # noqa: PLC0415 - only this variant pays for it

    frame = candles.filter(_usable(as_of)).to_pandas()
    by = frame["symbol"]
    close = frame.groupby(by, sort=False)["close"]

    def smoothed(values: pd.Series, alpha: float) -> pd.Series:
        averages = values.groupby(by, sort=False).ewm(alpha=alpha, adjust=False).mean()
        return averages.droplevel(0)

    before = close.shift()
    change = frame["close"] - before
    gain, loss = (
        smoothed(x.fillna(0), 1 / 14) for x in (change.clip(lower=0), -change.clip(upper=0))
    )
    rise = frame["high"] - frame.groupby(by, sort=False)["high"].shift()
    fall = frame.groupby(by, sort=False)["low"].shift() - frame["low"]
    up = smoothed(rise.where((rise > fall) & (rise > 0), 0.0), 1 / 14)
    down = smoothed(fall.where((fall > rise) & (fall > 0), 0.0), 1 / 14)
    fast, slow = smoothed(frame["close"], 2 / 13), smoothed(frame["close"], 2 / 27)
    signal = smoothed(fast - slow, 2 / 10)
    true_range = np.maximum(frame["high"], before) - np.minimum(frame["low"], before)
    windows = close.rolling(20)
    middle, deviation = windows.mean().droplevel(0), windows.std(ddof=0).droplevel(0)
    logs = np.log(frame[["open", "high", "low", "close"]])
    moves = pd.DataFrame(
        {
            "gain": logs["close"] - np.log(before),
            "jump": logs["open"] - np.log(before),
            "body": logs["close"] - logs["open"],
            "squared": (logs["high"] - logs["low"]) ** 2,
            "rs": (logs["high"] - logs["close"]) * (logs["high"] - logs["open"])
            + (logs["low"] - logs["close"]) * (logs["low"] - logs["open"]),
            "traded": frame["trades"] > 0,
        }
    )
    moves["gk"] = 0.5 * moves["squared"] - (2 * math.log(2) - 1) * moves["body"] ** 2
    of = moves.groupby(by, sort=False)
    means, variances, n = of.mean(), of[["gain", "jump", "body"]].var(ddof=1), of.size()
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    yang_zhang = variances["jump"] + k * variances["body"] + (1 - k) * means["rs"]
    hour = of["gain"].tail(60).groupby(by, sort=False).var(ddof=1)
    extremes = frame.groupby(by, sort=False).agg({"high": "max", "low": "min"})
    series = {
        "close": frame["close"],
        "sma_20": middle,
        "ema_12": fast,
        "ema_26": slow,
        "rsi_14": 100 * gain / (gain + loss),
        "macd": fast - slow,
        "macd_signal": signal,
        "macd_hist": fast - slow - signal,
        "atr_14": smoothed(true_range.fillna(frame["high"] - frame["low"]), 1 / 14),
        "bb_upper": middle + 2 * deviation,
        "bb_middle": middle,
        "bb_lower": middle - 2 * deviation,
        "adx_14": smoothed((100 * (up - down).abs() / (up + down)).fillna(0), 1 / 14),
    }
    last = pd.DataFrame(series).groupby(by, sort=False).last()
    rates = {
        "realized_vol_1h_rate": hour,
        "realized_vol_24h_rate": variances["gain"],
        "parkinson_24h_rate": means["squared"] / (4 * math.log(2)),
        "garman_klass_24h_rate": means["gk"],
        "rogers_satchell_24h_rate": means["rs"],
        "yang_zhang_24h_rate": yang_zhang,
    }
    for name, variance in rates.items():
        last[name] = np.sqrt(YEAR * variance)
    last["range_24h_pct"] = 100 * (extremes["high"] / extremes["low"] - 1)
    last["traded_share_pct"] = 100 * means["traded"]
    return pl.from_pandas(last.reset_index())
