"""Candles as series without holes: what indicators and volatility are computed over.

A series is broken where a candle is missing. What reaches over a hole would be wrong without
anybody seeing it, so bars carry the run that they belong to, and nothing reaches out of a run.

Not here: what is computed (`indicators.py`, `volatility.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

_COLUMNS: Final = ("symbol", "open_at", "close_at", "open", "high", "low", "close", "trades")


def closed_bars(
    candles: pl.DataFrame, *, interval: str, as_of: datetime, delisted: Collection[str] = ()
) -> pl.DataFrame:
    """The bars that may be used at `as_of`, in order, with the run that each belongs to.

    Args:
        candles: rows of `hyperliquid_candles`, in any order.
        interval: bars of other intervals are left out.
        as_of: bars that close later are left out, as are those that are not closed.
        delisted: symbols that are left out.

    Returns:
        symbol, open_at, close_at, open, high, low, close, trades; `run`, a number that is the same
        for bars of one symbol that follow each other without a hole; `position` in it from 0.
        By symbol and time.
    """
    usable = pl.col("is_closed") & (pl.col("close_at") <= as_of) & (pl.col("interval") == interval)
    if delisted:
        usable &= ~pl.col("symbol").is_in(list(delisted))
    # One piece of memory: a frame from a store has many, which every later step would pay for.
    bars = candles.lazy().filter(usable).select(_COLUMNS).collect().rechunk()
    same_symbol = _same_symbol(bars)
    if not _in_order(bars, same_symbol):
        bars = bars.sort("symbol", "open_at")
        same_symbol = _same_symbol(bars)
    follows = same_symbol & (bars["open_at"] == bars["close_at"].shift())
    first = ~follows.fill_null(value=False)
    # Known to be sorted, runs are grouped in a tenth of the time.
    run = first.cum_sum().set_sorted()
    row = pl.int_range(bars.height, dtype=pl.UInt32, eager=True)
    position = row - first.arg_true().gather(run - 1)
    return bars.with_columns(run=run, position=position)


def last_of_each_symbol(bars: pl.DataFrame) -> pl.DataFrame:
    """Of bars in order, the last one of each symbol."""
    return bars.filter((pl.col("symbol") != pl.col("symbol").shift(-1)).fill_null(value=True))


def _same_symbol(bars: pl.DataFrame) -> pl.Series:
    """Whether a row has the symbol of the row before it."""
    return (bars["symbol"] == bars["symbol"].shift()).fill_null(value=False)


def _in_order(bars: pl.DataFrame, same_symbol: pl.Series) -> bool:
    """Whether bars are by symbol and time: a store reads them so, and then nothing is sorted."""
    goes_back = same_symbol & (bars["open_at"] <= bars["open_at"].shift())
    return bars["symbol"].filter(~same_symbol).is_sorted() and not goes_back.any()
