"""Copies of whole files that survive a crash, made by another process where the file is live.

DuckDB's lock on a file is dropped when the process that holds it opens and closes the file in any
other way (see `live.py`); so `cp` does it. On a filesystem that can share blocks (btrfs, XFS,
APFS) a copy is a clone and costs nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from market_assets.storage.common.errors import StoreError, StoreUnwritable, one_line

if TYPE_CHECKING:
    from pathlib import Path

_CLONE: Final = ("cp", "-c") if sys.platform == "darwin" else ("cp", "--reflink=always")
_COPY: Final = ("cp",)

SLOWEST: Final = 5e6
"""Bytes per second below which a copy is given up: the file's writers wait for it."""
_SHORTEST_TIMEOUT_S: Final = 60.0
_TRIES: Final = 2
"""A copy that a signal has ended is made again: whoever presses Ctrl-C means others."""
_KILLED: Final = "ended by signal"


def copy(source: Path, target: Path, *, try_clone: bool = True) -> int:
    """Copy in another process; gives the bytes that were written: 0 where blocks are shared.

    The target is not yet on disk: see `settle`.

    Raises:
        StoreUnwritable: there is no room for it, or the folder is read-only.
        StoreError: it failed for another reason, or is too slow (`SLOWEST`).
    """
    if try_clone and _run(_CLONE, source, target) is None:
        return 0
    _check_room(source, target)
    complaint: str | None = _KILLED
    for _ in range(_TRIES):
        if complaint is not None and complaint.startswith(_KILLED):
            complaint = _run(_COPY, source, target)
    if complaint is None:
        return target.stat().st_size
    target.unlink(missing_ok=True)
    kind = StoreUnwritable if "space" in complaint or "ermission" in complaint else StoreError
    raise kind(f"{target.parent}: no copy of {source.name} could be made: {complaint}")


def _check_room(source: Path, target: Path) -> None:
    """Refuse a copy that would only fill the disk for everybody."""
    try:
        needed, free = source.stat().st_size, shutil.disk_usage(target.parent).free
    except OSError:  # the copy itself will say what is wrong
        return
    if free < needed:
        raise StoreUnwritable(
            f"{target.parent} is full: a copy of {source.name} needs {needed / 1e6:.1f} MB, "
            f"and {free / 1e6:.1f} MB are free"
        )


def _run(command: tuple[str, ...], source: Path, target: Path) -> str | None:
    """None when it worked, else what the command said."""
    try:
        size = source.stat().st_size
    except OSError:
        size = 0
    patience_s = max(_SHORTEST_TIMEOUT_S, size / SLOWEST)
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command; the paths follow `--`
            [*command, "--", os.fspath(source), os.fspath(target)],
            capture_output=True,
            text=True,
            check=False,
            timeout=patience_s,
            start_new_session=True,  # Ctrl-C is for those who ask for copies
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} was not done after {patience_s:.0f} s"
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    if done.returncode < 0:
        return f"{_KILLED} {-done.returncode}"
    return None if done.returncode == 0 else one_line(done.stderr) or f"code {done.returncode}"
