"""What is known of publishing: what stands at the published path, and what has been tried since.

A small file beside the live one, written by whoever publishes, under his lock. All processes keep
one pace by it, and `standing` tells from it and from `stat` how far behind the published file is:
also when every attempt fails, when one hangs, and when nobody tries any more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from market_assets.clock import from_s, parse_rfc3339
from market_assets.storage.common.errors import StoreError
from market_assets.storage.common.outcomes import Standing
from market_assets.storage.files.kind import check_is_database

if TYPE_CHECKING:
    from pathlib import Path

    from market_assets.storage.files.paths import StorePaths

SHORTEST_INTERVAL: Final = timedelta(seconds=5)
"""One flush of the stream: nothing is gained by copying more often than rows come."""
SHORTEST_WINDOW: Final = timedelta(minutes=5)
_INSTANTS: Final = ("published_at", "live_changed_at", "tried_at", "again_at")


@dataclass(frozen=True)
class Publications:
    """The last publication, and the attempts since.

    Attributes:
        published_at: when it was; None: there has been none.
        copied: bytes that it wrote; 0 on a filesystem that shares blocks.
        clones: the filesystem is known to share blocks.
        live: identity of the live file that was copied; see `identity`.
        file: identity of the published file.
        live_changed_at: when the first change was seen that is not published; None: none was.
        tried_at: when the last attempt began.
        error: why it failed, on one line; None: it did not, or has not ended.
        again_at: after a failure, when the next attempt is due.
    """

    published_at: datetime | None = None
    copied: int = 0
    clones: bool = True
    live: tuple[int, ...] = ()
    file: tuple[int, ...] = ()
    live_changed_at: datetime | None = None
    tried_at: datetime | None = None
    error: str | None = None
    again_at: datetime | None = None

    def is_current(self, paths: StorePaths) -> bool:
        """The published file is the one that was made of the live file as it is."""
        return bool(self.file) and (
            self.live == live_identity(paths) and self.file == identity(paths.published)
        )

    def due_at(self, bytes_per_second: float) -> datetime | None:
        """When the next copy is due, judged by what the last one cost; None: at once."""
        if self.error is not None:
            return self.again_at
        if self.published_at is None:
            return None
        pause = timedelta(seconds=self.copied / bytes_per_second)
        return self.published_at + max(SHORTEST_INTERVAL, pause)

    def seen(self, paths: StorePaths, now: datetime) -> Publications:
        """With the time of the first change that is not published, as far as it can be told."""
        if self.live_changed_at is not None and self.live_changed_at <= now:
            return self
        return replace(self, live_changed_at=min(now, _changed_at(paths.live) or now))

    def as_json(self) -> str:
        """What `recall` reads."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.dumps(said, default=datetime.isoformat)


def recall(path: Path) -> Publications:
    """What the file says; nothing where there is none, or it is damaged."""
    try:
        said: dict[str, Any] = json.loads(path.read_bytes())
        for name in _INSTANTS:
            said[name] = None if said[name] is None else parse_rfc3339(said[name])
        for name in ("live", "file"):
            said[name] = tuple(int(number) for number in said[name])
        found = Publications(**said)
        found.due_at(1.0)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Publications()
    return found


def identity(path: Path, log: Path | None = None) -> tuple[int, ...]:
    """Changes whenever the file (or its log) does; empty where there is none.

    From `stat`: the live file must not be opened.
    """
    try:
        found = path.stat()
    except OSError:
        return ()
    told = (found.st_ino, found.st_size, found.st_mtime_ns)
    if log is None:
        return told
    return (*told, log.stat().st_size if log.exists() else 0)


def live_identity(paths: StorePaths) -> tuple[int, ...]:
    """Changes whenever a publication would show something else: the live file, or the archive."""
    found = identity(paths.live, paths.wal)
    return (*found, *identity(paths.archived)) if found else ()


def standing(paths: StorePaths, *, bytes_per_second: float, now: datetime) -> Standing | None:
    """How far behind the published file is, and why; None where there is nothing to publish.

    Args:
        paths: the store's files.
        bytes_per_second: what publishing may copy on average.
        now: the present.
    """
    try:
        size = paths.live.stat().st_size
    except OSError:
        return None
    known = recall(paths.publications)
    cost = timedelta(seconds=0 if known.clones and known.file else size / bytes_per_second)
    is_current = known.is_current(paths)
    error = None if is_current else known.error
    try:
        check_is_database(paths.published)
    except StoreError as wrong:
        error = str(wrong)
    return Standing(
        published_at=known.published_at,
        behind_since=None if is_current else known.seen(paths, now).live_changed_at,
        error=error,
        interval=max(SHORTEST_INTERVAL, cost),
        window=max(SHORTEST_WINDOW, 2 * cost),
    )


def _changed_at(path: Path) -> datetime | None:
    try:
        return from_s(path.stat().st_mtime)
    except OSError:
        return None
