"""The published file: complete, never missing, and not copied more often than it may be."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from market_assets.clock import ManualClock
from market_assets.storage.common.errors import StoreLocked, StoreUnwritable
from market_assets.storage.common.flock import locked
from market_assets.storage.files import copying
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import PRICES, T0, at, prices
from market_assets_tests.storage.processes import KILLED_WRITER, said, started, tell

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="clock")
def make_clock() -> ManualClock:
    """The pace's clock."""
    return ManualClock(T0)


@pytest.fixture(name="store")
def make_store(tmp_path: Path, clock: ManualClock) -> FileStore:
    """A store with one row, nothing published; a copy of it is due after more than a minute."""
    store = FileStore(
        tmp_path / "market.duckdb",
        tables=(PRICES,),
        clock=clock,
        publish_bytes_per_second=1000,
        lock_wait=timedelta(seconds=5),
    )
    put(store, "A")
    return store


def put(store: FileStore, symbol: str) -> None:
    store.merge(PRICES, prices([(symbol, 1.0, 1, at(0))]))


def published(store: FileStore) -> list[str]:
    """What somebody reads who opens the published file."""
    with duckdb.connect(store.paths.published, read_only=True) as connection:
        rows = connection.execute("select symbol from prices order by 1").fetchall()
    return [symbol for (symbol,) in rows]


def test_the_first_publication_is_at_once(store: FileStore) -> None:
    """Somebody who starts the project sees rows before a minute is over."""
    assert not store.paths.published.exists()
    publication = store.publish()
    assert publication.is_published
    assert publication.bytes == store.paths.published.stat().st_size > 0
    assert publication.hold_ms > 0
    assert published(store) == ["A"]


def test_the_pace_follows_what_a_copy_costs(store: FileStore, clock: ManualClock) -> None:
    """As many seconds as it has thousands of bytes; a clone costs nothing: then every 5 s."""
    first = store.publish()
    wait = max(5.0, first.copied / 1000)
    assert first.due_at == T0 + timedelta(seconds=wait)
    put(store, "B")
    clock.advance(wait - 1)
    assert store.publish().outcome == "early"
    assert published(store) == ["A"]
    clock.advance(1)
    assert store.publish().is_published
    assert published(store) == ["A", "B"]


def test_five_seconds_are_the_least(tmp_path: Path, clock: ManualClock) -> None:
    """However many bytes may be copied."""
    store = FileStore(
        tmp_path / "m.duckdb", tables=(PRICES,), clock=clock, publish_bytes_per_second=1e12
    )
    put(store, "A")
    store.publish()
    put(store, "B")
    clock.advance(4)
    assert store.publish().outcome == "early"
    clock.advance(1)
    assert store.publish().is_published


def test_the_pace_is_kept_across_processes(store: FileStore, clock: ManualClock) -> None:
    """Another store on the same files knows when the last copy was."""
    store.publish()
    put(store, "B")
    other = FileStore(store.paths.published, tables=(PRICES,), clock=clock)
    assert other.publish().outcome == "early"


def test_force_does_not_wait(store: FileStore) -> None:
    """A command that ends, or a person, publishes now."""
    store.publish()
    put(store, "B")
    assert store.publish(force=True).is_published
    assert published(store) == ["A", "B"]


def test_nothing_is_copied_when_nothing_changed(store: FileStore, clock: ManualClock) -> None:
    """Reading and writing what is there already leaves the published file alone."""
    store.publish()
    clock.advance(1e6)
    store.read("select 1")
    put(store, "A")
    inode = store.paths.published.stat().st_ino
    assert store.publish(force=True).outcome == "unchanged"
    assert store.paths.published.stat().st_ino == inode


def test_a_removed_published_file_comes_back(store: FileStore) -> None:
    """Unchanged or early, it must not be missing."""
    store.publish()
    store.paths.published.unlink()
    assert store.publish().is_published


def test_a_clock_set_back_does_not_stop_publishing(store: FileStore, clock: ManualClock) -> None:
    """The last publication seems to be in the future: the next is due."""
    clock.jump(1e6)
    store.publish()
    put(store, "B")
    clock.jump(-2e6)
    assert store.publish().is_published


