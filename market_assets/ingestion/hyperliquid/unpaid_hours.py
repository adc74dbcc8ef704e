"""Hours in which the exchange paid no funding, and how much it takes to believe that.

A missing payment may be an hour before a listing, or a list that was cut. An hour between two
payments of one answer was not paid. An hour before the first or after the last one is in doubt,
until an answer a day later says the same. An answer without any payment, or with some that cannot
be read, says nothing of those that it lacks.

Both are rows of `ingestion_gaps`: healed where it is certain, which ends the asking, and open where
it is in doubt.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.clock import from_ms
from market_assets.storage.common.changes import Change, Delete, Merge
from market_assets.tables import INGESTION_GAPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from market_assets.sources.hyperliquid.funding import FundingHistory
    from market_assets.storage.api import Store

DOUBTED_FOR: Final = timedelta(days=1)
"""Two answers that are so far apart are believed."""
HOUR: Final = timedelta(hours=1)
_CERTAIN: Final = "not paid"
_IN_DOUBT: Final = "not paid, in doubt"
_OURS: Final = "source = 'hyperliquid' and channel = 'funding_rates'"


def judged(
    before: Mapping[datetime, datetime],
    history: FundingHistory,
    *,
    hours: Iterable[datetime],
    now: datetime,
) -> tuple[set[datetime], dict[datetime, datetime]]:
    """Which hours are certain not to be paid, and which are in doubt since when.

    Args:
        before: the hours that were in doubt, and since when.
        history: the answer.
        hours: the hours that it is asked about, without those whose payment may still come.
        now: the time of the answer.
    """
    paid = {from_ms(rate.hour_ms) for rate in history.rates}
    doubted = {hour: since for hour, since in before.items() if hour not in paid}
    if not paid or history.unreadable:
        return set(), doubted
    first, last = min(paid), max(paid)
    certain: set[datetime] = set()
    for hour in hours:
        if hour in paid:
            continue
        since = doubted.setdefault(hour, now)
        if first < hour < last or now - since >= DOUBTED_FOR:
            certain.add(hour)
            del doubted[hour]
    return certain, doubted


def certain_hours(store: Store, since: datetime) -> dict[str, set[datetime]]:
    """By symbol, the hours from `since` on that are certain not to be paid."""
    return {symbol: set(hours) for symbol, hours in _hours(store, "healed_at is not null", since)}


def doubted_hours(store: Store, since: datetime) -> dict[str, dict[datetime, datetime]]:
    """By symbol, the hours from `since` on that are in doubt, and when the doubt began."""
    return dict(_hours(store, "healed_at is null", since))


def changes(
    certain: Mapping[str, Iterable[datetime]],
    doubted: Mapping[str, Mapping[datetime, datetime]],
    now: datetime,
) -> list[Change]:
    """What makes the store know it: certain hours are added, the doubts of a symbol replaced.

    Args:
        certain: by symbol, the hours that are certain.
        doubted: by symbol, all hours that are in doubt, and since when.
        now: when the certain ones became so.
    """
    rows = [
        {
            "source": "hyperliquid",
            "channel": "funding_rates",
            "symbol": symbol,
            "gap_from_at": start,
            "gap_to_at": end,
            "cause": cause,
            "detected_at": since,
            "healed_at": healed_at,
            "healed_rows": 0,
        }
        for cause, healed_at, found in (
            (_CERTAIN, now, {one: dict.fromkeys(hours, now) for one, hours in certain.items()}),
            (_IN_DOUBT, None, doubted),
        )
        for symbol, hours in found.items()
        for start, end, since in _spans(hours)
    ]
    made: list[Change] = []
    if doubted:
        made.append(
            Delete(
                INGESTION_GAPS,
                f"{_OURS} and healed_at is null and list_contains(?, symbol)",
                [list(doubted)],
            )
        )
    if rows:
        made.append(Merge(INGESTION_GAPS, pl.DataFrame(rows, schema=INGESTION_GAPS.schema)))
    return made


def _hours(
    store: Store, condition: str, since: datetime
) -> Iterable[tuple[str, dict[datetime, datetime]]]:
    """By symbol, each hour of the rows for which the condition holds, with `detected_at`."""
    rows = store.read(
        "select symbol, gap_from_at, gap_to_at, detected_at from ingestion_gaps"  # noqa: S608 - own text
        f" where {_OURS} and {condition}"
    )
    found: dict[str, dict[datetime, datetime]] = {}
    for symbol, start, end, detected_at in rows.iter_rows():
        hour = max(start, since)
        while hour < end:
            found.setdefault(symbol, {})[hour] = detected_at
            hour += HOUR
    return found.items()


def _spans(hours: Mapping[datetime, datetime]) -> list[tuple[datetime, datetime, datetime]]:
    """Hours that follow each other and have the same value, as (from, to, value)."""
    spans: list[tuple[datetime, datetime, datetime]] = []
    for hour in sorted(hours):
        if spans and spans[-1][1] == hour and spans[-1][2] == hours[hour]:
            spans[-1] = (spans[-1][0], hour + HOUR, hours[hour])
        else:
            spans.append((hour, hour + HOUR, hours[hour]))
    return spans
