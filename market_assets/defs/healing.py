"""The ledger of holes, and what fills them after the stream has had its time."""

from datetime import timedelta
from typing import Final

import dagster as dg

from market_assets import tables
from market_assets.clock import SystemClock
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.hyperliquid import Hyperliquid
from market_assets.defs.options import asset_options, count_rows, preview, some, written_result
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run
from market_assets.ingestion.hyperliquid.gap_healing import Healing, heal
from market_assets.settings import Settings

_WITHIN: Final = timedelta(minutes=3)


@dg.asset(
    **asset_options("ingestion_gaps", kinds={"http", "duckdb"}, pool="hyperliquid_history"),
    deps=["hyperliquid_candles"],
)
@fails_in_a_line
@publishes
def ingestion_gaps(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    hyperliquid_backfill: Hyperliquid,
    store: Market,
) -> dg.MaterializeResult[None]:
    """One row per hole in a symbol's series, with its cause and what became of it.

    Streams and runs write it as they find holes; they fill their own. Every 300 seconds holes in
    candles that are open for an hour are filled with what the exchange still has, into the archive
    where the table does not keep such days, and closed; what it has no longer is closed as lost.
    While Hyperliquid is off nothing is asked for.
    """
    done = Healing()
    if settings.sources.has("hyperliquid"):
        done = heal(
            hyperliquid_backfill,
            store,
            retention=settings.retention,
            within=_WITHIN,
            clock=SystemClock(),
            run=ingestion_run(context, "healing", table=tables.HYPERLIQUID_CANDLES.name),
        )
    [(still_open, lost)] = store.read(
        "select count(*) filter (healed_at is null), count(*) filter (healed_rows = 0)"
        " from ingestion_gaps"
    ).rows()
    return written_result(
        row_count=count_rows(store, tables.INGESTION_GAPS),
        open=still_open,
        lost_for_good=lost,
        healed_now=done.healed,
        healed_rows=done.rows,
        lost_now=done.lost,
        left=done.left,
        failed=some(done.failed),
        preview=preview(
            store.read(
                "select * from ingestion_gaps order by healed_at is not null, gap_from_at desc"
                " limit 8"
            ),
            ("source", "channel", "symbol", "gap_from_at", "gap_to_at", "cause", "healed_rows"),
        ),
    )
