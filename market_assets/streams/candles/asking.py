"""Asking the venue for candles, patiently: what it costs, and when to leave the venue alone.

One symbol's failure is that symbol's; several in a row are the venue's, and then nothing is asked
for a while. Only symbols that the venue lists are asked for: that it does not know them is as much
its own fault as no answer is. Not here: what is asked for (`heal_plan.py`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from market_assets.clock import from_ms
from market_assets.sources.errors import VenueBusy, VenueError, VenueRejected, VenueUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.client import Candle, HyperliquidClient
    from market_assets.streams.candles.holes import Span

_LOG = logging.getLogger(__name__)

VENUE_FAILURES: Final = 3
"""So many failures in a row are the venue's, not the symbols'."""
LONGEST_PAUSE_S: Final = 60.0
_WEIGHT: Final = 20
_ROWS_PER_WEIGHT: Final = 60


class CandleSource:
    """The venue's candles, within its patience. For one thread.

    Attributes:
        weight: request weight spent.
        resume_at: monotonic reading before which nothing is to be asked.
        error: the latest failure; None if the last request did not fail.
    """

    def __init__(self, clients: Mapping[str, HyperliquidClient], clock: Clock) -> None:
        self._clients = clients
        self._clock = clock
        self._failures = 0
        self._refused: set[str] = set()
        self.weight = 0
        self.resume_at = 0.0
        self.error: str | None = None

    def candles(self, symbol: str, interval: str, span: Span, user: str) -> list[Candle] | None:
        """The candles that open in a span; None where they are not to be had now."""
        try:
            candles = self._clients[user].candles(
                symbol, interval, from_ms(span.start_ms), from_ms(span.end_ms)
            )
        except VenueError as error:
            self._failures += self._is_the_venues(error, symbol)
            pause = 0.0
            if self._failures >= VENUE_FAILURES:
                pause = min(LONGEST_PAUSE_S, 2.0 ** (self._failures - VENUE_FAILURES + 1))
            self.pause(f"{symbol} {interval}: {error}", pause)
            return None
        self._failures = 0
        self._refused.clear()
        self.error = None
        self.weight += weight_of(len(candles))
        return candles

    def _is_the_venues(self, error: VenueError, symbol: str) -> bool:
        """Whether a failure counts as the venue's, if it is one of several.

        A refusal that looks like trouble does each time, any other one once for each symbol.
        """
        if isinstance(error, VenueUnavailable | VenueBusy):
            return True
        if not isinstance(error, VenueRejected):
            return False
        is_new = symbol not in self._refused
        self._refused.add(symbol)
        return error.may_be_trouble or is_new

    def pause(self, reason: str, seconds: float) -> None:
        """Ask nothing for a while."""
        _LOG.warning("healing: %s", reason)
        self.error = reason
        self.resume_at = self._clock.monotonic() + seconds


def weight_of(rows: int) -> int:
    """What a request for so many candles weighs."""
    return _WEIGHT + -(-rows // _ROWS_PER_WEIGHT)
