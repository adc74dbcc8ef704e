"""What a request budget keeps in its file: spendings, waiters, and what the venue forbade.

One line of JSON behind its checksum, so that a file that was cut or edited is known for damaged.

Not here: the lock around it, and who may spend (`limits.py`).
"""

from __future__ import annotations

import json
import math
import os
import zlib
from dataclasses import dataclass, field
from typing import Any, Final

_SKEW_S: Final = 1.0
"""How far two processes' readings of the clock may differ."""
LONGEST_BLOCK_S: Final = 3600.0
_ABANDONED_S: Final = 10.0
"""A waiter that has not looked for so long is gone: its process died or gave up unseen."""


class DamagedError(ValueError):
    """The file holds something else than what was written to it."""


@dataclass
class Waiter:
    """A request in the queue; `seen_at` is when it last looked."""

    id: str
    user: str
    weight: int
    seen_at: float


@dataclass
class State:
    """What the file holds. `spent` is [user, time, weight], at most one entry per user and second,
    with the latest time in it: the file stays within a few kB and errs on the side of the venue.
    """

    spent: list[tuple[str, float, int]] = field(default_factory=list)
    waiters: list[Waiter] = field(default_factory=list)
    blocked_until: float = 0.0
    refusals: int = 0

    def used(self) -> dict[str, int]:
        """Weight of the last window by user."""
        by_user: dict[str, int] = {}
        for user, _, weight in self.spent:
            by_user[user] = by_user.get(user, 0) + weight
        return by_user

    def charge(self, user: str, now: float, weight: int) -> None:
        """Add a spending."""
        for index, (other, at, already) in enumerate(self.spent):
            if other == user and int(at) == int(now):
                self.spent[index] = (user, max(at, now), already + weight)
                return
        self.spent.append((user, now, weight))

    def forget(self, now: float, window: float) -> None:
        """Drop what no longer counts, and what an earlier boot left behind."""
        soon = now + _SKEW_S
        self.spent = [entry for entry in self.spent if now - window <= entry[1] <= soon]
        self.waiters = [w for w in self.waiters if now - _ABANDONED_S <= w.seen_at <= soon]
        if self.blocked_until > now + LONGEST_BLOCK_S:
            self.blocked_until = 0.0


def read(fd: int) -> State:
    """The state in the file; an empty one, if it is new.

    Raises:
        DamagedError: it cannot be read.
    """
    line, _, _ = os.pread(fd, 1 << 20, 0).partition(b"\n")
    if not line:
        return State()
    checksum, _, payload = line.partition(b" ")
    try:
        intact = int(checksum, 16) == zlib.crc32(payload)
        said: dict[str, Any] = json.loads(payload) if intact else {}
        return State(
            spent=[(str(user), float(at), int(w)) for user, at, w in said["spent"]],
            waiters=[Waiter(*waiter) for waiter in said["waiters"]],
            blocked_until=float(said["blocked_until"]),
            refusals=int(said["refusals"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(str(error)) from error


def write(fd: int, state: State) -> None:
    """One write and a cut: a kill between them leaves an old tail behind the first line."""
    payload = json.dumps(
        {
            # Rounded up to the millisecond: shorter, and no spending leaves the window early.
            "spent": [(user, math.ceil(at * 1000) / 1000, w) for user, at, w in state.spent],
            "waiters": [(w.id, w.user, w.weight, w.seen_at) for w in state.waiters],
            "blocked_until": state.blocked_until,
            "refusals": state.refusals,
        },
        separators=(",", ":"),
    ).encode()
    line = f"{zlib.crc32(payload):08x} ".encode() + payload + b"\n"
    os.pwrite(fd, line, 0)
    os.ftruncate(fd, len(line))
