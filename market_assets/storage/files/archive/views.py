"""The views `<table>_all` of the published file: live rows and archived ones, no row twice.

A view is made anew at each publication, of the days that the archive has then: a row that is
archived later is still among the published rows, which are a state of that moment. A row that is in
both places counts once, as the database has it. Days lie between literal limits, so that DuckDB
leaves out the months that a query does not ask for without opening one of their files.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Final

import duckdb

from market_assets.storage.common.connection import fetch, transaction
from market_assets.storage.files.archive.layout import DATA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from market_assets.storage.files.archive.layout import Day, Layout
    from market_assets.tables import TableSpec

_LOG = logging.getLogger(__name__)

_DECEMBER: Final = 12


def make_views(
    connection: DuckDBPyConnection, tables: Sequence[TableSpec], layout: Layout | None
) -> None:
    """Make a view for every table that retention may prune; old ones go.

    Args:
        connection: of the copy that is about to be published.
        tables: the database's.
        layout: of the archive; None: there is none, and the views show the live rows.
    """
    pruned = [spec for spec in tables if spec.retention]
    days = {spec.name: [] if layout is None else layout.days(spec.name) for spec in pruned}
    kept = "live rows and archived ones" if layout else "live rows; nothing is archived"
    try:
        with transaction(connection):
            drop_views(connection)
            for spec in pruned:
                fetch(connection, _view(connection, spec, days[spec.name]))
                _comment(connection, spec, kept)
    except duckdb.Error:
        # Something cannot be read; what it is is looked for outside of a transaction.
        drop_views(connection)
        for spec in pruned:
            _comment(connection, spec, kept + _make(connection, spec, days[spec.name]))


def _comment(connection: DuckDBPyConnection, spec: TableSpec, said: str) -> None:
    comment = f"{spec.name}: {said}.".replace("'", "''")
    fetch(connection, f"comment on view \"{spec.name}_all\" is '{comment}'")


def _make(connection: DuckDBPyConnection, spec: TableSpec, days: Sequence[Day]) -> str:
    """Make the view; what is to be said of it.

    A file that cannot be read costs its day, and not what readers have of everything else.
    """
    try:
        fetch(connection, _view(connection, spec, days))
    except duckdb.Error:
        damaged = [day for day in days if not all(_can_be_read(connection, f) for f in day.files)]
        if not damaged:
            raise
        sound = [day for day in days if day not in damaged]
        fetch(connection, _view(connection, spec, sound, each=True))
        for day in damaged:
            _LOG.warning("%s cannot be read, and its rows are in no view", day.folder)
        left_out = ", ".join(str(day.day) for day in damaged)
        return f", but for {left_out}, of which a file cannot be read"
    return ""


def drop_views(connection: DuckDBPyConnection) -> None:
    """Leave no view behind: a database that is made of a published copy has none of its own."""
    views = "select view_name from duckdb_views() where not internal"
    for (name,) in fetch(connection, f"{views} and database_name = current_database()"):
        fetch(connection, f'drop view "{name}"')


def _view(
    connection: DuckDBPyConnection, spec: TableSpec, days: Sequence[Day], *, each: bool = False
) -> str:
    """The statement that makes the view.

    Args:
        connection: reads the schemas of the oldest and the newest file.
        spec: the table.
        days: that are archived.
        each: name each file, for others beside them are to be left out.
    """
    columns = _names(spec.column_names)
    branches = [f'select {columns} from "{spec.name}"']  # noqa: S608 - names of the spec
    finished = [day for day in days if day.is_finished and not day.parts]
    running = [day for day in days if day.parts]
    if days:
        old = {name for day in (days[0], days[-1]) for name in _lacking(connection, spec, day)}
        for (year, month), of_month in groupby(finished, _month_of):
            some = list(of_month)
            files = [str(some[0].folder.parent / f"day={year:04d}-{month:02d}-*" / DATA)]
            if each:
                files = [str(day.data) for day in some]
            aside = [day for day in running if _month_of(day) == (year, month)]
            branches.append(_archived(spec, files, _month(spec, year, month, aside), old))
        for day in running:
            files = [str(day.folder / "*.parquet")]
            within = _between(spec, day.begins_at, day.ends_at)
            branches.append(_archived(spec, files, within, old, is_running=True))
    return f'create view "{spec.name}_all" as ' + " union all ".join(branches)


def _archived(
    spec: TableSpec,
    files: Sequence[str],
    within: str,
    lacking: set[str],
    *,
    is_running: bool = False,
) -> str:
    """Archived rows between limits that the live table does not have.

    Args:
        spec: the table.
        files: patterns of files.
        within: a condition on the time column, with `{of}` for the table's alias.
        lacking: columns that a file may lack.
        is_running: a day whose hours may become one file while it is read: each key once.
    """
    quoted = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    by_name = ", union_by_name = true" if lacking else ""
    source = f"read_parquet([{quoted}], hive_partitioning = false{by_name})"
    columns = _names(spec.column_names)
    if lacking:
        typed = ", ".join(f'null::{c.type} as "{c.name}"' for c in spec.columns)
        source = f"(select {typed} where false union all by name select * from {source})"  # noqa: S608 - names of the spec
    if is_running:
        key = _names(spec.key)
        source = (
            f"(select * from {source}"  # noqa: S608 - names of the spec
            f" qualify row_number() over (partition by {key}) = 1)"
        )
    # Where time is part of the key, only live rows of the same days can have the same key.
    is_same_day = f" where {within.format(of='l')}" if spec.time_column in spec.key else ""
    key = _names(spec.key)
    return (
        f"select {columns} from {source} a"  # noqa: S608 - names of the spec
        f' anti join (select {key} from "{spec.name}" l{is_same_day}) using ({key})'
        f" where {within.format(of='a')}"
    )


def _lacking(connection: DuckDBPyConnection, spec: TableSpec, day: Day) -> set[str]:
    """Columns of the table that a file of the day does not have: it is of an older version."""
    has = fetch(connection, "describe from read_parquet(?)", [str(day.files[0])])
    return set(spec.column_names) - {row[0] for row in has}


def _can_be_read(connection: DuckDBPyConnection, file: Path) -> bool:
    try:
        fetch(connection, "describe from read_parquet(?)", [str(file)])
    except duckdb.Error:
        return False
    return True


def _month_of(day: Day) -> tuple[int, int]:
    return day.day.year, day.day.month


def _month(spec: TableSpec, year: int, month: int, aside: Sequence[Day]) -> str:
    begins = datetime(year, month, 1, tzinfo=UTC)
    ends = datetime(year + month // _DECEMBER, month % _DECEMBER + 1, 1, tzinfo=UTC)
    limits = _between(spec, begins, ends)
    return " and ".join(
        [limits, *(f"not ({_between(spec, day.begins_at, day.ends_at)})" for day in aside)]
    )


def _between(spec: TableSpec, begins: datetime, ends: datetime) -> str:
    column = f'{{of}}."{spec.time_column}"'
    return f"{column} >= {_literal(begins)} and {column} < {_literal(ends)}"


def _literal(instant: datetime) -> str:
    return f"timestamptz '{instant:%Y-%m-%d %H:%M:%S}+00'"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
