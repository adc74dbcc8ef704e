"""Hyperliquid's markets as the exchange sums them up: asset contexts, and payments of funding."""

from datetime import timedelta
from typing import Final

import dagster as dg

from market_assets import tables
from market_assets.clock import SystemClock
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.hyperliquid import Hyperliquid, hyperliquid_assets
from market_assets.defs.options import (
    asset_options,
    count_rows,
    preview,
    some,
    written_result,
)
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run, parts_left_out
from market_assets.ingestion.hyperliquid import funding
from market_assets.settings import Settings
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.model import in_words

_FIRST_TIME: Final = timedelta(seconds=75)
"""How long the first run may fetch: then there is something, for the most traded perpetuals."""
_EACH_TIME: Final = timedelta(minutes=20)
"""How long later runs may."""


@dg.asset(
    **asset_options("hyperliquid_asset_contexts", kinds={"http", "duckdb"}, pool="hyperliquid"),
    deps=[hyperliquid_assets],
)
@fails_in_a_line
@publishes
def hyperliquid_asset_contexts(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    hyperliquid: Hyperliquid,
    store: Market,
) -> dg.MaterializeResult[None]:
    """One row per asset and time at which the exchange was asked: prices, funding, open interest.

    Hyperliquid's `metaAndAssetCtxs` of every dex and `spotMetaAndAssetCtxs`, every 5 minutes. What
    cannot be read costs its own rows and is named in the metadata; figures in dollars are by the
    mid of the quote token, NULL where it has none.
    """
    run = ingestion_run(context, "contexts")
    answer = hyperliquid.asset_contexts()
    run.left_out = in_words(answer.failures)
    frame = frames.asset_contexts(answer.contexts, SystemClock().now())
    if settings.wanted_symbols:
        frame = frame.filter(frame["symbol"].is_in(list(settings.wanted_symbols)))
    written = store.merge(tables.HYPERLIQUID_ASSET_CONTEXTS, frame, run=run)
    live = frame.filter(~frame["is_delisted"])
    return written_result(
        written,
        row_count=count_rows(store, tables.HYPERLIQUID_ASSET_CONTEXTS),
        live=live.height,
        delisted=frame.height - live.height,
        unreadable=some(answer.failures),
        parts_left_out=parts_left_out(context, run),
        rejected=some(answer.rejected),
        preview=preview(
            live.sort("volume_24h_usd", descending=True, nulls_last=True),
            ("symbol", "mark_px", "funding_rate", "open_interest_usd", "volume_24h_usd"),
        ),
    )


@dg.asset(
    **asset_options(
        "hyperliquid_funding_rates", kinds={"http", "duckdb"}, pool="hyperliquid_funding_rates"
    ),
    deps=[hyperliquid_asset_contexts],
)
@fails_in_a_line
@publishes
def hyperliquid_funding_rates(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    hyperliquid_backfill: Hyperliquid,
    store: Market,
) -> dg.MaterializeResult[None]:
    """One row per perpetual and payment of funding, hourly since June 2023.

    Hyperliquid's `fundingHistory`, hourly: whatever is missing of the last 30 days, the last week
    of the most traded perpetuals first. A run fetches for 75 seconds where there is nothing
    yet, else for 20 minutes at most; the next one goes on from there.
    """
    clock = SystemClock()
    run = ingestion_run(context, "funding_rates")
    ranked = settings.restricted(funding.ranked_perps(store, clock.now()))
    if not ranked:
        raise dg.Failure(
            "no perpetual has a context: materialize hyperliquid_asset_contexts first",
        )
    stored = count_rows(store, tables.HYPERLIQUID_FUNDING_RATES)
    plan = funding.missing(store, ranked, clock.now())
    done = funding.fill(
        hyperliquid_backfill,
        store,
        plan,
        within=_EACH_TIME if stored else _FIRST_TIME,
        clock=clock,
        run=run,
    )
    return written_result(
        *done.written,
        row_count=count_rows(store, tables.HYPERLIQUID_FUNDING_RATES),
        perpetuals=len(ranked),
        ranges_wanted=len(plan),
        ranges_left=done.left,
        failed=some(done.failed),
        preview=preview(
            store.read(
                "select * from hyperliquid_funding_rates order by funding_at desc, symbol limit 8"
            ),
            ("symbol", "funding_at", "funding_rate", "premium", "interval_hours"),
        ),
    )
