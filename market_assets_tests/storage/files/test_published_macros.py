"""Macros in the published file: there after each publication, and never in the live file."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from market_assets.storage.common.macros import MACROS
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_CANDLES
from market_assets_tests.storage.examples import PRICES, at, candles, prices

OURS = {macro.name for macro in MACROS}


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> FileStore:
    """One candle, published."""
    store = FileStore(tmp_path / "market.duckdb")
    store.merge(HYPERLIQUID_CANDLES, candles(["BTC"]))
    store.publish(force=True)
    return store


def definitions(path: Path) -> set[str]:
    """The names of all macros and views in a file."""
    with duckdb.connect(path, read_only=True) as connection:
        found = connection.execute(
            "select function_name from duckdb_functions() where not internal union all "
            "select view_name from duckdb_views() where not internal"
        ).fetchall()
    return {name for (name,) in found}


def candles_in(path: Path) -> int:
    """How many candles a plain connection gets by the macro."""
    with duckdb.connect(path, read_only=True) as connection:
        return len(connection.execute("from candles('BTC', '1m')").fetchall())


def test_they_are_in_every_publication_and_not_in_the_live_file(store: FileStore) -> None:
    assert definitions(store.paths.published) >= OURS
    assert definitions(store.paths.live) & OURS == set()
    store.merge(HYPERLIQUID_CANDLES, candles(["BTC"], minute=1))
    store.publish(force=True)
    assert definitions(store.paths.published) >= OURS
    assert candles_in(store.paths.published) == 2


def test_a_live_file_made_of_a_published_one_has_none(store: FileStore) -> None:
    """Somebody cleared the folder `live`; the next publication is as good as the first."""
    shutil.rmtree(store.paths.folder)
    again = FileStore(store.paths.published)
    again.merge(HYPERLIQUID_CANDLES, candles(["BTC"], minute=1))
    assert definitions(again.paths.live) & OURS == set()
    again.compact(force=True)
    again.publish(force=True)
    assert definitions(again.paths.published) >= OURS
    assert candles_in(again.paths.published) == 2


def test_a_store_of_other_tables_publishes_without(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "market.duckdb", tables=(PRICES,))
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]))
    assert store.publish(force=True).is_published
    assert definitions(store.paths.published) & OURS == set()
