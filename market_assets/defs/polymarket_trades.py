"""Polymarket's trades as they happen, and days and months of the past by hand."""

from typing import Final

import dagster as dg

from market_assets.defs.hyperliquid import Market
from market_assets.defs.options import (
    asset_options,
)
from market_assets.defs.polymarket import Polymarket
from market_assets.settings import Settings

_KINDS: Final = {"http", "duckdb"}
_FIRST_DAY: Final = "2023-12-01"
"""The venue gives trades of about the last three years."""
_FIRST_MONTH: Final = "2020-10-01"
"""When its first markets ended."""


@dg.asset(**asset_options("polymarket_trades", kinds=_KINDS, pool="polymarket_trades"))
def polymarket_trades(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    polymarket: Polymarket,
    store: Market,
) -> dg.MaterializeResult[None]:
    """One row per fill of a taker's order worth 1000 USD or more.

    Data API's `/trades`, every 60 seconds, from now back to ten minutes before the last trade seen.
    What a run does not reach is kept in `ingestion_gaps`, and the next one goes on from there.
    """
    raise NotImplementedError
