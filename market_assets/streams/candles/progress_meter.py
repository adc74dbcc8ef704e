"""When the healing of candles will be done at the present rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_assets.clock import interval_length
from market_assets.streams.candles.asking import weight_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_assets.streams.candles.heal_plan import Work


class ProgressMeter:
    """Follows a backfill from its beginning."""

    def __init__(self) -> None:
        self._total = 0
        self._weight = 0
        self._began = 0.0

    def begin(self, left: Sequence[Work], weight: int, elapsed: float) -> None:
        """A look into the database has found this to do; that much was spent before."""
        self._total, self._weight, self._began = len(left), weight, elapsed

    def read(self, left: Sequence[Work], weight: int, elapsed: float) -> tuple[int, float | None]:
        """(how many there were, seconds until the rest is done); None: not known yet."""
        if not left:
            return self._total, 0.0
        spent, spent_s = weight - self._weight, elapsed - self._began
        known = spent > 0 and spent_s > 0
        return self._total, sum(map(request_weight, left)) * spent_s / spent if known else None


def request_weight(work: Work) -> int:
    """What the request for it will weigh."""
    if not work.spans:
        return 0
    length = work.spans[-1].end_ms - work.spans[0].start_ms
    return weight_of(length // int(interval_length(work.interval).total_seconds() * 1000))
