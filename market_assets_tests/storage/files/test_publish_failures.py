"""Publishing that fails, or stands still, is on record: readers of the old file cannot notice."""

from __future__ import annotations

import shutil
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from market_assets.clock import ManualClock
from market_assets.storage.common.errors import (
    NotADatabase,
    StoreError,
    StoreLocked,
    StoreUnwritable,
)
from market_assets.storage.common.outcomes import Standing
from market_assets.storage.files import copying
from market_assets.storage.files.publications import recall, standing
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import PRICES, T0, at, prices
from market_assets_tests.storage.processes import holding

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PACE = 1000.0


@pytest.fixture(name="clock")
def make_clock() -> ManualClock:
    """Of publications; long before the files of the test are made."""
    return ManualClock(T0 - timedelta(days=3650))


@pytest.fixture(name="store")
def make_store(tmp_path: Path, clock: ManualClock) -> FileStore:
    """A store whose first row is published and whose second one is not."""
    store = FileStore(
        tmp_path / "market.duckdb",
        tables=(PRICES,),
        clock=clock,
        publish_bytes_per_second=1e12,
        lock_wait=timedelta(seconds=0.2),
    )
    put(store, "A")
    store.publish()
    put(store, "B")
    clock.advance(60)
    return store


def put(store: FileStore, symbol: str) -> None:
    store.merge(PRICES, prices([(symbol, 1.0, 1, at(0))]))


def found(store: FileStore, clock: ManualClock) -> Standing:
    told = standing(store.paths, bytes_per_second=PACE, now=clock.now())
    assert told is not None
    return told


def published(store: FileStore) -> list[str]:
    with duckdb.connect(store.paths.published, read_only=True) as connection:
        rows = connection.execute("select symbol from prices order by 1").fetchall()
    return [symbol for (symbol,) in rows]


def a_folder(store: FileStore, _: pytest.MonkeyPatch) -> None:
    store.paths.published.unlink()
    (store.paths.published / "child").mkdir(parents=True)


def another_file(store: FileStore, _: pytest.MonkeyPatch) -> None:
    store.paths.published.write_bytes(b"somebody's thesis")


