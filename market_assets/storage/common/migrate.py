"""Numbered migrations: how a file made by an older version becomes one of this version.

A migration is a file `migrations/NNNN_what_it_does.sql`, numbered without gaps, never changed once
released. It runs once per file, in a transaction of its own with the row in `schema_version` that
says so, before missing tables and columns are added from the specs. A new file is made from the
specs and needs only the first one; the others are recorded as done.

DuckDB refuses, at the commit, to alter a table whose rows the same transaction has changed. So
alter first (`alter … type … using …` converts), then update; or take two migrations.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from market_assets.storage.common.connection import fetch, transaction
from market_assets.storage.common.errors import NewerSchema
from market_assets.storage.common.schema import statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from market_assets.tables import TableSpec

_NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True)
class Migration:
    """One step: the version that a file has after it, its name, and its statements."""

    version: int
    name: str
    sql: str


@cache
def migrations() -> tuple[Migration, ...]:
    """The project's migrations, in order."""
    files = resources.files("market_assets.storage.common").joinpath("migrations").iterdir()
    found = sorted(
        (
            Migration(int(match[1]), match[2], file.read_text("utf-8"))
            for file in files
            if (match := _NAME.fullmatch(file.name))
        ),
        key=lambda migration: migration.version,
    )
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations are not numbered from 1 without gaps: {found}")
    return tuple(found)


def is_current(
    connection: DuckDBPyConnection,
    tables: Sequence[TableSpec],
    steps: Sequence[Migration],
    path: Path,
) -> bool:
    """Whether there is nothing to do; only reads.

    Raises:
        NewerSchema: the file is of a version that this code does not know.
    """
    return _version(connection, steps, path) == len(steps) and not statements(connection, tables)


def migrate(
    connection: DuckDBPyConnection,
    tables: Sequence[TableSpec],
    steps: Sequence[Migration],
    *,
    path: Path,
    now: datetime,
) -> None:
    """Bring the file to the newest version, keeping its rows.

    Raises:
        NewerSchema: the file is of a version that this code does not know.
        StoreError: a column's type differs from its spec, and no migration converts it.
    """
    version = _version(connection, steps, path)
    is_new = not _table_names(connection) & {spec.name for spec in tables}
    for step in steps[version:]:
        with transaction(connection):
            if step.version == 1 or not is_new:
                fetch(connection, step.sql)
            record = (step.version, step.name, now)
            fetch(connection, "insert into schema_version values (?, ?, ?)", record)
    with transaction(connection):
        for statement in statements(connection, tables):
            fetch(connection, statement)


def _version(connection: DuckDBPyConnection, steps: Sequence[Migration], path: Path) -> int:
    if "schema_version" not in _table_names(connection):
        return 0
    [(version,)] = fetch(connection, "select coalesce(max(version), 0) from schema_version")
    if version > len(steps):
        raise NewerSchema(
            f"{path} has schema version {version}, and this code knows {len(steps)}: "
            "it was written by a newer version of market_assets"
        )
    return int(version)


def _table_names(connection: DuckDBPyConnection) -> set[str]:
    return {
        name
        for (name,) in fetch(
            connection,
            "select table_name from duckdb_tables() "
            "where database_name = current_database() and schema_name = 'main'",
        )
    }
