"""Polymarket's signals: what stands out in its trades, open interest, books and prices."""

from typing import Any, Final

import dagster as dg

from market_assets.clock import SystemClock
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.hyperliquid import hyperliquid_mid_prices
from market_assets.defs.hyperliquid_features import hyperliquid_volatility_profiles
from market_assets.defs.options import asset_options, count_rows, preview, written_result
from market_assets.defs.polymarket_trades import polymarket_trades
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run
from market_assets.settings import Settings
from market_assets.tables import POLYMARKET_SIGNAL_EVENTS

_SHOWN: Final = ("as_of", "kind", "symbol", "score", "threshold", "condition_id")


@dg.asset(
    **asset_options("polymarket_signal_events", kinds={"polars", "duckdb"}),
    # Made from open interest, books and the catalogue too: but a schedule waits for what is named
    # here, and trades alone are enough to begin with.
    deps=[polymarket_trades, hyperliquid_mid_prices, hyperliquid_volatility_profiles],
)
@fails_in_a_line
@publishes
def polymarket_signal_events(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], store: Market
) -> dg.MaterializeResult[Any]:
    """One row per case in which a trade, a book, open interest or a price stood out in a market.

    Nine kinds with a threshold each (`MARKET_SIGNAL_…`), every 60 seconds, from what is stored. A
    case that goes on is told once; the same rows give the same signals.
    """
    from market_assets.derived.signals import signal_rows  # noqa: PLC0415 - only here
    from market_assets.features.polymarket_signals.events import (  # noqa: PLC0415 - only here
        signal_events,
    )

    run = ingestion_run(context, "signals")
    as_of = SystemClock().now()
    found = signal_events(signal_rows(store, as_of), settings.thresholds.signals, as_of=as_of)
    written = store.merge(POLYMARKET_SIGNAL_EVENTS, found, run=run)
    kinds = found.group_by("kind").len().sort("kind")
    return written_result(
        written,
        row_count=count_rows(store, POLYMARKET_SIGNAL_EVENTS),
        signals=dict(kinds.iter_rows()) or None,
        preview=preview(found.sort("as_of", descending=True), _SHOWN),
    )
