"""A second stream on the same runtime, of another kind: whole books, whose levels vanish."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.machine_paths import MachinePaths, machine_paths
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.lease import Lease, LeaseHeldError
from market_assets.streams.core.options import SessionEnd
from market_assets.streams.core.session import StreamSession
from market_assets.streams.core.state import STATE_FILE, read_json
from market_assets.tables import TABLES
from market_assets_tests.streams.core.books import LEVELS, Book, BookFlow, Venue, session, tables
from market_assets_tests.waiting import until

TOKENS = ("A", "B", "C")


@pytest.fixture
def venue() -> Iterator[Venue]:
    with Venue() as running:
        for token in TOKENS:
            running.set(token, {0.4: 10.0, 0.5: 20.0})
        yield running


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb", tables=(*TABLES, LEVELS))


def stored(store: FileStore, of: str = "A") -> Book:
    """The book as the database has it."""
    rows = store.read(
        "select price, size from made_up_book_levels where token = $token", {"token": of}
    )
    return dict(rows.iter_rows())


@contextmanager
def running(made: StreamSession) -> Iterator[tuple[threading.Event, list[SessionEnd | Exception]]]:
    """The session in a thread; what is yielded stops it, and hears how it ended."""
    stop, ends = threading.Event(), list[SessionEnd | Exception]()

    def run() -> None:
        try:
            ends.append(made.run(stop))
        except Exception as error:  # noqa: BLE001 - looked at by the test
            ends.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield stop, ends
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def test_levels_that_vanish_are_gone_from_the_table(
    tmp_path: Path, venue: Venue, store: FileStore
) -> None:
    """Also the last one of a side, and of a book; the books of others stay."""
    with running(session(tmp_path, venue, TOKENS)) as (stop, ends):
        until(lambda: stored(store) == {0.4: 10.0, 0.5: 20.0}, "the first book")
        venue.set("A", {0.5: 25.0, 0.6: 1.0})
        until(lambda: stored(store) == {0.5: 25.0, 0.6: 1.0}, "a level to vanish")
        venue.set("A", {})
        until(lambda: stored(store) == {}, "the book to be empty")
        assert stored(store, "B") == {0.4: 10.0, 0.5: 20.0}
        venue.set("A", {0.3: 7.0})
        stop.set()
        until(lambda: ends, "the end")
    end = ends[0]
    assert isinstance(end, SessionEnd), end
    assert (end.reason, end.is_drained) == ("stopped", True)
    runs = store.read(
        "select distinct source, channel, asset_key, status from ingestion_runs order by all"
    )
    assert runs.rows() == [("made_up", "books", "made_up_book_levels", "ok")]


def test_a_connection_that_is_cut_and_comes_back_brings_the_books_of_now(
    tmp_path: Path, venue: Venue, store: FileStore
) -> None:
    with running(session(tmp_path, venue, TOKENS)):
        until(lambda: stored(store, "C"), "the first books")
        venue.books["A"] = {0.9: 1.0}
        venue.cut()
        until(lambda: stored(store) == {0.9: 1.0}, "the book of now")


def test_its_locks_and_its_spool_are_its_own(
    tmp_path: Path, venue: Venue, store: FileStore
) -> None:
    """Another stream into the same database neither excludes it nor drains its segments."""
    of_hyperliquid = MachinePaths(store.paths.folder).stream("hyperliquid")
    of_hyperliquid.folder.mkdir(parents=True)
    other = Lease(of_hyperliquid.folder)
    assert other.acquire(run_id="x", started_at="", code_version="1") == "leader"
    own = MachinePaths(store.paths.folder).stream("made_up")
    with running(session(tmp_path, venue, TOKENS)):
        until(lambda: stored(store), "a book")
        until(lambda: read_json(own.folder / STATE_FILE), "its account")
        with pytest.raises(LeaseHeldError):
            session(tmp_path, venue, TOKENS).run(threading.Event())
    other.release()
    assert not list(of_hyperliquid.spool.glob("*.arrow"))
    account = read_json(own.folder / STATE_FILE)
    assert account is not None
    assert account["phase"] == "ended"


def test_a_session_relieves_another_and_no_book_is_lost(
    tmp_path: Path, venue: Venue, store: FileStore
) -> None:
    options: dict[str, Any] = {"session_length": timedelta(seconds=1)}
    with (
        running(session(tmp_path, venue, TOKENS, **options)) as (_, old),
        running_later(tmp_path, venue) as (_, new),
    ):
        until(lambda: old, "the relieved session to end")
        venue.set("B", {0.1: 5.0})
        until(lambda: stored(store, "B") == {0.1: 5.0}, "a book by the successor")
        assert not new
    end = old[0]
    assert isinstance(end, SessionEnd), end
    assert end.reason == "handed_over"


def test_what_a_clock_that_was_ahead_has_left_is_put_right(
    tmp_path: Path, venue: Venue, store: FileStore
) -> None:
    """The flow is told to forget, on its own thread; its rows from the future are deleted."""
    store.prepare()
    ahead = datetime(2099, 1, 1, tzinfo=UTC)
    rows = pl.DataFrame([("Z", 0.5, 1.0, ahead)], schema=LEVELS.schema, orient="row")
    store.merge(LEVELS, rows)
    made = session(tmp_path, venue, TOKENS)
    flow = made._flow
    assert isinstance(flow, BookFlow)
    with running(made):
        until(lambda: stored(store), "the first books")
        assert stored(store, "Z")
        flow.clock_was_ahead = True
        until(lambda: not stored(store, "Z"), "the rows from the future to go")
        until(lambda: flow.were_set_back, "the flow to be told")
    assert flow.were_set_back == 1


def test_who_follows_a_leader_looks_for_what_both_have_missed(tmp_path: Path, venue: Venue) -> None:
    """Once, when it leads; who leads from the start has nobody's work to look through."""
    first = session(tmp_path, venue, TOKENS, session_length=timedelta(seconds=1))
    second = session(tmp_path, venue, TOKENS)
    lease = Lease(MachinePaths(tmp_path / "live").stream("made_up").folder)
    with running(first) as (_, old):
        until(lambda: lease.peek().state == "handing_over", "the first to be tired")
        with running(second):
            until(lambda: old, "the relieved session to end")
            until(lambda: second._flow.led, "the second to lead")
    assert (first._flow.led, second._flow.led) == (0, 1)


