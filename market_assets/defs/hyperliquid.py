"""Hyperliquid's assets: the registry and its categories, and what the stream brings.

Prices and candles come from the job `hyperliquid_stream` (`stream.py`); materializing them here,
by hand, asks REST for the present once, for a database without a stream.
"""

from collections.abc import Iterable
from datetime import timedelta

import dagster as dg

from market_assets import tables
from market_assets.clock import SystemClock
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.options import SnapshotConfig, asset_options, count_rows, written_result
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run, parts_left_out
from market_assets.settings import Settings
from market_assets.sources.errors import VenueError
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.model import Candle, Listing, in_words

Hyperliquid = dg.ResourceParam[HyperliquidClient]

_POOL = "hyperliquid"


@dg.asset(**asset_options("hyperliquid_assets", kinds={"http", "duckdb"}, pool=_POOL))
@fails_in_a_line
@publishes
def hyperliquid_assets(
    context: dg.AssetExecutionContext, hyperliquid: Hyperliquid, store: Market
) -> dg.MaterializeResult[None]:
    """One row per asset that the exchange lists or has listed: perps of every dex, and spot.

    Hyperliquid's info endpoint (`perpDexs`, `metaAndAssetCtxs`, `spotMetaAndAssetCtxs`), hourly.
    A dex that cannot be read keeps its rows as they were and is named in the metadata. An asset
    that its dex does not list any more is unlisted after three refreshes.
    """
    from market_assets.ingestion.hyperliquid.registry import refresh_registry  # noqa: PLC0415

    run = ingestion_run(context, "registry")
    read = refresh_registry(hyperliquid, store, clock=SystemClock(), run=run)
    listings = read.universe.listings
    return written_result(
        read.written,
        row_count=count_rows(store, tables.HYPERLIQUID_ASSETS),
        live=sum(not listing.is_delisted for listing in listings),
        seen=len(listings),
        missing=", ".join(read.missing[:20]) or None,
        unlisted=", ".join(read.unlisted[:20]) or None,
        unreadable=dict(read.universe.failures) or None,
        parts_left_out=parts_left_out(context, run),
        rejected=dict(read.universe.rejected) or None,
    )


@dg.asset(
    **asset_options("hyperliquid_asset_categories", kinds={"http", "duckdb"}, pool=_POOL),
    deps=[hyperliquid_assets],
)
@fails_in_a_line
@publishes
def hyperliquid_asset_categories(
    context: dg.AssetExecutionContext,
    config: SnapshotConfig,
    hyperliquid: Hyperliquid,
    store: Market,
) -> dg.MaterializeResult[None]:
    """One row per asset and category that it is in: the exchange's own, and a curated list.

    Hyperliquid's `perpCategories` (builder dexs only) and `assets.csv`, hourly. What an answer
    leaves out goes, unless it is too much to be true, or a part of it could not be read.
    """
    from market_assets.ingestion.hyperliquid.categories import refresh_categories  # noqa: PLC0415

    run = ingestion_run(context, "registry")
    written = refresh_categories(
        hyperliquid, store, clock=SystemClock(), run=run, believe=config.believe
    )
    return written_result(
        written,
        row_count=count_rows(store, tables.HYPERLIQUID_ASSET_CATEGORIES),
        parts_left_out=parts_left_out(context, run),
    )


@dg.asset(
    **asset_options("hyperliquid_asset_category_taxonomy", kinds={"csv", "duckdb"}),
    deps=[hyperliquid_asset_categories],
)
@fails_in_a_line
@publishes
def hyperliquid_asset_category_taxonomy(
    context: dg.AssetExecutionContext, store: Market
) -> dg.MaterializeResult[None]:
    """One row per category that an asset can be in, with its label and the wider category.

    `taxonomy.csv`, and the exchange's own categories as they are in use, hourly.
    """
    run = ingestion_run(context, "registry")
    in_use = store.read("select distinct category from hyperliquid_asset_categories")
    taxonomy = frames.taxonomy(in_use["category"].to_list(), SystemClock().now())
    written = store.replace(tables.HYPERLIQUID_ASSET_CATEGORY_TAXONOMY, taxonomy, run=run)
    return written_result(written, row_count=written.rows)


