"""Auditing candles: whose turn it is, what the exchange says, and what is put right.

The asset whose audit is the longest ago comes first, and each comes once a day. Its minutes of the
last day and its hours of the last week are held against the exchange's
(`features/candle_audit.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.features.candle_audit import Audit, audit
from market_assets.features.candles import roll_up
from market_assets.ingestion.queries import query
from market_assets.sources.errors import VenueBusy, VenueError, VenueUnavailable
from market_assets.sources.hyperliquid import frames
from market_assets.storage.common.changes import Change, Delete, Merge
from market_assets.tables import HYPERLIQUID_CANDLE_AUDITS, HYPERLIQUID_CANDLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

EVERY: Final = timedelta(hours=20)
"""An asset that was audited less long ago is left out: each hour's round is another one's."""
SPANS: Final = {"1m": timedelta(hours=23), "1h": timedelta(days=6)}
"""How far back, within what the table keeps."""
SETTLED: Final = timedelta(minutes=5)
"""Candles that ended less long ago may not be in the table yet."""
_GIVE_UP_AFTER: Final = 3


@dataclass
class Audited:
    """What a round did.

    Attributes:
        audits: one for each asset and interval.
        left: assets whose turn it was and for which there was no time.
        failed: assets that could not be read, with the reason.
    """

    audits: list[Audit] = field(default_factory=list)
    left: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    def total(self, name: str) -> int:
        """The sum of a figure over all audits."""
        return sum(getattr(one, name) for one in self.audits)


def due(store: Store, now: datetime) -> list[str]:
    """Assets whose turn it is, the longest waiting first; those that have candles of late."""
    params: dict[str, object] = {"now": now, "every": EVERY, "span": SPANS["1m"]}
    found: list[str] = store.read(query("hyperliquid", "audits_due"), params)["symbol"].to_list()
    return found


def audit_candles(
    client: HyperliquidClient,
    store: Store,
    symbols: Sequence[str],
    *,
    within: timedelta,
    clock: Clock,
    run: IngestionRun | None = None,
) -> Audited:
    """Audit one asset after the other, until the time is over; put right what is wrong.

    Args:
        client: the exchange, on the account of `backfill`: live work goes first.
        store: the database.
        symbols: in order.
        within: none is begun after so long.
        clock: for that, and for what is over.
        run: counts the audits.

    Raises:
        VenueError: nothing could be had of the exchange.
    """
    deadline = clock.monotonic() + within.total_seconds()
    done, in_a_row = Audited(left=len(symbols)), 0
    first_error: VenueError | None = None
    for symbol in symbols:
        if clock.monotonic() >= deadline or in_a_row >= _GIVE_UP_AFTER:
            break
        try:
            audits = _audit(client, store, symbol, clock)
        except VenueError as error:
            first_error = first_error or error
            done.failed[symbol] = str(error)
            in_a_row = in_a_row + 1 if isinstance(error, VenueUnavailable | VenueBusy) else 0
            done.left -= 1
            continue
        in_a_row = 0
        done.left -= 1
        done.audits += audits
        store.write(*_changes(audits), runs=() if run is None else (run,))
    if first_error is not None and not done.audits:
        raise first_error
    return done


def _audit(client: HyperliquidClient, store: Store, symbol: str, clock: Clock) -> list[Audit]:
    """Of an asset's minutes and hours.

    Raises:
        VenueError: the exchange did not give them.
    """
    now = clock.now()
    theirs = {
        interval: frames.candles(
            client.candles(symbol, interval, now - span, now - SETTLED), "rest", clock.now()
        ).filter(pl.col("close_at") <= now - SETTLED)
        for interval, span in SPANS.items()
    }
    ours = store.read(
        "select * from hyperliquid_candles where symbol = $symbol and open_at >= $since",
        {"symbol": symbol, "since": now - max(SPANS.values()) - timedelta(hours=1)},
    )
    rolled = roll_up(theirs["1m"], "1h", now=clock.now())
    return [
        audit(
            ours.filter(pl.col("interval") == interval),
            frame,
            symbol=symbol,
            interval=interval,
            at=now,
            rolled=rolled if interval != "1m" else None,
        )
        for interval, frame in theirs.items()
    ]


def _changes(audits: Sequence[Audit]) -> list[Change]:
    """The audits, and the exchange's candles in the place of those that are wrong.

    Ours go first: by themselves, those with fewer trades would lose against them.
    """
    changes: list[Change] = [Merge(HYPERLIQUID_CANDLE_AUDITS, _rows(audits))]
    for one in audits:
        if one.replaced:
            changes += [
                Delete(
                    HYPERLIQUID_CANDLES,
                    "symbol = ? and interval = ? and open_at in (select unnest(?))",
                    [one.symbol, one.interval, one.right["open_at"].to_list()],
                ),
                Merge(HYPERLIQUID_CANDLES, one.right),
            ]
    return changes


def _rows(audits: Sequence[Audit]) -> pl.DataFrame:
    names = HYPERLIQUID_CANDLE_AUDITS.column_names
    rows = [{name: getattr(one, name) for name in names} for one in audits]
    return pl.DataFrame(rows, schema=HYPERLIQUID_CANDLE_AUDITS.schema)
