"""What a clock that was ahead has left in the database, put right.

Rows of instants that have not come are deleted: they never happened. So are rows whose time of
receipt lies ahead, where they would beat right ones until then; the rest is read again from the
venue. Holes are kept: the record of an open one is all that is known of it. Only what this stream
writes is touched: other sources were not misled by its clock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from market_assets.clock import floor_ms, interval_length, to_ms
from market_assets.storage.common.changes import Change, Delete, Merge
from market_assets.streams.candles.holes import CHANNELS, SOURCE, gap_rows, recorded
from market_assets.tables import HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES, INGESTION_GAPS

if TYPE_CHECKING:
    from datetime import datetime

    from market_assets.storage.api import Store
    from market_assets.storage.common.changes import Written
    from market_assets.streams.candles.holes import Gap

_AHEAD: Final = timedelta(seconds=10)


def repair(store: Store, now: datetime) -> tuple[Written, ...]:
    """Put right what was written before the clock was set back to `now`, in one transaction.

    Raises:
        StoreError: the database does not let it; nothing is changed.
    """
    limit = now + _AHEAD
    changes: list[Change] = [
        Delete(HYPERLIQUID_MID_PRICES, "ingested_at > ?", [limit]),
        Delete(
            HYPERLIQUID_CANDLES,
            "interval = '1m' and (open_at > ? or (trades = 0 and ingested_at > ?))",
            [limit, limit],
        ),
    ]
    for interval, channel in CHANNELS.items():
        own = "source = ? and channel = ?"
        changes.append(
            Delete(INGESTION_GAPS, f"{own} and gap_from_at > ?", [SOURCE, channel, limit])
        )
        told = [gap for gaps in recorded(store, interval, 0).values() for gap in gaps]
        right = [_put_right(gap, now, limit) for gap in told if gap.start_ms <= to_ms(limit)]
        changed = [gap for gap in right if gap not in told]
        if changed:
            changes.append(Merge(INGESTION_GAPS, gap_rows(changed)))
    return tuple(store.write(*changes))


def _put_right(gap: Gap, now: datetime, limit: datetime) -> Gap:
    """The gap as it can be at most.

    One that was healed after the present is open again: what the venue was asked for had not all
    come to pass. A look into the database closes it, or has it asked for again.
    """
    length = interval_length(gap.interval)
    end_ms, healed_at = gap.end_ms, gap.healed_at
    if end_ms > to_ms(limit):
        first_end_ms = gap.start_ms + length // timedelta(milliseconds=1)
        end_ms, healed_at = max(floor_ms(to_ms(now), length), first_end_ms), None
    if healed_at is not None and healed_at > limit:
        healed_at = None
    detected_at = now if gap.detected_at > limit else gap.detected_at
    return replace(gap, end_ms=end_ms, healed_at=healed_at, detected_at=detected_at)