@dg.asset(
    **asset_options("hyperliquid_mid_prices", kinds={"websocket", "duckdb"}, pool=_POOL),
    deps=[hyperliquid_assets],
)
@fails_in_a_line
@publishes
def hyperliquid_mid_prices(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    hyperliquid: Hyperliquid,
    store: Market,
) -> dg.MaterializeResult[None]:
    """One row per asset and 5-second bucket in which the exchange sent its mid.

    WebSocket `allMids` of every dex through the stream; by hand, REST `allMids` once.
    """
    run = ingestion_run(context, "mids")
    live = _live(hyperliquid, settings)
    mids: dict[str, float] = {}
    rejected: dict[str, str] = {}
    failures: dict[str, str] = {}
    for dex in sorted({listing.dex for listing in live}):
        try:
            good, bad = hyperliquid.mids(dex)
        except VenueError as error:
            failures[dex] = str(error)
            continue
        mids |= good
        rejected |= bad
    if failures and not mids:
        raise dg.Failure(f"no dex's mids could be read: {next(iter(failures.values()))}")
    run.left_out = in_words(failures)
    wanted = {listing.symbol: mids[listing.symbol] for listing in live if listing.symbol in mids}
    written = store.merge(
        tables.HYPERLIQUID_MID_PRICES, frames.mids(wanted, SystemClock().now()), run=run
    )
    return written_result(
        written,
        symbols=len(wanted),
        rejected=rejected or None,
        parts_left_out=parts_left_out(context, run),
    )


class CandlesConfig(dg.Config):
    """What a materialization of `hyperliquid_candles` by hand reads.

    Attributes:
        hours: how far back.
        interval: which candles; 1h ones reach further back for the same request weight.
    """

    hours: float = 1.0
    interval: str = "1m"


@dg.asset(
    **asset_options(
        "hyperliquid_candles", kinds={"websocket", "duckdb"}, pool="hyperliquid_candles"
    ),
    deps=[hyperliquid_assets],
)
@fails_in_a_line
@publishes
def hyperliquid_candles(
    context: dg.AssetExecutionContext,
    config: CandlesConfig,
    settings: dg.ResourceParam[Settings],
    hyperliquid: Hyperliquid,
    store: Market,
) -> dg.MaterializeResult[None]:
    """One row per asset, interval and opening time: 1-minute candles and their 1-hour roll-ups.

    WebSocket `candle` through the stream, holes healed from REST `candleSnapshot`; by hand, REST
    for the last hour (`hours`, `interval` in the run's config), most traded assets first.
    """
    run = ingestion_run(context, "candles")
    now = SystemClock().now()
    live = _live(hyperliquid, settings)
    rows, failed = 0, {}
    written = []
    for done, batch in enumerate(_batches(live, 20), start=1):
        candles: list[Candle] = []
        for listing in batch:
            try:
                candles += hyperliquid.candles(
                    listing.symbol, config.interval, now - timedelta(hours=config.hours), now
                )
            except VenueError as error:
                failed[listing.symbol] = str(error)
        frame = frames.candles(candles, "rest", SystemClock().now())
        rows += frame.height
        written.append(store.merge(tables.HYPERLIQUID_CANDLES, frame, run=run))
        context.log.info("%s of %s assets, %s candles", min(done * 20, len(live)), len(live), rows)
    if live and len(failed) == len(live):
        raise dg.Failure(f"no asset's candles could be read: {next(iter(failed.values()))}")
    return written_result(*written, symbols=len(live) - len(failed), failed=failed or None)


def _live(hyperliquid: HyperliquidClient, settings: Settings) -> list[Listing]:
    """Assets that trade now and that the settings want, most traded first."""
    wanted = set(settings.wanted_symbols)
    live = [
        listing
        for listing in hyperliquid.universe().listings
        if not listing.is_delisted and (not wanted or listing.symbol in wanted)
    ]
    return sorted(live, key=lambda listing: -(listing.volume_24h or 0.0))


def _batches(listings: list[Listing], size: int) -> Iterable[list[Listing]]:
    return (listings[start : start + size] for start in range(0, len(listings), size))
