"""Hyperliquid's candles and payments of funding of the past, by hand, a partition at a time."""

from datetime import date
from typing import Final, Literal

import dagster as dg

from market_assets import tables
from market_assets.clock import SystemClock
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.hyperliquid import Hyperliquid
from market_assets.defs.options import backfill_options, some
from market_assets.defs.partitions import Progress, materialized
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run
from market_assets.ingestion.hyperliquid import candle_history, funding_history
from market_assets.settings import Settings
from market_assets.storage.api import Store

_KINDS: Final = {"http", "duckdb", "parquet"}
_POOL: Final = "hyperliquid_history"
_FIRST_DAY: Final = "2023-05-01"
"""When the exchange's first perpetuals were listed."""


class CandlesConfig(dg.Config):
    """What a backfill of candles may be told."""

    interval: Literal["1m", "5m", "15m", "1h", "4h", "1d"] = "1m"


@dg.asset(
    **backfill_options("hyperliquid_candles_history", kinds=_KINDS, pool=_POOL),
    partitions_def=dg.DailyPartitionsDefinition(start_date=_FIRST_DAY, end_offset=1),
)
@fails_in_a_line
@publishes
def hyperliquid_candles_history(
    context: dg.AssetExecutionContext,
    config: CandlesConfig,
    settings: dg.ResourceParam[Settings],
    hyperliquid_backfill: Hyperliquid,
    store: Market,
) -> None:
    """One row per symbol and candle of a day of the past, in `hyperliquid_candles`.

    Hyperliquid's `candleSnapshot`, a day a partition; the exchange keeps the newest 5,000 candles
    of an interval, and a day of which it has none fails and says which days it has. What retention
    would delete at once goes into the archive. A day that was broken off goes on where it was.
    """
    interval = config.interval
    symbols = _symbols(store, settings, perps_only=False)
    clock = SystemClock()
    days = {key: date.fromisoformat(key) for key in context.partition_keys}
    for day in days.values():  # before the first one is read
        candle_history.check_served(day, interval, clock.now())
    for key, day in days.items():
        log = Progress(context, key)
        read = candle_history.read_day(
            hyperliquid_backfill,
            store,
            day,
            interval,
            symbols=symbols,
            retention=settings.retention,
            clock=clock,
            run=ingestion_run(
                context, candle_history.CHANNEL, table=tables.HYPERLIQUID_CANDLES.name
            ),
            progress=log,
        )
        log.last(read)
        materialized(
            context,
            key,
            read.written,
            interval=interval,
            symbols=read.symbols,
            complete_before=read.complete,
            candles_per_s=round(read.rows_per_s, 1),
            served_from=None if read.from_at is None else read.from_at.isoformat(),
            failed=some(read.failed),
        )


@dg.asset(
    **backfill_options("hyperliquid_funding_history", kinds=_KINDS, pool=_POOL),
    partitions_def=dg.MonthlyPartitionsDefinition(start_date=_FIRST_DAY, end_offset=1),
)
@fails_in_a_line
@publishes
def hyperliquid_funding_history(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    hyperliquid_backfill: Hyperliquid,
    store: Market,
) -> None:
    """One row per perpetual and payment of funding of a month, in `hyperliquid_funding_rates`.

    Hyperliquid's `fundingHistory`, a month a partition. What retention would delete at once goes
    into the archive. A month that is read twice stays as it is.
    """
    symbols = _symbols(store, settings, perps_only=True)
    for key in context.partition_keys:
        log = Progress(context, key)
        read = funding_history.read_month(
            hyperliquid_backfill,
            store,
            date.fromisoformat(key),
            symbols=symbols,
            retention=settings.retention,
            clock=SystemClock(),
            run=ingestion_run(
                context, funding_history.CHANNEL, table=tables.HYPERLIQUID_FUNDING_RATES.name
            ),
            progress=log,
        )
        log.last(read)
        materialized(
            context,
            key,
            read.written,
            perpetuals=read.symbols,
            payments_per_s=round(read.rows_per_s, 1),
            failed=some(read.failed),
        )


def _symbols(store: Store, settings: Settings, *, perps_only: bool) -> list[str]:
    """What is listed, as far as it is wanted.

    Raises:
        dg.Failure: nothing is known to be listed.
    """
    listed = candle_history.listed_symbols(store, perps_only=perps_only)
    if not listed:
        raise dg.Failure(
            "no asset is listed: materialize hyperliquid_assets first", allow_retries=False
        )
    return settings.restricted(listed)
