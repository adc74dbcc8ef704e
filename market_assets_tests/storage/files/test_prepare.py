"""What a store does with whatever it finds at its path."""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from market_assets.storage.common.errors import NewerSchema, NotADatabase, StoreUnwritable
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import PRICES, at, prices
from market_assets_tests.storage.processes import KILLED_WRITER, run, started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AS_NOBODY = """
import os, sys
from pathlib import Path
import psutil, pyarrow.dataset  # what the store imports late, from folders closed to nobody
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import PRICES, at, prices
store = FileStore(Path(sys.argv[1]), tables=(PRICES,))
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
frame = prices([("A", 1.0, 1, at(0))])
spool = Spool(store.paths.folder / "spool", limit_bytes=10**6)
for action in (lambda: store.merge(PRICES, frame), lambda: spool.append(PRICES, frame)):
    try:
        action()
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.fixture(name="open_folder")
def make_open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def store_at(path: Path) -> FileStore:
    return FileStore(path, tables=(PRICES,))


def test_missing_folders_are_made(tmp_path: Path) -> None:
    """Parents too; beside the published path stands the project's own folder."""
    path = tmp_path / "a" / "b" / "market.duckdb"
    store_at(path).prepare()
    assert (path.parent / "live" / "market.duckdb").is_file()
    assert not path.exists()


def test_preparing_again_only_reads(tmp_path: Path) -> None:
    """A second process finds all done and writes nothing."""
    store = store_at(tmp_path / "market.duckdb")
    store.prepare()
    before = store.paths.live.stat().st_mtime_ns
    store_at(tmp_path / "market.duckdb").prepare()
    assert store.paths.live.stat().st_mtime_ns == before


def junk(path: Path) -> None:
    path.write_bytes(b"no database" * 5000)


def nothing(path: Path) -> None:
    path.touch()


def another_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table t (n)")
    connection.close()


@pytest.mark.parametrize("make", [junk, nothing, another_database, Path.mkdir])
@pytest.mark.parametrize("where", ["published", "live"])
def test_what_is_no_database_is_left_alone(
    tmp_path: Path, make: Callable[[Path], None], where: str
) -> None:
    """In the place of either file: refused with the path, and not touched."""
    store = store_at(tmp_path / "market.duckdb")
    store.paths.folder.mkdir()
    path = getattr(store.paths, where)
    make(path)
    before = path.read_bytes() if path.is_file() else None
    for call in (store.prepare, lambda: store.read("select 1"), lambda: store.publish(force=True)):
        with pytest.raises(NotADatabase, match=re.escape(str(path))):
            call()
    assert path.read_bytes() == before if path.is_file() else path.is_dir()


def test_something_else_put_in_the_published_place_is_not_overwritten(tmp_path: Path) -> None:
    """Even when the store has long been working."""
    store = store_at(tmp_path / "market.duckdb")
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]))
    junk(store.paths.published)
    with pytest.raises(NotADatabase, match="will not be overwritten"):
        store.publish(force=True)
    assert store.paths.published.read_bytes().startswith(b"no database")


def test_a_store_starts_from_the_published_file(tmp_path: Path) -> None:
    """A restored backup, or a cleared folder: the rows are all there, and the backup as it was."""
    first = store_at(tmp_path / "one" / "market.duckdb")
    first.merge(PRICES, prices([("A", 1.0, 1, at(0)), ("B", 2.0, 1, at(0))]))
    first.publish(force=True)
    backup = first.paths.published.read_bytes()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "market.duckdb").write_bytes(backup)
    second = store_at(tmp_path / "two" / "market.duckdb")
    assert second.merge(PRICES, prices([("A", 1.0, 1, at(0)), ("C", 3.0, 1, at(0))])).inserted == 1
    assert second.read("select symbol from prices order by 1")["symbol"].to_list() == [
        "A",
        "B",
        "C",
    ]
    assert second.paths.published.read_bytes() == backup


def test_the_log_of_a_file_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    """Only the live file was removed, and a killed writer had left a log beside it."""
    store = store_at(tmp_path / "market.duckdb")
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]))
    store.publish(force=True)
    with started(KILLED_WRITER, store.paths.live) as process:
        assert process.wait(60) == -9
    assert store.paths.wal.exists()
    store.paths.live.unlink()
    assert store.read("select symbol from prices")["symbol"].to_list() == ["A"]
    assert not store.paths.wal.exists()


def test_somebody_elses_database_keeps_its_tables(tmp_path: Path) -> None:
    """`MARKET_DB` on a DuckDB file with other tables: they go along."""
    path = tmp_path / "market.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("create table mine as select 7 as n").fetchall()
    store = store_at(path)
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]))
    store.publish(force=True)
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("select n from mine").fetchall() == [(7,)]
        assert connection.execute("select symbol from prices").fetchall() == [("A",)]


@pytest.mark.parametrize("where", ["published", "live"])
def test_a_file_from_a_newer_version_is_refused(tmp_path: Path, where: str) -> None:
    """By its schema version; nothing is changed, and the live file is not made from it."""
    store = store_at(tmp_path / "market.duckdb")
    store.paths.folder.mkdir()
    path = getattr(store.paths, where)
    with duckdb.connect(path) as connection:
        connection.execute("create table schema_version (version bigint)").fetchall()
        connection.execute("insert into schema_version values (900)").fetchall()
    for _ in range(2):
        with pytest.raises(NewerSchema, match=re.escape(f"{path} has schema version 900")):
            store_at(store.paths.published).prepare()
    assert store.paths.live.exists() == (where == "live")
    assert sorted(p.name for p in store.paths.folder.iterdir() if "new" in p.name) == []


def test_a_read_only_folder_is_named(open_folder: Path) -> None:
    """As a user who may not write there: what cannot be written, on one line."""
    folder = open_folder / "data"
    folder.mkdir()
    folder.chmod(0o555)
    out = run(AS_NOBODY, folder / "market.duckdb")
    assert re.match(rf"StoreUnwritable {folder}\S* cannot be written: Permission denied\n", out)
    assert out.count("StoreUnwritable") == 2


def test_files_that_may_not_be_written_are_named(open_folder: Path) -> None:
    """A folder that another user made and filled."""
    store = store_at(open_folder / "market.duckdb")
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]))
    for folder in (store.paths.folder, open_folder):
        folder.chmod(0o555)
    out = run(AS_NOBODY, store.paths.published)
    assert out.startswith(f"StoreUnwritable {open_folder}")


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    """`MARKET_DB` below a file."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnwritable, match=r"file.* cannot be written"):
        store_at(tmp_path / "file" / "market.duckdb").prepare()


def test_a_killed_maker_leaves_nothing_that_matters(tmp_path: Path) -> None:
    """The half-made file of a killed process is removed, not opened."""
    store = store_at(tmp_path / "market.duckdb")
    store.paths.folder.mkdir()
    left = store.paths.folder / ".market.duckdb.new-123456789abc"
    left.write_bytes(b"half")
    store.prepare()
    assert not left.exists()
    assert store.paths.live.exists()
