"""The gate: who may open the live file, and when.

Two lock files. Everybody takes `.gate` alone, then `.lock` (writers alone, readers together), then
lets `.gate` go and works. Whoever waits for `.lock` holds `.gate`, so no newcomer overtakes: with
one lock file and six overlapping readers a writer got its turn 0 to 1 times in 16 s, and with two
nobody starves.

A copy of a large file takes seconds, and reads only. While one is made, writers wait outside (for
`.copying`), so that `.gate` stays free and readers come and go.

Not here: opening the file (`live.py`).
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from market_assets.storage.common.errors import StoreLocked
from market_assets.storage.common.flock import is_held, locked, take
from market_assets.storage.common.holders import holders, note
from market_assets.storage.common.outcomes import LockStats

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from market_assets.clock import Clock
    from market_assets.storage.files.paths import StorePaths


@dataclass
class Hold:
    """One pass through the gate.

    Attributes:
        deadline: `time.monotonic()` after which waiting ends, for the file as for the gate.
        descriptor: of the lock file.
        exclusive: held alone, to write.
        wait_ms: how long others were in the way.
        hold_ms: how long it was held; known when it is over.
    """

    deadline: float
    descriptor: int
    exclusive: bool
    wait_ms: float
    hold_ms: float = 0.0

    def waits_for(self, whom: str) -> None:
        """Leave word for those who are kept waiting by this hold."""
        if self.exclusive:
            note(self.descriptor, f"waits for {whom}")


class Gate:
    """The gate of one live file, as one process passes it. Threads may share it."""

    def __init__(self, paths: StorePaths, *, wait: timedelta, clock: Clock) -> None:
        """Nothing is opened before the first pass.

        Args:
            paths: where the two lock files are.
            wait: how long a pass may take to be granted.
            clock: gives `LockStats.since`; waits are measured by the machine's own.
        """
        self._paths = paths
        self._wait_s = wait.total_seconds()
        self._guard = Lock()
        self._stats = LockStats(since=clock.now())

    @property
    def stats(self) -> LockStats:
        """What passing has cost so far."""
        with self._guard:
            return self._stats

    def deadline(self) -> float:
        """When a wait that begins now is over, on `time.monotonic()`."""
        return time.monotonic() + self._wait_s

    @contextmanager
    def passed(self, *, exclusive: bool) -> Iterator[Hold]:
        """Hold the gate's lock while the block runs, and measure it.

        Raises:
            StoreLocked: it was not granted in time; names who holds it.
            StoreUnwritable: the folder is missing or read-only.
        """
        started = time.monotonic()
        deadline = started + self._wait_s
        descriptor = self._pass(exclusive=exclusive, deadline=deadline)
        granted = time.monotonic()
        hold = Hold(deadline, descriptor, exclusive, wait_ms=(granted - started) * 1e3)
        try:
            if exclusive:
                note(descriptor, "")
            yield hold
        finally:
            os.close(descriptor)
            hold.hold_ms = (time.monotonic() - granted) * 1e3
            self._count(hold)

    @contextmanager
    def copying(self) -> Iterator[Hold]:
        """Hold the lock together with readers, and let no writer wait in their way meanwhile.

        For one copy at a time; the rest is as for `passed`.
        """
        with (
            locked(self._paths.copying, deadline=self.deadline()),
            self.passed(exclusive=False) as hold,
        ):
            yield hold

    def _pass(self, *, exclusive: bool, deadline: float) -> int:
        try:
            while True:
                if exclusive:
                    os.close(take(self._paths.copying, exclusive=False, deadline=deadline))
                gate = take(self._paths.gate, exclusive=True, deadline=deadline)
                try:
                    if exclusive and is_held(self._paths.copying):
                        continue
                    return take(self._paths.lock, exclusive=exclusive, deadline=deadline)
                finally:
                    os.close(gate)
        except StoreLocked:  # whoever holds `.gate` only waits too: name the holder of `.lock`
            raise StoreLocked(
                f"{self._paths.live} is held by {holders(self._paths.lock)}; "
                f"gave up after {self._wait_s:g} s"
            ) from None

    def _count(self, hold: Hold) -> None:
        with self._guard:
            stats = self._stats
            self._stats = replace(
                stats,
                holds=stats.holds + 1,
                waits=stats.waits + (hold.wait_ms > 1),
                wait_ms_total=stats.wait_ms_total + hold.wait_ms,
                wait_ms_max=max(stats.wait_ms_max, hold.wait_ms),
                hold_ms_total=stats.hold_ms_total + hold.hold_ms,
                hold_ms_max=max(stats.hold_ms_max, hold.hold_ms),
            )
