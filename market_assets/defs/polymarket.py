"""Polymarket's catalogue: events and markets, tags, and the assets that markets are about."""

from collections.abc import Iterator
from typing import Any, Final

import dagster as dg

from market_assets import tables
from market_assets.channels import channel_of
from market_assets.clock import SystemClock
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.hyperliquid import hyperliquid_assets
from market_assets.defs.options import (
    SnapshotConfig,
    asset_options,
    asset_spec,
    count_rows,
    preview,
    requests_made,
    some,
    written_metadata,
    written_result,
)
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run, parts_left_out
from market_assets.settings import Settings

Polymarket = dg.ResourceParam[Any]
"""`PolymarketClients`: importing them here, 0.15 s, would be paid for by every other run."""

_KINDS: Final = {"http", "duckdb"}
_PREVIEWS: Final = {
    "polymarket_events": "select title, market_count, liquidity_usd, volume_24h_usd, end_at"
    " from polymarket_events where not coalesce(closed, false)"
    " and is_listed is distinct from false"
    " order by volume_24h_usd desc nulls last limit 8",
    "polymarket_markets": "select question, best_bid, best_ask, liquidity_usd, volume_24h_usd"
    " from polymarket_markets where not coalesce(closed, false)"
    " and is_listed is distinct from false"
    " order by volume_24h_usd desc nulls last limit 8",
}


@dg.multi_asset(
    name="polymarket_discovery",
    description="Walks the list of open events, each with its markets, and looks up what left it.",
    can_subset=True,
    pool="polymarket_discovery",
    specs=[
        asset_spec(
            "polymarket_events",
            kinds=_KINDS,
            description="One row per event: a question or a group of questions that belong "
            "together, with its tags.\n\nGamma's `/events/keyset`, every 10 minutes; an event that "
            "left the list of open ones is looked up once more and gets its final state.",
        ),
        asset_spec(
            "polymarket_markets",
            kinds=_KINDS,
            description="One row per market: a question with two outcomes that are traded, with "
            "prices, tokens and, once closed and resolved, the outcome that won.\n\nFrom the same "
            "walk; a market that left the list is looked up until the oracle has said the last "
            "word.",
        ),
    ],
)
@fails_in_a_line
@publishes
def polymarket_discovery(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    polymarket: Polymarket,
    store: Market,
) -> Iterator[dg.MaterializeResult[Any]]:
    """Every open event and market of the venue."""
    from market_assets.ingestion.polymarket.catalogue import Catalogue  # noqa: PLC0415 - only here

    clock = SystemClock()
    wanted = [key.to_user_string() for key in sorted(context.selected_asset_keys)]
    runs = [ingestion_run(context, channel_of(asset).name, asset=asset) for asset in wanted]
    pages = settings.polymarket.discovery_pages
    done = Catalogue(polymarket.gamma, store, clock=clock, runs=runs, most_pages=pages).refresh()
    for asset in wanted:
        rows = store.read(_PREVIEWS[asset])
        written = done.events if asset == "polymarket_events" else done.markets
        metadata = written_metadata(
            *((written,) if written is not None else ()),
            row_count=count_rows(store, tables.table(asset)),
            pages=done.pages,
            is_whole=done.is_whole,
            open=done.open_events if asset == "polymarket_events" else done.open_markets,
            looked_up=done.looked_up,
            not_found=done.not_found,
            unlisted=done.unlisted.get(asset, 0),
            rejected_count=len(done.rejected),
            rejected=some(done.rejected),
            **requests_made(polymarket.gamma),
            preview=preview(rows, rows.columns),
        )
        yield dg.MaterializeResult(asset_key=asset, metadata=metadata)


@dg.asset(**asset_options("polymarket_tags", kinds=_KINDS, pool="polymarket_tags"))
@fails_in_a_line
@publishes
def polymarket_tags(
    context: dg.AssetExecutionContext,
    config: SnapshotConfig,
    polymarket: Polymarket,
    store: Market,
) -> dg.MaterializeResult[None]:
    """One row per tag that the venue knows, and whether one of its sports names it.

    Gamma's `/tags` and `/sports`, every 6 hours. A tag that the list lacks goes, unless too many
    do, or a part of it could not be read.
    """
    from market_assets.ingestion.polymarket.catalogue import read_tags  # noqa: PLC0415 - only here

    run = ingestion_run(context, "tags")
    read = read_tags(polymarket.gamma, store, clock=SystemClock(), run=run, believe=config.believe)
    rows = store.read("select tag_id, label, slug, is_sport from polymarket_tags limit 8")
    return written_result(
        read.written,
        row_count=count_rows(store, tables.POLYMARKET_TAGS),
        sports=read.sports,
        parts_left_out=parts_left_out(context, run),
        rejected=some(read.rejected),
        **requests_made(polymarket.gamma),
        preview=preview(rows, rows.columns),
    )


@dg.asset(
    **asset_options("polymarket_market_asset_links", kinds={"polars", "duckdb"}),
    deps=["polymarket_events", "polymarket_markets", hyperliquid_assets],
)
@fails_in_a_line
@publishes
def polymarket_market_asset_links(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], store: Market
) -> dg.MaterializeResult[None]:
    """One row per market and Hyperliquid symbol that it is about, with what said so.

    By tag, slug, name or cashtag, every 10 minutes, with the walk of the catalogue. Names and their
    symbols are `features/linking`'s data, joined with the exchange's registry. While Hyperliquid is
    off the registry is as it was last; where there never was one, there are no links.
    """
    from market_assets.ingestion.polymarket.asset_links import link_catalogue  # noqa: PLC0415

    made = link_catalogue(
        store,
        clock=SystemClock(),
        run=ingestion_run(context, "links"),
        is_registry_kept=settings.sources.has("hyperliquid"),
    )
    shown = made.frame.sort("confidence", "condition_id", descending=[True, False])
    return written_result(
        made.written,
        row_count=count_rows(store, tables.POLYMARKET_MARKET_ASSET_LINKS),
        markets=made.markets,
        markets_linked=made.frame["condition_id"].n_unique(),
        symbols=made.frame["symbol"].n_unique(),
        dropped=made.dropped,
        preview=preview(shown, ("symbol", "method", "matched_text", "confidence")),
    )
