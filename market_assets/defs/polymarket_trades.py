"""Polymarket's trades as they happen, and days and months of the past by hand."""

from datetime import date
from typing import Final

import dagster as dg

from market_assets import tables
from market_assets.clock import SystemClock
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.options import (
    asset_options,
    backfill_options,
    count_rows,
    preview,
    requests_made,
    some,
    written_result,
)
from market_assets.defs.partitions import Progress, materialized
from market_assets.defs.polymarket import Polymarket
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run
from market_assets.settings import Settings

_KINDS: Final = {"http", "duckdb"}
_FIRST_DAY: Final = "2023-12-01"
"""The venue gives trades of about the last three years."""
_FIRST_MONTH: Final = "2020-10-01"
"""When its first markets ended."""


@dg.asset(**asset_options("polymarket_trades", kinds=_KINDS, pool="polymarket_trades"))
@fails_in_a_line
@publishes
def polymarket_trades(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    polymarket: Polymarket,
    store: Market,
) -> dg.MaterializeResult[None]:
    """One row per fill of a taker's order worth 1000 USD or more.

    Data API's `/trades`, every 60 seconds, from now back to ten minutes before the last run. What a
    run does not reach is kept in `ingestion_gaps`, and the next one goes on from there.
    """
    from market_assets.ingestion.polymarket.trades import TradePlan, read_trades  # noqa: PLC0415

    chosen = settings.polymarket
    read = read_trades(
        polymarket.data,
        store,
        TradePlan(
            min_usd=chosen.trades_min_usd,
            safety=chosen.trades_safety,
            lookback=chosen.trades_lookback,
            pages=chosen.trades_pages,
        ),
        clock=SystemClock(),
        run=ingestion_run(context, "trades"),
    )
    shown = store.read(
        "select traded_at, outcome, side, price, notional_usd, condition_id"
        " from polymarket_trades order by traded_at desc limit 8"
    )
    return written_result(
        read.written,
        row_count=count_rows(store, tables.POLYMARKET_TRADES),
        pages=read.pages,
        open_gaps=len(read.gaps),
        gaps="; ".join(f"{g.from_at:%m-%d %H:%M:%S} to {g.to_at:%H:%M:%S}" for g in read.gaps[-8:])
        or None,
        gaps_healed=read.healed,
        unreadable=some({str(at): why for at, why in read.unreadable.items()}),
        rejected_count=read.rejected,
        rejected=some(read.samples),
        **requests_made(polymarket.data),
        preview=preview(shown, shown.columns),
    )


@dg.asset(
    **backfill_options("polymarket_trades_history", kinds=_KINDS, pool="polymarket_history"),
    partitions_def=dg.DailyPartitionsDefinition(start_date=_FIRST_DAY, end_offset=1),
)
@fails_in_a_line
@publishes
def polymarket_trades_history(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    polymarket_backfill: Polymarket,
    store: Market,
) -> None:
    """One row per fill of a day of the past, in `polymarket_trades`: every trade, large or small.

    Data API's `/trades`, a day a partition, at `MARKET_HISTORY_REQUESTS_PER_10S`. A day that was
    broken off goes on where it was; one that is read twice stays as it is.
    """
    from market_assets.ingestion.polymarket.trade_history import (  # noqa: PLC0415 - only here
        CHANNEL,
        HistoryPlan,
        read_day,
    )

    plan = HistoryPlan(
        min_usd=settings.polymarket.history_min_usd,
        requests_per_10s=settings.polymarket.history_requests_per_10s,
    )
    for key in context.partition_keys:
        log = Progress(context, key)
        read = read_day(
            polymarket_backfill.data,
            store,
            date.fromisoformat(key),
            plan,
            clock=SystemClock(),
            run=ingestion_run(context, CHANNEL, table=tables.POLYMARKET_TRADES.name),
            progress=log,
        )
        log.last(read)
        materialized(
            context,
            key,
            read.written,
            pages=read.pages,
            complete=read.is_over,
            resumed_at=None if read.resumed_at is None else read.resumed_at.isoformat(),
            rejected_count=read.rejected,
            rejected=some(read.samples),
        )


@dg.asset(
    **backfill_options(
        "polymarket_closed_markets_history", kinds=_KINDS, pool="polymarket_history"
    ),
    partitions_def=dg.MonthlyPartitionsDefinition(start_date=_FIRST_MONTH, end_offset=1),
)
@fails_in_a_line
@publishes
def polymarket_closed_markets_history(
    context: dg.AssetExecutionContext, polymarket_backfill: Polymarket, store: Market
) -> None:
    """One row per market of a closed event that ended in a month, in `polymarket_markets`.

    Gamma's `/events/keyset`, a month a partition, with the events in `polymarket_events`. A month
    that was broken off goes on where it was; one that is read twice stays as it is.
    """
    from market_assets.ingestion.polymarket.closed_history import (  # noqa: PLC0415 - only here
        CHANNEL,
        read_month,
    )

    for key in context.partition_keys:
        log = Progress(context, key)
        read = read_month(
            polymarket_backfill.gamma,
            store,
            date.fromisoformat(key),
            clock=SystemClock(),
            runs=[
                ingestion_run(context, CHANNEL, table=table.name)
                for table in (tables.POLYMARKET_EVENTS, tables.POLYMARKET_MARKETS)
            ],
            progress=log,
        )
        log.last(read)
        materialized(
            context,
            key,
            read.events,
            read.markets,
            pages=read.pages,
            won_by_oracle=read.won.get("oracle", 0),
            won_by_payout=read.won.get("payout", 0),
            winner_unknown=read.won.get("unknown", 0),
            complete=read.is_over,
            resumed_at=None if read.resumed_at is None else read.resumed_at.isoformat(),
            rejected_count=read.rejected,
            rejected=some(read.samples),
        )
