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

Whole scopes of a table in which a later write wins (order books) are deleted and inserted.

Scattered are, for example, one minute of all symbols after a backfill that wrote symbol by symbol.
Moved to the end, they lie close together the next time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.frames import FrameError, check_scopes, conform
from market_assets.storage.common import statements
from market_assets.storage.common.changes import (
    Change,
    Delete,
    Discard,
    Replace,
    ReplaceWithin,
    Written,
)
from market_assets.storage.common.connection import fetch
from market_assets.tables.polars_types import polars_type

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from market_assets.tables import TableSpec

REACH: Final = 122_880
"""Rows between the first and the last one to overwrite, beyond which they count as scattered: the
length of a row group, the unit that DuckDB rewrites."""

AHEAD: Final = timedelta(seconds=10)
"""How far ahead of the clock a version may be and still be believed: clocks are set by so much."""


@dataclass(frozen=True)
class Staged:
    """A change whose frame is checked and unique by key: ready for the transaction."""

    change: Change
    frame: pl.DataFrame | None
    scopes: pl.DataFrame | None = None
    event_from_at: datetime | None = None
    event_to_at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing would happen: a merge without rows. (Replacing by nothing empties the table.)"""
        if isinstance(self.change, Delete | Replace):
            return False
        return all(one is None or one.is_empty() for one in (self.frame, self.scopes))


def stage(change: Change, now: datetime) -> Staged:
    """Check the change's frame against its table and make it unique by key.

    Args:
        change: what is to be done.
        now: the present, by the project's clock.

    Raises:
        FrameError: a column, a type or a value is not what the table promises.
    """
    if isinstance(change, Delete):
        return Staged(change, None)
    # DuckDB 1.5 imports this at the first frame it reads: 70 ms that would be spent in the lock.
    import pyarrow.dataset  # noqa: F401, PLC0415 - who only reads does not pay for it

    spec = change.table
    if isinstance(change, Discard):
        return Staged(change, conform(spec, change.frame))
    frame = newest(spec, conform(spec, change.frame), now)
    scopes = _scopes(change, frame) if isinstance(change, ReplaceWithin) else None
    times = frame[spec.time_column]
    return Staged(change, frame, scopes, _instant(times.min()), _instant(times.max()))


def _scopes(change: ReplaceWithin, frame: pl.DataFrame) -> pl.DataFrame:
    """The scopes, each once, and whether the frame has a row of it (`_has_rows`).

    Raises:
        FrameError: a scope is not of the key, or a row of the frame is in none.
    """
    scopes = change.scopes.unique(maintain_order=True)
    check_scopes(change.table, frame, scopes)
    spec, by = change.table, scopes.columns
    if change.until is not None:
        name, last = change.until
        outside = frame.filter(pl.col(name) > last)
        if not outside.is_empty():
            raise FrameError(f"{spec.name}: {outside.row(0, named=True)} is in no scope")
    has_rows = frame.select(by).unique().with_columns(_has_rows=True)
    return scopes.join(has_rows, on=by, how="left").with_columns(
        pl.col("_has_rows").fill_null(value=False)
    )


def newest(spec: TableSpec, frame: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """One row per key, as if the rows were written one after the other.

    The greatest version stays, the first of equals, and one from the future where there is no
    other; without a version, the last row; of derived rows the fullest. `set_once` columns take
    the value of the key's first row.
    """
    if not frame.select(pl.struct(spec.key).is_duplicated().any()).item():
        return frame
    if spec.set_once:
        frame = frame.with_columns(pl.col(spec.set_once).first().over(spec.key))
    if spec.derived:
        return _fullest(spec, frame)
    if not spec.version:
        return frame.unique(spec.key, keep="last", maintain_order=True)
    ranks: list[pl.Expr] = []
    for name in spec.version:
        if spec.schema[name] == polars_type("TIMESTAMPTZ"):
            ranks.append((pl.col(name) <= now + AHEAD).fill_null(value=False))
        ranks.append(pl.col(name))
    ranked = frame.sort(ranks, descending=True, nulls_last=True, maintain_order=True)
    return ranked.unique(spec.key, keep="first", maintain_order=True)


def _fullest(spec: TableSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """Of rows with one key, the one that the others would not have replaced in their order."""
    kept: dict[tuple[object, ...], tuple[int, tuple[int, ...]]] = {}
    counts = [pl.col(name) for name in (spec.derived.counts if spec.derived else ())]
    filled = [pl.col(name).is_not_null().cast(pl.Int64) for name in spec.optional]
    fullness = frame.select(*counts, *filled)
    for row, (key, full) in enumerate(
        zip(frame.select(spec.key).iter_rows(), fullness.iter_rows(), strict=True)
    ):
        _, before = kept.get(key, (row, None))
        is_less = before and any(new < old for new, old in zip(full, before, strict=True))
        if before is None or (full != before and not is_less):
            kept[key] = (row, full)
    return frame[sorted(row for row, _ in kept.values())]


def apply(connection: DuckDBPyConnection, staged: Staged, now: datetime) -> Written:
    """Execute a staged change inside the caller's transaction.

    Args:
        connection: in the transaction.
        staged: what is to be done.
        now: the present; a stored version that is later by more than `AHEAD` loses.
    """
    change, spec = staged.change, staged.change.table
    if isinstance(change, Delete):
        sql = f'delete from "{spec.name}" where {change.where}'  # noqa: S608 - the project's own SQL
        [(deleted,)] = fetch(connection, sql, change.params)
        return Written(spec.name, deleted=deleted)
    if staged.is_empty or staged.frame is None:
        return Written(spec.name)
    kept = 0
    refused: tuple[str, ...] = ()
    connection.register("source", staged.frame)
    try:
        if isinstance(change, Discard):
            [(deleted,)] = fetch(connection, statements.discard(spec))
            return Written(spec.name, deleted=deleted)
        if isinstance(change, Replace):
            done = _actions(connection, statements.replace(spec), now)
        elif isinstance(change, ReplaceWithin):
            if _is_swap(change):
                done = _swap(connection, change, staged.scopes)
            else:
                deleted, kept, refused = _withdraw(connection, change, staged.scopes)
                done = _merge(connection, spec, now) + Counter(DELETE=deleted)
        else:
            done = _merge(connection, spec, now)
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
        kept=kept,
        refused=refused,
        event_from_at=staged.event_from_at,
        event_to_at=staged.event_to_at,
    )


def _is_swap(change: ReplaceWithin) -> bool:
    """Whether the scopes simply hold the frame afterwards: nothing stored could stay or be kept."""
    spec = change.table
    keeps = spec.version or spec.derived or spec.set_once or spec.changed_at
    return change.most_removed >= 1 and change.until is None and not keeps


def _swap(
    connection: DuckDBPyConnection, change: ReplaceWithin, scopes: pl.DataFrame | None
) -> Counter[str]:
    """Delete all that is stored of the scopes, and insert the registered `source`."""
    compare, delete, insert = statements.swap(change.table, tuple(change.scopes.columns))
    connection.register("scopes", scopes)
    try:
        [(matched, differ)] = fetch(connection, compare)
        [(went,)] = fetch(connection, delete)
    finally:
        connection.unregister("scopes")
    [(came,)] = fetch(connection, insert)
    return Counter(INSERT=came - matched, UPDATE=differ, DELETE=went - matched)


def _withdraw(
    connection: DuckDBPyConnection, change: ReplaceWithin, scopes: pl.DataFrame | None
) -> tuple[int, int, tuple[str, ...]]:
    """Delete what the source has taken back; gives rows deleted, rows kept, and whose they are."""
    column, last = change.until or ("", None)
    choose, told, delete, drop = statements.withdraw(
        change.table, tuple(change.scopes.columns), column
    )
    params = {"few": change.few, "most_removed": change.most_removed}
    connection.register("scopes", scopes)
    try:
        fetch(connection, choose, params | ({"last": last} if column else {}))
        [(kept, refused)] = fetch(connection, told)
        [(deleted,)] = fetch(connection, delete)
        fetch(connection, drop)
    finally:
        connection.unregister("scopes")
    return deleted, kept, tuple(refused or ())


def _merge(connection: DuckDBPyConnection, spec: TableSpec, now: datetime) -> Counter[str]:
    """The registered `source` into the table, the way that suits where its rows lie."""
    [(stored, first, last)] = fetch(connection, statements.find(spec))
    if not stored:
        [(inserted,)] = fetch(connection, statements.insert(spec))
        return Counter(INSERT=inserted)
    if last - first <= REACH:
        return _actions(connection, statements.merge(spec), now)
    choose, count, *rest = statements.move(spec)
    fetch(connection, choose, _limit(choose, now))
    [(inserted, updated)] = fetch(connection, count)
    for statement in rest:
        fetch(connection, statement)
    return Counter(INSERT=inserted, UPDATE=updated)


def _actions(connection: DuckDBPyConnection, sql: str, now: datetime) -> Counter[str]:
    return Counter(action for (action,) in fetch(connection, sql, _limit(sql, now)))


def _limit(sql: str, now: datetime) -> dict[str, object]:
    """The value for `$limit`, where the statement has it: DuckDB takes none that it does not."""
    return {"limit": now + AHEAD} if "$limit" in sql else {}


def _instant(value: object) -> datetime | None:
    """A time column's minimum or maximum as an instant; a day is its first."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return None
