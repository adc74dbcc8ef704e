"""Locks that nothing but the end of a process takes away: `flock` dies with it, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_PAUSE_S: Final = 0.02


def take(path: Path, patience: float) -> int | None:
    """The descriptor of a lock that is now held; None if somebody else holds it."""
    deadline = time.monotonic() + patience
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            if time.monotonic() >= deadline:
                return None
            time.sleep(_PAUSE_S)
            continue
        if is_current(path, fd):
            return fd
        os.close(fd)


def let_go(fd: int | None) -> None:
    """Release a lock, if there is one."""
    if fd is not None:
        os.close(fd)


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock: then it cannot be shared, as those who ask here do."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def is_current(path: Path, fd: int) -> bool:
    """Whether the path still leads to the locked file: a removed one excludes nobody."""
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False
