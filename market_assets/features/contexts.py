"""Which asset contexts a feature speaks of: the latest of each asset that trades.

Not here: what is made of them (`funding.py`, `liquidity.py`, `positioning.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from datetime import datetime


def known_at(contexts: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The contexts that had been observed by then, by symbol and time."""
    return contexts.filter(pl.col("observed_at") <= as_of).sort("symbol", "observed_at")


def latest(contexts: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The last context of each symbol at `as_of`, by symbol.

    An asset that was delisted by then has none: its last prices are stale.
    """
    last = pl.col("symbol") != pl.col("symbol").shift(-1)
    return (
        known_at(contexts, as_of).filter(last.fill_null(value=True)).filter(~pl.col("is_delisted"))
    )
