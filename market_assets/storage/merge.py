"""How a change becomes SQL: staged outside the lock, applied inside a transaction.

No table has a primary key: with one, a flush of 1,200 rows takes 74–146 ms instead of about 20,
since every key is looked up in an index that is loaded anew. `MERGE` joins the few rows that come
in with the table, and DuckDB's zone maps skip the parts that cannot match. The frame is made
unique by key before, because DuckDB 1.5 keeps the first of two equal keys and 2.0 raises.

Identifiers come from `TableSpec`s; values are bound, or come in as a registered frame.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from market_assets.frames import conform
from market_assets.storage.changes import Change, Delete, Replace, Written
from market_assets.storage.live import fetch

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from market_assets.tables import TableSpec


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
        sql = replace_sql(spec) if isinstance(change, Replace) else merge_sql(spec)
        done = Counter(action for (action,) in fetch(connection, sql))
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


@cache
def merge_sql(spec: TableSpec) -> str:
    """`MERGE` of the registered frame `source`; gives one action per row that it touched."""
    conditions = [_newer(spec.version)] if spec.version else []
    if not _tells_of_the_write(spec):
        conditions.append(_differs(_compared(spec)))
    return _merge(spec, matched=" and ".join(conditions) or "true", rest="")


@cache
def replace_sql(spec: TableSpec) -> str:
    """As `merge_sql`, but a stored row without a counterpart goes, and one that differs changes."""
    compared = [name for name in _assigned(spec) if name != spec.changed_at]
    return _merge(spec, matched=_differs(compared), rest="\nwhen not matched by source then delete")


def _merge(spec: TableSpec, *, matched: str, rest: str) -> str:
    keys = " and ".join(f't."{name}" = s."{name}"' for name in spec.key)
    assigned = _assigned(spec)
    update = ", ".join(_assignment(spec, name) for name in assigned)
    columns = ", ".join(f'"{name}"' for name in spec.column_names)
    values = ", ".join(f's."{name}"' for name in spec.column_names)
    replaced = f"\nwhen matched and ({matched}) then update set {update}" if assigned else ""
    return (  # names from the spec; the values are the registered frame's
        f'merge into "{spec.name}" t using source s on ({keys}){replaced}\n'  # noqa: S608 - see above
        f"when not matched then insert ({columns}) values ({values}){rest}\n"
        "returning merge_action"
    )


def _assigned(spec: TableSpec) -> list[str]:
    """Columns that a replaced row takes from the source: all but the key and `set_once`."""
    kept = {*spec.key, *spec.set_once}
    return [name for name in spec.column_names if name not in kept]


def _compared(spec: TableSpec) -> tuple[str, ...]:
    """Columns in which a row must differ, for it to be worth writing."""
    return spec.content if spec.changed_at else tuple(_assigned(spec))


def _tells_of_the_write(spec: TableSpec) -> bool:
    """Whether a newer row is stored even when its content is the same: to say when it was seen."""
    return any(name not in (*spec.content, spec.changed_at) for name in _assigned(spec))


def _assignment(spec: TableSpec, name: str) -> str:
    if name == spec.changed_at:
        differs = _differs(spec.content)
        return f'"{name}" = case when {differs} then s."{name}" else t."{name}" end'
    return f'"{name}" = s."{name}"'


def _newer(version: tuple[str, ...]) -> str:
    """The source's version is greater, column by column; NULL is less than any value."""
    name, *rest = version
    greater = f'(s."{name}" > t."{name}" or (t."{name}" is null and s."{name}" is not null))'
    if not rest:
        return greater
    return f'({greater} or (s."{name}" is not distinct from t."{name}" and {_newer(tuple(rest))}))'


def _differs(names: tuple[str, ...] | list[str]) -> str:
    """One of the columns is not the same; of no columns, none is."""
    each = (f's."{name}" is distinct from t."{name}"' for name in names)
    return f"({' or '.join(each)})" if names else "false"


def _instant(value: object) -> datetime | None:
    """A time column's minimum or maximum as an instant; a day is its first."""
    if isinstance(value, datetime):
        return value
    return (
        datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, date)
        else None
    )
