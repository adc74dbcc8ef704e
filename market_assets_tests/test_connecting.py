"""`market_assets.connect()`, as somebody in a notebook calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import market_assets
from market_assets.storage.common.errors import NothingPublished
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_CANDLES, TABLES
from market_assets_tests.storage.examples import candles


@pytest.fixture(name="store")
def make_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    """One candle, not published; `MARKET_DB` names the file."""
    path = tmp_path / "market.duckdb"
    monkeypatch.setenv("MARKET_DB", str(path))
    store = FileStore(path)
    store.merge(HYPERLIQUID_CANDLES, candles(["BTC"]))
    return store


def test_it_opens_what_the_settings_name_and_follows(store: FileStore) -> None:
    with pytest.raises(NothingPublished, match="make run"):
        market_assets.connect()
    store.publish(force=True)
    with market_assets.connect() as market:
        tables = {name for (name,) in market.sql("show tables").fetchall()}
        assert tables >= {spec.name for spec in TABLES} | {"publication", "latest_prices"}
        assert len(market.sql("from hyperliquid_candles").fetchall()) == 1
        store.merge(HYPERLIQUID_CANDLES, candles(["BTC"], minute=1))
        store.publish(force=True)
        with market_assets.connect() as again:
            assert len(again.sql("from candles('BTC', '1m')").fetchall()) == 2
        assert len(market.sql("from hyperliquid_candles").fetchall()) == 1
        assert market.refresh()
        assert len(market.sql("from candles('BTC', '1m')").fetchall()) == 2


def test_another_file_is_opened_by_its_path(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text or a path; relative to the folder that one is in, or to one's home."""
    store.publish(force=True)
    monkeypatch.setenv("MARKET_DB", str(tmp_path / "other.duckdb"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for path in (store.paths.published, "market.duckdb", "~/market.duckdb"):
        with market_assets.connect(path) as market:
            assert len(market.sql("from hyperliquid_candles").fetchall()) == 1


def test_importing_the_package_costs_nothing() -> None:
    """Neither DuckDB nor Polars, nor the settings."""
    script = "import market_assets, sys; print(market_assets.connect.__name__, *sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert found[0] == "connect"
    assert set(found) & {"duckdb", "polars", "pyarrow", "market_assets.settings"} == set()
