"""Whose rows a database holds: the real venues' or those of simulated ones, never both.

The table `publication` has one row. In the live file it keeps the upstream that the first session
or run was for; in the published copy it also says when that was made, and by which version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from market_assets.storage.common.connection import fetch
from market_assets.storage.common.errors import OtherUpstream
from market_assets.tables import INGESTION_GAPS, INGESTION_LISTS, INGESTION_RUNS
from market_assets.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from market_assets.tables import TableSpec

Upstream = Literal["live", "simulated"]

_CREATE: Final = (
    "create table if not exists publication"
    " (published_at timestamp with time zone, version varchar, upstream varchar)"
)
_COMMENTS: Final = (
    "comment on table publication is 'One row: what this copy is. Key: none.'",
    "comment on column publication.published_at is 'When this copy was made.'",
    "comment on column publication.version is 'Version of the project that made it.'",
    "comment on column publication.upstream is 'Whose rows these are: live or simulated.'",
)
_WHOSE: Final = {"live": "the real venues", "simulated": "simulated venues"}
_WAY_OUT: Final = {
    "live": "or UPSTREAM=simulated",
    "simulated": "for instance MARKET_DB=data/simulated/market.duckdb UPSTREAM=simulated make run",
}


def is_stamped(connection: DuckDBPyConnection, upstream: Upstream | None) -> bool:
    """Whether the file says that it is for this upstream; True where nobody asks."""
    return upstream is None or upstream_of(connection) == upstream


def stamp(
    connection: DuckDBPyConnection,
    upstream: Upstream | None,
    *,
    path: Path,
    tables: Sequence[TableSpec],
) -> None:
    """Have the file say whose rows it is for; a file without rows may still be for either.

    Raises:
        OtherUpstream: it holds rows of the other one.
    """
    if upstream is None:
        return
    found = upstream_of(connection)
    if found is not None and found != upstream and _has_rows(connection, tables):
        raise OtherUpstream(
            f"{path} holds rows of {_WHOSE[found]}, and these would be of {_WHOSE[upstream]}: "
            f"set MARKET_DB to another file, {_WAY_OUT[upstream]}"
        )
    _write(connection, None, upstream)


def sign(connection: DuckDBPyConnection, now: datetime) -> None:
    """Have a copy that is about to be published say what it is."""
    _write(connection, now, upstream_of(connection))


def upstream_of(connection: DuckDBPyConnection) -> Upstream | None:
    """Whose rows the file says that it holds; None where it does not say."""
    there = fetch(
        connection,
        "select 1 from duckdb_tables() where table_name = 'publication'"
        " and database_name = current_database() and schema_name = 'main'",
    )
    said = fetch(connection, "select upstream from publication limit 1") if there else []
    found = said[0][0] if said else None
    return found if found in _WHOSE else None


def _write(connection: DuckDBPyConnection, now: datetime | None, upstream: str | None) -> None:
    for statement in (_CREATE, *_COMMENTS, "delete from publication"):
        fetch(connection, statement)
    fetch(connection, "insert into publication values (?, ?, ?)", (now, __version__, upstream))


def _has_rows(connection: DuckDBPyConnection, tables: Sequence[TableSpec]) -> bool:
    """Whether a venue has brought anything; what the project notes of itself does not count."""
    own = (INGESTION_RUNS.name, INGESTION_GAPS.name, INGESTION_LISTS.name)
    present = {name for (name,) in fetch(connection, "select table_name from duckdb_tables()")}
    return any(
        fetch(connection, f'select 1 from "{table.name}" limit 1')  # noqa: S608 - our own names
        for table in tables
        if table.name in present and table.name not in own
    )
