"""A person's connection: DuckDB's own, of one publication, until it is asked to go on."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from duckdb import DuckDBPyConnection

from market_assets.storage.common.errors import NotADatabase, NothingPublished, StoreError
from market_assets.storage.files.reader import FileReader


def make(path: Path, value: int) -> None:
    """A database of one row, put in its place by rename, as publishing does."""
    draft = path.with_name(f"draft {value}")
    with duckdb.connect(draft) as connection:
        connection.execute("create table t (v bigint, seen_at timestamptz)")
        connection.execute("insert into t values (?, '2026-01-01 00:00:00Z')", [value])
        connection.execute("create macro twice(x) as table select 2 * v as w from t where v = x")
    draft.rename(path)


def value_of(connection: DuckDBPyConnection | FileReader) -> int:
    [(value,)] = connection.execute("select v from t").fetchall()
    assert isinstance(value, int)
    return value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file with value 1 is published; a quote in its name must not matter."""
    where = tmp_path / "it's here.duckdb"
    make(where, 1)
    return where


def test_a_plain_connection_gives_the_old_file_again_and_ours_does_not(path: Path) -> None:
    """The trap: DuckDB has one database per path and process, for as long as it is open."""
    with duckdb.connect(path, read_only=True) as held, FileReader(path) as reader:
        make(path, 2)
        with duckdb.connect(path, read_only=True) as plain:
            assert value_of(plain) == value_of(held) == 1
        assert value_of(reader) == 1
        with FileReader(path) as another:
            assert value_of(another) == 2
        assert reader.refresh()
        assert value_of(reader) == 2


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # DuckDB's own use of pandas
def test_what_duckdb_does_it_does_too(path: Path) -> None:
    """Tables by their plain names, macros of the file, frames of whoever asks, instants in UTC."""
    with FileReader(path) as reader:
        assert reader.sql("show tables").fetchall() == [("t",)]
        assert reader.sql("from t").pl()["v"].to_list() == [1]
        assert reader.execute("from t").df()["v"].to_list() == [1]
        assert reader.sql("from twice(1)").fetchall() == [(2,)]
        here = pl.DataFrame({"a": [7]})
        assert reader.sql("select a from here").fetchall() == [(7,)]
        assert here.height == 1
        [(seen_at,)] = reader.sql("select seen_at from t").fetchall()
        assert seen_at == datetime(2026, 1, 1, tzinfo=UTC)
        assert seen_at.utcoffset() == timedelta(0)
        assert pl.read_database("select v from t", reader)["v"].to_list() == [1]
        assert isinstance(reader.native, DuckDBPyConnection)
        assert {"sql", "execute", "refresh"} <= set(dir(reader))
        assert str(path) in repr(reader)
        assert "UTC" in repr(reader)


def test_the_file_cannot_be_written(path: Path) -> None:
    """Temporary tables are the connection's own, and may be."""
    with FileReader(path) as reader:
        for statement in (
            "drop table t",
            "insert into t values (2, null)",
            "create table u (a int)",
        ):
            with pytest.raises(duckdb.Error, match="read-only"):
                reader.execute(statement)
        reader.execute("create temp table u as select 1 as a")
        assert value_of(reader) == 1


def test_it_shows_one_publication_until_it_is_refreshed(path: Path) -> None:
    """And keeps what its owner has put into it."""
    with FileReader(path) as reader:
        first = reader.published_at
        assert not reader.refresh()
        reader.execute("create temp table mine as select 42 as a")
        reader.register("frame", pl.DataFrame({"b": [43]}))
        cursor = reader.cursor()
        for value in (2, 3):
            make(path, value)
            assert value_of(reader) == value - 1
            assert reader.refresh()
            assert not reader.refresh()
            assert value_of(reader) == value_of(cursor) == value
            assert value_of(reader.duplicate()) == value
        assert reader.sql("select a, b from mine, frame").fetchall() == [(42, 43)]
        assert reader.sql("show databases").fetchall().count(("published",)) == 1
        assert reader.published_at > first
        [(zone,)] = cursor.execute("select current_setting('timezone')").fetchall()
        assert zone == "UTC"


def test_what_is_being_read_is_no_hindrance(path: Path) -> None:
    """A cursor in the middle of an answer, or of a transaction, goes on with what it began with."""
    with FileReader(path) as reader:
        half, held = reader.cursor(), reader.cursor()
        half.execute("from range(500000) as r, t")
        assert half.fetchone() is not None
        held.begin()
        assert value_of(held) == 1
        make(path, 2)
        reader.refresh()
        assert value_of(held) == 1
        held.rollback()
        assert value_of(held) == 2
        assert len(half.fetchall()) == 499_999


def test_a_transaction_of_ones_own_is_ended_first(path: Path) -> None:
    """By whoever began it; nothing has happened to it."""
    with FileReader(path) as reader:
        reader.begin()
        assert value_of(reader) == 1
        make(path, 2)
        with pytest.raises(StoreError, match="commit or rollback"):
            reader.refresh()
        assert value_of(reader) == 1
        reader.rollback()
        assert reader.refresh()
        assert value_of(reader) == 2


@pytest.mark.parametrize("junk", [b"", b"junk" * 5000])
def test_a_new_file_that_cannot_be_opened_leaves_the_old_one(path: Path, junk: bytes) -> None:
    with FileReader(path) as reader:
        path.with_name("junk").write_bytes(junk)
        path.with_name("junk").rename(path)
        for _ in range(2):
            with pytest.raises(NotADatabase, match="it's here"):
                reader.refresh()
            assert value_of(reader) == 1
        with pytest.raises(NotADatabase, match="it's here"):
            FileReader(path)
        make(path, 2)
        assert reader.refresh()
        assert value_of(reader) == 2
        path.unlink()
        with pytest.raises(NothingPublished):
            reader.refresh()
        assert value_of(reader) == 2


def test_nothing_published_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NothingPublished, match="make run"):
        FileReader(tmp_path / "market.duckdb")


def test_a_closed_one_is_closed(path: Path) -> None:
    with FileReader(path) as reader:
        assert value_of(reader) == 1
    with pytest.raises(duckdb.Error, match="closed"):
        value_of(reader)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        reader.nonsense  # noqa: B018 - whether it is there
    assert copy.copy(reader).native is reader.native  # which looks it up before it is there
