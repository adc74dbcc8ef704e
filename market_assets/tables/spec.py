"""What a `TableSpec` is: columns with types, meanings and units, key, time, versions, retention."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from market_assets.tables.sql_types import SqlType


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: the column.
        type: its SQL type.
        doc: what a value means.
        unit: its unit.
        required: it is never NULL.
        before: what rows have that were written before there was this column; a column that is
            added and required needs one.
    """

    name: str
    type: SqlType
    doc: str
    unit: str = ""
    required: bool = False
    before: str | float | None = None


FOR_EVER: Final = timedelta(days=36_500)
"""The age of rows that nothing deletes."""


@dataclass(frozen=True)
class Retention:
    """How long rows are kept.

    Attributes:
        keep: the age after which a row is deleted (the default of the setting), or `FOR_EVER`.
        setting: the environment variable that changes it, in hours.
        column: the instant whose age it is; None: the table's time column.
        only: restricts the rule to rows where `only[0]` equals `only[1]`.
        unless: SQL over the table's columns; rows for which it holds are kept.
        by_newest: rows come all the time: where the newest one is old, the clock is ahead, or
            nothing came, and age counts from that row.
        slack: kept on top, so that a window of the setting's length is whole whenever it is looked
            at: its newest row may be late, and a return needs the row before the first.
    """

    keep: timedelta
    setting: str
    only: tuple[str, str] | None = None
    column: str | None = None
    unless: str = ""
    by_newest: bool = True
    slack: timedelta = timedelta(0)

    def age(self, settings: Mapping[str, timedelta]) -> timedelta:
        """The age after which a row is deleted, by these settings; without one, the default."""
        return settings.get(self.setting, self.keep) + self.slack


@dataclass(frozen=True)
class Derived:
    """How a row that is computed from other rows may replace the one that is stored.

    It may be computed again when there is less to compute it from: after an outage, from a pruned
    or a holed window. So a stored row gives way only to a fuller one: no count is smaller, no value
    turns NULL, and something is more than it was. Of equally full rows the first stays.

    Attributes:
        counts: columns that say of how many rows it is made; never NULL.
        ahead: how far after its data a row's time may lie, where a row speaks for the end of a
            span that is still running: the hour's end.
    """

    counts: tuple[str, ...] = ()
    ahead: timedelta = timedelta(0)


@dataclass(frozen=True)
class TableSpec:
    """What a table holds.

    Attributes:
        name: the table, the asset key and, where one function makes it, that function.
        grain: what one row is, in words: "one row per …".
        key: the columns that identify a row.
        null_in_key: those of them that may be NULL. Two NULLs are the same value of a key: a row of
            a table without intervals has one row per asset and day, not any number of them.
        time_column: the row's own time (the venue's clock, or the instant it speaks for).
        version: which of two rows with one key wins: the one that is greater in these columns,
            compared left to right; equal rows: the one already stored stays. So an older message
            never overwrites a newer one. Instants among them are of the project's own clock: a
            stored one from the future loses against any other. Empty: a later write wins.
        derived: the rows are computed, and the fuller one wins; such a table has no version.
        set_once: columns that keep their first value when a row is replaced.
        changed_at: the column that says when the row's content last changed. Replaced by a row
            with the same content, it keeps its stored value. Empty: the table has none.
        about_row: columns that say how a row was come by and not what it holds: their change
            alone does not move `changed_at`.
        retention: rules by which old rows are deleted; empty: rows are kept.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    time_column: str
    version: tuple[str, ...] = ()
    derived: Derived | None = None
    set_once: tuple[str, ...] = ()
    changed_at: str = ""
    about_row: tuple[str, ...] = ()
    retention: tuple[Retention, ...] = field(default=())
    null_in_key: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = self.column_names
        changed_at = (self.changed_at,) if self.changed_at else ()
        counts = self.derived.counts if self.derived else ()
        named = (*self.key, self.time_column, *self.version, *counts, *self.set_once, *changed_at)
        for name in (*named, *self.about_row):
            if name not in names:
                raise ValueError(f"table {self.name}: no column {name!r}")
        if not set(self.age_columns) <= set(names):
            raise ValueError(f"table {self.name}: a time that lies ahead needs 'ingested_at'")
        if self.derived and self.version:
            raise ValueError(f"table {self.name}: the fuller row wins or the newer one, not both")
        if not set(self.null_in_key) <= set(self.key):
            raise ValueError(f"table {self.name}: {self.null_in_key} are not of its key")
        for name in counts:
            if name not in self.required:
                raise ValueError(f"table {self.name}: {name!r} counts rows, and may be NULL")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in table order."""
        return tuple(column.name for column in self.columns)

    @property
    def content(self) -> tuple[str, ...]:
        """Columns whose change moves `changed_at`: not the key, nor those that speak of the row."""
        history = {*self.key, *self.version, *self.set_once, self.changed_at, "ingested_at"}
        apart = history.union(self.about_row)
        return tuple(name for name in self.column_names if name not in apart)

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that are never NULL: the key but for `null_in_key`, and those that say so."""
        never = set(self.key) - set(self.null_in_key)
        return tuple(c.name for c in self.columns if c.required or c.name in never)

    @property
    def optional(self) -> tuple[str, ...]:
        """Columns that may be NULL."""
        return tuple(name for name in self.column_names if name not in self.required)

    @property
    def age_columns(self) -> tuple[str, ...]:
        """Times of which the earlier tells a row's age: where its own may lie ahead, both."""
        is_ahead = self.derived is not None and self.derived.ahead > timedelta(0)
        return (self.time_column, "ingested_at") if is_ahead else (self.time_column,)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The Polars schema of a frame of this table. Imports polars when it is asked for."""
        from market_assets.tables.polars_types import polars_type  # noqa: PLC0415 - 0.15 s of CPU

        return {column.name: polars_type(column.type) for column in self.columns}


def key_column(name: str, doc: str, type_: SqlType = "VARCHAR") -> Column:
    """A column of a key: never NULL."""
    return Column(name, type_, doc, required=True)


LISTED: Final = (
    Column(
        "is_listed",
        "BOOLEAN",
        "FALSE where the venue has taken it back: it was named in none of several good answers in "
        "a row, over an hour or longer. TRUE again as soon as it is.",
    ),
    Column("last_listed_at", "TIMESTAMPTZ", "When the venue last named it."),
    Column("missing_since", "TIMESTAMPTZ", "From when it was not in a good answer; else NULL."),
    Column("times_missed", "BIGINT", "Good answers in a row without it.", "count"),
)
"""Whether a venue still has what it once listed; NULL in rows of before there were these columns,
which counts as listed."""
MISSED: Final = ("last_listed_at", "missing_since", "times_missed")
"""Those of `LISTED` that change while the thing itself does not."""

INGESTED_AT: Final = Column(
    "ingested_at", "TIMESTAMPTZ", "When the project received it, by its own clock.", required=True
)
"""Every table that is fed from a venue has it."""
