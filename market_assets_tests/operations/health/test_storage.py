"""Whether received rows reach those who read: the rows of the published file and of the spool."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.operations.health.storage import Storage, storage_rows
from market_assets.storage.common.errors import StoreError
from market_assets.storage.common.spool import Spool
from market_assets.storage.files import copying
from market_assets.storage.files.store import FileStore
from market_assets.tables import Column, TableSpec
from market_assets_tests.storage.examples import PRICES, T0, at, prices

if TYPE_CHECKING:
    from pathlib import Path

    from market_assets.operations.health.statuses import Row

FAILS = ("sh", "-c", 'echo "cp: No space left on device" >&2; exit 1')
BEFORE = T0 - timedelta(days=3650)
"""Before the files of the test are made: what counts is the store's clock, not the disk's."""


@pytest.fixture(name="clock")
def make_clock() -> ManualClock:
    return ManualClock(BEFORE)


@pytest.fixture(name="store")
def make_store(tmp_path: Path, clock: ManualClock) -> FileStore:
    """A store with one row that is published, on a disk that shares no blocks."""
    store = FileStore(
        tmp_path / "market.duckdb", tables=(PRICES,), clock=clock, publish_bytes_per_second=1e9
    )
    put(store, "A")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying, "_CLONE", ("false",))
        store.publish()
    return store


def put(store: FileStore, symbol: str) -> None:
    store.merge(PRICES, prices([(symbol, 1.0, 1, at(0))]))


def look(store: FileStore, clock: ManualClock, *, pace: float = 1e9) -> dict[str, Row]:
    rows = storage_rows(Storage(store.paths.published, pace), clock.now())
    return {row.label: row for row in rows}


def test_what_is_published_is_ok_however_old(store: FileStore, clock: ManualClock) -> None:
    """Nothing changed since: nobody lacks anything."""
    clock.advance(1e6)
    row = look(store, clock)["storage/published"]
    assert (row.status, row.age_s, row.last_error) == ("ok", 0.0, None)


def test_before_the_first_row_there_is_nothing_to_say(tmp_path: Path, clock: ManualClock) -> None:
    rows = storage_rows(Storage(tmp_path / "none.duckdb", 1e6), clock.now())
    assert [row.status for row in rows] == ["ok", "ok"]


def test_before_the_first_publication_it_is_missing(tmp_path: Path, clock: ManualClock) -> None:
    store = FileStore(tmp_path / "market.duckdb", tables=(PRICES,), clock=clock)
    put(store, "A")
    row = look(store, clock)["storage/published"]
    assert (row.status, row.age_s) == ("missing", None)


def test_a_publication_that_fails_is_told_at_once_and_until_one_succeeds(
    store: FileStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason, and since when readers lack something."""
    put(store, "B")
    with monkeypatch.context() as patch:
        patch.setattr(copying, "_COPY", FAILS)
        patch.setattr(copying, "_CLONE", FAILS)
        with pytest.raises(StoreError):
            store.publish(force=True)
        clock.advance(120)
        row = look(store, clock)["storage/published"]
        assert (row.status, row.age_s) == ("failed", 120.0)
        assert row.last_error is not None
        assert row.last_error.startswith(f"2 min behind, since {BEFORE:%Y-%m-%d %H:%M:%S} UTC: ")
        assert "No space left on device" in row.last_error
    store.publish(force=True)
    row = look(store, clock)["storage/published"]
    assert (row.status, row.last_error) == ("ok", None)


@pytest.mark.parametrize(("pace", "window"), [(1e9, 300.0), (1000.0, None)])
def test_it_is_stale_beyond_twice_its_pace_and_five_minutes(
    store: FileStore, clock: ManualClock, pace: float, window: float | None
) -> None:
    """Nobody publishes: nothing fails, and readers lack more and more."""
    put(store, "B")
    store.publish()  # too early: the change is noted
    window = window or 2 * store.paths.live.stat().st_size / pace
    clock.advance(window)
    row = look(store, clock, pace=pace)["storage/published"]
    assert (row.status, row.stale_after_s) == ("ok", pytest.approx(window))
    clock.advance(1)
    row = look(store, clock, pace=pace)["storage/published"]
    assert row.status == "stale"
    assert "nothing has published it since" in (row.last_error or "")


def test_a_place_that_is_taken_is_seen_before_anybody_tries(
    store: FileStore, clock: ManualClock
) -> None:
    store.paths.published.unlink()
    store.paths.published.mkdir()
    row = look(store, clock)["storage/published"]
    assert row.status == "failed"
    assert "is a folder" in (row.last_error or "")


def test_segments_that_no_drain_brings_in_are_told_of(store: FileStore, clock: ManualClock) -> None:
    """While any is there, with its cause: set aside, and left for other code."""
    spool = Spool(store.paths.folder / "spool", limit_bytes=10**6, clock=clock)
    assert look(store, clock)["storage/spool"].status == "ok"
    newer = TableSpec(
        "trades", "one row each", (Column("id", "VARCHAR", "Its id."),), ("id",), "id"
    )
    spool.append(newer, pl.DataFrame({"id": ["a"]}))
    spool.drain(store)
    row = look(store, clock)["storage/spool"]
    assert row.status == "failed"
    assert "is left: this version has no table 'trades'" in (row.last_error or "")
    damaged = spool.append(PRICES, prices([("B", 1.0, 1, at(0))]))
    damaged.write_bytes(b"")
    spool.drain(store)
    row = look(store, clock)["storage/spool"]
    assert (row.last_error or "").endswith("and 1 more")
    for path in (store.paths.folder / "spool").glob("*.arrow*"):
        path.unlink()
    assert look(store, clock)["storage/spool"].status == "ok"