def test_an_upgrade_in_the_middle_of_a_stream_loses_no_row(tmp_path: Path, venue: Venue) -> None:
    """The new code has a table and a required column more; the old one drains beside it.

    What it does not know it leaves, and the new code brings it in once it leads.
    """
    newer = FileStore(tmp_path / "market.duckdb", tables=tables(is_newer=True))
    own = MachinePaths(newer.paths.folder).stream("made_up")
    with (
        running(session(tmp_path, venue, TOKENS, session_length=timedelta(seconds=1))) as (_, old),
        running_later(tmp_path, venue, is_newer=True) as (stop, new),
    ):
        venue.set("A", {0.7: 3.0})
        until(lambda: old, "the old code to be relieved")
        venue.set("B", {0.8: 4.0})
        until(lambda: stored(newer, "B") == {0.8: 4.0}, "a book by the new code")
        stop.set()
        until(lambda: new, "the end")
    assert all(isinstance(end, SessionEnd) for end in (*old, *new)), (old, new)
    assert stored(newer) == {0.7: 3.0}
    assert stored(newer, "C") == {0.4: 10.0, 0.5: 20.0}
    told = newer.read("select distinct token, venue from made_up_book_levels order by all").rows()
    assert {venue_ for _, venue_ in told} <= {"then", "now"}
    assert ("B", "now") in told
    changes = newer.read("select distinct token from made_up_book_changes order by all")
    assert changes["token"].to_list() == list(TOKENS)
    depth = Spool(own.spool, limit_bytes=1).depth()
    assert (depth.segments, depth.left, depth.set_aside) == (0, 0, 0)


@contextmanager
def running_later(
    tmp_path: Path, venue: Venue, *, is_newer: bool = False
) -> Iterator[tuple[threading.Event, list[SessionEnd | Exception]]]:
    """A second session, once the first one wants to be relieved."""
    lease = Lease(machine_paths(tmp_path / "market.duckdb").stream("made_up").folder)
    until(lambda: lease.peek().state == "handing_over", "the first to be tired")
    with running(session(tmp_path, venue, TOKENS, is_newer=is_newer)) as made:
        yield made


def test_what_waits_in_the_spool_is_told_in_its_order(tmp_path: Path, store: FileStore) -> None:
    """Whole books after each other, of several tokens at once, with a merge in between."""
    spool = Spool(tmp_path / "spool", limit_bytes=10**8)
    at = [datetime(2026, 3, 1, 12, 0, n, tzinfo=UTC) for n in range(4)]

    def rows(*levels: tuple[str, float, float], n: int) -> pl.DataFrame:
        return pl.DataFrame(
            [(*level, at[n]) for level in levels], schema=LEVELS.schema, orient="row"
        )

    def whole(*tokens: str) -> pl.DataFrame:
        return pl.DataFrame({"token": list(tokens)})

    spool.append(LEVELS, rows(("A", 1, 1), ("A", 2, 1), ("B", 1, 1), n=0), scopes=whole("A", "B"))
    spool.append(LEVELS, rows(("A", 2, 5), n=1), scopes=whole("A"))
    spool.append(LEVELS, rows(("A", 9, 9), ("C", 1, 1), n=2))
    spool.append(LEVELS, rows(n=3), scopes=whole("B"))
    spool.drain(store)
    assert (stored(store, "A"), stored(store, "B"), stored(store, "C")) == (
        {2.0: 5.0, 9.0: 9.0},
        {},
        {1.0: 1.0},
    )


_LEVELS = st.dictionaries(st.sampled_from([0.1, 0.2, 0.3]), st.floats(1, 9), max_size=3)
_PIECES = st.lists(
    st.tuples(st.booleans(), st.dictionaries(st.sampled_from(TOKENS), _LEVELS, min_size=1)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25)
@given(_PIECES)
def test_drained_together_or_one_by_one_it_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[bool, dict[str, Book]]]
) -> None:
    """The drain puts segments together as far as it changes nothing."""
    found = []
    for at_once in (True, False):
        folder = tmp_path_factory.mktemp("spool")
        store = FileStore(folder / "market.duckdb", tables=(LEVELS,))
        spool = Spool(folder / "spool", limit_bytes=10**8)
        expected: dict[str, Book] = {}
        for n, (is_whole, books) in enumerate(pieces):
            at = datetime(2026, 3, 1, 12, 0, n, tzinfo=UTC)
            rows = [
                (t, price, size, at) for t, book in books.items() for price, size in book.items()
            ]
            frame = pl.DataFrame(rows, schema=LEVELS.schema, orient="row")
            scopes = pl.DataFrame({"token": list(books)}) if is_whole else None
            spool.append(LEVELS, frame, scopes=scopes)
            for token, book in books.items():
                expected[token] = {**({} if is_whole else expected.get(token, {})), **book}
            if not at_once:
                spool.drain(store)
        spool.drain(store)
        found.append({token: stored(store, token) for token in TOKENS})
        assert found[-1] == {token: expected.get(token, {}) for token in TOKENS}
