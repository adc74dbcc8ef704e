"""A venue's request budget, shared by every process on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from market_assets.clock import Clock, SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class BudgetExhaustedError(Exception):
    """The weight did not become free within the time that the caller would wait."""


@dataclass(frozen=True)
class BudgetStats:
    """What the last minute cost.

    Attributes:
        per_minute: the most that any sliding minute may cost.
        spent: weight spent in the last 60 s, by user.
        waiting: requests that wait for weight now, in all processes.
        blocked_s: seconds until the venue may be asked again; 0 unless it said 429.
        refusals: 429 answers counted since the file was made.
    """

    per_minute: int
    spent: Mapping[str, int]
    waiting: int
    blocked_s: float
    refusals: int


class WeightBudget:
    """At most `per_minute` weight in any sliding 60 s, over all processes that share `path`."""

    def __init__(
        self,
        path: Path,
        *,
        per_minute: int,
        reserves: Mapping[str, int],
        clock: Clock | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.path = path
        self.per_minute = per_minute
        self.reserves = dict(reserves)
        self._clock = clock or SystemClock()
        self._sleep = sleep

    def spend(self, weight: int, user: str, *, wait: float) -> float:
        """Take `weight` for `user`, waiting up to `wait` seconds; returns the seconds waited.

        Raises:
            BudgetExhaustedError: it did not become free in time.
            ValueError: the weight is more than this user can ever have.
        """
        raise NotImplementedError

    def blocked(self, seconds: float) -> None:
        """The venue said 429: no process spends anything for that long."""
        raise NotImplementedError

    def stats(self) -> BudgetStats:
        """What the last minute cost, read from the shared file."""
        raise NotImplementedError
