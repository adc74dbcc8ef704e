"""The present: large trades up to now, and what earlier runs had to leave.

A run reads from the top of the feed down to where the last run began, and ten minutes further for
trades that came late; then, with the pages that are left, the open gaps, newest first.

How far the channel has come is told by its own attempts (`ingestion_runs`, committed with the
rows), not by the newest trade in the table: a backfill writes there too, and what lies between its
day and the last run would be taken as read. An attempt's own clock bounds what it can have seen.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from market_assets.clock import floor
from market_assets.ingestion.polymarket.trade_feed import FAR, SECOND, Feed, FeedWalk
from market_assets.ingestion.polymarket.trade_gaps import Gap, GapLedger
from market_assets.ingestion.polymarket.trade_reading import BEING_READ, TradeReader, TradesRead
from market_assets.ingestion.queries import query
from market_assets.sources.errors import VenueNonsense, VenueRejected

if TYPE_CHECKING:
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

_LOG = logging.getLogger(__name__)

UNREADABLE: Final = "unreadable"
"""Why a gap is left alone but for once an hour: the venue refuses it, or answers nonsense."""
_RETRIED_MINUTES: Final = 2
"""Runs in the first so many minutes of an hour ask for unreadable gaps again."""


@dataclass(frozen=True)
class TradePlan:
    """How much a run reads.

    Attributes:
        min_usd: smaller trades are not asked for. A lower threshold holds from then on: the past
            is a backfill's.
        safety: how far before the last run's begin a run reads again, for late trades.
        lookback: how far back the first run reads, and one after whose predecessors' records were
            pruned.
        pages: pages that a run reads at most, gaps included.
        page_rows: rows a page.
    """

    min_usd: float = 1000.0
    safety: timedelta = timedelta(minutes=10)
    lookback: timedelta = timedelta(hours=24)
    pages: int = 20
    page_rows: int = 500


@dataclass
class PresentRead(TradesRead):
    """What a run did.

    Attributes:
        target: every trade from here on was to be read.
        healed: gaps of earlier runs that it filled.
        gaps: what is missing still.
        unreadable: begins of gaps that the venue would not give, and what it said.
    """

    target: datetime | None = None
    healed: int = 0
    gaps: tuple[Gap, ...] = ()
    unreadable: dict[datetime, str] = field(default_factory=dict)


def read_trades(
    client: Feed, store: Store, plan: TradePlan, *, clock: Clock, run: IngestionRun
) -> PresentRead:
    """Read up to the present, then heal gaps, within the pages of one run.

    Args:
        client: the venue's `DataClient`.
        store: where the trades go.
        plan: how much is read.
        clock: for the present.
        run: the attempt, of this channel: what earlier ones of its source and channel recorded
            tells where to stop, and gaps are kept under its channel.

    Raises:
        VenueError: a page could not be had. What came before it is stored, with its gap.
    """
    now = clock.now()
    ledger = GapLedger.of(store, run.channel)
    read_to = _read_to(store, run)
    since = now - plan.lookback if read_to is None else read_to - plan.safety
    target = floor(since, SECOND)
    done = PresentRead(target=target)
    ledger.missing(target, FAR, cause=BEING_READ, now=now)
    reader = TradeReader(store, ledger, done, clock=clock, run=run)
    walk = FeedWalk(
        client,
        floor=target,
        top=FAR,
        min_usd=plan.min_usd,
        page_rows=plan.page_rows,
        known_at=None if read_to is None else reader.oldest(target, read_to, plan.min_usd),
    )
    if reader.read_down(walk, most_pages=plan.pages):
        _heal(client, plan, ledger, reader, done, now=now)
        store.write(*ledger.changes(clock.now()))
    done.healed, done.gaps = ledger.healed, tuple(ledger.open)
    return done


def _heal(
    client: Feed,
    plan: TradePlan,
    ledger: GapLedger,
    reader: TradeReader,
    done: PresentRead,
    *,
    now: datetime,
) -> None:
    """Fill open gaps, newest first, with the pages that are left."""
    is_retried = now.minute < _RETRIED_MINUTES
    left = {gap.from_at for gap in ledger.open if gap.cause == UNREADABLE and not is_retried}
    while done.pages < plan.pages:
        gap = next((one for one in reversed(ledger.open) if one.from_at not in left), None)
        if gap is None:
            return
        walk = FeedWalk(
            client,
            floor=gap.from_at,
            top=gap.to_at,
            min_usd=plan.min_usd,
            page_rows=plan.page_rows,
            known_at=reader.oldest(gap.from_at, gap.to_at, plan.min_usd),
        )
        try:
            reader.read_down(walk, most_pages=plan.pages - done.pages)
        except (VenueNonsense, VenueRejected) as error:
            # The present is read, and the next minute would bring the same: said, and left open.
            _LOG.warning("a gap from %s on stays: %s", gap.from_at, error)
            done.unreadable[gap.from_at] = str(error)
            ledger.blamed(gap.from_at, UNREADABLE)
            left.add(gap.from_at)


def _read_to(store: Store, run: IngestionRun) -> datetime | None:
    """Up to where this channel has read or recorded a gap; None if it never has."""
    params = {"source": run.source, "channel": run.channel, "asset": run.asset_key}
    read_to: datetime | None = store.read(query("polymarket", "trades_read_to"), params).item()
    return read_to
