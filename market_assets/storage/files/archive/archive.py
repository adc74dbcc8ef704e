"""The archive: what retention takes out of the database goes in here first.

Rows of a day that is not over yet go into a file an hour, which stays small enough to be written
anew each minute; once the day is over its hours become one file. All of it survives being killed
between any two instructions: a row is deleted from the database only after the file that has it was
read back and renamed, and adding a row again changes nothing.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.storage.common.durable import sync
from market_assets.storage.common.errors import OtherUpstream, StoreError, from_os
from market_assets.storage.common.flock import take
from market_assets.storage.files.archive.joining import join, rows_of
from market_assets.storage.files.archive.layout import Day, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime, timedelta
    from pathlib import Path

    from market_assets.tables import TableSpec

_LOG = logging.getLogger(__name__)
_GB: Final = 1_000_000_000


class Archive:
    """Rows of the past, in a folder. One process at a time writes; anybody reads."""

    def __init__(self, folder: Path, *, limit: int = 0) -> None:
        """Nothing is made before the first row comes.

        Args:
            folder: `MARKET_ARCHIVE`.
            limit: bytes beyond which the oldest day goes; 0: none.
        """
        self.layout = Layout(folder.absolute())
        self._limit = limit

    @contextmanager
    def held(self, wait: timedelta, upstream: str | None) -> Iterator[None]:
        """Be the one who writes, while the block runs.

        Args:
            wait: how long another one may take.
            upstream: whose rows are to come; None: nobody says.

        Raises:
            StoreLocked: another process archives for longer.
            OtherUpstream: the archive holds the rows of other venues.
            StoreUnwritable: the folder cannot be made.
        """
        folder = self.layout.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise from_os(folder, error) from error
        deadline = time.monotonic() + wait.total_seconds()
        descriptor = take(self.layout.lock, exclusive=True, deadline=deadline)
        try:
            self._check_upstream(upstream)
            yield
        finally:
            os.close(descriptor)

    def add(self, spec: TableSpec, frame: pl.DataFrame, *, over_before: datetime) -> int:
        """Have the rows in the archive; when it returns, they are on the disk.

        Args:
            spec: the table.
            frame: rows of it, unique by key.
            over_before: days that end by then are over: nearly no more rows of them will come.

        Returns:
            How many were not there, or were newer.

        Raises:
            ArchiveUnreadable: a file that the rows belong to cannot be read; nothing was replaced.
            StoreUnwritable: there is no room.
        """
        at = pl.col(spec.time_column).cast(pl.Datetime("us", "UTC"))
        dated = frame.with_columns(_day=at.dt.date(), _hour=at.dt.hour())
        came = 0
        for (day_of, *_), rows in sorted(dated.partition_by("_day", as_dict=True).items()):
            day = self.layout.day(spec.name, day_of)
            if day.is_finished or day.ends_at <= over_before:
                came += self._finish(spec, day, rows.select(spec.column_names))
                continue
            for hour, part in sorted(rows.partition_by("_hour", as_dict=True).items()):
                file = day.part(int(hour[0]))
                there = [file] if file.exists() else []
                came += join(
                    spec, file, part.select(spec.column_names), there, work=self.layout.work
                )
        return came

    def rows(self, spec: TableSpec, day: date) -> pl.DataFrame:
        """The rows of a day, one per key.

        Raises:
            ArchiveUnreadable: a file of it cannot be read.
        """
        return rows_of(spec, self.layout.day(spec.name, day).files, work=self.layout.work)

    def finish(self, spec: TableSpec, over_before: datetime) -> None:
        """Make one file of each day that is over, and of what an interruption has left.

        Raises:
            ArchiveUnreadable: a file of it cannot be read.
            StoreUnwritable: there is no room.
        """
        for day in self.layout.days(spec.name):
            if day.parts and (day.is_finished or day.ends_at <= over_before):
                self._finish(spec, day, None)

    def shrink(self) -> tuple[tuple[date, int], ...]:
        """Drop the oldest days, of all tables, until the archive is no larger than it may be.

        Returns:
            The days, and the bytes that each gave back.
        """
        if not self._limit:
            return ()
        sizes: dict[date, int] = {}
        folders: dict[date, list[Path]] = {}
        for table in self.layout.tables():
            for day in self.layout.days(table):
                size = sum(file.stat().st_size for file in day.files)
                sizes[day.day] = sizes.get(day.day, 0) + size
                folders.setdefault(day.day, []).append(day.folder)
        dropped: list[tuple[date, int]] = []
        total = sum(sizes.values())
        for day_of in sorted(sizes):
            if total <= self._limit:
                break
            for folder in folders[day_of]:
                _remove(folder)
            total -= sizes[day_of]
            dropped.append((day_of, sizes[day_of]))
            _LOG.warning(
                "the archive is larger than %.1f GB: %s is gone, %.1f MB",
                self._limit / _GB,
                day_of,
                sizes[day_of] / 1e6,
            )
        return tuple(dropped)

    def _finish(self, spec: TableSpec, day: Day, rows: pl.DataFrame | None) -> int:
        parts = day.parts
        came = join(spec, day.data, rows, day.files, work=self.layout.work)
        for part in parts:
            part.unlink()
        if parts:
            sync(day.folder)
        return came

    def _check_upstream(self, upstream: str | None) -> None:
        """Whose rows these are is told by the first one who says so.

        Raises:
            OtherUpstream: somebody else's.
        """
        if upstream is None:
            return
        try:
            told = self.layout.upstream.read_text("utf-8").strip()
        except FileNotFoundError:
            self.layout.upstream.write_text(upstream + "\n", "utf-8")
            return
        except OSError as error:
            raise from_os(self.layout.folder, error) from error
        if told != upstream:
            raise OtherUpstream(
                f"the archive {self.layout.folder} holds rows of {told} venues, not of {upstream} "
                "ones; set MARKET_ARCHIVE to another folder"
            )


def _remove(folder: Path) -> None:
    """A day's folder: its files one by one, so that what is not ours keeps it."""
    try:
        for file in folder.glob("*.parquet"):
            file.unlink()
        folder.rmdir()
    except OSError as error:
        raise StoreError(f"{folder} could not be removed: {error.strerror}") from error
