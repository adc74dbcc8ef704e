"""What an answer is made from: one version of the published file, at one instant.

Rows carry their own time. A part of an answer is a row with two members in front: `as_of`, the
instant that it speaks for, and `age_s`, how many seconds ago that was when the answer was made. A
row of an hour to come is as old as its reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from market_assets.api.market_index.index import Index
    from market_assets.storage.api import Snapshot

    Row = Mapping[str, Any]


_FEW: Final = 200
"""Places up to which looking for each in the list is worth it."""


@dataclass(frozen=True)
class View:
    """The published file as a request finds it.

    Attributes:
        snapshot: the file; the same for the whole answer.
        now: ages count up to this instant.
        markets: the index of the markets of this file, or of an older one; None: there is none.
    """

    snapshot: Snapshot
    now: datetime
    markets: Index | None = None

    @property
    def is_of_the_file(self) -> bool:
        """Nothing in the answer is from an index of an older file."""
        return self.markets is None or self.markets.version == self.snapshot.version

    def has(self, *tables: str) -> bool:
        """Whether the file has these tables: one from before a source was added has not."""
        return all(table in self.snapshot.columns for table in tables)

    def age_s(self, instant: datetime | None) -> float | None:
        """Seconds since the instant; a little below 0 where the venue's clock is ahead."""
        return None if instant is None else round((self.now - instant).total_seconds(), 1)

    def part(self, row: Row, as_of: datetime) -> dict[str, Any]:
        """The row with `as_of` and `age_s` in front."""
        return {"as_of": as_of, "age_s": self.age_s(as_of), **row}


def newest(
    view: View, table: str, *, time: str, key: str = "symbol", interval: str | None = None
) -> dict[str, dict[str, Any]]:
    """The newest row of each key, by the key; none where the file has no such table.

    One pass over the table gives all keys (25 ms for a million rows) and is kept for as long as
    the file is the published one, so that no client waits for a scan of his own.

    Args:
        view: where to look.
        table: a table's name, of the program's own.
        time: the column that says which row is the newest.
        key: the column that tells them apart.
        interval: only rows whose column `interval` has this value.
    """

    def read(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
        only = "true" if interval is None else '"interval" = $interval'
        rows = snapshot.rows(
            f'with newest as (select "{key}", max("{time}") as "{time}" '  # noqa: S608 - own names
            f'from "{table}" where {only} group by "{key}") '
            f'select t.* from "{table}" t join newest using ("{key}", "{time}") where {only}',
            None if interval is None else {"interval": interval},
        )
        return {row[key]: row for row in rows}

    if not view.has(table):
        return {}
    return view.snapshot.remember(("newest", table, key, interval), read)


def candle_as_of(row: Row) -> datetime:
    """The instant up to which a candle tells: its last update while it forms, then its end."""
    instant: datetime = min(row["close_at"], row["ingested_at"])
    return instant


def lying_at(places: Sequence[int]) -> str:
    """The condition of a statement that reads a few rows, wherever they lie.

    It says the same twice, because DuckDB does two things with it: by `in` it leaves out the parts
    of the table that have none of them, and with a function it reads nothing else of a row before
    it knows that it is one of them. Twenty rows of a million, with all columns, take 40 ms so; by
    `in` alone 280, by the function alone 55. The function goes through the whole list for each row.

    Args:
        places: `rowid` of each, at least one.
    """
    named = ", ".join(map(str, places))
    is_in = f"rowid in ({named})"
    return is_in if len(places) > _FEW else f"list_contains([{named}]::bigint[], rowid) and {is_in}"


@cache
def sql(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return (resources.files(__package__) / "sql" / f"{name}.sql").read_text("utf-8")
