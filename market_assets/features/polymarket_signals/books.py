"""Books over time: the tops of some hours and the present heads as one series for each token.

Not here: what is measured on them (`book_moves.py`, `arbitrage.py`, `divergence.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.channels import channel_of

if TYPE_CHECKING:
    from datetime import datetime

FRESH: Final = channel_of("polymarket_books").freshness_window
"""A book that was last seen longer ago says nothing of now. One that does not change is seen on
the 30-second grid all the same."""
COLUMNS: Final = (
    "best_bid",
    "best_ask",
    "spread",
    "mid",
    "bid_depth_5c_usd",
    "ask_depth_5c_usd",
    "is_proven",
)


def book_series(
    heads: pl.DataFrame, tops: pl.DataFrame, tokens: pl.DataFrame, *, as_of: datetime
) -> pl.DataFrame:
    """The states of each token's book that are known, in order.

    Args:
        heads: rows of `polymarket_books`.
        tops: rows of `polymarket_book_tops`; those of the time for which there are to be scores,
            and of five minutes before it.
        tokens: `token_id` and `condition_id` of further tokens.
        as_of: later states are left out.

    Returns:
        `condition_id`, `token_id`, `at`, `is_grid` (it is a top, not the head) and the figures of
        the book (`COLUMNS`). A head stands after a top of the same instant.
    """
    markets = pl.concat(
        [heads.select("token_id", "condition_id"), tokens.select("token_id", "condition_id")]
    ).unique("token_id", keep="first", maintain_order=True)
    of_tops = tops.select("token_id", *COLUMNS, at="observed_at", is_grid=pl.lit(value=True)).join(
        markets, on="token_id", maintain_order="left"
    )
    of_heads = heads.select(
        "token_id", *COLUMNS, "condition_id", at="book_at", is_grid=pl.lit(value=False)
    )
    return (
        pl.concat([of_tops, of_heads.select(of_tops.columns)])
        .filter((pl.col("at") <= as_of) & pl.col("condition_id").is_not_null())
        .sort("condition_id", "token_id", "at", maintain_order=True)
    )


def newest(series: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The last state of each token's book, where it is fresh.

    Args:
        series: what `book_series` returns.
        as_of: now.
    """
    last = series.group_by("condition_id", "token_id", maintain_order=True).last()
    return last.filter(pl.col("at") >= as_of - FRESH)
