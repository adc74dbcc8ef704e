"""The published file: a copy of the live one that people open for as long as they like.

It is replaced by `rename`, never written in place: whoever has it open keeps what he has, and
whoever opens it next sees the new one. Copying is paced, because a copy costs what the file is
long: only when something changed, and so that on average no more than a given number of bytes per
second is copied. A small file therefore follows within seconds, a large one within minutes.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from market_assets.storage.copying import copy, remove_stale, settle, temporary_beside
from market_assets.storage.errors import StoreLocked, from_os
from market_assets.storage.flock import take
from market_assets.storage.live import LiveMissing, connected, fetch
from market_assets.storage.prepare import check_is_database

if TYPE_CHECKING:
    from pathlib import Path

    from market_assets.clock import Clock
    from market_assets.storage.gate import Gate, Hold
    from market_assets.storage.paths import StorePaths

SHORTEST_INTERVAL: Final = timedelta(seconds=5)
"""One flush of the stream: nothing is gained by copying more often than rows come."""
_PURPOSE: Final = "publishing"


@dataclass(frozen=True)
class Publication:
    """What became of a wish to publish.

    Attributes:
        outcome: `published`; `unchanged`, the published file is as new as the live one; `early`,
            the pace does not allow it yet; `busy`, another process is publishing.
        bytes: the size of the file, when it was published.
        copied: bytes that were written for it; 0 on a filesystem that shares blocks.
        wait_ms: how long others held the live file.
        hold_ms: how long writers were kept out.
        due_at: from when on the pace allows the next one; None: not known.
    """

    outcome: Literal["published", "unchanged", "early", "busy"]
    bytes: int = 0
    copied: int = 0
    wait_ms: float = 0.0
    hold_ms: float = 0.0
    due_at: datetime | None = None

    @property
    def is_published(self) -> bool:
        """The file was replaced."""
        return self.outcome == "published"


@dataclass(frozen=True)
class _Last:
    """The last publication, kept in a file so that all processes keep one pace."""

    at: str
    copied: int
    clones: bool
    live: list[int]

    def due(self, bytes_per_second: float) -> datetime:
        """When the next copy is due, judged by what the last one cost."""
        pause = timedelta(seconds=self.copied / bytes_per_second)
        return datetime.fromisoformat(self.at) + max(SHORTEST_INTERVAL, pause)


def publish(
    paths: StorePaths, gate: Gate, *, bytes_per_second: float, force: bool, clock: Clock
) -> Publication:
    """Bring the published file up to date, if the pace allows or `force` says so.

    Args:
        paths: the store's files.
        gate: of the live file.
        bytes_per_second: what may be copied on average.
        force: now, and waiting for another publisher rather than leaving it to him.
        clock: of the pace.

    Raises:
        StoreLocked: the live file, or with `force` the publisher's lock, was not to be had.
        StoreUnwritable: no room for the copy; the published file stays as it was.
        NotADatabase: something else stands in the published file's place.
    """
    try:
        descriptor = take(
            paths.publishing, exclusive=True, deadline=gate.deadline() if force else 0
        )
    except StoreLocked:
        if force:
            raise
        return Publication("busy")
    try:
        return _publish(paths, gate, bytes_per_second=bytes_per_second, force=force, clock=clock)
    finally:
        os.close(descriptor)


def _publish(
    paths: StorePaths, gate: Gate, *, bytes_per_second: float, force: bool, clock: Clock
) -> Publication:
    last = _read(paths.publications)
    now = clock.now()
    if last is not None and paths.published.exists():
        due = last.due(bytes_per_second)
        if last.live == _identity(paths):
            return Publication("unchanged", due_at=due)
        # A last publication in the future was made before somebody set the clock back.
        if not force and datetime.fromisoformat(last.at) <= now < due:
            return Publication("early", due_at=due)
    check_is_database(paths.published)
    remove_stale(paths.published, _PURPOSE)
    temporary = temporary_beside(paths.published, _PURPOSE)
    try:
        with gate.passed(exclusive=True) as hold:
            copied = _copy_live(paths, temporary, hold, try_clone=last is None or last.clones)
            identity = _identity(paths)
        size = temporary.stat().st_size
        # Left by somebody who opened the published file to write: DuckDB would refuse the new one.
        paths.published_wal.unlink(missing_ok=True)
        settle(temporary, paths.published)
        this = _Last(now.isoformat(), copied, clones=copied == 0, live=identity)
        _write(paths.publications, this)
    except OSError as error:
        raise from_os(paths.published.parent, error) from error
    return Publication(
        "published",
        bytes=size,
        copied=copied,
        wait_ms=hold.wait_ms,
        hold_ms=hold.hold_ms,
        due_at=this.due(bytes_per_second),
    )


def _copy_live(paths: StorePaths, target: Path, hold: Hold, *, try_clone: bool) -> int:
    """Copy the live file, whole, while this process keeps it open so that nobody else writes it.

    A log is there only when a writer was killed; it is worked in first, which needs to write.
    """
    if not paths.live.exists():
        raise LiveMissing
    has_log = paths.wal.exists()
    with connected(paths.live, read_only=not has_log, hold=hold) as connection:
        if has_log:
            fetch(connection, "checkpoint")
        return copy(paths.live, target, try_clone=try_clone)


def _identity(paths: StorePaths) -> list[int]:
    """Changes whenever the live file does. From `stat`: the file itself must not be opened."""
    live = paths.live.stat()
    log = paths.wal.stat().st_size if paths.wal.exists() else 0
    return [live.st_ino, live.st_size, live.st_mtime_ns, log]


def _read(path: Path) -> _Last | None:
    """The last publication, or None where there is none or its record cannot be read."""
    try:
        last = _Last(**json.loads(path.read_bytes()))
        datetime.fromisoformat(last.at)
    except (OSError, ValueError, TypeError):
        return None
    return last


def _write(path: Path, last: _Last) -> None:
    temporary = temporary_beside(path, _PURPOSE)
    temporary.write_text(json.dumps(asdict(last)), "utf-8")
    temporary.rename(path)
