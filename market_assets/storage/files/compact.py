"""Compaction: a live file that is mostly free blocks is written anew.

DuckDB gives freed blocks to later rows and never back to the system; a file that held a backlog
once stays that long, and every publication copies all of it.
"""

from __future__ import annotations

import json
import logging
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from market_assets.clock import parse_rfc3339
from market_assets.storage.common.connection import fetch
from market_assets.storage.common.durable import remove_stale, settle, temporary_beside
from market_assets.storage.common.errors import StoreError, StoreLocked, StoreUnwritable, from_os
from market_assets.storage.common.outcomes import Compaction
from market_assets.storage.files.live import STORAGE_VERSION, LiveMissing, connected

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from market_assets.storage.files.gate import Gate, Hold
    from market_assets.storage.files.paths import StorePaths

SMALLEST: Final = 8_000_000
"""Bytes below which a file is left alone: nothing is gained."""

ROOM: Final = 4
"""Free bytes that a byte of the result needs: the copy goes through a log first."""
AGAIN_AFTER: Final = timedelta(hours=1)

_PURPOSE: Final = "compact"
_LOG = logging.getLogger(__name__)


def compact(paths: StorePaths, gate: Gate, *, force: bool, now: datetime) -> Compaction:
    """Write the live file anew if more than half of it is free, or `force` says so.

    A process killed at any moment leaves the old file or the new one, each whole. An attempt that
    failed is not repeated for an hour: it keeps everybody out for as long as one that succeeds.

    Raises:
        StoreLocked: somebody else kept the live file.
        StoreUnwritable: no room for the new file; the old one stays.
    """
    if not force and (error := _failed_lately(paths.compaction, now)):
        size = paths.live.stat().st_size if paths.live.exists() else 0
        return Compaction(
            is_done=False, bytes_before=size, bytes_after=size, free_before=0.0, error=error
        )
    try:
        done = _compact(paths, gate, force=force)
    except StoreLocked:
        raise
    except StoreError as error:
        _note(paths.compaction, now, str(error))
        raise
    paths.compaction.unlink(missing_ok=True)
    return done


def _compact(paths: StorePaths, gate: Gate, *, force: bool) -> Compaction:
    with gate.passed(exclusive=True) as hold:
        if not paths.live.exists():
            raise LiveMissing
        remove_stale(paths.live, _PURPOSE)
        before = paths.live.stat().st_size
        fresh = temporary_beside(paths.live, _PURPOSE)
        try:
            free = _rewrite(paths, fresh, hold, least_free=0.0 if force else 0.5)
            if fresh.exists():
                if paths.wal.exists():
                    raise StoreError(f"{paths.live}: its log could not be worked in")
                settle(fresh, paths.live)
                is_done = True
            else:
                is_done = False
        except OSError as error:
            raise from_os(paths.folder, error) from error
        finally:
            remove_stale(paths.live, _PURPOSE)
        after = paths.live.stat().st_size
    return Compaction(is_done, before, after, free, hold.hold_ms)


def _rewrite(paths: StorePaths, fresh: Path, hold: Hold, *, least_free: float) -> float:
    """Copy all tables into the file `fresh` if it is worth it; gives the share of free blocks."""
    with connected(paths.live, hold=hold) as connection:
        fetch(connection, "checkpoint")
        [(name, size, total, free)] = fetch(
            connection,
            "select database_name, block_size * total_blocks, total_blocks, free_blocks "
            "from pragma_database_size() where database_name = current_database()",
        )
        share = free / total if total else 0.0
        if least_free and (share <= least_free or size < SMALLEST):
            return share
        _check_room(paths, round(size * (1 - share)))
        _copy_database(connection, name, fresh)
        return share


def _check_room(paths: StorePaths, used: int) -> None:
    """Refuse before everybody is kept out for a copy that cannot be finished."""
    needed, free = ROOM * used, shutil.disk_usage(paths.folder).free
    if free < needed:
        raise StoreUnwritable(
            f"{paths.folder} is full: writing {paths.live.name} anew needs "
            f"{needed / 1e6:.1f} MB, and {free / 1e6:.1f} MB are free"
        )


def _failed_lately(path: Path, now: datetime) -> str | None:
    """Why an attempt within the last hour failed; None where there was none."""
    try:
        said = json.loads(path.read_bytes())
        is_late = abs(now - parse_rfc3339(said["failed_at"])) >= AGAIN_AFTER
        return None if is_late else str(said["error"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _note(path: Path, now: datetime, error: str) -> None:
    try:
        path.write_text(json.dumps({"failed_at": now.isoformat(), "error": error}), "utf-8")
    except OSError as failure:
        _LOG.warning("%s could not be written: %s", path, failure)


def _copy_database(connection: DuckDBPyConnection, name: str, fresh: Path) -> None:
    path = str(fresh).replace("'", "''")
    fetch(connection, f"attach '{path}' as _compacted (storage_version '{STORAGE_VERSION}')")
    fetch(connection, f'copy from database "{name}" to _compacted')
    fetch(connection, "detach _compacted")
