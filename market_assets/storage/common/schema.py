"""Tables as `TableSpec`s describe them: the statements that bring a file there.

Only what can be done without a decision is done here: missing tables and columns are added, and
comments set, so that a person with DuckDB's shell sees grain, meaning and units. What has to move
or convert data is a migration (`migrate.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_assets.storage.common.connection import fetch
from market_assets.storage.common.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

    from market_assets.tables import Column, TableSpec

_DUCKDB_NAMES: Final = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
"""Types that DuckDB's catalog calls otherwise than `TableSpec` does."""


def statements(connection: DuckDBPyConnection, tables: Sequence[TableSpec]) -> list[str]:
    """What to execute so that the file has the tables, columns and comments; empty: all there.

    Columns and tables that no spec knows are left alone.

    Raises:
        StoreError: a column has another type than its spec: a migration is missing.
    """
    columns: dict[str, dict[str, tuple[str, str | None]]] = {}
    for table, column, type_, comment in fetch(
        connection,
        "select table_name, column_name, data_type, comment from duckdb_columns() "
        "where not internal and database_name = current_database() and schema_name = 'main'",
    ):
        columns.setdefault(table, {})[column] = (type_, comment)
    comments = dict(
        fetch(
            connection,
            "select table_name, comment from duckdb_tables() "
            "where database_name = current_database() and schema_name = 'main'",
        )
    )
    needed: list[str] = []
    for spec in tables:
        present = columns.get(spec.name)
        if present is None:
            needed.append(create_table(spec))
            present = {}
        else:
            needed += _new_columns(spec, present)
        if comments.get(spec.name) != table_comment(spec):
            needed.append(f'comment on table "{spec.name}" is {_literal(table_comment(spec))}')
        needed += [
            f'comment on column "{spec.name}"."{column.name}" is {_literal(column_comment(column))}'
            for column in spec.columns
            if present.get(column.name, ("", None))[1] != column_comment(column)
        ]
    return needed


def create_table(spec: TableSpec) -> str:
    """The table's definition. Its key is not NULL, and there is no index: see `merge.py`."""
    never_null = set(spec.key) - set(spec.null_in_key)
    columns = ", ".join(
        f'"{column.name}" {column.type}' + (" not null" if column.name in never_null else "")
        for column in spec.columns
    )
    return f'create table "{spec.name}" ({columns})'


def table_comment(spec: TableSpec) -> str:
    """Grain and key, in a sentence each."""
    grain = spec.grain[:1].upper() + spec.grain[1:]
    return f"{grain}. Key: {', '.join(spec.key)}. Time: {spec.time_column}."


def column_comment(column: Column) -> str:
    """What a value means, and its unit."""
    return f"{column.doc} Unit: {column.unit}." if column.unit else column.doc


def _new_columns(spec: TableSpec, present: dict[str, tuple[str, str | None]]) -> list[str]:
    added: list[str] = []
    for column in spec.columns:
        if column.name not in present:
            default = "" if column.before is None else f" default {_value(column.before)}"
            added.append(
                f'alter table "{spec.name}" add column "{column.name}" {column.type}{default}'
            )
            continue
        found = present[column.name][0]
        if found != _DUCKDB_NAMES.get(column.type, column.type):
            raise StoreError(
                f"table {spec.name}: column {column.name} is {found} in the file and "
                f"{column.type} in its definition, and no migration converts it"
            )
    return added


def _value(value: str | float) -> str:
    """The value in SQL: a definition takes no bound one."""
    return _literal(value) if isinstance(value, str) else str(value).lower()


def _literal(text: str) -> str:
    """The text as a SQL string: `comment on` takes no bound value."""
    return "'" + text.replace("'", "''") + "'"
