"""Mid prices conflated: the last mid of each asset in each 5-second bucket of the UTC grid.

The venue's frames carry no time, so a bucket is told by the time of receipt. Pure: whoever calls
gives the instant. Not here: which assets are kept (`recorder.py`), and writing (`session.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.clock import floor_ms, from_ms, to_ms
from market_assets.tables import HYPERLIQUID_MID_PRICES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

BUCKET: Final = timedelta(seconds=5)
KEEP: Final = timedelta(minutes=2)
"""How long a bucket that is on disk stays in memory, so that a late mid counts up its samples."""
_US: Final = pl.Datetime("us", "UTC")


@dataclass
class _Bucket:
    """One 5-second bucket; `touched` symbols have a mid that is not on disk yet."""

    mids: dict[str, float] = field(default_factory=dict)
    samples: dict[str, int] = field(default_factory=dict)
    received_ms: dict[str, int] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class MidBatch:
    """Rows of `hyperliquid_mid_prices` to be put on disk; the spool checks them."""

    frame: pl.DataFrame


class MidBuckets:
    """The newest mid per asset and bucket, until it is on disk. Not thread-safe."""

    def __init__(self) -> None:
        self._buckets: dict[int, _Bucket] = {}

    def add(self, mids: Mapping[str, float], received_at: datetime) -> None:
        """Take the mids of one frame."""
        received_ms = to_ms(received_at)
        bucket = self._buckets.setdefault(floor_ms(received_ms, BUCKET), _Bucket())
        samples, known = bucket.samples, bucket.received_ms
        for symbol, mid in mids.items():
            samples[symbol] = samples.get(symbol, 0) + 1
            if received_ms >= known.get(symbol, 0):
                known[symbol] = received_ms
                bucket.mids[symbol] = mid
        bucket.touched.update(mids)

    def take(self) -> MidBatch:
        """Hand out what changed since the last call; `restore` it if it could not be written."""
        symbols: list[str] = []
        ats: list[int] = []
        mids: list[float] = []
        samples: list[int] = []
        received: list[int] = []
        for at, bucket in self._buckets.items():
            names = bucket.touched
            symbols += names
            ats += [at] * len(names)
            received += map(bucket.received_ms.__getitem__, names)
            mids += map(bucket.mids.__getitem__, names)
            samples += map(bucket.samples.__getitem__, names)
            names.clear()
        self._forget()
        frame = pl.DataFrame(
            {
                "symbol": symbols,
                "bucket_at": (pl.Series(ats, dtype=pl.Int64) * 1000).cast(_US),
                "mid": mids,
                "samples": samples,
                "ingested_at": (pl.Series(received, dtype=pl.Int64) * 1000).cast(_US),
            },
            schema=HYPERLIQUID_MID_PRICES.schema,
        )
        return MidBatch(frame)

    def restore(self, batch: MidBatch) -> None:
        """Take back rows that could not be written; mids that came meanwhile are newer and stay."""
        for row in batch.frame.iter_rows(named=True):
            at, symbol = to_ms(row["bucket_at"]), row["symbol"]
            bucket = self._buckets.setdefault(at, _Bucket())
            if symbol not in bucket.mids:
                bucket.received_ms[symbol] = to_ms(row["ingested_at"])
                bucket.mids[symbol] = row["mid"]
                bucket.samples[symbol] = row["samples"]
            bucket.touched.add(symbol)

    def waiting(self) -> int:
        """Rows that are not on disk yet."""
        # Asked by the session's thread while the stream's adds buckets: a list is made in one step.
        return sum(len(bucket.touched) for bucket in list(self._buckets.values()))

    def shed(self, before: datetime) -> int:
        """Give up what is older than `before` for want of a place to write it; counts rows."""
        old = [at for at in self._buckets if from_ms(at) < before]
        return sum(len(self._buckets.pop(at).touched) for at in old)

    def drop_after(self, instant: datetime) -> None:
        """Forget buckets that begin after an instant: a clock that was ahead made them."""
        for at in [at for at in self._buckets if from_ms(at) > instant]:
            del self._buckets[at]

    def _forget(self) -> None:
        if self._buckets:
            limit = max(self._buckets) - KEEP // timedelta(milliseconds=1)
            for at in [at for at, b in self._buckets.items() if at < limit and not b.touched]:
                del self._buckets[at]
