"""Ages of data: when a channel that should speak has been quiet for too long.

A socket may answer pings and send no data. But a quiet channel need not be broken: a builder dex
that is closed over the weekend, or a handful of coins that nobody trades. So each alarm that
reconnecting does not cure doubles the patience, and data that flows restores it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MOST_DOUBLINGS: Final = 6


@dataclass
class AgeWatch:
    """Watches one channel of one socket.

    Attributes:
        limit: seconds without data after which the first alarm is raised.
        alarms: alarms in a row without data flowing in between.
    """

    limit: float
    alarms: int = 0
    _armed_at: float | None = None
    _heard_at: float = 0.0

    def arm(self, now: float) -> None:
        """Data is due from now on; does nothing if it was due already."""
        if self._armed_at is None:
            self._armed_at = self._heard_at = now

    def disarm(self) -> None:
        """No data is due: the socket is gone, or nothing is subscribed."""
        self._armed_at = None

    def heard(self, now: float) -> None:
        """Data came. What comes right after subscribing proves little: only flow does."""
        if self._armed_at is not None:
            flows = now - self._heard_at <= self.limit < now - self._armed_at
            if flows:
                self.alarms = 0
        self._heard_at = now

    def age(self, now: float) -> float | None:
        """Seconds since data came, if that is too long; then the next alarm takes longer."""
        if self._armed_at is None:
            return None
        age = now - self._heard_at
        if age <= self.limit * 2.0 ** min(self.alarms, _MOST_DOUBLINGS):
            return None
        self.alarms += 1
        return age
