"""Filling the table of funding rates: what is missing, in which order, within a run's time.

On a fresh database 30 days of 400 perpetuals are 30,000 of request weight, 40 minutes of it. So
each run does what fits in its time: first the last week of every perpetual, by volume, which is
what features look at; then what is older. What is stored is the only thing remembered; hours of
which the exchange says that it has none are kept as healed rows of `ingestion_gaps`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.clock import floor, from_ms, to_ms
from market_assets.ingestion.queries import query
from market_assets.sources.errors import (
    VenueBusy,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from market_assets.sources.hyperliquid import frames
from market_assets.storage.changes import Merge, Written
from market_assets.tables import HYPERLIQUID_FUNDING_RATES, INGESTION_GAPS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.sources.hyperliquid.model import FundingRate
    from market_assets.storage.runs import IngestionRun
    from market_assets.storage.store import Store

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
        newest_stored: the latest payment that is stored already; None if none is.
    """

    symbol: str
    start: datetime
    end: datetime
    newest_stored: datetime | None = None


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
    return [Wanted(r["symbol"], r["from_at"], r["to_at"], r["newest_at"]) for r in rows]


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
    none: list[tuple[str, datetime, datetime]] = []
    first_error: VenueError | None = None
    newest = {w.symbol: w.newest_stored for w in plan if w.newest_stored is not None}
    waiting = deque(plan)
    while waiting and clock.monotonic() < deadline and in_a_row <= _GIVE_UP_AFTER:
        wanted = waiting.pop() if in_a_row == _GIVE_UP_AFTER else waiting.popleft()
        try:
            answer = client.funding_history(wanted.symbol, wanted.start, wanted.end)
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
        rates += answer
        if answer:
            latest = from_ms(answer[-1].hour_ms)
            newest[wanted.symbol] = max(newest.get(wanted.symbol, latest), latest)
        none += hours_without(wanted, answer, newest.get(wanted.symbol), clock.now())
        if done.asked % _BATCH == 0:
            done.written.append(_write(store, rates, none, clock, run))
            rates, none = [], []
    if first_error is not None and not done.asked:
        raise first_error
    done.written.append(_write(store, rates, none, clock, run))
    return done


def hours_without(
    wanted: Wanted, answer: Collection[FundingRate], newest: datetime | None, now: datetime
) -> list[tuple[str, datetime, datetime]]:
    """Spans of the range in which the exchange has no payment, as (symbol, from, to).

    Only where a later payment is known: an answer without rows may also be a bad one, and the
    newest payment may still come.

    Args:
        wanted: what was asked for.
        answer: what came.
        newest: the latest payment of that perpetual that is known; None if none is.
        now: the present.
    """
    if newest is None:
        return []
    paid = {rate.hour_ms for rate in answer}
    end = min(wanted.end, newest, now - _SETTLED)
    spans: list[tuple[str, datetime, datetime]] = []
    hour = wanted.start
    while hour < end:
        if to_ms(hour) not in paid:
            if spans and spans[-1][2] == hour:
                spans[-1] = (wanted.symbol, spans[-1][1], hour + _HOUR)
            else:
                spans.append((wanted.symbol, hour, hour + _HOUR))
        hour += _HOUR
    return spans


def _write(
    store: Store,
    rates: Sequence[FundingRate],
    none: Sequence[tuple[str, datetime, datetime]],
    clock: Clock,
    run: IngestionRun | None,
) -> Written:
    """Rates and known holes in one transaction: what is known is never less than what is there."""
    now = clock.now()
    gaps = [
        {
            "source": "hyperliquid",
            "channel": "funding_rates",
            "symbol": symbol,
            "gap_from_at": start,
            "gap_to_at": end,
            "cause": "the exchange has no payment",
            "detected_at": now,
            "healed_at": now,
            "healed_rows": 0,
        }
        for symbol, start, end in none
    ]
    written = store.write(
        Merge(HYPERLIQUID_FUNDING_RATES, frames.funding_rates(rates, now)),
        Merge(INGESTION_GAPS, _gap_frame(gaps)),
        runs=() if run is None else (run,),
    )
    return written[0]


def _gap_frame(gaps: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(gaps, schema=INGESTION_GAPS.schema)
