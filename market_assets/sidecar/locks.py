"""Locks and process identities that nothing but the end of a process takes away.

`flock` dies with its process, however that ends. A process is told from a later one with the same
number by the time at which it started.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

import psutil

_PAUSE_S: Final = 0.02
_PROC: Final = Path("/proc")
_START_TIME: Final = 19
"""Which of the numbers after the name in `/proc/<pid>/stat` is the start: the 22nd field."""


def process_started(pid: int) -> float | None:
    """When a process started; None if there is none of that number.

    On Linux in ticks since boot: `psutil.Process.create_time` is in wall-clock time there, and
    moves when somebody sets the clock.
    """
    if not (_PROC / "self" / "stat").exists():
        try:
            return psutil.Process(pid).create_time()
        except psutil.Error:
            return None
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return float(stat.rpartition(")")[2].split()[_START_TIME])


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
