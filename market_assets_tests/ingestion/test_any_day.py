"""What is read and computed goes by the day, and goes right on every day: a dozen are tried."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.clock import ManualClock, floor
from market_assets.defs.polymarket_trades import (
    polymarket_closed_markets_history,
    polymarket_trades_history,
)
from market_assets.ingestion.defillama import subjects
from market_assets.ingestion.defillama.catalogue import Catalogue as Llamas
from market_assets.ingestion.defillama.flows import refresh_flows
from market_assets.ingestion.defillama.plan import last_complete_day
from market_assets.ingestion.defillama.throughput import refresh_throughput
from market_assets.ingestion.polymarket.asset_links import link_catalogue
from market_assets.ingestion.polymarket.asset_markets import read_closed_markets, read_open_markets
from market_assets.ingestion.polymarket.catalogue import Catalogue
from market_assets.operations.maintenance.upkeep import keep_up
from market_assets.sources.polymarket.clob import ClobClient
from market_assets.sources.polymarket.gamma import GammaClient
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    HYPERLIQUID_ASSETS,
    HYPERLIQUID_CANDLES,
    INGESTION_RUNS,
    POLYMARKET_IMMEDIATE_MARKETS,
    POLYMARKET_LATER_MARKETS,
    TABLES,
)
from market_assets_tests.ingestion.defillama import conftest as defillama
from market_assets_tests.simulated import simulated
from market_assets_tests.sources.defillama.shapes import llama
from market_simulator.polymarket.size import PolymarketSize

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
POLYMARKET = tuple(
    table
    for table in TABLES
    if table.name.startswith("polymarket_") or table in {HYPERLIQUID_ASSETS, INGESTION_RUNS}
)


@pytest.fixture
def clock(any_day: datetime) -> ManualClock:
    return ManualClock(any_day)


def test_prediction_markets_of_every_horizon(
    any_day: datetime, clock: ManualClock, tmp_path: Path
) -> None:
    """The catalogue is walked and linked; what ends soon, what ends later, what ended: all have
    rows, and each row lies within its horizon.
    """
    store = FileStore(tmp_path / "market.duckdb", tables=POLYMARKET)
    store.merge(HYPERLIQUID_ASSETS, registry("BTC", "ETH", "SOL", at=any_day))
    runs = [
        IngestionRun("polymarket", name, f"polymarket_{name}", any_day)
        for name in ("events", "markets")
    ]
    with (
        simulated(
            main=1,
            builder=0,
            spot=1,
            polymarket_size=PolymarketSize(events=1, trades_per_minute=1),
            start=any_day - HOUR,
            speed=0.0,
        ) as venue,
        closing(GammaClient(venue.gamma_url, clock=clock)) as gamma,
        closing(ClobClient(venue.clob_url, clock=clock)) as clob,
    ):
        clock.instant -= HOUR
        Catalogue(gamma, store, clock=clock, runs=runs).refresh()
        clock.instant += HOUR
        venue.jump(HOUR.total_seconds())
        Catalogue(gamma, store, clock=clock, runs=runs).refresh()
        link_catalogue(store, clock=clock)
        immediate, later = (
            read_open_markets(table, gamma, clob, store, clock=clock).frame
            for table in (POLYMARKET_IMMEDIATE_MARKETS, POLYMARKET_LATER_MARKETS)
        )
        closed = read_closed_markets(gamma, store, clock=clock).frame
    week = any_day + 7 * DAY
    assert immediate.height > 0
    assert immediate.filter(pl.col("end_at") > week).is_empty()
    assert later.filter(pl.col("end_at") > week).height > 0
    assert later.filter(pl.col("end_at").is_null()).height > 0
    assert later.filter(pl.col("end_at") <= week).is_empty()
    assert closed.height > 0
    assert closed.filter(~pl.col("closed_at").is_between(any_day - 7 * DAY, any_day)).is_empty()


def test_days_and_months_of_the_past_have_partitions(any_day: datetime) -> None:
    """Yesterday and today, last month and this one; not tomorrow."""
    for asset, key in (
        (polymarket_trades_history, "%Y-%m-%d"),
        (polymarket_closed_markets_history, "%Y-%m-01"),
    ):
        assert asset.partitions_def is not None
        keys = asset.partitions_def.get_partition_keys()
        yesterday = any_day - DAY
        assert {f"{yesterday:{key}}", f"{any_day:{key}}"} <= set(keys[-2:])
        assert keys[-1] == f"{any_day:{key}}"


def test_flows_and_throughput_are_of_complete_days(
    any_day: datetime, clock: ManualClock, tmp_path: Path
) -> None:
    """The figures of one day, seven and thirty, whatever months and years they cross."""
    store = FileStore(tmp_path / "market.duckdb", tables=defillama.TABLES)
    with llama() as venue:
        defillama.fill_routes(venue, any_day.date())
        client = venue.client(clock=clock)
        subjects.refresh(Llamas(client), store, subjects.Selection(), now=any_day)
        tracked = subjects.tracked(store)
        refresh_flows(Llamas(client), store, tracked, within=HOUR, clock=clock)
        refresh_throughput(Llamas(client), store, tracked, within=HOUR, clock=clock)
        client.close()
    flow = defillama.row(store, "defillama_capital_flows", "chain:ethereum")
    assert flow["last_day"] == last_complete_day(any_day)
    assert [flow[f"tvl_change_{n}d_usd"] for n in (1, 7, 30)] == [1.0, 7.0, 30.0]
    [(newest,)] = store.read("select max(day) from defillama_daily_history").rows()
    assert newest == last_complete_day(any_day) < any_day.date()


def test_hours_are_rolled_up(any_day: datetime, tmp_path: Path) -> None:
    """Each hour from its own sixty minutes; the one that forms from those that are there."""
    store = FileStore(tmp_path / "market.duckdb")
    minute, hour = floor(any_day, MINUTE), floor(any_day, HOUR)
    first = hour - 3 * HOUR
    opened = [first + n * MINUTE for n in range((minute - first) // MINUTE + 1)]
    store.merge(HYPERLIQUID_CANDLES, candles(opened, any_day))
    keep_up(store, retention={}, now=any_day)
    found = store.read(
        "select open_at, trades, is_closed from hyperliquid_candles"
        " where interval = '1h' order by open_at"
    ).rows()
    forming = (minute - hour) // MINUTE + 1
    assert found == [
        *((first + n * HOUR, 60, True) for n in range(3)),
        (hour, forming, False),
    ]


def registry(*symbols: str, at: datetime) -> pl.DataFrame:
    """Perpetuals of the main exchange."""
    rows = [
        {
            "symbol": symbol,
            "kind": "perp",
            "dex": "",
            "display_name": symbol,
            "sz_decimals": 3,
            "only_isolated": False,
            "is_delisted": False,
            "first_seen_at": at,
            "updated_at": at,
            "ingested_at": at,
        }
        for symbol in symbols
    ]
    return pl.DataFrame(rows, schema=HYPERLIQUID_ASSETS.schema)


def candles(opened: list[datetime], now: datetime) -> pl.DataFrame:
    """A trade a minute."""
    rows = [
        {
            "symbol": "BTC",
            "interval": "1m",
            "open_at": at,
            "close_at": at + MINUTE,
            **dict.fromkeys(("open", "high", "low", "close", "volume"), 10.0),
            "trades": 1,
            "is_closed": at + MINUTE <= now,
            "source": "stream",
            "ingested_at": now,
        }
        for at in opened
    ]
    return pl.DataFrame(rows, schema=HYPERLIQUID_CANDLES.schema)
