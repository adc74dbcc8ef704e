"""The stages of a market's life, in the order in which the venue shows them.

Open → outcome known (prices at 0 and 1, a resolution proposed, perhaps disputed) → closed →
resolved. Orders may be accepted for a while after the close, or stop long before it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from market_simulator.randomness import hash_of

_DISPUTED_ONE_IN: Final = 20
_LINGERING_MS: Final = 1_200_000
"""For how long some closed markets still say that they accept orders."""


class Life(NamedTuple):
    """Instants in Unix milliseconds.

    Attributes:
        opened: from when it is in the catalogue.
        known: from when the outcome is known.
        disputed: from when the proposed outcome is disputed; 0: never.
        closed: from when it is closed.
        resolved: from when it is resolved.
        orders_until: until when orders are accepted; may be before or after `closed`.
    """

    opened: int
    known: int
    disputed: int
    closed: int
    resolved: int
    orders_until: int

    def status(self, now_ms: int) -> str | None:
        """`umaResolutionStatus`; None before anything was proposed."""
        if now_ms < self.known:
            return None
        if now_ms >= self.resolved:
            return "resolved"
        return "disputed" if self.disputed and now_ms >= self.disputed else "proposed"

    def statuses(self, now_ms: int) -> list[str]:
        """`umaResolutionStatuses`: what was gone through before `resolved`."""
        passed = ["proposed"] if now_ms >= self.known else []
        return passed + (["disputed"] if self.disputed and now_ms >= self.disputed else [])


def life(key: int, *, opened: int, end: int, closed: int, patience: int) -> Life:
    """The life of a market that is decided at `end` and closed at `closed`.

    A closed market may have to wait for its resolution, at most `patience` milliseconds.
    """
    draw = hash_of(key, 0)
    known = end + (closed - end) // 3
    resolved = closed + (1 + (draw >> 8) % patience if draw % 8 == 0 else 0)
    disputed = known + (closed - known) // 2 if (draw >> 40) % _DISPUTED_ONE_IN == 0 else 0
    orders_until = (end, end, closed, closed + _LINGERING_MS)[(draw >> 3) % 4]
    return Life(opened, known, disputed, closed, resolved, orders_until)
