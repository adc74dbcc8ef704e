"""The thread that makes the index: whom it keeps waiting, and what is answered meanwhile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from market_assets.api.market_index import keeper as keeping
from market_assets.api.market_index.index import Index
from market_assets.api.market_index.keeper import MOST_BEHIND_S, IndexKeeper
from market_assets.api.market_index.refresh import refreshed
from market_assets.clock import ManualClock
from market_assets.storage.common.errors import StoreError
from market_assets.storage.files.published import Published, Snapshot
from market_assets_tests.api.database import NOW
from market_assets_tests.api.market_index.files import Market, publish
from market_assets_tests.waiting import until

PATIENCE_S = 60.0


class Making:
    """Makes indexes as the keeper would, one for each `allow`, and says when it begins one."""

    def __init__(self) -> None:
        self.begun, self.allowed = threading.Semaphore(0), threading.Semaphore(0)
        self.made: list[Index] = []
        self.error: Exception | None = None

    def __call__(
        self, before: Index | None, snapshot: Snapshot, breathe: Callable[[], None]
    ) -> Index:
        self.begun.release()
        while not self.allowed.acquire(timeout=0.01):
            breathe()
        if self.error is not None:
            raise self.error
        self.made.append(refreshed(before, snapshot, breathe))
        return self.made[-1]

    def wait(self) -> None:
        """Until one is begun."""
        assert self.begun.acquire(timeout=PATIENCE_S)


class Kept:
    """A keeper of a file's index, and what it is made with."""

    def __init__(self, path: Path) -> None:
        self.published, self.clock, self.making = Published(path), ManualClock(NOW), Making()
        self.keeper = IndexKeeper(self.published, clock=self.clock, make=self.making)

    def now(self) -> Index | None:
        """The index that a search gets."""
        with self.published.snapshot() as snapshot:
            return self.keeper.of(snapshot)

    def made(self) -> Index:
        """The one that is allowed to be made, when it is there."""
        before = self.now()
        self.making.allowed.release()
        until(lambda: self.now() not in (None, before), "a new index")
        return self.making.made[-1]


@contextmanager
def kept(path: Path) -> Iterator[Kept]:
    """One that is closed."""
    one = Kept(path)
    try:
        yield one
    finally:
        one.keeper.close()
        one.published.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A published file with one market."""
    where = tmp_path / "market.duckdb"
    publish(where, [Market("a")])
    return where


def test_nothing_is_made_before_there_is_a_search(path: Path) -> None:
    """Whoever does not search does not pay."""
    with kept(path) as one:
        assert one.keeper._thread is None


def test_nobody_waits_for_an_index(path: Path) -> None:
    """There is none until it is made; then there is."""
    with kept(path) as one:
        assert one.now() is None
        one.making.wait()
        assert one.now() is None, "and that at once, while it is being made"
        assert one.made().live == 1


def test_few_markets_are_never_looked_up_in_an_older_index(path: Path) -> None:
    """The database is fast enough among them, and has the new ones."""
    with kept(path) as one:
        assert one.now() is None
        one.made()
        publish(path, [Market("a"), Market("b")])
        assert one.now() is None
        assert one.made().live == 2


def test_many_markets_are_looked_up_in_an_index_that_is_a_minute_old_at_most(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the next one is made, however long that takes."""
    monkeypatch.setattr(keeping, "SMALL", 0)
    with kept(path) as one:
        assert one.now() is None
        first = one.made()
        publish(path, [Market("a"), Market("b")])
        assert one.now() is first
        one.making.wait()
        one.making.wait()  # the second one has begun
        one.clock.advance(MOST_BEHIND_S)
        assert one.now() is first
        one.clock.advance(1)
        assert one.now() is None
        assert one.made().live == 2


def test_a_new_file_is_noticed_without_a_search(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the next one finds its index made."""
    monkeypatch.setattr(keeping, "_LOOK_S", 0.01)
    with kept(path) as one:
        assert one.now() is None
        one.made()
        one.making.wait()
        publish(path, [Market("b")])
        one.making.wait()


def test_nobody_looks_for_new_files_when_nobody_searches(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour after the last search the thread sleeps until the next."""
    monkeypatch.setattr(keeping, "_LOOK_S", 0.01)
    looks: list[float] = []
    with kept(path) as one:
        look = one.keeper._look
        asleep = threading.Event()
        wait = one.keeper._wake.wait

        def waits(timeout: float | None = None) -> bool:
            if timeout is None:
                asleep.set()
            return wait(timeout)

        monkeypatch.setattr(one.keeper._wake, "wait", waits)
        monkeypatch.setattr(one.keeper, "_look", lambda: (looks.append(1), look()))
        assert one.now() is None
        one.made()
        assert not asleep.is_set()
        one.clock.advance(3601)
        assert asleep.wait(PATIENCE_S)
        count = len(looks)
        publish(path, [Market("b")])
        assert one.now() is None
        assert one.made().live == 1
        assert len(looks) > count


def test_an_index_that_cannot_be_made_is_told_once_and_tried_with_the_next_file(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Searches are answered without."""
    with kept(path) as one, caplog.at_level(logging.WARNING):
        for error in (StoreError("no room"), ZeroDivisionError("a fault")):
            one.making.error = error
            one.making.allowed.release()
            assert one.now() is None
            one.making.wait()
            publish(path, [Market("a"), Market(str(error))])
        one.making.error = None
        assert one.made().live == 2
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert "no room" in caplog.text
    assert "a fault" in caplog.text


def test_closing_ends_what_is_being_made(path: Path) -> None:
    """It is never allowed to be made here; `breathe` ends it."""
    with kept(path) as one:
        assert one.now() is None
        one.making.wait()
    assert one.making.made == []
    assert one.now() is None
    assert one.keeper._thread is not None
    assert not one.keeper._thread.is_alive()


def test_a_closed_keeper_begins_nothing(path: Path) -> None:
    """A search that is still being answered when the server stops."""
    one = Kept(path)
    one.keeper.close()
    assert one.now() is None
    assert one.keeper._thread is None
    one.published.close()


def test_it_is_made_aside_and_where_that_cannot_be_beside(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With DuckDB's memory for it bounded; where that is too little, with that of the answers."""
    used: list[Snapshot] = []

    def make(before: Index | None, snapshot: Snapshot, breathe: Callable[[], None]) -> Index:
        used.append(snapshot)
        if len(used) == 2:
            raise StoreError("Out of Memory")
        return refreshed(before, snapshot, breathe)

    monkeypatch.setattr(keeping, "refreshed", make)
    published = Published(path)
    with published.snapshot() as snapshot:
        assert keeping._made_aside(None, snapshot, lambda: None).live == 1
        assert used[0] is not snapshot
        assert used[0].version == snapshot.version
        assert keeping._made_aside(None, snapshot, lambda: None).live == 1
        assert used[1:] == [used[0], snapshot]
    published.close()
