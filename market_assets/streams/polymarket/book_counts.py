"""What the keeper of books has seen, for metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counts:
    """Since the session began.

    Attributes:
        states: whole states that frames and snapshots have led to.
        judged: those of them whose hash could be formed.
        proven: those of these whose hash was that of the book.
        broken: books that were found not to be the venue's, by cause.
        resnapshots: snapshots that were asked for because of that.
        rest_differs: books that REST knew better.
        early, old: frames of before the first book; of before what stands.
        nonsense: frames that make no sense.
    """

    states: int = 0
    judged: int = 0
    proven: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    resnapshots: int = 0
    rest_differs: int = 0
    early: int = 0
    old: int = 0
    nonsense: int = 0

    @property
    def proven_share(self) -> float:
        """Of what could be judged; a book that broke counts as one that was not proved."""
        judged = self.judged + self.broken["mismatch"] + self.broken["missed"]
        return self.proven / judged if judged else 1.0
