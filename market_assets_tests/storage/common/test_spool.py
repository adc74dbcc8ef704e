"""The spool: what it has accepted reaches the database once, whatever happens in between."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.frames import FrameError
from market_assets.storage.common import spool as spool_module
from market_assets.storage.common.apart import apart
from market_assets.storage.common.errors import SpoolFull, StoreLocked, StoreUnwritable
from market_assets.storage.common.flock import locked
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.common.segments import Content, encode
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets.tables import INGESTION_RUNS, Column
from market_assets_tests.storage.examples import NOTES, PRICES, T0, at, notes, prices

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> FileStore:
    """A store of two small tables."""
    return FileStore(
        tmp_path / "market.duckdb",
        tables=(PRICES, NOTES, INGESTION_RUNS),
        lock_wait=timedelta(seconds=5),
    )


@pytest.fixture(name="clock")
def make_clock() -> ManualClock:
    """The spool's clock."""
    return ManualClock(T0)


@pytest.fixture(name="spool")
def make_spool(store: FileStore, clock: ManualClock) -> Spool:
    """The store's spool, in a folder that is yet to be made."""
    return Spool(store.paths.folder / "spool", limit_bytes=10**6, clock=clock)


def price(symbol: str, value: float = 1.0, seq: int = 1) -> pl.DataFrame:
    return prices([(symbol, value, seq, at(0))])


def stored(store: FileStore) -> list[tuple[str, float]]:
    return store.read("select symbol, price from prices order by symbol").rows()  # type: ignore[return-value]


def test_segments_of_all_tables_arrive_in_one_transaction(store: FileStore, spool: Spool) -> None:
    """The newest row per key stays, the files go, the runs count what was written."""
    spool.append(PRICES, price("A", 1.0, seq=2))
    spool.append(NOTES, notes([("n", "first", None, None)]))
    spool.append(PRICES, price("A", 2.0, seq=1))
    spool.append(NOTES, notes([("n", "second", None, None)]))
    spool.append(PRICES, price("B", 3.0))
    store.prepare()
    holds = store.lock_stats.holds
    run = IngestionRun("venue", "channel", "prices", at(0))
    drained = spool.drain(store, [run])
    assert store.lock_stats.holds == holds + 1
    assert (drained.segments, drained.set_aside) == (5, 0)
    assert {one.table: one.inserted for one in drained.written} == {"prices": 2, "notes": 1}
    assert stored(store) == [("A", 1.0), ("B", 3.0)]
    assert store.read("select text from notes")["text"].to_list() == ["second"]
    assert run.rows_written == 2
    assert spool.depth().segments == 0


def test_what_belongs_together_arrives_together_or_not_at_all(
    store: FileStore, spool: Spool
) -> None:
    """A frame that its table does not take keeps the other one out, too."""
    scopes = pl.DataFrame({"symbol": ["A", "B"]})
    both = [
        Content(PRICES, price("A", 1.0), scopes),
        Content(NOTES, notes([("n", "of A", None, None)])),
    ]
    store.merge(PRICES, price("B", 2.0))
    spool.append_together(both)
    assert spool.depth().segments == 1
    drained = spool.drain(store)
    assert {one.table: one.inserted for one in drained.written} == {"prices": 1, "notes": 1}
    assert stored(store) == [("A", 1.0)]
    with pytest.raises(FrameError):
        spool.append_together([both[0], Content(NOTES, price("A"))])
    assert spool.depth().segments == 0


def test_an_older_segment_never_overwrites(store: FileStore, spool: Spool) -> None:
    """Drained after a newer row was merged directly."""
    spool.append(PRICES, price("A", 1.0, seq=1))
    store.merge(PRICES, price("A", 2.0, seq=2))
    assert spool.drain(store).written[0].unchanged == 1
    assert stored(store) == [("A", 2.0)]


def test_an_empty_spool_takes_no_lock(store: FileStore, spool: Spool) -> None:
    """Nothing is opened, nor is the folder made."""
    assert spool.drain(store).written == ()
    assert store.lock_stats.holds == 0
    assert not (store.paths.folder / "spool").exists()


