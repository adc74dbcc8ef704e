"""Where archived rows lie, and which files count.

    <archive>/<table>/day=2026-11-30/data.parquet       a day that is over
    <archive>/<table>/day=2026-12-01/part-07.parquet    an hour of one that is not

The day and the hour are those of the row's own time, in UTC. No other value is part of a path. A
file is only ever replaced by rename, and by one that has been read back; whoever has the old one
open keeps it. Where a day has both kinds, an interruption has left the parts behind: the rows of
the day's file count, and the parts join it the next time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA: Final = "data.parquet"
_PART: Final = "part-{:02d}.parquet"
_PARTS: Final = "part-*.parquet"
_DAY: Final = re.compile(r"day=(\d{4}-\d{2}-\d{2})")
_DAY_LENGTH: Final = timedelta(days=1)


@dataclass(frozen=True)
class Day:
    """The archived rows of a table and day.

    Attributes:
        day: in UTC.
        folder: holds its files.
    """

    day: date
    folder: Path

    @property
    def data(self) -> Path:
        """The one file of a day that is over."""
        return self.folder / DATA

    @property
    def is_finished(self) -> bool:
        """Whether there is that file."""
        return self.data.exists()

    @property
    def parts(self) -> list[Path]:
        """Files of single hours, the first one first."""
        return sorted(self.folder.glob(_PARTS))

    @property
    def files(self) -> list[Path]:
        """All of its files."""
        return [*([self.data] if self.is_finished else []), *self.parts]

    def part(self, hour: int) -> Path:
        """The file of an hour, 0 to 23."""
        return self.folder / _PART.format(hour)

    @property
    def begins_at(self) -> datetime:
        """Its midnight."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)

    @property
    def ends_at(self) -> datetime:
        """The midnight after it."""
        return self.begins_at + _DAY_LENGTH


@dataclass(frozen=True)
class Layout:
    """The archive's folders.

    Attributes:
        folder: `MARKET_ARCHIVE`.
    """

    folder: Path

    @property
    def lock(self) -> Path:
        """Locked by the one process that archives."""
        return self.folder / ".lock"

    @property
    def upstream(self) -> Path:
        """Says whose rows these are, as the database does."""
        return self.folder / ".upstream"

    @property
    def work(self) -> Path:
        """Where DuckDB puts what does not fit into memory."""
        return self.folder / ".work"

    def day(self, table: str, day: date) -> Day:
        """A day of a table, whether or not there is anything of it."""
        return Day(day, self.folder / table / f"day={day.isoformat()}")

    def days(self, table: str) -> list[Day]:
        """The days of which there are rows, the first one first."""
        found = [
            Day(date.fromisoformat(named[1]), folder)
            for folder in _folders(self.folder / table)
            if (named := _DAY.fullmatch(folder.name))
        ]
        return sorted((one for one in found if one.files), key=lambda one: one.day)

    def tables(self) -> list[str]:
        """The tables of which there are folders, in order."""
        return sorted(folder.name for folder in _folders(self.folder))


def _folders(of: Path) -> Iterator[Path]:
    if of.is_dir():
        yield from (one for one in of.iterdir() if one.is_dir() and not one.name.startswith("."))
