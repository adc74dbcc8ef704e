"""A file that is mostly holes is written anew, with everything that is in it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.storage.common.connection import fetch
from market_assets.storage.common.errors import StoreUnwritable
from market_assets.storage.common.migrate import migrations
from market_assets.storage.common.schema import table_comment
from market_assets.storage.files import compact
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import PRICES, at, prices

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

BLOCK = 262_144
"""What a DuckDB file grows by."""


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> FileStore:
    """A store of which most rows have been deleted."""
    store = FileStore(tmp_path / "mar'ket.duckdb", tables=(PRICES,))
    count = 400_000
    frame = pl.DataFrame({"symbol": [f"S{n}" for n in range(count)]}).with_columns(
        price=pl.int_range(count).cast(pl.Float64).sin(),
        seq=pl.int_range(count).hash(1).cast(pl.Int64, strict=False),
        seen_at=pl.lit(at(0)).cast(pl.Datetime("us", "UTC")),
    )
    store.merge(PRICES, frame)
    store.delete(PRICES, "symbol <> ?", ["S7"])
    return store


def test_a_file_of_holes_shrinks_and_keeps_its_rows(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, comments, versions and constraints are all there; a second time nothing happens."""
    monkeypatch.setattr(compact, "SMALLEST", 1_000_000)
    before = store.read("select * from prices")
    done = store.compact()
    assert done.is_done
    assert done.free_before > 0.5
    assert done.bytes_after == store.paths.live.stat().st_size < done.bytes_before / 2
    assert store.read("select * from prices").equals(before)
    comment = store.read("select comment from duckdb_tables() where table_name = 'prices'")
    assert comment["comment"].item() == table_comment(PRICES)
    assert store.read("select count(*) as n from schema_version")["n"].item() == len(migrations())
    assert not store.compact().is_done
    assert store.merge(PRICES, prices([("S8", 1.0, 1, at(0))])).inserted == 1


def test_a_full_file_is_left_alone_unless_forced(tmp_path: Path) -> None:
    """And what is small is not worth it."""
    store = FileStore(tmp_path / "market.duckdb", tables=(PRICES,))
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]))
    inode = store.paths.live.stat().st_ino
    assert not store.compact().is_done
    assert store.paths.live.stat().st_ino == inode
    assert store.compact(force=True).is_done
    assert store.paths.live.stat().st_ino != inode
    assert store.read("select symbol from prices")["symbol"].to_list() == ["A"]


def test_the_compacted_file_is_published(store: FileStore) -> None:
    """It is a change, though no row did."""
    store.publish(force=True)
    store.compact(force=True)
    assert store.publish(force=True).is_published
    # The copy has a row of its own in `publication`, and with it a block or two.
    grown = store.paths.published.stat().st_size - store.paths.live.stat().st_size
    assert 0 <= grown <= 2 * BLOCK
    with duckdb.connect(store.paths.published, read_only=True) as connection:
        assert connection.execute("select symbol from prices").fetchall() == [("S7",)]


def test_a_failure_leaves_the_old_file(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the midst of copying, or at the rename; what was half-made is removed."""
    (store.paths.folder / f".{store.paths.live.name}.compact-0123").write_bytes(b"of a killed one")

    def fail(connection: DuckDBPyConnection, _name: str, fresh: Path) -> None:
        fresh.write_bytes(b"half")
        fetch(connection, "select 1")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compact, "_copy_database", fail)
    with pytest.raises(StoreUnwritable, match="No space left"):
        store.compact(force=True)
    assert store.read("select symbol from prices")["symbol"].to_list() == ["S7"]
    assert not list(store.paths.folder.glob("*compact*"))
    assert not list(store.paths.folder.glob(".*compact*"))


def test_a_failed_attempt_is_repeated_after_an_hour(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each keeps everybody out; a person need not wait, and a success is forgotten at once."""
    clock = ManualClock(at(0))
    store = FileStore(store.paths.published, tables=(PRICES,), clock=clock)
    monkeypatch.setattr(compact, "SMALLEST", 1_000_000)
    with monkeypatch.context() as patch:
        full = shutil.disk_usage("/")._replace(free=1000)
        patch.setattr(compact.shutil, "disk_usage", lambda _: full)
        with pytest.raises(StoreUnwritable, match=r"anew needs [\d.]+ MB, and 0.0 MB are free"):
            store.compact()
    postponed = store.compact()
    assert not postponed.is_done
    assert "are free" in (postponed.error or "")
    clock.advance(3600)
    done = store.compact()
    assert (done.is_done, done.error) == (True, None)
    assert store.compact().error is None
