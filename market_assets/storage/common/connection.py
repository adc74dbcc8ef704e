"""What every statement goes through: fetched whole, and committed or rolled back."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from duckdb import DuckDBPyConnection


def fetch(
    connection: DuckDBPyConnection,
    sql: str,
    params: Sequence[object] | Mapping[str, object] = (),
) -> list[Any]:
    """All rows of a statement, as tuples."""
    return connection.execute(sql, params or None).fetchall()


@contextmanager
def transaction(connection: DuckDBPyConnection) -> Iterator[None]:
    """Commit what the block executes, or nothing of it."""
    fetch(connection, "begin")
    try:
        yield
        fetch(connection, "commit")
    except BaseException:
        # After a failed commit, or a full disk, DuckDB has no transaction left to roll back.
        with suppress(duckdb.Error):
            fetch(connection, "rollback")
        raise
