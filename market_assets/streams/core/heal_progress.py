"""How far the healing is, and when it will be done at the present rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from market_assets.clock import interval_length
from market_assets.streams.candles.asking import weight_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from market_assets.streams.candles.heal_plan import Work


@dataclass(frozen=True)
class HealingProgress:
    """How far the healing is.

    Attributes:
        done: symbols and intervals healed of those found at the start.
        total: how many those were.
        weight: request weight spent.
        eta_s: seconds until the backfill is done at the present rate; None if not known.
        open_holes: gaps that are open now.
        healed_rows: candles brought.
        failing: symbols that were asked for in vain: how often, and why the last time.
        last_error: the latest failure; None if the last request did not fail.
    """

    done: int = 0
    total: int = 0
    weight: int = 0
    eta_s: float | None = None
    open_holes: int = 0
    healed_rows: int = 0
    failing: Mapping[str, str] | None = None
    last_error: str | None = None


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
