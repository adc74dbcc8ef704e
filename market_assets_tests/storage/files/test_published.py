"""Reading the published file while it is replaced, from many threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from market_assets.storage.common.errors import NotADatabase, NothingPublished, StoreError
from market_assets.storage.files import attaching, published
from market_assets.storage.files.file_version import Version, version_of
from market_assets.storage.files.published import Published


def make(path: Path, value: int) -> None:
    """A database of one row, put in its place by rename, as publishing does."""
    draft = path.with_name(f"draft {value}")
    with duckdb.connect(draft) as connection:
        connection.execute("create table t (v bigint, seen_at timestamptz)")
        connection.execute("insert into t values (?, '2026-01-01 00:00:00Z')", [value])
    draft.rename(path)


def value_of(snapshot: published.Snapshot) -> int:
    """The value of the one row."""
    (row,) = snapshot.rows("select v from t")
    value: int = row["v"]
    return value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file with value 1 is published; a quote in its name must not matter."""
    where = tmp_path / "it's here.duckdb"
    make(where, 1)
    return where


def test_rows_are_by_name_and_instants_are_utc(path: Path) -> None:
    """Whatever the time zone of the machine; parameters are bound."""
    reader = Published(path)
    with reader.snapshot() as snapshot:
        assert snapshot.columns == {"t": ("v", "seen_at")}
        (row,) = snapshot.rows("select seen_at, $v as v from t where v = 1", {"v": "x' or 1=1"})
        assert row["v"] == "x' or 1=1"
        assert row["seen_at"] == datetime(2026, 1, 1, tzinfo=UTC)
        assert row["seen_at"].utcoffset() == timedelta(0)
    reader.close()


def test_a_new_file_is_seen_by_the_next_reader_and_not_by_the_present_one(path: Path) -> None:
    """DuckDB would give the old one again to whoever connects to the same path."""
    reader = Published(path)
    with reader.snapshot() as first:
        assert value_of(first) == 1
        make(path, 2)
        with reader.snapshot() as second:
            assert value_of(second) == 2
            assert second.version != first.version
            assert second.version.tag != first.version.tag
        assert value_of(first) == 1
    with pytest.raises(duckdb.Error):
        value_of(first)  # closed, when its last reader had gone
    with reader.snapshot() as again:
        assert again is second
    reader.close()


def test_the_file_cannot_be_written_and_no_other_can_be_read(path: Path) -> None:
    """Whatever a statement says."""
    reader = Published(path)
    with reader.snapshot() as snapshot:
        with pytest.raises(duckdb.Error, match="read-only"):
            snapshot.rows("drop table t")
        with pytest.raises(duckdb.Error, match="disabled"):
            snapshot.rows("select * from read_csv('/etc/hosts')")
        assert value_of(snapshot) == 1
    reader.close()


def test_writers_of_other_files_never_wait_and_readers_never_fail(path: Path) -> None:
    """Four threads read while it is replaced twenty times; each sees values that only grow."""
    reader, stop = Published(path), threading.Event()

    def read() -> list[int]:
        seen = []
        while not stop.is_set():
            with reader.snapshot() as snapshot:
                seen.append(value_of(snapshot))
        return seen

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for value in range(2, 22):
                make(path, value)
        finally:
            stop.set()
        for one in readers:
            seen = one.result(60)
            assert seen == sorted(seen)
    with reader.snapshot() as snapshot:
        assert value_of(snapshot) == 21
    reader.close()


def test_what_is_remembered_is_made_once_for_a_version(path: Path) -> None:
    """By whichever thread comes first; anew for the next version."""
    reader, made = Published(path), []

    def make_it(snapshot: published.Snapshot) -> int:
        made.append(1)
        return value_of(snapshot)

    def ask(_: int) -> int:
        with reader.snapshot() as snapshot:
            return snapshot.remember("it", make_it)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(40))) == {1}
    assert len(made) == 1
    make(path, 2)
    assert ask(0) == 2
    assert len(made) == 2
    reader.close()


def test_what_raises_is_not_remembered(path: Path) -> None:
    """The next one tries again."""
    reader = Published(path)
    with reader.snapshot() as snapshot:
        with pytest.raises(duckdb.Error):
            snapshot.remember("it", lambda s: s.rows("select * from nowhere"))
        assert snapshot.remember("it", value_of) == 1
    reader.close()


def test_nothing_published_is_said_until_there_is_something(tmp_path: Path) -> None:
    """With what to do about it."""
    path = tmp_path / "market.duckdb"
    reader = Published(path)
    with pytest.raises(NothingPublished, match="make run"), reader.snapshot():
        pass
    make(path, 1)
    with reader.snapshot() as snapshot:
        assert value_of(snapshot) == 1
    reader.close()


