"""Whose minutes are read again, and when: a bar's last frame equals REST only in 6 of 7 bars.

Each symbol has a turn once an hour, as long as all of these cost no more than a stated share of the
request weight. Beyond that the most traded ones keep their hourly turn, for half of that share; the
others have theirs as seldom as the other half asks for, and then all of the time since their last
one is read. A turn never comes before the last one is paid for, so the share holds whatever the
number of symbols. Pure; the time is passed in. Not here: asking the venue (`healing.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from market_assets.streams.candles.asking import weight_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

SHARE: Final = 0.2
"""Of the request weight that the project may use: so much goes into reading again at most."""
_PLANNED: Final = 0.9
"""Of that share; the rest makes up for turns that came late."""
_CREDIT_S: Final = 60.0
"""So long after it was possible a turn may be taken without loss: healing comes first."""
HOUR_S: Final = 3600.0
_HOURLY_WEIGHT: Final = weight_of(60)


class Turn(NamedTuple):
    """A symbol whose time has come, and how many seconds back it is to be read."""

    symbol: str
    seconds: float


@dataclass(frozen=True)
class _Round:
    """Symbols that have a turn at the same intervals, the one that has waited longest first."""

    period_s: float
    since: dict[str, float]

    def overdue(self, elapsed: float) -> float:
        """Periods since the first one's last turn: 1 when it is due."""
        for since in self.since.values():
            return (elapsed - since) / self.period_s
        return 0.0


class Rounds:
    """Not thread-safe."""

    def __init__(self, weight_per_hour: float, keep: timedelta) -> None:
        """Go round nothing yet.

        Args:
            weight_per_hour: request weight that may be spent; 0: nothing is read again.
            keep: how far back minutes are kept.
        """
        self._weight = weight_per_hour
        self._longest_s = max(HOUR_S, keep.total_seconds())
        self._rounds: list[_Round] = []
        self._read: dict[str, float] = {}
        self._paid_at = float("-inf")

    def keep(self, symbols: Sequence[str], elapsed: float) -> None:
        """Go round these, most traded first; new ones have their first turn within a round."""
        hourly, seldom_s = self._shared_out(len(symbols))
        before = {symbol: at for one in self._rounds for symbol, at in one.since.items()}
        self._rounds = [
            _Round(period, self._in_turn(names, period, before, elapsed))
            for names, period in ((symbols[:hourly], HOUR_S), (symbols[hourly:], seldom_s))
        ]
        since = {symbol: at for one in self._rounds for symbol, at in one.since.items()}
        self._read = {symbol: self._read.get(symbol, at) for symbol, at in since.items()}

    def take_due(self, elapsed: float) -> Turn | None:
        """The symbol that is most overdue, if one is and the turns so far are paid for."""
        if self._weight <= 0 or elapsed < self._paid_at or not self._rounds:
            return None
        its_round = max(self._rounds, key=lambda one: one.overdue(elapsed))
        if its_round.overdue(elapsed) < 1.0:
            return None
        symbol = next(iter(its_round.since))
        del its_round.since[symbol]
        its_round.since[symbol] = elapsed
        seconds = min(max(HOUR_S, elapsed - self._read[symbol]), self._longest_s)
        paid_from = max(self._paid_at, elapsed - _CREDIT_S)
        self._paid_at = paid_from + HOUR_S * weight_of(round(seconds / 60)) / self._weight
        return Turn(symbol, seconds)

    def succeeded(self, symbol: str, elapsed: float) -> None:
        """It has been read; without that, its next turn reaches further back."""
        if symbol in self._read:
            self._read[symbol] = elapsed

    def _shared_out(self, symbols: int) -> tuple[int, float]:
        """How many have a turn each hour, and after how many seconds the others have theirs."""
        weight = self._weight * _PLANNED
        if symbols * _HOURLY_WEIGHT <= weight:
            return symbols, HOUR_S
        half = weight / 2
        hourly = int(half / _HOURLY_WEIGHT)
        others = symbols - hourly
        # A turn for n hours weighs 20 + n, so that `others` of them cost others * (20 + n) / n.
        seldom = HOUR_S * others * weight_of(0) / (half - others) if half > others else float("inf")
        return hourly, min(max(HOUR_S, seldom), self._longest_s)

    @staticmethod
    def _in_turn(
        symbols: Sequence[str], period_s: float, before: Mapping[str, float], elapsed: float
    ) -> dict[str, float]:
        """When they last had a turn, in that order; for new ones, as if spread over the round."""
        new = [symbol for symbol in symbols if symbol not in before]
        spread = {
            symbol: elapsed - period_s * (1 - (place + 1) / len(new))
            for place, symbol in enumerate(new)
        }
        since = {symbol: before.get(symbol, spread.get(symbol, elapsed)) for symbol in symbols}
        return dict(sorted(since.items(), key=lambda one: one[1]))
