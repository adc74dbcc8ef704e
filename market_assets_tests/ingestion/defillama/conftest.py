"""A small DefiLlama whose figures can be computed by head, and a database of its own per test.

Two chains, three protocols and an exchange. Series reach back 40 days: of the day that lies n days
before today, value locked is 1000 - n, stablecoins 500 + n, fees 10 + n; today's points are there
too, and are a million each.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from market_assets import tables
from market_assets.clock import ManualClock
from market_assets.ingestion.defillama import subjects
from market_assets.ingestion.defillama.catalogue import Catalogue
from market_assets.ingestion.defillama.subjects import Selection, Tracked
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_ASSETS, INGESTION_LISTS, INGESTION_RUNS
from market_assets_tests.sources.defillama.shapes import (
    NOW,
    TODAY,
    Llama,
    chain,
    chain_locked,
    charted,
    llama,
    locked,
    overview,
    pegged,
    protocol,
    turnover,
)

TABLES = tuple(
    table
    for table in tables.TABLES
    if table.name.startswith("defillama_")
    or table in {HYPERLIQUID_ASSETS, INGESTION_LISTS, INGESTION_RUNS}
)
"""What is made for each test: fewer tables, less time."""
RUNNING = 1e6
"""What every series says of the day that is not over."""


def ago(day: date) -> int:
    """How many days before today."""
    return (TODAY - day).days


def fill_routes(venue: Llama, today: date = TODAY) -> None:
    """The whole world as it is on a day."""

    def points(first: float, step: float, *, count: int = 40) -> dict[date, Any]:
        """`first + step * n` of the day n days ago, and the running day."""
        days = {today - timedelta(days=n): first + step * n for n in range(count, 0, -1)}
        return {**days, today: RUNNING}

    gas = turnover(9, defillamaId="chain#1027", protocolType="chain", slug="ethereum")
    family = turnover(8, defillamaId="parent#aave", slug="aave", total7d=1e9)
    rows = (turnover(1, slug="aave-v3", total24h=RUNNING), turnover(2, total24h=3.0), gas, family)
    venue.routes = {
        "/v2/chains": [
            chain("Ethereum", 700.0, gecko_id="ethereum"),
            chain("OP Mainnet", 300.0, gecko_id="optimism"),
        ],
        "/protocols": [
            protocol(
                1,
                slug="aave-v3",
                name="Aave V3",
                symbol="AAVE",
                parentProtocol="parent#aave",
                mcap=5e6,
                chains=["Ethereum", "Optimism"],
                chainTvls={"Ethereum": 200.0, "Optimism": 100.0, "Optimism-borrowed": 1e9},
            ),
            protocol(2, gecko_id="optimism", mcap=8e6, chainTvls={"Ethereum": 600.0}),
            protocol(3, tvl=None, chainTvls={}),
            protocol(4, category="CEX", slug="exchange", tvl=9e12, chainTvls={"Ethereum": 9e12}),
        ],
        "/stablecoinchains": [
            {"name": "Ethereum", "totalCirculatingUSD": {"peggedUSD": 400.0, "peggedEUR": "50"}},
            {"name": "Optimism", "totalCirculatingUSD": {"peggedUSD": 60.0}},
        ],
        "/overview/open-interest": overview(turnover(1, total24h=77.0, total7d=1e9)),
        "/overview/fees?dailyFees": overview(*rows, chains=("Ethereum", "Optimism")),
        "/overview/fees?dailyRevenue": overview(*rows, chains=("Ethereum",)),
        "/overview/dexs": overview(turnover(2), chains=("Optimism",)),
        "/overview/options?dailyNotionalVolume": overview(turnover(2), chains=()),
        "/v2/historicalChainTvl/Ethereum": chain_locked(points(1000, -1)),
        "/v2/historicalChainTvl/OP Mainnet": chain_locked(points(1000, -1)),
        "/stablecoincharts/Ethereum": pegged(points(500, 1)),
        "/stablecoincharts/Optimism": pegged(points(500, 1)),
        "/protocol/aave-v3": locked(points(1000, -1), now=RUNNING),
        "/protocol/protocol-2": locked(points(1000, -1, count=5)),
        "/protocol/protocol-3": locked({}),
        "/overview/fees/Ethereum?dailyFees": charted(points(10, 1)),
        "/overview/fees/Optimism?dailyFees": charted(points(10, 1)),
        "/overview/fees/Ethereum?dailyRevenue": charted(points(10, 1)),
        "/overview/dexs/Optimism": charted(points(10, 1)),
        "/summary/fees/aave-v3?dailyFees": charted(points(10, 1)),
        "/summary/fees/protocol-2?dailyFees": charted(points(10, 1, count=3)),
        "/summary/fees/aave-v3?dailyRevenue": charted({}),
        "/summary/fees/protocol-2?dailyRevenue": charted(points(10, 1)),
        "/summary/dexs/protocol-2": charted(points(10, 1)),
        "/summary/options/protocol-2?dailyNotionalVolume": charted(points(10, 1)),
    }


@pytest.fixture
def venue() -> Iterator[Llama]:
    with llama() as running:
        fill_routes(running)
        yield running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def catalogue(venue: Llama, clock: ManualClock) -> Iterator[Catalogue]:
    client = venue.client(clock=clock)
    yield Catalogue(client)
    client.close()


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb", tables=TABLES)


@pytest.fixture
def tracked(catalogue: Catalogue, store: FileStore) -> list[Tracked]:
    """All five subjects, stored and tracked."""
    subjects.refresh(catalogue, store, Selection(track=("protocol:protocol-3",)), now=NOW)
    return subjects.tracked(store)


def row(store: FileStore, table: str, subject_id: str) -> dict[str, Any]:
    """The latest row of a subject."""
    found = store.read(
        f"select * from {table} where subject_id = $id order by as_of desc limit 1",  # noqa: S608 - the tests' own
        {"id": subject_id},
    )
    (only,) = found.rows(named=True)
    return only
