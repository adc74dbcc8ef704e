"""Holes in candles that are open after the stream has had its time: filled, or closed as lost.

The stream heals what it has missed while the table keeps it. What is left is the ledger's: holes
of days that the table does not keep any more and the exchange still has, and of symbols that are no
longer streamed. The exchange keeps the newest 5,000 candles of an interval; what is older will
never come, and its hole is closed with no row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from market_assets.ingestion.hyperliquid.candle_history import kept, oldest_served
from market_assets.ingestion.past_rows import write_past
from market_assets.ingestion.queries import query
from market_assets.sources.errors import VenueBusy, VenueError, VenueUnavailable
from market_assets.sources.hyperliquid import frames
from market_assets.tables import HYPERLIQUID_CANDLES, INGESTION_GAPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

INTERVALS: Final = {"candles": "1m", "candles_1h": "1h"}
"""The candles whose holes a channel has."""
THEIRS: Final = timedelta(hours=1)
"""So long after it was found a hole is the stream's own."""
_SETTLED: Final = timedelta(minutes=5)
_GIVE_UP_AFTER: Final = 3


@dataclass
class Healing:
    """What a round did.

    Attributes:
        healed: holes that were filled, wholly or as far as the exchange has candles of them.
        rows: candles that filled them.
        lost: holes that were closed, because nothing will ever fill them.
        left: holes that are still open, and were not asked for.
        failed: symbols that could not be read, with the reason.
    """

    healed: int = 0
    rows: int = 0
    lost: int = 0
    left: int = 0
    failed: dict[str, str] = field(default_factory=dict)


class _Gap(NamedTuple):
    """A hole: candles that open from `gap_from_at` to `gap_to_at`."""

    channel: str
    symbol: str
    gap_from_at: datetime
    gap_to_at: datetime


def open_gaps(store: Store, now: datetime) -> pl.DataFrame:
    """Rows of `ingestion_gaps` whose turn it is, the newest hole first."""
    params: dict[str, object] = {
        "channels": list(INTERVALS),
        "found_before": now - THEIRS,
        "ended_before": now - _SETTLED,
    }
    return store.read(query("hyperliquid", "open_candle_gaps"), params)


def heal(
    client: HyperliquidClient,
    store: Store,
    *,
    retention: Mapping[str, timedelta],
    within: timedelta,
    clock: Clock,
    run: IngestionRun | None = None,
) -> Healing:
    """Fill one hole after the other, until the time is over; each is closed with what filled it.

    Args:
        client: the exchange, on the account of `backfill`: live work goes first.
        store: the database.
        retention: how long rows are kept, by setting.
        within: none is begun after so long.
        clock: for that, and for what is still to be had.
        run: counts the candles.

    Raises:
        VenueError: nothing could be had of the exchange.
    """
    gaps = open_gaps(store, clock.now())
    deadline = clock.monotonic() + within.total_seconds()
    done, in_a_row, answered = Healing(left=gaps.height), 0, False
    first_error: VenueError | None = None
    for row in gaps.iter_rows(named=True):
        gap = _Gap(**{name: row[name] for name in _Gap._fields})
        if clock.monotonic() >= deadline or in_a_row >= _GIVE_UP_AFTER:
            break
        try:
            frame = _candles(client, gap, clock)
        except VenueError as error:
            first_error = first_error or error
            done.failed[gap.symbol] = str(error)
            in_a_row = in_a_row + 1 if isinstance(error, VenueUnavailable | VenueBusy) else 0
            continue
        in_a_row, answered, rows = 0, True, frame.height
        if rows:
            age = kept(INTERVALS[gap.channel], retention)
            write_past(store, HYPERLIQUID_CANDLES, frame, kept=age, now=clock.now(), run=run)
        done.left -= 1
        done.rows += rows
        done.healed += rows > 0
        done.lost += rows == 0
        closed = {**row, "healed_at": clock.now(), "healed_rows": rows}
        store.merge(INGESTION_GAPS, pl.DataFrame([closed], schema=INGESTION_GAPS.schema))
    if first_error is not None and not answered:
        raise first_error
    return done


def _candles(client: HyperliquidClient, gap: _Gap, clock: Clock) -> pl.DataFrame:
    """Candles of the hole that the exchange has; none where it is too long ago.

    Raises:
        VenueError: the exchange did not give them.
    """
    interval = INTERVALS[gap.channel]
    first = max(gap.gap_from_at, oldest_served(interval, clock.now()))
    # Where that is after the end, the client asks for nothing.
    candles = client.candles(gap.symbol, interval, first, gap.gap_to_at)
    return frames.candles([one for one in candles if one.is_closed], "rest", clock.now())