def no_room(_: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(copying, "_CLONE", ("false",))
    monkeypatch.setattr(copying.shutil, "disk_usage", lambda _: full)


def read_only(_: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ("sh", "-c", 'echo "cp: cannot create: Permission denied" >&2; exit 1')
    monkeypatch.setattr(copying, "_CLONE", refused)
    monkeypatch.setattr(copying, "_COPY", refused)


def too_slow(_: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_CLONE", ("false",))
    monkeypatch.setattr(copying, "_COPY", ("sh", "-c", "sleep 60"))
    monkeypatch.setattr(copying, "_SHORTEST_TIMEOUT_S", 0.1)


@pytest.mark.parametrize(
    ("fault", "kind", "complaint"),
    [
        (a_folder, NotADatabase, "is a folder"),
        (another_file, NotADatabase, "will not be overwritten"),
        (no_room, StoreUnwritable, r"full: a copy of market.duckdb needs .* MB are free"),
        (read_only, StoreUnwritable, "Permission denied"),
        (too_slow, StoreError, "was not done after 0 s"),
    ],
)
def test_a_failure_is_raised_and_stays_on_record(
    store: FileStore,
    clock: ManualClock,
    *,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[FileStore, pytest.MonkeyPatch], None],
    kind: type[StoreError],
    complaint: str,
) -> None:
    """Since when readers lack something, and why; until a publication succeeds, and no longer."""
    with monkeypatch.context() as patch:
        fault(store, patch)
        began = clock.now()
        for _ in range(2):
            with pytest.raises(kind, match=complaint):
                store.publish(force=True)
            clock.advance(600)
        told = found(store, clock)
        assert told.error is not None
        assert told.behind(clock.now()) == timedelta(seconds=1200)
        known = recall(store.paths.publications)
        assert known.error is not None
        assert known.tried_at == began + timedelta(seconds=600)
        assert known.published_at == began - timedelta(seconds=60)
        assert not list(store.paths.published.parent.glob(".*publishing*"))
    if fault is a_folder:
        shutil.rmtree(store.paths.published)
    if fault is another_file:
        store.paths.published.unlink()
    assert store.publish(force=True).is_published
    assert published(store) == ["A", "B"]
    told = found(store, clock)
    assert (told.error, told.behind_since) == (None, None)


def test_a_place_taken_while_nothing_changes_is_seen(
    store: FileStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published file is not what was published: unchanged it is not, and the row says so."""
    store.publish(force=True)
    another_file(store, monkeypatch)
    assert "not a DuckDB database" in (found(store, clock).error or "")
    with pytest.raises(NotADatabase):
        store.publish(force=True)


def test_another_database_in_its_place_is_replaced(store: FileStore, tmp_path: Path) -> None:
    """An old backup put there would be read for as long as nothing changes."""
    store.publish(force=True)
    with duckdb.connect(tmp_path / "backup.duckdb") as connection:
        connection.execute("create table old (x int)").fetchall()
    (tmp_path / "backup.duckdb").rename(store.paths.published)
    assert store.publish(force=True).is_published
    assert published(store) == ["A", "B"]


def test_a_live_file_that_is_held_is_a_failure(store: FileStore, clock: ManualClock) -> None:
    """Somebody opened it outside of the gate: copying would be of a file that changes."""
    with holding(store.paths.live), pytest.raises(StoreLocked):
        store.publish(force=True)
    assert "is held by" in (found(store, clock).error or "")
    assert store.publish(force=True).is_published


def test_how_far_behind_it_is_counts_from_the_first_change(
    store: FileStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from the last one, which is always a moment ago."""
    slow = FileStore(
        store.paths.published, tables=(PRICES,), clock=clock, publish_bytes_per_second=1e-3
    )
    monkeypatch.setattr(copying, "_CLONE", ("false",))
    slow.publish(force=True)
    assert found(store, clock).behind_since is None
    first = clock.now()
    for symbol in "CDE":
        put(store, symbol)
        assert slow.publish().outcome == "early"
        clock.advance(1000)
    told = found(store, clock)
    assert told.behind_since == first
    assert told.behind(clock.now()) == timedelta(seconds=3000)
    size = store.paths.live.stat().st_size
    assert told.window == timedelta(seconds=2 * size / PACE)


def test_a_failure_is_not_repeated_at_once(
    store: FileStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that costs nothing is tried again after 5 s; a person need not wait."""
    read_only(store, monkeypatch)
    with pytest.raises(StoreUnwritable):
        store.publish()
    assert store.publish().outcome == "early"
    with pytest.raises(StoreUnwritable):
        store.publish(force=True)
    clock.advance(5)
    with pytest.raises(StoreUnwritable):
        store.publish()


def test_nothing_to_publish_is_no_standing(tmp_path: Path) -> None:
    """Before the first row there is no file, and nobody is behind."""
    store = FileStore(tmp_path / "none.duckdb", tables=(PRICES,))
    assert standing(store.paths, bytes_per_second=PACE, now=T0) is None


def test_readers_come_and_go_while_a_copy_is_made(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even while a writer waits for its end: he waits outside, and comes next."""
    patient = FileStore(store.paths.published, tables=(PRICES,), lock_wait=timedelta(seconds=30))
    copying_now, go_on = threading.Event(), threading.Event()
    real = copying._run

    def held(*args: object) -> str | None:
        copying_now.set()
        assert go_on.wait(30)
        return real(*args)

    monkeypatch.setattr(copying, "_run", held)
    publisher = threading.Thread(target=lambda: patient.publish(force=True))
    publisher.start()
    assert copying_now.wait(30)
    writer = threading.Thread(target=lambda: put(patient, "C"))
    writer.start()
    for _ in range(20):
        assert store.read("select count(*) as n from prices")["n"].item() == 2
    with pytest.raises(StoreLocked, match="is held by PID"):
        put(store, "D")
    go_on.set()
    publisher.join(30)
    writer.join(30)
    assert store.read("select count(*) as n from prices")["n"].item() == 3
    assert published(store) == ["A", "B"]
