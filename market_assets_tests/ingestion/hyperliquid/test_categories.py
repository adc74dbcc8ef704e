"""Categories: the whole answer takes the place of the one before; a part, or nothing, does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.ingestion.hyperliquid.categories import refresh_categories
from market_assets.sources.errors import VenueNonsense
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    HYPERLIQUID_ASSET_CATEGORIES,
    HYPERLIQUID_ASSETS,
    INGESTION_RUNS,
)
from market_assets_tests.features.rows import NOW
from market_assets_tests.sources.http_server import Reply, Server, serving
from market_assets_tests.storage.examples import assets

COINS = [f"xyz:A{n}" for n in range(60)]
ALL: list[Any] = [[coin, "stocks"] for coin in COINS]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    kept = (HYPERLIQUID_ASSETS, HYPERLIQUID_ASSET_CATEGORIES, INGESTION_RUNS)
    made = FileStore(tmp_path / "market.duckdb", tables=kept)
    registry = assets("BTC", *COINS, seen=0)
    made.merge(HYPERLIQUID_ASSETS, registry.with_columns(dex=pl.lit("xyz")))
    return made


def refreshed(server: Server, store: FileStore, answer: list[Any], **more: Any) -> dict[str, str]:
    """What the run says is left out."""
    server.default = lambda _: Reply(body=answer)
    clock = ManualClock(NOW)
    run = IngestionRun("hyperliquid", "registry", HYPERLIQUID_ASSET_CATEGORIES.name, NOW)
    client = HyperliquidClient(server.url, clock=clock)
    try:
        refresh_categories(client, store, clock=clock, run=run, **more)
    finally:
        client.close()
    return dict(run.left_out)


def of_exchange(store: FileStore) -> dict[str, str]:
    rows = store.read(
        "select symbol, category from hyperliquid_asset_categories where source = 'exchange'"
    )
    return dict(rows.rows())


def test_what_a_whole_answer_leaves_out_goes(server: Server, store: FileStore) -> None:
    """One coin has no category any more, another has another one."""
    refreshed(server, store, ALL)
    assert refreshed(server, store, [["xyz:A1", "memes"], *ALL[2:]]) == {}
    found = of_exchange(store)
    assert ("xyz:A0" in found, found["xyz:A1"], len(found)) == (False, "memes", 59)
    curated = store.read("select count(*) from hyperliquid_asset_categories where symbol = 'BTC'")
    assert curated.item() > 0


@pytest.mark.parametrize(
    "answer", [ALL[:30], [*ALL[:59], ["xyz:A59"]]], ids=["cut", "a row that cannot be read"]
)
def test_what_a_part_leaves_out_stays_and_the_run_says_so(
    server: Server, store: FileStore, answer: list[Any]
) -> None:
    refreshed(server, store, ALL)
    assert "are not in the answer" in refreshed(server, store, answer)["what is gone"]
    assert len(of_exchange(store)) == 60


def test_an_empty_answer_is_not_believed(server: Server, store: FileStore) -> None:
    refreshed(server, store, ALL)
    with pytest.raises(VenueNonsense, match="perpCategories: an empty answer, and 60 are known"):
        refreshed(server, store, [])
    assert len(of_exchange(store)) == 60


def test_by_hand_it_is_taken(server: Server, store: FileStore) -> None:
    refreshed(server, store, ALL)
    assert refreshed(server, store, ALL[:30], believe=True) == {}
    assert len(of_exchange(store)) == 30
