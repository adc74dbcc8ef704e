"""The exchange as judge: our candles held against its own, every asset once a day."""

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
from market_assets.ingestion.hyperliquid.candle_audit import audit_candles, due

_WITHIN: Final = timedelta(minutes=10)


@dg.asset(
    **asset_options(
        "hyperliquid_candle_audits", kinds={"http", "duckdb"}, pool="hyperliquid_history"
    ),
    deps=["hyperliquid_candles"],
)
@fails_in_a_line
@publishes
def hyperliquid_candle_audits(
    context: dg.AssetExecutionContext, hyperliquid_backfill: Hyperliquid, store: Market
) -> dg.MaterializeResult[None]:
    """One row per asset, interval and audit: candles compared, wrong, replaced.

    Hyperliquid's `candleSnapshot`, hourly for ten minutes at most: minutes of the last day and
    hours of the last week, the asset whose audit is the longest ago first, each once a day. A
    candle that differs is replaced by the exchange's, but for one that its own minutes contradict.
    """
    clock = SystemClock()
    run = ingestion_run(context, "candle_audits")
    waiting = due(store, clock.now())
    done = audit_candles(hyperliquid_backfill, store, waiting, within=_WITHIN, clock=clock, run=run)
    compared, mismatches = done.total("compared"), done.total("mismatches")
    return written_result(
        row_count=count_rows(store, tables.HYPERLIQUID_CANDLE_AUDITS),
        assets=len({one.symbol for one in done.audits}),
        assets_left=done.left,
        compared=compared,
        mismatches=mismatches,
        right_pct=round(100 * (1 - mismatches / compared), 4) if compared else None,
        replaced=done.total("replaced"),
        exchange_wrong=done.total("exchange_wrong"),
        worst_bps=max((one.worst_bps or 0.0 for one in done.audits), default=None),
        failed=some(done.failed),
        preview=preview(
            store.read(
                "select * from hyperliquid_candle_audits"
                " order by audited_at desc, mismatches desc limit 8"
            ),
            tables.HYPERLIQUID_CANDLE_AUDITS.column_names,
        ),
    )
