"""Opening the live file: who is refused, what is retried, and what each error becomes."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from market_assets.clock import SystemClock
from market_assets.storage.common.connection import fetch, transaction
from market_assets.storage.common.errors import (
    NewerSchema,
    NotADatabase,
    StoreError,
    StoreLocked,
    StoreUnwritable,
    from_duckdb,
)
from market_assets.storage.files.gate import Gate
from market_assets.storage.files.live import LiveMissing, connected, opened
from market_assets.storage.files.paths import StorePaths
from market_assets_tests.storage.processes import holding, tell

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="paths")
def make_paths(tmp_path: Path) -> StorePaths:
    """A store's files, with a live file that holds one table."""
    paths = StorePaths(tmp_path / "market.duckdb")
    paths.folder.mkdir()
    with connected(paths.live) as connection:
        fetch(connection, "create table t (n bigint)")
    return paths


def gate_of(paths: StorePaths, *, wait: float = 0) -> Gate:
    return Gate(paths, wait=timedelta(seconds=wait), clock=SystemClock())


@pytest.mark.parametrize(("mode", "exclusive"), [("write", False), ("write", True), ("read", True)])
def test_an_outsider_who_holds_the_file_is_named(
    paths: StorePaths, mode: str, *, exclusive: bool
) -> None:
    """Somebody opened the live file by hand: every way in is refused, with his PID."""
    with (
        holding(paths.live, mode) as process,
        pytest.raises(StoreLocked, match=rf"PID {process.pid} \(.*python"),
        opened(paths, gate_of(paths, wait=0.02), exclusive=exclusive),
    ):
        pass


def test_readers_get_in_beside_an_outsider_who_reads(paths: StorePaths) -> None:
    """Reading excludes only writers."""
    with (
        holding(paths.live, "read"),
        opened(paths, gate_of(paths), exclusive=False) as session,
    ):
        assert session.rows("select count(*) from t") == [(0,)]


def test_a_refused_open_is_tried_again(paths: StorePaths) -> None:
    """The outsider leaves within the wait: the call succeeds."""
    with holding(paths.live) as process:
        release = threading.Timer(0.2, tell, (process,))
        release.start()
        with opened(paths, gate_of(paths, wait=60), exclusive=True) as session:
            assert session.rows("insert into t values (1)") == [(1,)]
        release.join()


def test_what_waiting_cannot_cure_is_not_tried_again(paths: StorePaths) -> None:
    """A junk file fails at once, however long the caller would wait."""
    paths.live.write_bytes(b"junk" * 10_000)
    started = time.monotonic()
    with (
        pytest.raises(NotADatabase, match=r"live/market\.duckdb is not a DuckDB database"),
        opened(paths, gate_of(paths, wait=3600), exclusive=True),
    ):
        pass
    assert time.monotonic() - started < 60


def test_a_missing_file_is_not_made(paths: StorePaths) -> None:
    """An empty database in the place of a lost one would hide the loss."""
    paths.live.unlink()
    with pytest.raises(LiveMissing), opened(paths, gate_of(paths), exclusive=True):
        pass
    assert not paths.live.exists()


def test_the_session_time_zone_is_utc(paths: StorePaths) -> None:
    """Instants come back as UTC, not as the machine's zone nor as Etc/UTC."""
    with opened(paths, gate_of(paths), exclusive=False) as session:
        [dtype] = (
            session.connection.sql("select '2026-11-20 12:00:03Z'::timestamptz as t").pl().dtypes
        )
        assert str(dtype) == "Datetime(time_unit='us', time_zone='UTC')"


def test_a_transaction_is_all_or_nothing(paths: StorePaths) -> None:
    """An exception in the block undoes what it executed, and comes out."""
    with opened(paths, gate_of(paths), exclusive=True) as session:
        with (  # noqa: PT012 - the second statement fails, and must undo the first
            pytest.raises(duckdb.ConversionException),
            transaction(session.connection),
        ):
            for value in (1, "no number"):
                session.rows("insert into t values (?)", [value])
        with transaction(session.connection):
            session.rows("insert into t values (2)")
    with opened(paths, gate_of(paths), exclusive=False) as session:
        assert session.rows("select n from t") == [(2,)]


def test_a_mistake_in_a_query_stays_what_it_is(paths: StorePaths) -> None:
    """The caller's own error is not dressed up as the store's."""
    with (
        pytest.raises(duckdb.CatalogException),
        opened(paths, gate_of(paths), exclusive=False) as session,
    ):
        session.rows("select * from nothing")


def test_the_lock_is_let_go_after_an_error(paths: StorePaths) -> None:
    """The connection is closed and the gate free, whatever happened in the block."""
    gate = gate_of(paths)
    with pytest.raises(ZeroDivisionError), opened(paths, gate, exclusive=True):
        raise ZeroDivisionError
    with holding(paths.live):
        pass
    with opened(paths, gate, exclusive=True):
        pass


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('IO Error: Could not set lock on file "x": Conflicting lock is held in y', StoreLocked),
        (
            'Failed to commit: Could not write file "x.wal": No space left on device',
            StoreUnwritable,
        ),
        ('Could not write file "x": File too large', StoreUnwritable),
        ('Cannot open file "x": Permission denied', StoreUnwritable),
        ('Could not read from file "x": Is a directory', NotADatabase),
        ('Extension "…/sqlite_scanner.duckdb_extension" not found.', NotADatabase),
        ("Trying to read a database file with version number 999, but we can only", NewerSchema),
        ("Out of Memory Error:\n  failed to pin block", StoreError),
    ],
)
def test_each_text_of_duckdb_has_its_error(tmp_path: Path, text: str, kind: type) -> None:
    """On one line, and naming the file or its folder."""
    error = from_duckdb(tmp_path / "m.duckdb", text)
    assert type(error) is kind
    assert str(tmp_path) in str(error)
    assert "\n" not in str(error)
