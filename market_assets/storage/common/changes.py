"""What can be done to the tables, as values: `Store.write` takes any number of them at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    import polars as pl

    from market_assets.tables import TableSpec


@dataclass(frozen=True)
class Merge:
    """Insert the rows whose key is new; replace a stored row where the frame's is newer."""

    table: TableSpec
    frame: pl.DataFrame


@dataclass(frozen=True)
class Replace:
    """Make the table exactly the frame; only `set_once` columns of keys that stay survive."""

    table: TableSpec
    frame: pl.DataFrame


@dataclass(frozen=True)
class ReplaceWithin:
    """Make a part of the table exactly the frame: what was read whole, and all of it.

        ReplaceWithin(HISTORY, frame, scopes=series_that_were_read, until=("day", last_day))

    A row of the frame is written as by `Merge`: the newer one stays. A stored row inside a scope
    whose key the frame does not have is deleted: the source has taken it back. Rows outside of all
    scopes are left alone.

    An answer may be cut. A scope that would lose more than `most_removed` of its stored rows, and
    more than `few`, loses none; neither does one of which the frame holds no row at all. The rows
    that it does have are written all the same. `Written.kept` counts what was not deleted, and
    `Written.refused` names the scopes.

    Attributes:
        table: where to.
        frame: the rows, each of them inside one of the scopes.
        scopes: one row per scope, under the names of some of the key's columns: a scope is all rows
            that have these values. Scopes without a row in the frame are listed too.
        until: a column and the last of its values that was read; a later row is in no scope.
            None: a scope has no end.
        most_removed: the share of a scope's stored rows that may be deleted, 0 to 1; 1: all of
            them, even where the frame has no row of the scope.
        few: so many rows of a scope may be deleted, whatever share they are.
    """

    table: TableSpec
    frame: pl.DataFrame
    scopes: pl.DataFrame
    until: tuple[str, date | datetime] | None = None
    most_removed: float = 0.1
    few: int = 5


@dataclass(frozen=True)
class Delete:
    """Delete the rows for which a condition holds.

    Attributes:
        table: where from.
        where: SQL over the table's columns, with `?` for every value.
        params: the values.
    """

    table: TableSpec
    where: str
    params: Sequence[object] = field(default=())


@dataclass(frozen=True)
class Discard:
    """Delete the rows of a frame, those that are still stored as they are in it.

    Attributes:
        table: where from.
        frame: whole rows, as they were read.
    """

    table: TableSpec
    frame: pl.DataFrame


Change = Merge | Replace | ReplaceWithin | Delete | Discard


@dataclass(frozen=True)
class Expired:
    """Rows of a table that are past their retention.

    Attributes:
        table: whose.
        where: SQL over the table's columns, with `?` for every value.
        params: the values.
        before: rows of this table are old before that instant: days that end by then are over.
        rows: how many there are; where there are none, only days that are over are looked at.
    """

    table: TableSpec
    where: str
    params: Sequence[object]
    before: datetime
    rows: int


@dataclass(frozen=True)
class Retired:
    """What retiring rows did.

    Attributes:
        deleted: rows that are gone from the database, by table.
        archived: rows that are new in the archive, by table.
        dropped: days that went because the archive had grown too large, each with its bytes.
    """

    deleted: Mapping[str, int]
    archived: Mapping[str, int] = field(default_factory=dict)
    dropped: tuple[tuple[date, int], ...] = ()


@dataclass(frozen=True)
class Written:
    """What one change did, after its transaction is committed.

    Attributes:
        table: the table's name.
        rows: keys that were offered: inserted, updated and unchanged together.
        inserted: rows whose key was new.
        updated: stored rows that were overwritten.
        unchanged: rows that left the stored one as it was: no newer, or the same.
        deleted: stored rows that are gone (of all changes but a merge).
        kept: stored rows that the frame no longer has, and that were not deleted because they were
            too many.
        refused: the scopes that they are of, as `value/value`, in order.
        event_from_at: the earliest time among the rows offered, by the table's time column.
        event_to_at: the latest.
        lock_wait_ms: how long the transaction waited for the live file.
        lock_hold_ms: how long it held it, opening and closing included.
    """

    table: str
    rows: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    kept: int = 0
    refused: tuple[str, ...] = ()
    event_from_at: datetime | None = None
    event_to_at: datetime | None = None
    lock_wait_ms: float = 0.0
    lock_hold_ms: float = 0.0

    def plus(self, other: Written) -> Written:
        """Both together, as one change to the same table."""
        return replace(
            self,
            rows=self.rows + other.rows,
            inserted=self.inserted + other.inserted,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            deleted=self.deleted + other.deleted,
            kept=self.kept + other.kept,
            refused=(*self.refused, *other.refused),
            event_from_at=earliest(self.event_from_at, other.event_from_at),
            event_to_at=latest(self.event_to_at, other.event_to_at),
            lock_wait_ms=self.lock_wait_ms + other.lock_wait_ms,
            lock_hold_ms=self.lock_hold_ms + other.lock_hold_ms,
        )


def earliest(*instants: datetime | None) -> datetime | None:
    """The first of the instants that are known."""
    return min((instant for instant in instants if instant is not None), default=None)


def latest(*instants: datetime | None) -> datetime | None:
    """The last of the instants that are known."""
    return max((instant for instant in instants if instant is not None), default=None)
