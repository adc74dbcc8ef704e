"""File locks with a deadline: `flock`, which dies with its process and works between threads.

Each take opens the file anew, so two threads of one process exclude each other like two processes.
The lock files are never written by DuckDB and never removed by the project; where somebody removes
one (by clearing the folder), the next taker notices and makes a new one.
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from market_assets.storage.common.errors import StoreLocked, from_os
from market_assets.storage.common.holders import holders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHORTEST_PAUSE: Final = 0.001
_LONGEST_PAUSE: Final = 0.005


@contextmanager
def locked(path: Path, *, exclusive: bool = True, deadline: float) -> Iterator[int]:
    """Hold the lock while the block runs; gives the descriptor of the lock file.

    Raises:
        StoreLocked: it was not to be had by the deadline; names who holds it.
        StoreUnwritable: the lock file cannot be made.
    """
    descriptor = take(path, exclusive=exclusive, deadline=deadline)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def take(path: Path, *, exclusive: bool, deadline: float) -> int:
    """Take the lock and give the descriptor that holds it; closing that lets it go.

    Polls: a blocking `flock` has no time-out, and a thread left waiting in one could not be called
    back. The pause starts at 1 ms and grows to 5, which costs a waiting process 0.3 % of a core.

    Args:
        path: the lock file; made where it is missing.
        exclusive: alone, or together with others who share it.
        deadline: `time.monotonic()` after which it is given up; one attempt is always made.
    """
    mode = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    pause = _SHORTEST_PAUSE
    descriptor = _open(path)
    try:
        while True:
            try:
                fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise StoreLocked(f"{path} is held by {holders(path)}") from None
                time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads those who wait
                pause = min(pause * 1.5, _LONGEST_PAUSE)
                continue
            if _is_current(path, descriptor):
                return descriptor
            descriptor, removed = _open(path), descriptor
            os.close(removed)
    except BaseException:
        os.close(descriptor)
        raise


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock alone at this moment."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise from_os(path.parent, error) from error


def _is_current(path: Path, descriptor: int) -> bool:
    """Whether the path still leads to the locked file: a removed one excludes nobody."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
