"""The spool: rows that are received and not yet in the database, as files.

A stream first appends to the spool, about 1 ms for 600 rows, and only then counts rows as
received; a drain brings all segments into the database in one transaction and removes them after
the commit. A crash in between is harmless, since a merge does nothing the second time. While the
database is locked, or its disk full, the spool grows, up to a limit.
"""

from __future__ import annotations

import logging
import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from tempfile import TemporaryFile
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

import polars as pl

from market_assets.clock import EPOCH, SystemClock
from market_assets.frames import check_scopes, conform
from market_assets.storage.common.apart import BAD, left, note_left, put_back, set_aside
from market_assets.storage.common.durable import sync
from market_assets.storage.common.errors import SpoolFull, from_os
from market_assets.storage.common.flock import locked
from market_assets.storage.common.segments import (
    SUFFIX,
    Content,
    ForeignSegment,
    Segment,
    SegmentError,
    decode,
    encode,
    joined,
    listed,
    name,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from market_assets.clock import Clock
    from market_assets.storage.common.changes import Change, Merge, ReplaceWithin, Written
    from market_assets.storage.common.runs import IngestionRun
    from market_assets.tables import TableSpec

_LOG = logging.getLogger(__name__)

BATCH_BYTES: Final = 4_000_000
"""What one transaction of a drain takes at most: some 200,000 rows, which hold the file for about
half a second, so that hours of backlog do not lock everybody out for a minute."""
BATCH_SEGMENTS: Final = 500

_LISTED_EVERY: Final = 100
"""Appends of this process after which it looks what others have appended."""
_TEMPORARY: Final = ".partial"
_ABANDONED_AFTER_S: Final = 3600.0


@dataclass(frozen=True)
class SpoolDepth:
    """How much waits in the spool.

    Attributes:
        segments: files that are to be drained.
        bytes: their size; compressed, about 20 bytes a row.
        oldest_age_s: how long the first of them has waited; 0 when there is none.
        set_aside: files that could not be read and wait for somebody to look at them.
        left: files of code that has another table or other columns, which wait for that code.
    """

    segments: int
    bytes: int
    oldest_age_s: float
    set_aside: int
    left: int = 0

    def plus(self, other: SpoolDepth) -> SpoolDepth:
        """Both spools together."""
        return SpoolDepth(
            segments=self.segments + other.segments,
            bytes=self.bytes + other.bytes,
            oldest_age_s=max(self.oldest_age_s, other.oldest_age_s),
            set_aside=self.set_aside + other.set_aside,
            left=self.left + other.left,
        )


class Tables(Protocol):
    """What a spool is drained into; a `Store` is one."""

    @property
    def tables(self) -> tuple[TableSpec, ...]:
        """The tables that there are."""

    def deadline(self) -> float:
        """The `time.monotonic()` at which waiting for others ends."""

    def write(self, *changes: Change, runs: Sequence[IngestionRun] = ()) -> tuple[Written, ...]:
        """Apply all changes in one transaction."""


@dataclass(frozen=True)
class Drained:
    """What a drain did.

    Attributes:
        segments: files whose rows are in the database now.
        set_aside: files that could not be read; they keep their name, with `.bad` behind it.
        written: what changed, one per table.
        left: files that were met for the first time and left for the code that knows them.
    """

    segments: int
    set_aside: int
    written: tuple[Written, ...]
    left: int = 0


class Spool:
    """The spool in one folder. Any number of processes may append; one at a time drains."""

    def __init__(self, directory: Path, *, limit_bytes: int, clock: Clock | None = None) -> None:
        """Nothing is opened or made before the first append.

        Args:
            directory: where the segments are; `StorePaths.spool`.
            limit_bytes: what may wait there.
            clock: tells ages.
        """
        self._directory = directory
        self._limit_bytes = limit_bytes
        self._clock = clock or SystemClock()
        self._writer = secrets.token_hex(4)
        self._appending = Lock()
        self._last_order = 0
        self._waiting = 0
        self._until_listed = 0
        self._left: dict[str, str] = {}

    def append(
        self, table: TableSpec, frame: pl.DataFrame, *, scopes: pl.DataFrame | None = None
    ) -> Path:
        """Keep the rows; when this returns, they are received, and survive a crash.

        Args:
            table: where they go.
            frame: the rows.
            scopes: None: they are merged. Else they are all that there is inside of these scopes,
                as in `ReplaceWithin`: stored rows of them that the frame lacks will be deleted.

        Raises:
            FrameError: the frame is not what the table promises, or not inside of the scopes.
            SpoolFull: the limit is reached; these rows are not received, all others still are.
            StoreUnwritable: the disk is full, or the folder read-only; the same holds.
        """
        return self.append_together([Content(table, frame, scopes)])

    def append_together(self, contents: Sequence[Content]) -> Path:
        """Keep the rows of several tables as one thing: all are received, or none.

        They reach the database in one transaction: no reader sees one table without the others.

        Args:
            contents: per table its rows and, where they are whole in some, its scopes.

        Raises:
            FrameError: as for `append`; nothing is received.
            SpoolFull: the same.
            StoreUnwritable: the same.
        """
        parts: list[bytes] = []
        for table, frame, scopes in contents:
            sound = conform(table, frame)
            if scopes is not None:
                check_scopes(table, sound, scopes)
            parts.append(encode(sound, scopes))
        content = joined(parts)
        self._check_room(len(content))
        tables = "+".join(one.table.name for one in contents)
        path = self._directory / name(self._next_order(), self._writer, tables, content)
        temporary = path.with_name(f".{path.name}{_TEMPORARY}")
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            write(temporary, content)
            temporary.rename(path)
            sync(self._directory)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise from_os(self._directory, error) from error
        return path

    def drain(
        self,
        store: Tables,
        runs: Sequence[IngestionRun] = (),
        *,
        on_committed: Callable[[Sequence[Written]], None] = lambda _: None,
        drop_unknown: bool = False,
    ) -> Drained:
        """Bring all segments into the database, the newest row per key, and remove them.

        One transaction for what a stream leaves in minutes; a longer backlog in several, each of
        which is committed and removed before the next. What raises leaves the rest in the spool.

        Args:
            store: where to.
            runs: count the writes to their asset's table.
            on_committed: hears what each transaction wrote, also where a later one fails.
            drop_unknown: bring in what was left too, without the columns that this code does not
                know.

        Raises:
            StoreLocked: the database, or another drain, was not to be waited for any longer.
            StoreError: the database could not take the rows.
        """
        if drop_unknown:
            self._left.clear()
        if not self._waiting_segments():
            return Drained(0, 0, ())
        segments = bad = 0
        known = len(self._left)
        written: dict[str, Written] = {}
        with locked(self._directory / ".drain", deadline=store.deadline()):
            self._remove_abandoned()
            for batch in _batches(self._waiting_segments()):
                before = len(self._left)
                changes, good = self._read(batch, store.tables, drop_unknown=drop_unknown)
                committed = store.write(*changes, runs=runs) if changes else []
                on_committed(committed)
                for one in committed:
                    written[one.table] = (
                        written[one.table].plus(one) if one.table in written else one
                    )
                self._remove(good)
                segments += len(good)
                bad += len(batch) - len(good) - (len(self._left) - before)
            if len(self._left) != known:
                self._note_left()
        return Drained(segments, bad, tuple(written.values()), len(self._left) - known)

    def retry(self, store: Tables, *, drop_unknown: bool = False) -> Drained:
        """Drain, together with what was set aside; what still cannot be read is set aside again.

        Args:
            store: where to.
            drop_unknown: as for `drain`.

        Raises:
            StoreError: as for `drain`.
        """
        put_back(self._directory)
        return self.drain(store, drop_unknown=drop_unknown)

    def depth(self) -> SpoolDepth:
        """How much waits."""
        apart = left(self._directory)
        segments = [one for one in self._segments() if one.path.name not in apart]
        oldest = min((segment.order for segment in segments), default=0)
        now = (self._clock.now() - EPOCH).total_seconds()
        return SpoolDepth(
            segments=len(segments),
            bytes=sum(segment.size for segment in segments),
            oldest_age_s=max(0.0, now - oldest / 1e9) if segments else 0.0,
            set_aside=len(listed(self._directory, SUFFIX + BAD)),
            left=len(apart),
        )

    def _segments(self) -> list[Segment]:
        return listed(self._directory, SUFFIX)

    def _waiting_segments(self) -> list[Segment]:
        """Those that this code has not met and left."""
        return [one for one in self._segments() if one.path.name not in self._left]

    def _check_room(self, size: int) -> None:
        """Refuse what would go over the limit.

        The folder is listed once in a while, and whenever it seems full: with the 35,000 segments
        that a day of a locked database leaves, to list them takes longer than to append one.
        """
        with self._appending:
            if self._until_listed == 0 or self._waiting + size > self._limit_bytes:
                self._waiting = sum(segment.size for segment in self._segments())
                self._until_listed = _LISTED_EVERY
            if self._waiting + size > self._limit_bytes:
                raise SpoolFull(
                    f"{self._directory} holds {self._waiting / 1e6:.1f} MB of at most "
                    f"{self._limit_bytes / 1e6:.1f} MB: the database has not taken any for a while"
                )
            self._until_listed -= 1
            self._waiting += size

    def _next_order(self) -> int:
        """The time in nanoseconds, or one more than the greatest there is: a clock may go back."""
        with self._appending:
            if not self._last_order:
                self._last_order = max((segment.order for segment in self._segments()), default=0)
            now = (self._clock.now() - EPOCH) // timedelta(microseconds=1) * 1000
            self._last_order = max(self._last_order + 1, now)
            return self._last_order

    def _read(
        self, batch: Sequence[Segment], tables: Sequence[TableSpec], *, drop_unknown: bool
    ) -> tuple[list[Merge | ReplaceWithin], list[Segment]]:
        """The rows of a batch as few changes, and the segments that they came from."""
        contents: list[Content] = []
        good: list[Segment] = []
        for segment in batch:
            try:
                found = decode(segment, tables, drop_unknown=drop_unknown)
            except ForeignSegment as error:
                self._left[segment.path.name] = str(error)
                _LOG.warning("%s is left: %s", segment.path.name, error)
                continue
            except SegmentError as error:
                _LOG.error("%s is set aside: %s", segment.path.name, error)
                self._set_aside(segment, str(error))
                continue
            except OSError as error:
                raise from_os(self._directory, error) from error
            contents += found
            good.append(segment)
        return [content.change for content in _together(contents)], good

    def _set_aside(self, segment: Segment, cause: str) -> None:
        try:
            set_aside(segment, cause)
        except OSError as error:
            raise from_os(self._directory, error) from error

    def _note_left(self) -> None:
        """For those who only look; where it cannot be written, the log has said it."""
        try:
            note_left(self._directory, left(self._directory) | self._left)
        except OSError as error:
            _LOG.warning("%s: what is left could not be noted: %s", self._directory, error)

    def _remove(self, segments: Sequence[Segment]) -> None:
        """After the commit. What a crash leaves here is merged again, to no effect."""
        try:
            for segment in segments:
                segment.path.unlink(missing_ok=True)
        except OSError as error:
            raise from_os(self._directory, error) from error

    def _remove_abandoned(self) -> None:
        """Remove what killed appenders left half-written; nobody was told that it is received.

        Their age is told by the clock that dates files: that of the file system. Where no file can
        be made, on a full disk say, they stay for another time.
        """
        halves = list(self._directory.glob(f".*{_TEMPORARY}"))
        if not halves:
            return
        try:
            with TemporaryFile(dir=self._directory) as file:
                now = os.fstat(file.fileno()).st_mtime
        except OSError:
            return
        for path in halves:
            try:
                if now - path.stat().st_mtime > _ABANDONED_AFTER_S:
                    path.unlink()
            except FileNotFoundError:  # its appender has just finished it
                continue


def _together(contents: Sequence[Content]) -> Iterator[Content]:
    """The same in fewer parts: of each table, those that follow each other and are of one kind."""
    by_table: dict[str, list[Content]] = {}
    for one in contents:
        by_table.setdefault(one.table.name, []).append(one)
    for of_table in by_table.values():
        for scope, group in groupby(of_table, key=_kind):
            parts = list(group)
            if scope is None:
                yield Content(parts[0].table, pl.concat([part.frame for part in parts]))
            else:
                yield _latest(parts)


def _kind(content: Content) -> tuple[str, ...] | None:
    """The columns of its scopes; None where it is merged."""
    return None if content.scopes is None else tuple(content.scopes.columns)


def _latest(parts: Sequence[Content]) -> Content:
    """Of parts that are whole in scopes by the same columns: of each scope what was said last."""
    frames: list[pl.DataFrame] = []
    seen: pl.DataFrame | None = None
    for _, frame, scopes in reversed(parts):
        assert scopes is not None
        by = scopes.columns
        frames.append(frame if seen is None else frame.join(seen, on=by, how="anti"))
        seen = scopes if seen is None else pl.concat([seen, scopes]).unique()
    return Content(parts[0].table, pl.concat(reversed(frames)), seen)


def _batches(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    batch: list[Segment] = []
    size = 0
    for segment in segments:
        if batch and (len(batch) >= BATCH_SEGMENTS or size + segment.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(segment)
        size += segment.size
    if batch:
        yield batch
