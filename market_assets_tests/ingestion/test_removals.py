"""What a venue takes back, over the wire: with the clients and simulated venues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from market_assets.clock import ManualClock
from market_assets.ingestion.hyperliquid.registry import refresh_registry
from market_assets.ingestion.polymarket.catalogue import Catalogue, Discovery
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.polymarket.gamma import GammaClient
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets_tests.simulated import Simulated, simulated

AT = datetime(2026, 11, 20, 15, 2, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulated]:
    """Its clock stands still: nothing closes by itself."""
    with simulated(main=3, builder=2, spot=2, events=12, start=AT, speed=0.0) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def test_an_event_and_a_market_of_another(venue: Simulated, store: FileStore) -> None:
    """Unlisted within some walks, and listed again when they are back; nobody else is touched."""
    clock = ManualClock(AT)

    def walk() -> Discovery:
        clock.advance(1800)
        runs = [
            IngestionRun("polymarket", table, f"polymarket_{table}", clock.now())
            for table in ("events", "markets")
        ]
        return Catalogue(client, store, clock=clock, runs=runs).refresh()

    def unlisted() -> set[str]:
        rows = store.read(
            "select event_id from polymarket_events where not is_listed"
            " union all select condition_id from polymarket_markets where not is_listed"
        )
        return set(rows["event_id"])

    with closing(GammaClient(venue.gamma_url)) as client:
        walk()
        gone, other = store.read(
            "select event_id from polymarket_events where market_count > 1 order by 1 limit 2"
        )["event_id"]
        of_gone = store.read(
            "select condition_id from polymarket_markets where event_id = $id", {"id": gone}
        )["condition_id"].to_list()
        single = store.read(
            "select min(condition_id) from polymarket_markets where event_id = $id", {"id": other}
        ).item()
        for name in (gone, single):
            venue.remove_market(name)
        for _ in range(3):
            assert unlisted() == set()
            last = walk()
        assert unlisted() == {gone, single, *of_gone}
        assert last.unlisted == {"polymarket_events": 1, "polymarket_markets": len(of_gone) + 1}
        assert walk().not_found == 0
        for name in (gone, single):
            venue.restore_market(name)
        walk()
        assert unlisted() == set()


def test_a_dex_and_an_asset_of_another(venue: Simulated, store: FileStore) -> None:
    clock = ManualClock(AT)

    def live() -> set[str]:
        return set(store.read("select symbol from hyperliquid_assets where is_listed")["symbol"])

    with closing(HyperliquidClient(venue.url)) as client:
        refresh_registry(client, store, clock=clock)
        everything = live()
        dex = min(symbol for symbol in everything if ":" in symbol).partition(":")[0]
        for name in (dex, "ETH"):
            venue.remove(name)
        for _ in range(3):
            assert live() == everything
            clock.advance(3600)
            refresh_registry(client, store, clock=clock)
        assert live() == {s for s in everything if s != "ETH" and not s.startswith(f"{dex}:")}
        for name in (dex, "ETH"):
            venue.restore(name)
        clock.advance(3600)
        refresh_registry(client, store, clock=clock)
        assert live() == everything
