"""An old file becomes a new one and keeps its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pytest

from market_assets.clock import ManualClock
from market_assets.storage.common import migrate
from market_assets.storage.common.errors import NewerSchema
from market_assets.storage.common.migrate import Migration, migrations
from market_assets.storage.files.store import FileStore
from market_assets.tables import DEFILLAMA_CAPITAL_BASE, TABLES, Column, TableSpec
from market_assets_tests.storage.examples import PRICES, at, prices

if TYPE_CHECKING:
    from pathlib import Path

OLD = TableSpec(
    name="prices",
    grain="one row per symbol",
    columns=(
        Column("coin", "VARCHAR", "The symbol.", required=True),
        Column("price_cents", "BIGINT", "Price.", "cents"),
        Column("seen_at", "TIMESTAMPTZ", "When it was seen."),
    ),
    key=("coin",),
    time_column="seen_at",
)
"""`PRICES` as an older version had it: another name, another unit, two columns fewer."""

FIRST = migrations()[0]
RENAME = Migration(2, "rename_coin", "alter table prices rename column coin to symbol")
CONVERT = Migration(
    3,
    "prices_in_quote",
    """
    alter table prices alter price_cents type double using price_cents / 100;
    alter table prices rename column price_cents to price;
    """,
)
BROKEN = Migration(3, "broken", "update prices set seen_at = null; select * from no_such_table")


def store_at(path: Path, spec: TableSpec, *steps: Migration) -> FileStore:
    return FileStore(path / "market.duckdb", tables=(spec,), steps=steps, clock=ManualClock(at(0)))


def old_store(path: Path) -> None:
    """A file of version 1 with two rows, as the older code leaves it."""
    import polars as pl  # noqa: PLC0415 - only here

    old = store_at(path, OLD, FIRST)
    rows = [("A", 150, at(1)), ("B", None, at(2))]
    old.merge(OLD, pl.DataFrame(rows, schema=OLD.schema, orient="row"))


def test_an_old_file_is_upgraded_and_keeps_its_rows(tmp_path: Path) -> None:
    """Renamed, converted, and with the new columns; then it works as a new one does."""
    old_store(tmp_path)
    store = store_at(tmp_path, PRICES, FIRST, RENAME, CONVERT)
    frame = store.read("select symbol, price, seq, seen_at from prices order by symbol")
    assert frame.rows() == [("A", 1.5, None, at(1)), ("B", None, None, at(2))]
    assert store.merge(PRICES, prices([("A", 2.0, 1, at(3)), ("C", 3.0, 1, at(3))])).updated == 1
    done = store.read("select version, name, applied_at from schema_version order by version")
    assert done.rows() == [
        (1, "schema_version", at(0)),
        (2, "rename_coin", at(0)),
        (3, "prices_in_quote", at(0)),
    ]


def test_a_new_file_needs_no_migration(tmp_path: Path) -> None:
    """It is made from the specs; what was for older files is only recorded."""
    store = store_at(tmp_path, PRICES, FIRST, RENAME, CONVERT)
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]))
    assert store.read("select max(version) as v from schema_version")["v"].item() == 3
    old = store_at(tmp_path, PRICES, FIRST)
    with pytest.raises(NewerSchema, match=r"schema version 3, and this code knows 1"):
        old.prepare()


def test_a_file_from_before_versions_is_version_0(tmp_path: Path) -> None:
    """Tables but no `schema_version`: every migration is for it."""
    with duckdb.connect(tmp_path / "market.duckdb") as connection:
        connection.execute("create table prices (coin varchar, price_cents bigint)").fetchall()
        connection.execute("insert into prices values ('A', 250)").fetchall()
    store = store_at(tmp_path, PRICES, FIRST, RENAME, CONVERT)
    assert store.read("select symbol, price from prices").rows() == [("A", 2.5)]


def test_a_migration_that_fails_is_undone(tmp_path: Path) -> None:
    """The steps before it stay, its own statements do not; mended, it goes on from there."""
    old_store(tmp_path)
    with pytest.raises(duckdb.CatalogException):
        store_at(tmp_path, PRICES, FIRST, RENAME, BROKEN).prepare()
    store = store_at(tmp_path, PRICES, FIRST, RENAME, CONVERT)
    frame = store.read("select symbol, price, seen_at from prices order by symbol")
    assert frame.rows() == [("A", 1.5, at(1)), ("B", None, at(2))]


def test_the_published_file_of_an_older_version_is_upgraded_too(tmp_path: Path) -> None:
    """A restored old backup: the live file made from it is new, the backup stays old."""
    old_store(tmp_path)
    store = store_at(tmp_path, OLD, FIRST)
    store.publish(force=True)
    for path in store.paths.folder.iterdir():
        if path.is_file():
            path.unlink()
    new = store_at(tmp_path, PRICES, FIRST, RENAME, CONVERT)
    assert new.read("select price from prices where symbol = 'A'")["price"].to_list() == [1.5]


def test_a_new_optional_column_needs_no_migration(tmp_path: Path) -> None:
    """The spec has it, so the file gets it, as NULL."""
    store_at(tmp_path, PRICES, FIRST).merge(PRICES, prices([("A", 1.0, 1, at(0))]))
    wider = replace(PRICES, columns=(*PRICES.columns, Column("tags", "VARCHAR[]", "Its tags.")))
    store = store_at(tmp_path, wider, FIRST)
    assert store.read("select symbol, tags from prices").rows() == [("A", None)]


def test_the_projects_migrations_are_numbered_without_gaps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A gap, or two with one number, is found when the code starts."""
    assert [step.version for step in migrations()] == list(range(1, len(migrations()) + 1))
    (tmp_path / "migrations").mkdir()
    for name in ("0001_a.sql", "0003_c.sql", "readme.txt"):
        (tmp_path / "migrations" / name).write_text("select 1")
    monkeypatch.setattr(migrate.resources, "files", lambda _package: tmp_path)
    with pytest.raises(ValueError, match="without gaps"):
        migrations.__wrapped__()


def test_the_projects_own_tables_reach_their_version(tmp_path: Path) -> None:
    """With all tables and all migrations, on nothing."""
    store = FileStore(tmp_path / "market.duckdb", tables=TABLES)
    version = store.read("select max(version) as v from schema_version")["v"].item()
    assert version == len(migrations())


def test_rows_of_an_hour_that_held_what_came_later_speak_for_its_end(tmp_path: Path) -> None:
    """Each by an hour: still one row per subject and hour. A file without the tables gets them."""
    import polars as pl  # noqa: PLC0415 - only here

    old = FileStore(tmp_path / "old.duckdb", tables=(DEFILLAMA_CAPITAL_BASE,), steps=(FIRST,))
    rows = [
        {"subject_id": "chain:ethereum", "as_of": at(hour * 3600), "ingested_at": at(seconds)}
        for hour, seconds in ((0, 720), (1, 3600), (2, 7200 + 3599))
    ]
    frame = pl.DataFrame(rows, schema=DEFILLAMA_CAPITAL_BASE.schema)
    old.merge(DEFILLAMA_CAPITAL_BASE, frame)
    new = FileStore(tmp_path / "old.duckdb")
    hours = new.read("select as_of from defillama_capital_base order by as_of")["as_of"]
    assert hours.to_list() == [at(hour * 3600) for hour in (1, 2, 3)]
    assert new.read("select last_day from defillama_capital_flows").is_empty()