def test_the_depth_says_how_much_and_how_long(
    store: FileStore, spool: Spool, clock: ManualClock
) -> None:
    """Age by the spool's clock, and never negative when it is set back."""
    assert spool.depth() == spool_module.SpoolDepth(0, 0, 0.0, 0)
    first = spool.append(PRICES, price("A"))
    clock.advance(90)
    second = spool.append(PRICES, price("B"))
    depth = spool.depth()
    assert (depth.segments, depth.oldest_age_s) == (2, 90.0)
    assert depth.bytes == first.stat().st_size + second.stat().st_size
    clock.jump(-1000)
    assert spool.depth().oldest_age_s == 0.0
    spool.drain(store)


def test_order_survives_a_clock_that_goes_back(
    store: FileStore, spool: Spool, clock: ManualClock
) -> None:
    """The later append stays the later write, in this process and in the next."""
    spool.append(NOTES, notes([("n", "1", None, None)]))
    clock.jump(-3600)
    spool.append(NOTES, notes([("n", "2", None, None)]))
    next_process = Spool(store.paths.folder / "spool", limit_bytes=10**6, clock=clock)
    next_process.append(NOTES, notes([("n", "3", None, None)]))
    spool.drain(store)
    assert store.read("select text from notes")["text"].to_list() == ["3"]


def test_a_wrong_frame_is_not_received(spool: Spool, store: FileStore) -> None:
    """It fails at the append, where somebody can see whose fault it is."""
    with pytest.raises(FrameError):
        spool.append(PRICES, notes([("n", None, None, None)]))
    assert not (store.paths.folder / "spool").exists()


def test_the_limit_is_loud_and_loses_nothing(store: FileStore) -> None:
    """What was received before is still there; after a drain there is room again."""
    one = len(encode(price("A")))
    spool = Spool(store.paths.folder / "spool", limit_bytes=int(2.5 * one))
    spool.append(PRICES, price("A"))
    spool.append(PRICES, price("B"))
    with pytest.raises(SpoolFull, match=r"spool holds 0\.0 MB of at most"):
        spool.append(PRICES, price("C"))
    spool.drain(store)
    spool.append(PRICES, price("C"))
    spool.drain(store)
    assert [symbol for symbol, _ in stored(store)] == ["A", "B", "C"]