@pytest.mark.parametrize("text", ["", "{", "[]", '{"at": "noon"}', '{"at": 5, "copied": 1}'])
def test_a_damaged_record_only_costs_a_copy(store: FileStore, text: str) -> None:
    """It is written anew."""
    store.publish()
    store.paths.publications.write_text(text)
    assert store.publish().is_published
    assert json.loads(store.paths.publications.read_text())["live"]


def test_the_log_of_a_killed_writer_is_published_too(store: FileStore) -> None:
    """It is worked into the live file first: a copy without it would lack acknowledged rows."""
    store.publish()
    with started(KILLED_WRITER, store.paths.live) as process:
        assert process.wait(60) == -9
    assert store.paths.wal.exists()
    assert store.publish(force=True).is_published
    assert not store.paths.wal.exists()
    assert published(store) == ["A", "K"]


def test_whoever_holds_the_published_file_keeps_it(store: FileStore, clock: ManualClock) -> None:
    """A notebook reads its old file while newer ones take its place."""
    store.publish()
    with duckdb.connect(store.paths.published, read_only=True) as notebook:
        for symbol in "BCD":
            put(store, symbol)
            clock.advance(1e6)
            assert store.publish().is_published
            assert notebook.execute("select count(*) from prices").fetchall() == [(1,)]
    assert published(store) == ["A", "B", "C", "D"]


def test_a_visitor_who_wrote_does_not_break_the_next_file(store: FileStore) -> None:
    """Somebody opened the published file for writing and left a log beside it."""
    store.publish()
    with started(KILLED_WRITER, store.paths.published) as process:
        assert process.wait(60) == -9
    assert store.paths.published_wal.exists()
    put(store, "B")
    assert store.publish(force=True).is_published
    assert published(store) == ["A", "B"]


def test_only_one_publishes(store: FileStore) -> None:
    """While another process copies, a paced wish is left to it; a forced one waits, and fails."""
    store.publish()
    put(store, "B")
    with locked(store.paths.publishing, deadline=0):
        assert store.publish().outcome == "busy"
        impatient = FileStore(
            store.paths.published, tables=(PRICES,), lock_wait=timedelta(seconds=0.05)
        )
        with pytest.raises(StoreLocked, match="publishing is held by PID"):
            impatient.publish(force=True)
    assert store.publish(force=True).is_published


def test_what_a_killed_publisher_left_is_removed(store: FileStore) -> None:
    """The published file is whole, and the half copy goes."""
    store.publish()
    left = store.paths.published.with_name(".market.duckdb.publishing-0123456789ab")
    left.write_bytes(b"half")
    put(store, "B")
    store.publish(force=True)
    assert not left.exists()
    assert sorted(path.name for path in store.paths.published.parent.iterdir()) == [
        "live",
        "market.duckdb",
    ]


def test_a_failed_copy_changes_nothing(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room for it: said so; the published file is the old one, and nothing lies about."""
    store.publish()
    put(store, "B")
    script = "echo \"cp: error writing '$4': No space left on device\" >&2; exit 1"
    monkeypatch.setattr(copying, "_CLONE", ("sh", "-c", script))
    monkeypatch.setattr(copying, "_COPY", ("sh", "-c", script))
    with pytest.raises(StoreUnwritable, match="No space left"):
        store.publish(force=True)
    assert published(store) == ["A"]
    monkeypatch.undo()
    assert store.publish(force=True).is_published


def test_readers_never_see_less_than_a_whole_file(store: FileStore) -> None:
    """Opened again and again by another process while it is replaced: always there, never less."""
    script = """
import sys, duckdb
most = 0
for line in sys.stdin:
    with duckdb.connect(sys.argv[1], read_only=True) as connection:
        [(count,)] = connection.execute("select count(*) from prices").fetchall()
    print(count, flush=True)
"""
    store.publish()
    counts: list[int] = []
    with started(script, store.paths.published) as reader:
        stop = threading.Event()

        def publish() -> None:
            for number in range(15):
                put(store, f"S{number}")
                store.publish(force=True)
            stop.set()

        publisher = threading.Thread(target=publish)
        publisher.start()
        while not stop.is_set() or len(counts) < 10:
            tell(reader)
            counts.append(int(said(reader)))
        publisher.join()
    assert counts == sorted(counts)
    assert published(store) == sorted(["A", *(f"S{number}" for number in range(15))])
