"""Signals from single books: a spread far wider than usual, one heavy side, a mid that jumped.

Books count here whether or not they are proven: what is measured is the shape of one book.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.features.polymarket_signals.cases import HISTORY, rounded

if TYPE_CHECKING:
    from datetime import datetime

SPREAD_BLOWOUT: Final = "spread_blowout"
BOOK_IMBALANCE: Final = "book_imbalance"
PRICE_JUMP: Final = "price_jump"
DAY: Final = timedelta(days=1)
JUMP_WITHIN: Final = timedelta(minutes=5)
_POINT: Final = ("condition_id", "token_id", "at")


def spread_blowouts(
    series: pl.DataFrame, spreads: pl.DataFrame, *, as_of: datetime, history: timedelta = HISTORY
) -> pl.DataFrame:
    """The spread over the median of its last 24 hours.

    Earlier spreads are held against the present median too. Without a spread, or with
    a median of 0 or less (a book that stands crossed), there is no score.

    Args:
        series: what `books.book_series` returns.
        spreads: `token_id`, `observed_at` and `spread` of `polymarket_book_tops`, a day of them.
        as_of: only what was seen by then is used.
        history: how far back scores are given.

    Returns:
        Scores (`cases.POINT`) of that time, by token.
    """
    seen = pl.col("observed_at")
    medians = (
        spreads.filter((seen <= as_of) & (seen > as_of - DAY))
        .group_by("token_id")
        .agg(median_spread_24h=pl.col("spread").median())
    )
    median = pl.col("median_spread_24h")
    return (
        series.filter(pl.col("at") > as_of - history)
        .join(medians, on="token_id", how="left")
        .select(
            *_POINT,
            "spread",
            "median_spread_24h",
            score=rounded(pl.when(median > 0).then(pl.col("spread") / median)),
        )
    )


def book_imbalances(
    series: pl.DataFrame, *, as_of: datetime, history: timedelta = HISTORY
) -> pl.DataFrame:
    """How much heavier one side is than the other within 0.05 of the best prices, 0 to 1.

    A book with nothing on either side has no score.

    Args:
        series: what `books.book_series` returns.
        as_of: only what was seen by then is used.
        history: how far back scores are given.

    Returns:
        Scores (`cases.POINT`) of that time, by token.
    """
    bids, asks = pl.col("bid_depth_5c_usd"), pl.col("ask_depth_5c_usd")
    return series.filter((pl.col("at") > as_of - history) & (pl.col("at") <= as_of)).select(
        *_POINT,
        "bid_depth_5c_usd",
        "ask_depth_5c_usd",
        score=rounded((bids - asks).abs() / (bids + asks)),
        heavy_side=pl.when(bids > asks).then(pl.lit("bid")).otherwise(pl.lit("ask")),
    )


def price_jumps(
    series: pl.DataFrame, *, as_of: datetime, history: timedelta = HISTORY
) -> pl.DataFrame:
    """How far the mid has moved within five minutes, in cents.

    Of a mid against those of the five minutes before it, their first instant included, the greatest
    absolute change counts. Where a side is empty there is no mid, and no score.

    Args:
        series: what `books.book_series` returns.
        as_of: only what was seen by then is used.
        history: how far back scores are given.

    Returns:
        Scores (`cases.POINT`) of that time, by token.
    """
    mid = pl.col("mid")
    least, most = pl.col("least_mid_5m"), pl.col("most_mid_5m")
    return (
        series.filter(pl.col("at") <= as_of)
        .with_columns(
            least_mid_5m=mid.rolling_min_by("at", window_size="5m", closed="both").over("token_id"),
            most_mid_5m=mid.rolling_max_by("at", window_size="5m", closed="both").over("token_id"),
        )
        .filter(pl.col("at") > as_of - history)
        .select(
            *_POINT,
            "mid",
            "least_mid_5m",
            "most_mid_5m",
            score=rounded(100 * pl.max_horizontal(mid - least, most - mid)),
        )
    )
