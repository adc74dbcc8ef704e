"""When to try again, and how long to wait before it: for requests and for sockets alike.

This is the only place that tries a venue again: a run that fails has failed, and its channel is
caught up by a later one. So a scheduled run may lose `RUN_PATIENCE_S` to a venue that is away, all
of its requests together, and a backfill, for which nobody waits, ten minutes for each request.
"""

from __future__ import annotations

import itertools
import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUN_PATIENCE_S: Final = 30.0
"""How long the requests of a scheduled run may be in trouble, all together."""
_GIVEN_UP_AT: Final = 4 / 3
"""Times the patience: when single attempts have cost so much too, a silent host is given up."""
_SHORTEST_WAIT_S: Final = 5.0
"""What an attempt may wait for an answer, however little patience is left."""


class Trouble:
    """How long requests have been failing: the time in which at least one was, counted once.

    Several transports may share one, so that a run which speaks to three hosts that are away is
    not three times as patient. Thread-safe.
    """

    def __init__(self, patience: float = RUN_PATIENCE_S) -> None:
        """Make a count.

        Args:
            patience: seconds, after which nothing is asked for twice any more.
        """
        self._patience = patience
        self._lock = threading.Lock()
        self._failing = 0
        self._since = self._counted_until = float("-inf")
        self._spent = 0.0

    def begins(self, at: float) -> None:
        """A request's first attempt has failed.

        Args:
            at: when that attempt began (monotonic seconds, as everywhere here).
        """
        with self._lock:
            if self._failing == 0:
                self._since = max(at, self._counted_until)
            self._failing += 1

    def ends(self, now: float) -> None:
        """That request was answered after all, or was given up."""
        with self._lock:
            self._failing -= 1
            if self._failing == 0:
                self._spent += now - self._since
                self._counted_until = now

    def left(self, now: float) -> float:
        """Seconds that may still be lost; negative where more were."""
        with self._lock:
            return self._patience - self._used(now)

    def is_beyond(self, now: float) -> bool:
        """Whether not even single attempts are worth their time, at a host that is silent."""
        with self._lock:
            return self._used(now) >= self._patience * _GIVEN_UP_AT

    def _used(self, now: float) -> float:
        return self._spent + (now - self._since if self._failing else 0.0)


@dataclass(frozen=True)
class RetryPolicy:
    """When to ask again.

    Attributes:
        attempts: how often a request is sent at most.
        first_delay: seconds before the second attempt; it doubles from there, with jitter.
        longest_delay: the cap on that.
        busy_delay: seconds to pause after a 429 that does not say how long.
        deadline: seconds for a request in all, with waits for weight and between attempts.
        trouble: what all requests that share it may lose together; None: each has its own time.
    """

    attempts: int = 4
    first_delay: float = 0.5
    longest_delay: float = 15.0
    busy_delay: float = 10.0
    deadline: float = 90.0
    trouble: Trouble | None = None


FOR_A_BACKFILL: Final = RetryPolicy(attempts=20, longest_delay=60.0, deadline=600.0)
"""Nobody waits for it, and to begin again costs more than to wait."""


def for_a_run() -> RetryPolicy:
    """The policy of one scheduled run; whoever speaks to several hosts hands the same to each."""
    return RetryPolicy(attempts=8, longest_delay=8.0, deadline=60.0, trouble=Trouble())


class Tries:
    """The attempts of one request: whether there is another, and after how long."""

    def __init__(
        self,
        policy: RetryPolicy,
        monotonic: Callable[[], float],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Begin; the deadline counts from here.

        Args:
            policy: how many, how far apart.
            monotonic: seconds that never go back.
            jitter: a number in [0, 1), drawn for each delay.
        """
        self._monotonic = monotonic
        self._trouble = policy.trouble
        self._delays = itertools.islice(
            backoff(policy.first_delay, policy.longest_delay, jitter), policy.attempts - 1
        )
        self._failing = False
        self.deadline = monotonic() + policy.deadline

    @contextmanager
    def counted(self) -> Iterator[None]:
        """The time of the request: from its first failure to the end of this it is in trouble."""
        try:
            yield
        finally:
            if self._failing and self._trouble is not None:
                self._trouble.ends(self._monotonic())

    def delay(self, began: float, asked_to_wait: float | None) -> float | None:
        """Seconds to wait for the next attempt; None if there is none.

        Args:
            began: when the attempt began that has just failed.
            asked_to_wait: how long the venue wants to be left alone; None if it did not say.
        """
        if not self._failing and self._trouble is not None:
            self._trouble.begins(began)
        self._failing = True
        delay = next(self._delays, None)
        if delay is None:
            return None
        delay = max(delay, asked_to_wait or 0.0)
        return delay if delay < self.left() else None

    def left(self) -> float:
        """Seconds that this request may still take, waits included."""
        now = self._monotonic()
        left = self.deadline - now
        if self._failing and self._trouble is not None:
            left = min(left, self._trouble.left(now))
        return left

    def timeout(self, usual: float) -> float:
        """Seconds that the next attempt may wait for the venue: less, as patience runs out."""
        if self._trouble is None:
            return usual
        return min(usual, max(_SHORTEST_WAIT_S, self._trouble.left(self._monotonic())))


def backoff(
    first: float, longest: float, jitter: Callable[[], float] = random.random
) -> Iterator[float]:
    """Delays for ever: doubling from `first` to `longest`, each between half and all of that.

    Args:
        first: seconds.
        longest: seconds.
        jitter: a number in [0, 1), drawn for each delay, so that many clients do not come at once.
    """
    for doublings in itertools.count():
        yield min(first * 2.0 ** min(doublings, 64), longest) * (0.5 + 0.5 * jitter())
