"""The venue's clock: what the simulated exchange calls now, in Unix milliseconds.

It may run faster than the wall, start at any instant, and be set forward or back by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_simulator.clock import ScaledClock, to_ms

if TYPE_CHECKING:
    from datetime import datetime


class VenueClock:
    """Time as the venue has it.

    Args:
        speed: how many venue seconds pass in one second.
        start: the venue's time when the clock is made; the present if None.
        offset_s: how far the venue's clock is ahead of `start`, in seconds.
    """

    def __init__(
        self, *, speed: float = 1.0, start: datetime | None = None, offset_s: float = 0.0
    ) -> None:
        self.speed = speed
        self._clock = ScaledClock(speed=speed, start=start)
        self._offset_ms = round(offset_s * 1000)

    def now_ms(self) -> int:
        """The venue's present, in Unix milliseconds."""
        return to_ms(self._clock.now()) + self._offset_ms

    def seconds(self) -> float:
        """Venue seconds since some instant; never goes back, whatever `jump` does."""
        return self._clock.monotonic()

    def jump(self, seconds: float) -> None:
        """Set the venue's clock forward, or back."""
        self._offset_ms += round(seconds * 1000)
