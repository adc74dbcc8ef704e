"""Filling the table of funding rates: what is missing, in which order, within a run's time.

On a fresh database 30 days of 400 perpetuals are 30,000 of request weight, 40 minutes of it. So
each run does what fits in its time: first the last week of every perpetual, by volume, which is
what features look at; then what is older. What is stored is the only thing remembered, and what
`unpaid_hours.py` keeps of the hours for which the exchange has no payment.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from market_assets.clock import floor
from market_assets.ingestion.hyperliquid import unpaid_hours
from market_assets.ingestion.queries import query
from market_assets.sources.errors import (
    VenueBusy,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from market_assets.sources.hyperliquid import frames
from market_assets.storage.common.changes import Merge, Written
from market_assets.tables import HYPERLIQUID_FUNDING_RATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.sources.hyperliquid.model import FundingRate
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

KEPT: Final = timedelta(days=30)
"""How far back the table is filled."""
RECENT: Final = timedelta(days=8)
"""What comes first: a week for the features, and a day to spare."""
_HOUR: Final = timedelta(hours=1)
_SETTLED: Final = timedelta(hours=2)
"""A payment is never this late (24 minutes, once): an hour without one has none."""
_BATCH: Final = 10
_GIVE_UP_AFTER: Final = 3
"""Failures in a row after which another perpetual has to prove that the exchange is there."""


@dataclass(frozen=True)
class Wanted:
    """Payments of one perpetual in the hours that begin in `[start, end)`.

    Attributes:
        symbol: the perpetual.
        start: the first hour.
        end: the hour after the last one.
        anchor: the next payment from `end` on that is stored; None if none is. It is asked for
            too: an answer that lacks it is a bad one.
    """

    symbol: str
    start: datetime
    end: datetime
    anchor: datetime | None = None

    @property
    def hours(self) -> list[datetime]:
        """All hours of the range."""
        return [self.start + n * _HOUR for n in range(int((self.end - self.start) / _HOUR))]


@dataclass
class Filled:
    """What a run did.

    Attributes:
        written: what each batch wrote.
        asked: ranges that were asked for and answered.
        left: ranges for which there was no time.
        failed: perpetuals that could not be read, with the reason.
    """

    written: list[Written] = field(default_factory=list)
    asked: int = 0
    left: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def ranked_perps(store: Store, now: datetime) -> list[str]:
    """Perpetuals that trade, most traded first, as their latest contexts have it."""
    return store.read(query("hyperliquid", "ranked_perps"), {"now": now})["symbol"].to_list()


def missing(store: Store, ranked: Sequence[str], now: datetime) -> list[Wanted]:
    """What is missing of the last 30 days, in the order in which it is to be asked for.

    Args:
        store: the database.
        ranked: perpetuals, most traded first.
        now: payments up to this instant are wanted.
    """
    newest = floor(now, _HOUR)
    params: dict[str, object] = {
        "symbols": list(ranked),
        "start": newest - KEPT,
        "newest": newest,
        "recent": newest - RECENT,
    }
    found = store.read(query("hyperliquid", "missing_funding_hours"), params)
    rank = {symbol: place for place, symbol in enumerate(ranked)}
    rows = sorted(
        found.iter_rows(named=True), key=lambda row: (not row["is_recent"], rank[row["symbol"]])
    )
    return [Wanted(r["symbol"], r["from_at"], r["to_at"], r["anchor_at"]) for r in rows]


def fill(
    client: HyperliquidClient,
    store: Store,
    plan: Sequence[Wanted],
    *,
    within: timedelta,
    clock: Clock,
    run: IngestionRun | None = None,
) -> Filled:
    """Ask for what is wanted, in order, until the time is over; write every few ranges.

    A perpetual that cannot be read costs itself. Where one failure follows another, the last one
    of the plan is tried: if that fails too, the exchange is away, and the rest is left for the next
    run, as it is when the request weight is used up.

    Args:
        client: the exchange, on the account of `backfill`.
        store: where the rates go.
        plan: what is wanted.
        within: no range is begun after so long.
        clock: for that, and for the time of receipt.
        run: what the rows are counted in.

    Raises:
        VenueError: nothing could be had of it.
    """
    deadline = clock.monotonic() + within.total_seconds()
    done, in_a_row = Filled(left=len(plan)), 0
    rates: list[FundingRate] = []
    oldest = floor(clock.now(), _HOUR) - KEPT
    known = unpaid_hours.certain_hours(store, oldest)
    doubted = unpaid_hours.doubted_hours(store, oldest)
    certain: dict[str, set[datetime]] = {}
    changed: set[str] = set()
    first_error: VenueError | None = None

    def write() -> None:
        now, symbols = clock.now(), set(changed)
        unpaid = unpaid_hours.changes(certain, {one: doubted[one] for one in symbols}, now)
        rows = Merge(HYPERLIQUID_FUNDING_RATES, frames.funding_rates(rates, now))
        if run is not None and done.failed:
            run.left_out = {f"payments of {symbol}": why for symbol, why in done.failed.items()}
        written, *_ = store.write(rows, *unpaid, runs=() if run is None else (run,))
        done.written.append(written)
        for waiting_for_it in (rates, certain, changed):
            waiting_for_it.clear()

    waiting = deque(plan)
    while waiting and clock.monotonic() < deadline and in_a_row <= _GIVE_UP_AFTER:
        wanted = waiting.pop() if in_a_row == _GIVE_UP_AFTER else waiting.popleft()
        try:
            end = wanted.end if wanted.anchor is None else wanted.anchor + _HOUR
            answer = client.funding_history(wanted.symbol, wanted.start, end)
        except VenueError as error:
            first_error = first_error or error
            done.failed[wanted.symbol] = str(error)
            if isinstance(error, VenueBusy):
                break
            # Only listed perpetuals are asked for: "no such coin" is the venue's trouble.
            in_a_row += isinstance(error, VenueUnavailable) or (
                isinstance(error, VenueRejected) and error.may_be_trouble
            )
            done.left -= 1
            continue
        in_a_row = 0
        done.asked += 1
        done.left -= 1
        rates += answer.rates
        now, symbol = clock.now(), wanted.symbol
        judgeable = {hour for hour in wanted.hours if hour < now - _SETTLED}
        found, doubted[symbol] = unpaid_hours.judged(
            doubted.get(symbol, {}),
            answer,
            hours=judgeable - known.get(symbol, set()),
            now=now,
        )
        certain.setdefault(symbol, set()).update(found)
        changed.add(symbol)
        if done.asked % _BATCH == 0:
            write()
    if first_error is not None and not done.asked:
        raise first_error
    write()
    return done
