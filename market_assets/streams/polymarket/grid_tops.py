"""Tops of books on the 30-second grid: as they stood when its instant passed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from market_assets.clock import floor
from market_assets.sources.polymarket.order_book.rows import Standing, top_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from market_assets.sources.polymarket.order_book.token_book import Settled
    from market_assets.streams.core.venue_clock import VenueClock

    Stood = tuple[str, Settled, bool | None]
    """A token, its book, and whether that is proven."""

GRID: Final = timedelta(seconds=30)
MOST: Final = 500_000
"""Rows that wait for a disk; then the oldest go."""


class GridTops:
    """Collects tops until they are taken."""

    def __init__(self, clock: VenueClock, books: Callable[[], Iterable[Stood]]) -> None:
        """Nothing has stood yet.

        Args:
            clock: the session's.
            books: the books as they stand now.
        """
        self._clock = clock
        self._books = books
        self._at: datetime | None = None
        self._found: list[Standing] = []

    def __len__(self) -> int:
        return len(self._found)

    def look(self) -> None:
        """Where an instant of the grid has passed, keep the books as they stand.

        To be called before anything changes. While the clock is in doubt, nobody knows which
        instant it is.
        """
        if self._clock.in_doubt:
            self._at = None
            return
        at = floor(self._clock.now(), GRID)
        if self._at is None or at < self._at:
            self._at = at
        elif at > self._at:
            self._at = at
            self._found += [
                Standing(token_id, at, top_of(settled), proven)
                for token_id, settled, proven in self._books()
            ]

    def take(self) -> tuple[Standing, ...]:
        """What stood since this was last asked."""
        found, self._found = tuple(self._found), []
        return found

    def restore(self, tops: Sequence[Standing]) -> None:
        """Take back what could not be put on disk."""
        self._found = [*tops, *self._found]

    def shed(self) -> int:
        """Give up the oldest, where there are too many; counts them."""
        surplus = max(0, len(self._found) - MOST)
        del self._found[:surplus]
        return surplus
