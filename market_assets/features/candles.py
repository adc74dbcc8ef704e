"""Candles made from candles: wider intervals rolled up from 1-minute bars.

Pure: frames of `hyperliquid_candles` in, frames of `hyperliquid_candles` out. Which hours need it
and where the rows go is `maintenance`'s business.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from market_assets.clock import interval_length
from market_assets.frames import conform
from market_assets.tables import HYPERLIQUID_CANDLES

if TYPE_CHECKING:
    from datetime import datetime


def roll_up(
    minutes: pl.DataFrame, interval: str, *, base: str = "1m", now: datetime
) -> pl.DataFrame:
    """Candles of `interval` from those of `base`, as the exchange makes its own.

    A bar is made only where no base bar is missing between its start and its end, or, for the bar
    that is still forming, between its start and the newest base bar: a hole gives no bar rather
    than a wrong one. The open is the first *traded* price: base bars without trades are passed
    over, as the exchange does; a bar in which nothing traded is flat at the previous close.

    Args:
        minutes: rows of `hyperliquid_candles`; those of other intervals than `base` are ignored.
        interval: the wider interval, `1h`.
        base: the interval to build from.
        now: becomes `ingested_at`.

    Returns:
        Rows of `hyperliquid_candles` with source `rollup`, by symbol and time.
    """
    length, step = interval_length(interval), interval_length(base)
    bars_in_full = length // step
    traded = pl.col("volume") > 0
    flat = ~traded.any()
    rolled = (
        minutes.filter(pl.col("interval") == base)
        .sort("symbol", "open_at")
        .with_columns(bar_at=pl.col("open_at").dt.truncate(interval))
        .group_by("symbol", "bar_at", maintain_order=True)
        .agg(
            open=pl.when(flat).then(pl.col("open").first()).otherwise(_first(traded, "open")),
            high=pl.when(flat).then(pl.col("high").max()).otherwise(_over(traded, "high").max()),
            low=pl.when(flat).then(pl.col("low").min()).otherwise(_over(traded, "low").min()),
            close=pl.col("close").last(),
            volume=pl.col("volume").sum(),
            trades=pl.col("trades").sum(),
            all_closed=pl.col("is_closed").all(),
            bars=pl.col("open_at").n_unique(),
            last_open_at=pl.col("open_at").last(),
        )
        .filter(pl.col("bars") == _bars_until(pl.col("last_open_at"), step))
        .with_columns(is_closed=pl.col("all_closed") & (pl.col("bars") == bars_in_full))
    )
    newest = rolled.group_by("symbol").agg(newest_at=pl.col("bar_at").max())
    whole = rolled.join(newest, on="symbol").filter(
        (pl.col("bars") == bars_in_full) | (pl.col("bar_at") == pl.col("newest_at"))
    )
    return conform(
        HYPERLIQUID_CANDLES,
        whole.select(
            "symbol",
            pl.lit(interval).alias("interval"),
            pl.col("bar_at").alias("open_at"),
            (pl.col("bar_at") + length).alias("close_at"),
            "open",
            "high",
            "low",
            "close",
            "volume",
            "trades",
            "is_closed",
            pl.lit("rollup").alias("source"),
            pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("ingested_at"),
        ),
    )


def _over(condition: pl.Expr, column: str) -> pl.Expr:
    return pl.col(column).filter(condition)


def _first(condition: pl.Expr, column: str) -> pl.Expr:
    return _over(condition, column).first()


def _bars_until(last_open_at: pl.Expr, step: timedelta) -> pl.Expr:
    """How many base bars there are from the start of the bar to its last one, holes or not."""
    us = step // timedelta(microseconds=1)
    return (last_open_at - pl.col("bar_at")).dt.total_microseconds() // us + 1