def test_the_limit_counts_what_others_append(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at each append, but soon."""
    monkeypatch.setattr(spool_module, "_LISTED_EVERY", 2)
    one = len(encode(price("A")))
    mine, other = (Spool(store.paths.folder / "spool", limit_bytes=int(3.5 * one)) for _ in "12")
    mine.append(PRICES, price("A"))
    for symbol in "BC":
        other.append(PRICES, price(symbol))
    mine.append(PRICES, price("D"))
    with pytest.raises(SpoolFull):
        mine.append(PRICES, price("E"))
    assert mine.depth().segments == 4


def test_what_cannot_be_read_is_set_aside(store: FileStore, spool: Spool) -> None:
    """Damaged: renamed, with the cause, and counted; the others arrive."""
    spool.append(PRICES, price("A"))
    damaged = spool.append(PRICES, price("B"))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    spool.append(PRICES, price("C"))
    stray = store.paths.folder / "spool" / "stray.arrow"
    stray.write_bytes(b"junk")
    drained = spool.drain(store)
    assert (drained.segments, drained.set_aside, drained.left) == (2, 2, 0)
    assert spool.depth().set_aside == 2
    stray.with_name("stray.arrow.bad").unlink()
    stray.with_name("stray.arrow.bad.why").unlink()
    assert [symbol for symbol, _ in stored(store)] == ["A", "C"]
    assert (spool.depth().segments, spool.depth().set_aside) == (0, 1)
    bad = damaged.with_name(damaged.name + ".bad")
    [one] = apart(store.paths.folder / "spool")
    assert (one.segment.path, one.kind, one.segment.table) == (bad, "set aside", "prices")
    assert one.cause == "its bytes are not those that were written"
    assert spool.drain(store).set_aside == 0
    assert spool.retry(store).set_aside == 1
    bad.write_bytes(whole)
    assert spool.retry(store).segments == 1
    assert [symbol for symbol, _ in stored(store)] == ["A", "B", "C"]
    assert apart(store.paths.folder / "spool") == []
    assert [
        path.name for path in (store.paths.folder / "spool").iterdir() if path.suffix != ".json"
    ] == [".drain"]


@pytest.mark.parametrize("what", ["a table", "a column", "a required column"])
def test_what_newer_code_wrote_is_left_for_it(
    store: FileStore, spool: Spool, clock: ManualClock, what: str
) -> None:
    """A session on the old code meets it at every upgrade; it touches nothing, and tells."""
    newer = {
        "a table": replace(PRICES, name="trades"),
        "a column": replace(PRICES, columns=(*PRICES.columns, Column("venue", "VARCHAR", "New."))),
        "a required column": replace(
            PRICES, columns=(*PRICES.columns, Column("venue", "VARCHAR", "New.", required=True))
        ),
    }[what]
    rows = price("A")
    if what != "a table":
        rows = rows.with_columns(venue=pl.lit("spot"))
    path = spool.append(newer, rows)
    spool.append(PRICES, price("B"))
    first, second = spool.drain(store), spool.drain(store)
    assert (first.segments, first.set_aside, first.left) == (1, 0, 1)
    assert (second.segments, second.set_aside, second.left) == (0, 0, 0)
    assert path.exists()
    depth = Spool(store.paths.folder / "spool", limit_bytes=0, clock=clock).depth()
    assert (depth.segments, depth.set_aside, depth.left) == (0, 0, 1)
    [one] = apart(store.paths.folder / "spool")
    assert (one.kind, one.segment.path) == ("left", path)
    assert "this version has no" in one.cause
    new_code = FileStore(store.paths.published, tables=(newer, NOTES), clock=clock)
    drained = Spool(store.paths.folder / "spool", limit_bytes=10**6).drain(new_code)
    assert (drained.segments, drained.left) == (1, 0)
    found = new_code.read(f"select * from {newer.name} where symbol = 'A'")  # noqa: S608 - a test's own
    assert found.height == 1
    assert what == "a table" or found["venue"].to_list() == ["spot"]
    assert apart(store.paths.folder / "spool") == []


def test_what_lacks_a_column_that_must_be_there_is_left(
    store: FileStore, spool: Spool, clock: ManualClock
) -> None:
    """The code that wrote it has not drained it; which table it is for is known."""
    spool.append(PRICES, price("A"))
    required = Column("venue", "VARCHAR", "New.", required=True)
    newer = replace(PRICES, columns=(*PRICES.columns, required))
    new_code = FileStore(store.paths.published, tables=(newer, NOTES), clock=clock)
    assert Spool(store.paths.folder / "spool", limit_bytes=10**6).drain(new_code).left == 1
    assert spool.drain(store).segments == 1
    assert [symbol for symbol, _ in stored(store)] == ["A"]


def test_columns_of_code_that_is_gone_are_dropped_on_request(
    store: FileStore, spool: Spool
) -> None:
    """By a person, who knows that nobody will ever read them."""
    column = Column("venue", "VARCHAR", "Gone.")
    older = replace(PRICES, columns=(*PRICES.columns, column))
    spool.append(older, price("A").with_columns(venue=pl.lit("spot")))
    assert spool.drain(store).left == 1
    assert spool.retry(store, drop_unknown=True).segments == 1
    assert [symbol for symbol, _ in stored(store)] == ["A"]
    assert apart(store.paths.folder / "spool") == []


def test_a_long_backlog_is_drained_in_batches(
    store: FileStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is committed and removed before the next; their counts add up."""
    monkeypatch.setattr(spool_module, "BATCH_SEGMENTS", 3)
    for number in range(8):
        spool.append(PRICES, price(f"S{number}"))
    store.prepare()
    holds = store.lock_stats.holds
    drained = spool.drain(store)
    assert store.lock_stats.holds == holds + 3
    assert drained.segments == drained.written[0].inserted == 8
    monkeypatch.setattr(spool_module, "BATCH_BYTES", 1)
    for number in range(2):
        spool.append(PRICES, price(f"S{number}", seq=2))
    holds = store.lock_stats.holds
    assert spool.drain(store).written[0].updated == 2
    assert store.lock_stats.holds == holds + 2


def test_a_failing_batch_keeps_what_came_before(
    store: FileStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first batch is in the database and out of the spool; the second stays in it."""
    monkeypatch.setattr(spool_module, "BATCH_SEGMENTS", 1)
    for symbol in "AB":
        spool.append(PRICES, price(symbol))
    write, calls = store.write, []

    def write_once(*changes: object, **options: object) -> object:
        calls.append(changes)
        if len(calls) > 1:
            raise StoreLocked("somebody else's turn")
        return write(*changes, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "write", write_once)
    with pytest.raises(StoreLocked):
        spool.drain(store)
    monkeypatch.undo()
    assert stored(store) == [("A", 1.0)]
    assert spool.depth().segments == 1
    spool.drain(store)
    assert [symbol for symbol, _ in stored(store)] == ["A", "B"]


def test_one_drains_at_a_time(store: FileStore, spool: Spool) -> None:
    """Another waits as long as the store allows, and then says for whom."""
    spool.append(PRICES, price("A"))
    impatient = FileStore(store.paths.published, tables=store.tables, lock_wait=timedelta(0))
    with (
        locked(store.paths.folder / "spool" / ".drain", deadline=0),
        pytest.raises(StoreLocked, match="drain is held by PID"),
    ):
        spool.drain(impatient)
    assert spool.drain(store).segments == 1


def test_appending_goes_on_while_others_drain(store: FileStore) -> None:
    """Several writers, two drainers: every row arrives, none twice."""
    names = [f"{writer}{turn}" for writer in "abc" for turn in range(12)]
    writing = threading.Event()
    failures: list[BaseException] = []

    def guarded(action: object, *args: str) -> None:
        try:
            action(*args)  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    def write(writer: str) -> None:
        mine = Spool(store.paths.folder / "spool", limit_bytes=10**7)
        for name in names:
            if name.startswith(writer):
                mine.append(PRICES, price(name))

    def drain() -> None:
        mine = Spool(store.paths.folder / "spool", limit_bytes=10**7)
        while not writing.is_set():
            mine.drain(store)

    writers = [threading.Thread(target=guarded, args=(write, writer)) for writer in "abc"]
    drainers = [threading.Thread(target=guarded, args=(drain,)) for _ in range(2)]
    for thread in (*writers, *drainers):
        thread.start()
    for thread in writers:
        thread.join(60)
    writing.set()
    for thread in drainers:
        thread.join(60)
    assert failures == []
    Spool(store.paths.folder / "spool", limit_bytes=10**7).drain(store)
    assert [symbol for symbol, _ in stored(store)] == sorted(names)


def test_only_abandoned_halves_are_removed(store: FileStore, spool: Spool) -> None:
    """What an appender is writing now is left alone; what one left an hour ago goes."""
    spool.append(PRICES, price("A"))
    now, long_ago = (
        store.paths.folder / "spool" / f".{age}.arrow.partial" for age in ("now", "old")
    )
    now.touch()
    long_ago.touch()
    os.utime(long_ago, (0, 0))
    spool.drain(store)
    assert now.exists()
    assert not long_ago.exists()


def test_a_failed_append_leaves_no_trace(
    spool: Spool, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk does not take it: an error of one line, and nothing that looks like a segment."""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StoreUnwritable, match="spool cannot be written: No space left"):
            spool.append(PRICES, price("A"))
    assert list((store.paths.folder / "spool").iterdir()) == []
    spool.append(PRICES, price("B"))
    spool.drain(store)
    assert stored(store) == [("B", 1.0)]
