"""Which asset contexts a feature speaks of: those of now, of assets that trade.

Features are given earlier contexts too, to compare with. An asset whose dex has been silent has
none of now, only such earlier ones: it has no row, rather than a row of back then made again from
what is left of that time.

Not here: what is made of them (`funding.py`, `liquidity.py`, `positioning.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.channels import channel_of

if TYPE_CHECKING:
    from datetime import datetime, timedelta

NOW_WITHIN: Final = channel_of("hyperliquid_asset_contexts").freshness_window
"""A context that is older does not speak of now."""


def known_at(contexts: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The contexts that had been observed by then, by symbol and time."""
    return contexts.filter(pl.col("observed_at") <= as_of).sort("symbol", "observed_at")


def latest(contexts: pl.DataFrame, as_of: datetime, within: timedelta = NOW_WITHIN) -> pl.DataFrame:
    """The context of each symbol that is of now, by symbol: its last one, if that is not old.

    Args:
        contexts: rows of `hyperliquid_asset_contexts`, in any order; those of earlier too.
        as_of: now; later contexts are left out.
        within: how long before `as_of` a context may have been observed.

    Returns:
        One row per symbol. An asset that was delisted by then has none: its prices are stale.
    """
    last = pl.col("symbol") != pl.col("symbol").shift(-1)
    return known_at(contexts, as_of).filter(
        last.fill_null(value=True)
        & (pl.col("observed_at") >= as_of - within)
        & ~pl.col("is_delisted")
    )


def ranked(contexts: pl.DataFrame, as_of: datetime) -> list[str]:
    """Symbols that trade and are quoted now, most traded first: by the value of 24 hours."""
    quoted = latest(contexts, as_of).filter(pl.col("mid_px").is_not_null())
    order = quoted.sort(
        "volume_24h_usd",
        "volume_24h_quote",
        "symbol",
        descending=[True, True, False],
        nulls_last=True,
    )
    return order["symbol"].to_list()
