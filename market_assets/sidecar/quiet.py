"""Notices when a busy stream said nothing for a while and then went on as if nothing had been.

The watchdogs of the feed renew a socket that stays silent; a shorter silence ends by itself, and
with it frames may be gone without a trace. Where many frames a second are usual, ten seconds
without any are no chance. Time in which this process itself stood still does not count: what came
meanwhile waits in the sockets. Not here: what follows from it (`recorder.py`).
"""

from __future__ import annotations

from typing import Final

QUIET_TICKS: Final = 8
"""Ticks, a second each, without a frame: the shortest silence that is noticed."""
SURPRISE: Final = 40.0
"""Frames that should have come in the silence; by chance none would in one case of e^40."""
_MEMORY: Final = 0.05
"""Weight of the newest tick in the rate: it is that of the last twenty ticks or so."""


class QuietWatch:
    """Counts frames per tick; tells of a silence when it is over."""

    def __init__(self) -> None:
        self._rate = 0.0
        self._frames = 0
        self._quiet = 0
        self._last = float("-inf")

    def frame(self, elapsed: float) -> float | None:
        """A frame has come; the reading of the last one before it, if the silence was no chance."""
        since = None
        if self._quiet:
            if self._quiet >= QUIET_TICKS and self._quiet * self._rate >= SURPRISE:
                since = self._last
            else:
                self._rate *= (1 - _MEMORY) ** self._quiet
            self._quiet = 0
        self._last = elapsed
        self._frames += 1
        return since

    def heard_anew(self, elapsed: float) -> None:
        """Subscriptions have begun: what was silent before is known to be missing already."""
        self._last = elapsed
        self._quiet = 0

    def tick(self) -> None:
        """A second has passed, in which this process was awake."""
        if self._frames:
            self._rate += _MEMORY * (self._frames - self._rate)
            self._frames = 0
        else:
            self._quiet += 1
