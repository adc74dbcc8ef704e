"""The file that takes what Dagster, its runs and the simulated venues say while `run` is up.

They write to it themselves, at its end, so that nothing stands between them and the disk and they
can go on when `run` is killed. `run` keeps it small: what is old is copied aside and cut off.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_BYTES: Final = 10_000_000
KEPT: Final = 4
"""Older files beside the current one: `run.log.1` is the latest of them."""


class RunLog:
    """A file that several processes append to, and that never grows without bounds."""

    def __init__(self, path: Path, *, limit: int = LIMIT_BYTES, kept: int = KEPT) -> None:
        """Open it; the folder is made.

        Args:
            path: where it is.
            limit: bytes from which on it is put aside.
            kept: how many older ones there may be.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._limit = limit
        self._kept = kept
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self.descriptor = os.open(path, flags, 0o644)

    def rotate(self) -> None:
        """Put the file aside where it has become too large. A full disk keeps it as it is.

        It is copied and cut, not renamed: those who write to it hold it open.
        """
        if os.fstat(self.descriptor).st_size < self._limit:
            return
        with suppress(OSError):
            for nth in range(self._kept - 1, 0, -1):
                with suppress(FileNotFoundError):
                    self._older(nth).replace(self._older(nth + 1))
            shutil.copyfile(self.path, self._older(1))
        with suppress(OSError):
            os.truncate(self.path, 0)

    def close(self) -> None:
        """Let go of the file; others may go on writing."""
        os.close(self.descriptor)

    def _older(self, nth: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{nth}")
