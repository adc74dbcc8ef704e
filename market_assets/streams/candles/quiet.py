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
    """Told each second how many frames came; knows when a frame ends an odd silence."""

    def __init__(self) -> None:
        self._rate = 0.0
        self._quiet = 0
        self._since = float("-inf")

    @property
    def is_quiet(self) -> bool:
        """Whether the last second brought nothing; then `end` is to hear of the next frame."""
        return self._quiet > 0

    def tick(self, frames: int, last: float) -> None:
        """A second has passed, in which this process was awake.

        Args:
            frames: how many came in it.
            last: the monotonic reading when the latest one of all came.
        """
        if frames:
            self._rate += _MEMORY * (frames - self._rate)
            self._quiet = 0
            return
        if self._quiet == 0:
            self._since = max(self._since, last)
        self._quiet += 1

    def end(self) -> float | None:
        """A frame has come; the reading when the silence began, if that was no chance."""
        odd = self._quiet >= QUIET_TICKS and self._quiet * self._rate >= SURPRISE
        if not odd:
            self._rate *= (1 - _MEMORY) ** self._quiet
        self._quiet = 0
        return self._since if odd else None

    def heard_anew(self, elapsed: float) -> None:
        """Subscriptions have begun: what was silent before is known to be missing already."""
        self._since = elapsed
        self._quiet = 0
