"""Time as the simulated venues need it: Unix milliseconds, and a clock that may run faster.

Of its own and not the product's, so that a mistake there is not repeated by its judge.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class ScaledClock:
    """The wall clock run `speed` times as fast, from `start` on (default: the present)."""

    speed: float = 1.0
    start: datetime | None = None
    _origin: datetime = field(init=False)
    _zero: float = field(init=False)

    def __post_init__(self) -> None:
        self._origin = self.start or datetime.now(tz=UTC)
        self._zero = time.monotonic()

    def now(self) -> datetime:
        return self._origin + timedelta(seconds=(time.monotonic() - self._zero) * self.speed)

    def monotonic(self) -> float:
        return (time.monotonic() - self._zero) * self.speed


def from_ms(milliseconds: int) -> datetime:
    """The UTC instant of a Unix time in milliseconds."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def to_ms(instant: datetime) -> int:
    """Unix time in whole milliseconds, rounded down; the instant carries its time zone."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)
