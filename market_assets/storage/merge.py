"""How a change reaches a table: staged outside the lock, applied inside a transaction.

No table has a primary key: its index would be loaded anew at each open, which makes a flush of
1,200 rows take half as long again and more. The few rows that come in are joined with the table,
and DuckDB's zone maps skip the parts that cannot match. The frame is made unique by key before,
because DuckDB 1.5 keeps the first of two equal keys and 2.0 raises.

Where the stored rows lie decides how they are overwritten. The whole hold, 600 rows in 600,000, on
two busy cores:

    none is stored             INSERT                                  40 ms
    close together             MERGE, which updates in place           32 ms; scattered: 280
    scattered over the table   DELETE, and INSERT at the table's end   77 ms

Scattered are, for example, one minute of all symbols after a backfill that wrote symbol by symbol.
Moved to the end, they lie close together the next time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.frames import conform
from market_assets.storage import statements
from market_assets.storage.changes import Change, Delete, Replace, Written
from market_assets.storage.live import fetch

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from market_assets.tables import TableSpec

REACH: Final = 122_880
"""Rows between the first and the last one to overwrite, beyond which they count as scattered: the
length of a row group, the unit that DuckDB rewrites."""


@dataclass(frozen=True)
class Staged:
    """A change whose frame is checked and unique by key: ready for the transaction."""

    change: Change
    frame: pl.DataFrame | None
    event_from_at: datetime | None = None
    event_to_at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing would happen: a merge without rows. (Replacing by nothing empties the table.)"""
        merges = not isinstance(self.change, Delete | Replace)
        return merges and (self.frame is None or self.frame.is_empty())


def stage(change: Change) -> Staged:
    """Check the change's frame against its table and make it unique by key.

    Raises:
        FrameError: a column, a type or a value is not what the table promises.
    """
    if isinstance(change, Delete):
        return Staged(change, None)
    # DuckDB 1.5 imports this at the first frame it reads: 70 ms that would be spent in the lock.
    import pyarrow.dataset  # noqa: F401, PLC0415 - who only reads does not pay for it

    spec = change.table
    frame = newest(spec, conform(spec, change.frame))
    times = frame[spec.time_column]
    return Staged(change, frame, _instant(times.min()), _instant(times.max()))


def newest(spec: TableSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """One row per key, as if the rows were written one after the other.

    The greatest version stays, the first of equals; without a version, the last row. `set_once`
    columns take the value of the key's first row.
    """
    if not frame.select(pl.struct(spec.key).is_duplicated().any()).item():
        return frame
    if spec.set_once:
        frame = frame.with_columns(pl.col(spec.set_once).first().over(spec.key))
    if not spec.version:
        return frame.unique(spec.key, keep="last", maintain_order=True)
    ranked = frame.sort(spec.version, descending=True, nulls_last=True, maintain_order=True)
    return ranked.unique(spec.key, keep="first", maintain_order=True)


def apply(connection: DuckDBPyConnection, staged: Staged) -> Written:
    """Execute a staged change inside the caller's transaction."""
    change, spec = staged.change, staged.change.table
    if isinstance(change, Delete):
        sql = f'delete from "{spec.name}" where {change.where}'  # noqa: S608 - the project's own SQL
        [(deleted,)] = fetch(connection, sql, change.params)
        return Written(spec.name, deleted=deleted)
    if staged.is_empty or staged.frame is None:
        return Written(spec.name)
    connection.register("source", staged.frame)
    try:
        if isinstance(change, Replace):
            done = _actions(connection, statements.replace(spec))
        else:
            done = _merge(connection, spec)
    finally:
        connection.unregister("source")
    rows = staged.frame.height
    return Written(
        spec.name,
        rows=rows,
        inserted=done["INSERT"],
        updated=done["UPDATE"],
        unchanged=rows - done["INSERT"] - done["UPDATE"],
        deleted=done["DELETE"],
        event_from_at=staged.event_from_at,
        event_to_at=staged.event_to_at,
    )


def _merge(connection: DuckDBPyConnection, spec: TableSpec) -> Counter[str]:
    """The registered `source` into the table, the way that suits where its rows lie."""
    [(stored, first, last)] = fetch(connection, statements.find(spec))
    if not stored:
        [(inserted,)] = fetch(connection, statements.insert(spec))
        return Counter(INSERT=inserted)
    if last - first <= REACH:
        return _actions(connection, statements.merge(spec))
    choose, count, *rest = statements.move(spec)
    fetch(connection, choose)
    [(inserted, updated)] = fetch(connection, count)
    for statement in rest:
        fetch(connection, statement)
    return Counter(INSERT=inserted, UPDATE=updated)


def _actions(connection: DuckDBPyConnection, sql: str) -> Counter[str]:
    return Counter(action for (action,) in fetch(connection, sql))


def _instant(value: object) -> datetime | None:
    """A time column's minimum or maximum as an instant; a day is its first."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None
