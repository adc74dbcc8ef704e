"""Polymarket's markets over time: prices of those about an asset, the universe, open interest."""

from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from market_assets import tables
from market_assets.clock import SystemClock
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.options import (
    asset_options,
    count_rows,
    preview,
    requests_made,
    some,
    written_result,
)
from market_assets.defs.polymarket import Polymarket, polymarket_market_asset_links
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run, parts_left_out
from market_assets.settings import Settings
from market_assets.storage.api import Store

if TYPE_CHECKING:
    from market_assets.sources.polymarket.clients import PolymarketClients

_KINDS: Final = {"http", "duckdb"}
_PRICES: Final = ("symbol", "question", "yes_price", "best_bid", "best_ask", "hours_to_end")


@dg.asset(
    **asset_options("polymarket_immediate_markets", kinds=_KINDS, pool="polymarket_prices"),
    deps=[polymarket_market_asset_links],
)
@fails_in_a_line
@publishes
def polymarket_immediate_markets(
    context: dg.AssetExecutionContext, polymarket: Polymarket, store: Market
) -> dg.MaterializeResult[None]:
    """One row per market about an asset that ends within 7 days, asset and instant: its price.

    Gamma by condition ids and the CLOB's `/books`, in batches, every 5 minutes. `yes_price` is the
    midpoint where the spread is at most 0.10, else the last trade.
    """
    return _open_markets(context, polymarket, store, tables.POLYMARKET_IMMEDIATE_MARKETS)


@dg.asset(
    **asset_options("polymarket_later_markets", kinds=_KINDS, pool="polymarket_prices"),
    deps=[polymarket_market_asset_links],
)
@fails_in_a_line
@publishes
def polymarket_later_markets(
    context: dg.AssetExecutionContext, polymarket: Polymarket, store: Market
) -> dg.MaterializeResult[None]:
    """One row per market about an asset that ends later or never, asset and instant: its price.

    As `polymarket_immediate_markets`, every 30 minutes.
    """
    return _open_markets(context, polymarket, store, tables.POLYMARKET_LATER_MARKETS)


@dg.asset(
    **asset_options("polymarket_recently_closed_markets", kinds=_KINDS, pool="polymarket_prices"),
    deps=[polymarket_market_asset_links],
)
@fails_in_a_line
@publishes
def polymarket_recently_closed_markets(
    context: dg.AssetExecutionContext, polymarket: Polymarket, store: Market
) -> dg.MaterializeResult[None]:
    """One row per market about an asset that closed within the last 7 days, and asset: its end.

    Gamma by condition ids, hourly. `winning_outcome` is NULL until it is known.
    """
    from market_assets.ingestion.polymarket.asset_markets import read_closed_markets  # noqa: PLC0415

    run = ingestion_run(context, "recently_closed_markets")
    read = read_closed_markets(polymarket.gamma, store, clock=SystemClock(), run=run)
    shown = read.frame.sort("closed_at", descending=True)
    return written_result(
        read.written,
        row_count=count_rows(store, tables.POLYMARKET_RECENTLY_CLOSED_MARKETS),
        linked=read.linked,
        rejected=some(read.rejected),
        **requests_made(polymarket.gamma),
        preview=preview(shown, ("symbol", "question", "closed_at", "winning_outcome")),
    )


@dg.asset(
    **asset_options("polymarket_tracked_universe", kinds=_KINDS, pool="polymarket_universe"),
    deps=["polymarket_events", "polymarket_markets"],
)
@fails_in_a_line
@publishes
def polymarket_tracked_universe(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    polymarket: Polymarket,
    store: Market,
) -> dg.MaterializeResult[None]:
    """One row per open market that is followed closely, ranked, with the reason.

    Markets with liquidity, volume or open interest over a threshold, every 15 minutes; at most 200,
    and whatever `MARKET_ALWAYS_TRACKED` names.
    """
    from market_assets.ingestion.polymarket.universe import (  # noqa: PLC0415 - only here
        UniverseRules,
        choose_universe,
    )

    run = ingestion_run(context, "universe")
    chosen = choose_universe(
        polymarket.gamma,
        polymarket.data,
        store,
        rules=UniverseRules(
            size=settings.polymarket.universe_size,
            liquidity_usd=settings.polymarket.universe_liquidity_usd,
            volume_24h_usd=settings.polymarket.universe_volume_usd,
            open_interest_usd=settings.polymarket.universe_open_interest_usd,
            manual=settings.polymarket.always_tracked,
        ),
        clock=SystemClock(),
        run=run,
    )
    return written_result(
        chosen.written,
        row_count=chosen.frame.height,
        candidates=chosen.candidates,
        qualified=chosen.qualified,
        unknown=", ".join(chosen.unknown) or None,
        open_interest_error=chosen.open_interest_error,
        parts_left_out=parts_left_out(context, run),
        **requests_made(polymarket.gamma, polymarket.data),
        preview=preview(
            chosen.frame,
            ("rank", "condition_id", "reason", "liquidity_usd", "volume_24h_usd"),
        ),
    )


@dg.asset(
    **asset_options("polymarket_market_metrics", kinds=_KINDS, pool="polymarket_open_interest"),
    deps=[polymarket_tracked_universe],
)
@fails_in_a_line
@publishes
def polymarket_market_metrics(
    context: dg.AssetExecutionContext, polymarket: Polymarket, store: Market
) -> dg.MaterializeResult[None]:
    """One row per tracked market and time of asking: open interest, volume, liquidity.

    Data API's `/oi` in batches of condition ids, every 5 minutes. A market that the answer leaves
    out gets no row.
    """
    from market_assets.ingestion.polymarket.open_interest import read_open_interest  # noqa: PLC0415

    run = ingestion_run(context, "open_interest")
    read = read_open_interest(polymarket.data, store, clock=SystemClock(), run=run)
    shown = read.frame.sort("open_interest_usd", descending=True)
    return written_result(
        read.written,
        row_count=count_rows(store, tables.POLYMARKET_MARKET_METRICS),
        asked=read.asked,
        left_out=read.asked - read.frame.height,
        rejected=some(read.rejected),
        **requests_made(polymarket.data),
        preview=preview(shown, ("condition_id", "open_interest_usd", "volume_24h_usd")),
    )


def _open_markets(
    context: dg.AssetExecutionContext,
    polymarket: "PolymarketClients",
    store: Store,
    table: tables.TableSpec,
) -> dg.MaterializeResult[Any]:
    from market_assets.ingestion.polymarket.asset_markets import read_open_markets  # noqa: PLC0415

    run = ingestion_run(context, table.name.removeprefix("polymarket_"))
    read = read_open_markets(
        table, polymarket.gamma, polymarket.clob, store, clock=SystemClock(), run=run
    )
    shown = read.frame.sort("volume_24h_usd", descending=True, nulls_last=True)
    return written_result(
        read.written,
        row_count=count_rows(store, table),
        linked=read.linked,
        closed_meanwhile=read.closed_meanwhile,
        without_book=read.without_book,
        books_error=read.clob_error,
        parts_left_out=parts_left_out(context, run),
        rejected=some(read.rejected),
        **requests_made(polymarket.gamma, polymarket.clob),
        preview=preview(shown, _PRICES),
    )
