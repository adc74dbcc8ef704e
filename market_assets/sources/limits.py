"""A venue's request budget: at most so much weight in any sliding window, over all processes.

A venue counts weight per address, so runs, the sidecar and a backfill, each a process of its own,
draw on one budget. It lives in one small file under `flock`. The window is as long as the venue's:
a minute, or ten seconds. Each user may have a reserve, which the others cannot take; what is not
reserved goes to whoever comes first.

Time is `Clock.monotonic()`, which the processes of one boot share and nobody can set; entries that
seem to come from the future are those of an earlier boot and are dropped.

Not here: what a request weighs (each venue's client knows), retries (`http.py`).
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from market_assets.clock import Clock, SystemClock
from market_assets.sources import budget_file
from market_assets.sources.budget_file import LONGEST_BLOCK_S, DamagedError, State, Waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_LOG = logging.getLogger(__name__)

WINDOW_S: Final = 60.0
"""A window's length where none is given."""
_POLL_S: Final = 0.5
"""How long a waiter sleeps at most before it looks again."""


class BudgetExhaustedError(Exception):
    """The weight did not become free within the time that the caller would wait."""


@dataclass(frozen=True)
class BudgetStats:
    """What the last window cost.

    Attributes:
        per_window: the most that any sliding window may cost.
        window: its length in seconds.
        spent: weight spent in the last window, by user.
        waiting: requests that wait for weight now, in all processes.
        blocked_s: seconds until the venue may be asked again; 0 unless it said 429.
        refusals: 429 answers counted since the file was made.
    """

    per_window: int
    window: float
    spent: Mapping[str, int]
    waiting: int
    blocked_s: float
    refusals: int


class WeightBudget:
    """At most `per_window` weight in any sliding `window` s, over all processes that share `path`.

    A request of weight w by user u is let through when `used + w`, plus what the other users have
    not yet taken of their reserves, stays within `per_window`. Requests that cannot go yet queue:
    nobody overtakes an earlier one of the same user, nor, beyond his own reserve, an earlier one
    of anybody. So a big request gets its turn within about one window however many small ones come.

    Thread-safe; a process that is killed while it waits or spends leaves nothing to clean up.
    """

    def __init__(
        self,
        path: Path,
        *,
        per_window: int,
        reserves: Mapping[str, int],
        window: float = WINDOW_S,
        clock: Clock | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a budget.

        Args:
            path: the file that the processes share; made where it is missing.
            per_window: weight that any window may cost.
            reserves: weight of each window that only this user may take.
            window: its length in seconds; the same for all who share the file.
            clock: for the sliding window.
            sleep: how to wait for weight.

        Raises:
            ValueError: the reserves are more than there is.
        """
        if sum(reserves.values()) > per_window:
            raise ValueError(
                f"reserves of {sum(reserves.values())} exceed {per_window} in {window:g} s"
            )
        self.path = path
        self.per_window = per_window
        self.window = window
        self.reserves = dict(reserves)
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._serial = 0
        self._serial_lock = threading.Lock()

    def most(self, user: str) -> int:
        """The greatest weight that a single request of this user can have."""
        return self.per_window - sum(r for other, r in self.reserves.items() if other != user)

    def spend(self, weight: int, user: str, *, wait: float) -> float:
        """Take `weight` for `user`, waiting up to `wait` seconds; returns the seconds waited.

        Raises:
            BudgetExhaustedError: it did not become free in time; nothing is spent.
            ValueError: the weight is more than this user can ever have.
        """
        if weight > self.most(user):
            raise ValueError(
                f"a request of weight {weight} can never be sent: {user!r} has {self.most(user)}"
                f" of {self.per_window} in {self.window:g} s"
            )
        started = self._clock.monotonic()
        me = Waiter(self._ticket(), user, weight, started)
        while True:
            with self._locked() as (state, now):
                left = started + wait - now
                pause = self._admit(state, me, now)
                if pause == 0.0 or left <= 0:
                    state.waiters = [w for w in state.waiters if w.id != me.id]
            if pause == 0.0:
                return now - started
            if left <= 0:
                raise BudgetExhaustedError(
                    f"no weight of {weight} became free for {user!r} in {wait:g} s"
                )
            self._sleep(min(pause, left))

    def blocked(self, seconds: float) -> None:
        """The venue said 429: no process spends anything for that long, one hour at most."""
        with self._locked() as (state, now):
            state.blocked_until = max(state.blocked_until, now + min(seconds, LONGEST_BLOCK_S))
            state.refusals += 1

    def stats(self) -> BudgetStats:
        """What the last window cost, read from the shared file."""
        with self._locked() as (state, now):
            return BudgetStats(
                per_window=self.per_window,
                window=self.window,
                spent=state.used(),
                waiting=len(state.waiters),
                blocked_s=max(0.0, state.blocked_until - now),
                refusals=state.refusals,
            )

    def _ticket(self) -> str:
        with self._serial_lock:
            self._serial += 1
            return f"{os.getpid()}-{id(self)}-{self._serial}"

    def _admit(self, state: State, me: Waiter, now: float) -> float:
        """Charge the request and return 0, or queue it and return the seconds to sleep."""
        ahead = []
        for waiter in state.waiters:
            if waiter.id == me.id:
                break
            ahead.append(waiter)
        used = state.used()
        if (
            state.blocked_until <= now
            and not self._must_queue(me, ahead, used)
            and self._claimed(me.user, used) + me.weight <= self.per_window
        ):
            state.charge(me.user, now, me.weight)
            return 0.0
        mine = next((w for w in state.waiters if w.id == me.id), None)
        if mine is None:
            state.waiters.append(me)
            mine = me
        mine.seen_at = now
        return self._pause(state, now)

    def _must_queue(self, me: Waiter, ahead: list[Waiter], used: dict[str, int]) -> bool:
        within = used.get(me.user, 0) + me.weight <= self.reserves.get(me.user, 0)
        return any(waiter.user == me.user or not within for waiter in ahead)

    def _claimed(self, user: str, used: dict[str, int]) -> int:
        """What is spent, plus what the other users may still take of their reserves."""
        unused = sum(
            max(0, reserve - used.get(other, 0))
            for other, reserve in self.reserves.items()
            if other != user
        )
        return sum(used.values()) + unused

    def _pause(self, state: State, now: float) -> float:
        """Until the oldest spending leaves the window, or the venue's pause ends; never long."""
        if state.blocked_until > now:
            return min(_POLL_S, state.blocked_until - now)
        oldest = min((at for _, at, _ in state.spent), default=now)
        # A hair more than the window: at exactly its length the spending still counts.
        return min(_POLL_S, max(0.01, oldest + self.window - now + 0.001))

    @contextmanager
    def _locked(self) -> Iterator[tuple[State, float]]:
        """The state under the file's lock, and the time; written back when the block ends."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            now = self._clock.monotonic()  # only now: whoever held the lock spent before it
            state = self._read(fd, now)
            state.forget(now, self.window)
            yield state, now
            budget_file.write(fd, state)
        finally:
            os.close(fd)

    def _read(self, fd: int, now: float) -> State:
        """The state in the file. One that cannot be read counts as a window fully spent."""
        try:
            return budget_file.read(fd)
        except DamagedError as error:
            _LOG.warning("%s is damaged (%s): taken as a window fully spent", self.path, error)
            return State(spent=[("?", now, self.per_window)])