@pytest.mark.parametrize("junk", [b"", b"junk" * 5000])
def test_junk_is_named_and_does_not_displace_what_was_good(path: Path, junk: bytes) -> None:
    """The file before it goes on serving; alone, it is an error."""
    reader = Published(path)
    with reader.snapshot() as snapshot:
        assert value_of(snapshot) == 1
    path.with_name("junk").write_bytes(junk)
    path.with_name("junk").rename(path)
    with reader.snapshot() as snapshot:
        assert value_of(snapshot) == 1
    make(path, 2)
    with reader.snapshot() as snapshot:
        assert value_of(snapshot) == 2
    path.write_bytes(junk)
    with pytest.raises(NotADatabase, match="it's here"), Published(path).snapshot():
        pass
    reader.close()


def _replaced_at_looks(monkeypatch: pytest.MonkeyPatch, *looks: int) -> None:
    """Replace the file just before the given looks at it (1 is the first)."""
    number = 0

    def racing(path: Path) -> Version:
        nonlocal number
        number += 1
        if number in looks:
            make(path, 10 + number)
        return version_of(path)

    for module in (published, attaching):
        monkeypatch.setattr(module, "version_of", racing)


def test_a_file_that_is_replaced_while_it_is_opened_is_opened_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the version is that of the rows: looks are before and after it is opened."""
    _replaced_at_looks(monkeypatch, 3, 5)
    reader = Published(path)
    with reader.snapshot() as snapshot:
        found = path.stat()
        assert snapshot.version == Version(found.st_ino, found.st_mtime_ns, found.st_size)
        assert value_of(snapshot) == 15
    reader.close()


def test_a_file_that_is_replaced_again_and_again_is_given_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody publishes that often: something is wrong."""
    _replaced_at_looks(monkeypatch, 3, 5, 7, 9, 11)
    with pytest.raises(StoreError, match="replaced 5 times"), Published(path).snapshot():
        pass


def test_a_closed_reader_leaves_what_is_being_read(path: Path) -> None:
    """It closes with its last reader."""
    reader = Published(path)
    with reader.snapshot() as snapshot:
        reader.close()
        assert value_of(snapshot) == 1
    with pytest.raises(duckdb.Error):
        value_of(snapshot)
    assert isinstance(NothingPublished("x"), StoreError)


def test_rows_as_arrays(path: Path) -> None:
    """Numbers as numbers, by the name of the column."""
    reader = Published(path)
    with reader.snapshot() as snapshot:
        found = snapshot.arrays("select v, v + $more as w, 'x' as t from t", {"more": 1})
        assert {name: values.tolist() for name, values in found.items()} == {
            "v": [1],
            "w": [2],
            "t": ["x"],
        }
        assert found["v"].dtype == "int64"
    reader.close()


def test_a_version_is_opened_aside_with_memory_of_its_own(path: Path) -> None:
    """It ends with the snapshot, and not before: DuckDB's lock on the file is the process's."""
    reader = Published(path)
    with reader.snapshot() as snapshot:
        with snapshot.aside("12MB") as aside:
            assert value_of(aside) == 1
            assert aside.version == snapshot.version
            assert limit_of(aside) == "11.4 MiB"
            assert limit_of(snapshot) == "488.2 MiB"
        with snapshot.aside("20MB") as again:
            assert again is aside
        assert limit_of(aside) == "976.5 KiB"
        make(path, 2)
        with snapshot.aside("12MB") as still:
            assert value_of(still) == 1
        with reader.snapshot() as newer, newer.aside("12MB") as other:
            assert value_of(other) == 2
    with pytest.raises(duckdb.Error):
        value_of(aside)
    reader.close()
    with pytest.raises(duckdb.Error):
        value_of(other)


def test_a_version_that_was_replaced_cannot_be_opened_aside(path: Path) -> None:
    """The file at the path is another one by now, also when it is replaced just then."""
    reader = Published(path)
    with reader.snapshot() as snapshot:
        make(path, 2)
        with pytest.raises(StoreError, match="was replaced"), snapshot.aside("12MB"):
            pass
        assert value_of(snapshot) == 1
    reader.close()


def test_a_version_that_is_replaced_while_it_is_opened_aside(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was opened is closed with the snapshot."""
    reader = Published(path)
    with reader.snapshot() as snapshot:
        _replaced_at_looks(monkeypatch, 2)
        for _ in range(2):
            with pytest.raises(StoreError, match="was replaced"), snapshot.aside("12MB"):
                pass
        assert value_of(snapshot) == 1
    reader.close()


def limit_of(snapshot: published.Snapshot) -> str:
    """How much DuckDB may keep of it."""
    (row,) = snapshot.rows("select current_setting('memory_limit') as it")
    limit: str = row["it"]
    return limit
