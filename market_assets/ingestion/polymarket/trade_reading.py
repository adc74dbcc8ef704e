"""Trades from the feed into the store, a page a transaction: what the present and a backfill share.

Each page is written as it comes, with the gap that is still below it. So what was read is never
lost, and what was not is never forgotten, whatever ends the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from market_assets.ingestion.polymarket.trade_keys import keyed
from market_assets.sources.polymarket import frames
from market_assets.storage.common.changes import Merge, Written
from market_assets.tables import POLYMARKET_TRADES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.ingestion.polymarket.trade_feed import FeedWalk, Stretch
    from market_assets.ingestion.polymarket.trade_gaps import GapLedger
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

BEING_READ: Final = "being read"
"""Why a gap is open while its run is at it; afterwards it says that the run was broken off."""
PAGE_CAP: Final = "page cap"
"""Why a gap is open where the run had read as many pages as it may."""
_SAMPLES: Final = 5
_OLDEST: Final = """
select min(traded_at)
from polymarket_trades
where traded_at >= ? and traded_at < ? and notional_usd >= ?
"""
_CLEARLY: Final = 1.01
"""A trade this far above the threshold is above it by the venue's arithmetic too."""


@dataclass
class TradesRead:
    """What was read so far.

    Attributes:
        written: of the trades.
        pages: answers, empty ones too.
        newest_at: the newest trade.
        reached_at: from here on nothing is missing up to the top of the last way down.
        rejected: rows that made no sense.
        samples: some of them, and why.
    """

    written: Written = field(default_factory=lambda: Written(POLYMARKET_TRADES.name))
    pages: int = 0
    newest_at: datetime | None = None
    reached_at: datetime | None = None
    rejected: int = 0
    samples: dict[str, str] = field(default_factory=dict)


class TradeReader:
    """Writes what walks down the feed bring, and keeps count of it."""

    def __init__(
        self,
        store: Store,
        ledger: GapLedger,
        done: TradesRead,
        *,
        clock: Clock,
        run: IngestionRun,
    ) -> None:
        """Nothing is read yet.

        Args:
            store: where the trades and the gaps go.
            ledger: the gaps, of which what is read is taken away.
            done: is added to.
            clock: for the time of receipt.
            run: what the rows are counted in.
        """
        self._store = store
        self._ledger = ledger
        self._done = done
        self._clock = clock
        self._run = run

    def oldest(self, from_at: datetime, to_at: datetime, min_usd: float) -> datetime | None:
        """The oldest stored trade of `[from_at, to_at)`: what the feed must reach down to.

        Args:
            from_at: an instant.
            to_at: a later one.
            min_usd: the threshold by which the feed is asked.
        """
        found: datetime | None = self._store.read(
            _OLDEST, (from_at, to_at, min_usd * _CLEARLY)
        ).item()
        return found

    def read_down(
        self,
        walk: FeedWalk,
        *,
        most_pages: int | None = None,
        cause: str = BEING_READ,
        before_page: Callable[[], None] = lambda: None,
        after_page: Callable[[], None] = lambda: None,
    ) -> bool:
        """Write page after page until the walk's floor is reached; False if pages ran out before.

        Args:
            walk: where to read.
            most_pages: pages that may be read; None: as many as it takes.
            cause: what a gap says while it is being read.
            before_page: called before each request.
            after_page: called when a page is stored.

        Raises:
            VenueError: a page could not be had, or cannot be; all before it is stored.
        """
        left = most_pages
        while left is None or left > 0:
            before_page()
            stretch = walk.read()
            left = None if left is None else left - 1
            self._write(stretch, PAGE_CAP if left == 0 else cause)
            after_page()
            if stretch.trouble is not None:
                raise stretch.trouble
            if stretch.is_last:
                return True
        return False

    def _write(self, stretch: Stretch, cause: str) -> None:
        """One answer's trades and the gap below them, in one transaction."""
        done, now = self._done, self._clock.now()
        times = sorted(trade.traded_at for trade in stretch.trades)
        self._ledger.filled(stretch.from_at, stretch.to_at, times, cause=cause)
        fills = Merge(POLYMARKET_TRADES, frames.trades(keyed(stretch.trades), now))
        written = self._store.write(fills, *self._ledger.changes(now), runs=(self._run,))[0]
        done.written = done.written.plus(written)
        done.pages += 1
        done.reached_at = stretch.from_at
        done.rejected += len(stretch.rejected)
        for name, reason in stretch.rejected.items():
            if len(done.samples) < _SAMPLES:
                done.samples[name] = reason
        if times:
            done.newest_at = max(times[-1], done.newest_at or times[-1])
