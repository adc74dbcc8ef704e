"""Queries over whole tables do not hold a large live file, and say of when they are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from market_assets.checks.rule import judged, keys_are_unique
from market_assets.clock import ManualClock
from market_assets.storage.common.errors import StoreLocked
from market_assets.storage.files import paths
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import NOTES, PRICES, T0, at, prices
from market_assets_tests.storage.processes import holding

if TYPE_CHECKING:
    from pathlib import Path

COUNT = "select count(*) as n from prices"


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> FileStore:
    """Two rows, of which the first is published."""
    store = FileStore(
        tmp_path / "market.duckdb",
        tables=(PRICES,),
        clock=ManualClock(T0),
        lock_wait=timedelta(seconds=0.1),
    )
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]))
    store.publish(force=True)
    store.merge(PRICES, prices([("B", 1.0, 1, at(0))]))
    return store


def test_a_small_live_file_is_read_itself(store: FileStore) -> None:
    """What was just written is judged."""
    found, as_of = store.read_whole(COUNT)
    assert (found["n"].item(), as_of) == (2, T0)


def test_of_a_large_one_the_published_file_is_read(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody holds the live file, too; of when it is, is said."""
    monkeypatch.setattr(paths, "LARGE", 1)
    with holding(store.paths.live):
        with pytest.raises(StoreLocked):
            store.read(COUNT)
        found, as_of = store.read_whole(COUNT)
    assert found["n"].item() == 1
    modified = store.paths.published.stat().st_mtime
    assert as_of.timestamp() == pytest.approx(modified, abs=1e-3)
    rule = keys_are_unique(PRICES)
    with holding(store.paths.live):
        assert judged(store, rule, T0).broken.is_empty()
    assert judged(store, rule, T0).as_of == as_of


def test_a_table_that_is_not_published_yet_is_read_in_the_live_file(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so is everything before the first publication."""
    monkeypatch.setattr(paths, "LARGE", 1)
    newer = FileStore(store.paths.published, tables=(PRICES, NOTES), clock=ManualClock(T0))
    newer.prepare()
    assert newer.read_whole("select * from notes")[0].is_empty()
    store.paths.published.unlink()
    assert newer.read_whole(COUNT)[0]["n"].item() == 2
