"""The past of the catalogue: events that ended in a given month and are closed, with their markets.

A month is walked day by day from its last to its first. What is stored is crossed off the
month's row of `ingestion_gaps`, so a run that was broken off goes on with the day it was at. The
rows are those that the discovery would write. Events without an end date are in no month.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from market_assets.ingestion.polymarket.market_rows import market_rows
from market_assets.ingestion.polymarket.trade_gaps import GapLedger
from market_assets.sources.polymarket import frames
from market_assets.storage.common.changes import Change, Merge, Written
from market_assets.tables import POLYMARKET_EVENTS, POLYMARKET_MARKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Protocol

    from market_assets.clock import Clock
    from market_assets.sources.polymarket.model import Event, EventPage
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

    class Catalogue(Protocol):
        """`GammaClient`, as far as it is needed here."""

        def event_pages(
            self,
            *,
            closed: bool | None = False,
            end_min: datetime | None = None,
            end_max: datetime | None = None,
        ) -> Iterator[EventPage]:
            """Events page by page; see `GammaClient.event_pages`."""
            ...


CHANNEL: Final = "closed_markets_history"
_BEING_READ: Final = "being read"
_DAY: Final = timedelta(days=1)
_FRESH: Final = timedelta(days=1)
"""So long the days that a broken-off run has stored are not read again."""
_EVENTS_A_WRITE: Final = 1000
"""Ten pages in one transaction, as in the discovery."""
_SAMPLES: Final = 5
_WON: Final = """
select coalesce(winner_source, 'unknown'), count(*)
from polymarket_markets
where closed and event_id in (
    select event_id from polymarket_events where closed and end_at >= $start and end_at < $end
)
group by 1
order by 1
"""


@dataclass
class MonthRead:
    """What was read of a month.

    Attributes:
        events: what was written of events.
        markets: the same of their markets.
        pages: answers.
        reached: the earliest day that is read; all later ones of the month are, too.
        resumed_at: before it an earlier run was broken off, and this one went on.
        is_over: the month has ended; if not, more events of it will close.
        won: closed markets of the month in the store, by what says who won: oracle, payout, or
            unknown where none did, or nobody says.
        rejected: entries that make no sense.
        samples: some of them, and why.
    """

    events: Written = field(default_factory=lambda: Written(POLYMARKET_EVENTS.name))
    markets: Written = field(default_factory=lambda: Written(POLYMARKET_MARKETS.name))
    pages: int = 0
    reached: date | None = None
    resumed_at: datetime | None = None
    is_over: bool = True
    won: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    samples: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """One line for the log: how far it has come."""
        reached = "" if self.reached is None else f", back to {self.reached}"
        rows = f"{self.events.rows:,} events with {self.markets.rows:,} markets"
        return f"{rows}{reached}, {self.pages} pages"


def read_month(
    client: Catalogue,
    store: Store,
    month: date,
    *,
    clock: Clock,
    runs: Sequence[IngestionRun],
    progress: Callable[[MonthRead], None] = lambda _: None,
) -> MonthRead:
    """Read the closed events that ended in a month, with their markets.

    Args:
        client: the venue's `GammaClient`.
        store: where they go.
        month: any day of it, UTC.
        clock: for the time of receipt.
        runs: what the rows are counted in, by their assets.
        progress: told after each day, and each thousand events of one, what was read so far.

    Raises:
        ValueError: the month has not begun.
        VenueError: a page could not be had. What came before it is stored, and where to go on.
    """
    now = clock.now()
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    end = (start + 31 * _DAY).replace(day=1)
    if start >= now:
        raise ValueError(f"{month:%Y-%m} has not begun; it is {now:%Y-%m-%d} UTC")
    ledger = GapLedger.of(store, CHANNEL, f"{start:%Y-%m}")
    done = MonthRead(is_over=end <= now)
    top = end
    for gap in ledger.open:
        # Events close days after they end: what was read long ago is read again.
        if gap.from_at == start and now - gap.detected_at < _FRESH:
            top = done.resumed_at = gap.to_at
    if done.resumed_at is None:
        ledger.missing(start, end, cause=_BEING_READ, now=now)
    writer = _Writer(store, clock, runs, done)
    while top > start:
        day = top - _DAY
        batch: list[Event] = []
        for page in client.event_pages(closed=True, end_min=day, end_max=top):
            done.pages += 1
            _note(done, page.rejected)
            batch += page.events
            if len(batch) >= _EVENTS_A_WRITE:
                writer.write(batch)
                progress(done)
                batch = []
        ledger.filled(day, top, (), cause=_BEING_READ)
        if batch or day == start:  # a day without events is crossed off with the next
            writer.write(batch, ledger.changes(clock.now()))
        done.reached = day.date()
        progress(done)
        top = day
    done.won = dict(store.read(_WON, {"start": start, "end": end}).iter_rows())
    return done


class _Writer:
    """Events and their markets into the store, counted in what was read."""

    def __init__(
        self, store: Store, clock: Clock, runs: Sequence[IngestionRun], done: MonthRead
    ) -> None:
        self._store = store
        self._clock = clock
        self._runs = tuple(runs)
        self._done = done

    def write(self, events: Sequence[Event], and_also: Sequence[Change] = ()) -> None:
        """All in one transaction."""
        now = self._clock.now()
        markets = [market for event in events for market in event.markets]
        of_events, of_markets, *_ = self._store.write(
            Merge(POLYMARKET_EVENTS, frames.events(events, now)),
            Merge(POLYMARKET_MARKETS, market_rows(self._store, markets, now)),
            *and_also,
            runs=self._runs,
        )
        self._done.events = self._done.events.plus(of_events)
        self._done.markets = self._done.markets.plus(of_markets)


def _note(done: MonthRead, rejected: Mapping[str, str]) -> None:
    done.rejected += len(rejected)
    for name, reason in rejected.items():
        if len(done.samples) < _SAMPLES:
            done.samples[name] = reason
