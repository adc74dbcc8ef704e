"""The past: all trades of one UTC day, at a pace that leaves the venue and the present alone.

A day is read like the present, downwards and a page a transaction, from its end to its begin. Where
it was broken off, the next run of that day goes on from there; a day that is complete is read anew
and leaves every row as it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from market_assets.clock import floor
from market_assets.ingestion.polymarket.trade_feed import SECOND, Feed, FeedWalk
from market_assets.ingestion.polymarket.trade_gaps import GapLedger
from market_assets.ingestion.polymarket.trade_reading import TradeReader, TradesRead

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_assets.clock import Clock
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

CHANNEL: Final = "trades_history"
"""The channel of the attempts and of the gaps: the present must not take them for its own."""
_SETTLED: Final = timedelta(minutes=10)
"""So long after its end a day gets no more late trades."""
_PACE_WINDOW_S: Final = 10.0


@dataclass(frozen=True)
class HistoryPlan:
    """How a day is read.

    Attributes:
        min_usd: smaller trades are not asked for; 0: none is left out.
        requests_per_10s: how many requests a run sends in ten seconds, evenly spread. Retries, and
            what other processes send, are the shared budget's matter.
        page_rows: rows a page. A row costs 107 µs of CPU in pages of 500, 25 in pages of 10,000,
            which are 9 MB each and the most that the venue gives.
    """

    min_usd: float = 0.0
    requests_per_10s: int = 60
    page_rows: int = 5000


@dataclass
class DayRead(TradesRead):
    """What was read of a day.

    Attributes:
        from_at: where the day begins.
        to_at: where it ends, or the present while it lasts.
        resumed_at: where an earlier run was broken off and this one went on; None if it began anew.
        is_over: the day has ended; if not, it is complete up to `to_at` only.
    """

    from_at: datetime | None = None
    to_at: datetime | None = None
    resumed_at: datetime | None = None
    is_over: bool = True

    def __str__(self) -> str:
        """One line for the log: how far it has come."""
        reached = "" if self.reached_at is None else f", reached {self.reached_at:%H:%M:%S}"
        return f"{self.written.inserted:,} new trades{reached}, {self.pages} pages"


def read_day(
    client: Feed,
    store: Store,
    day: date,
    plan: HistoryPlan,
    *,
    clock: Clock,
    run: IngestionRun,
    progress: Callable[[DayRead], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> DayRead:
    """Read all trades of a day into `polymarket_trades`.

    Args:
        client: the venue's `DataClient`.
        store: where they go.
        day: of UTC.
        plan: what, and how fast.
        clock: for the pace, and for the end of a day that is not over.
        run: what the rows are counted in; of the channel `CHANNEL`.
        progress: told after each page what was read so far.
        sleep: how to wait between requests.

    Raises:
        ValueError: the day has not begun, or the run is of another channel.
        VenueError: a page could not be had. What came before it is stored, and where to go on.
    """
    now = clock.now()
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = start + timedelta(days=1)
    if start >= now:
        raise ValueError(f"{day} has not begun; it is {now:%Y-%m-%d %H:%M} UTC")
    if run.channel != CHANNEL:
        raise ValueError(f"a backfill is of the channel {CHANNEL}, not {run.channel}")
    cause = f"being read, from {plan.min_usd:g} USD on"
    ledger = GapLedger.of(store, CHANNEL, day.isoformat())
    done = DayRead(from_at=start, to_at=min(end, floor(now, SECOND)), is_over=end <= now)
    top = done.to_at or end
    for gap in ledger.open:
        # Above it all is stored, if it was read by the same threshold and after the last late one.
        if gap.from_at == start and gap.cause == cause and gap.detected_at >= end + _SETTLED:
            top = done.resumed_at = gap.to_at
    if done.resumed_at is None:
        ledger.missing(start, top, cause=cause, now=now)
    reader = TradeReader(store, ledger, done, clock=clock, run=run)
    walk = FeedWalk(
        client,
        floor=start,
        top=top,
        min_usd=plan.min_usd,
        page_rows=plan.page_rows,
        known_at=reader.oldest(start, top, plan.min_usd),
    )
    reader.read_down(
        walk,
        cause=cause,
        before_page=_Pace(plan.requests_per_10s, clock, sleep).wait,
        after_page=lambda: progress(done),
    )
    return done


class _Pace:
    """Spreads requests evenly: the first at once, each further one when its time has come."""

    def __init__(self, per_10s: int, clock: Clock, sleep: Callable[[float], None]) -> None:
        self._every = _PACE_WINDOW_S / per_10s
        self._clock = clock
        self._sleep = sleep
        self._next = clock.monotonic()

    def wait(self) -> None:
        """Until the next request may go. Time that was lost is not made up for."""
        now = self._clock.monotonic()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._every
