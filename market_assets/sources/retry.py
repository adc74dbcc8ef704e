"""When to try again, and how long to wait before it: for requests and for sockets alike."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime


@dataclass(frozen=True)
class RetryPolicy:
    """When to ask again.

    Attributes:
        attempts: how often a request is sent at most.
        first_delay: seconds before the second attempt; it doubles from there, with jitter.
        longest_delay: the cap on that.
        busy_delay: seconds to pause after a 429 that does not say how long.
        deadline: seconds for a request in all, with waits for weight and between attempts.
    """

    attempts: int = 4
    first_delay: float = 0.5
    longest_delay: float = 15.0
    busy_delay: float = 10.0
    deadline: float = 90.0


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


def retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks to wait: a number or a date; None if neither."""
    text = (text or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())
