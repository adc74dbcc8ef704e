"""Books that are wanted: since when one is missing, why, and when it is asked for again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from market_assets.streams.polymarket.books_batch import BookGap

if TYPE_CHECKING:
    from datetime import datetime

FIRST_BOOK_S: Final = 10.0
"""How long the first book of a subscription may take; the venue sends it in some 155 ms."""
LONGEST_WAIT_S: Final = 300.0
"""The most that the wait before the next try for a snapshot grows to."""


@dataclass
class Need:
    """A book that is wanted: none has come yet, or what stands is not to be believed.

    Attributes:
        since: from when on it is missing; None: nobody misses it yet, it has only been asked for.
        cause: why.
        due: monotonic reading at which it is asked for (again).
        wait: seconds until the try after that.
        detected_at: when that was found.
    """

    since: datetime | None
    cause: str
    due: float
    wait: float
    detected_at: datetime | None = None

    def asked(self, elapsed: float) -> None:
        """It has been asked for: the next try is after a longer wait."""
        self.due = elapsed + self.wait
        self.wait = min(2 * self.wait, LONGEST_WAIT_S)

    def gap(self, token_id: str, now: datetime, *, healed: bool) -> BookGap:
        """The row of `ingestion_gaps` that tells of it."""
        since = self.since or now
        self.detected_at = self.detected_at or now
        healed_at = now if healed else None
        return BookGap(token_id, since, max(since, now), self.cause, self.detected_at, healed_at)
