"""Holes in the candles as values: which spans of time are missing, and their rows in the database.

Pure but for the queries on the store. Not here: filling them (`healing.py`), and what the
stream itself knows to be missing (`candle_book.py`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from market_assets.clock import from_ms, interval_length, to_ms
from market_assets.frames import conform
from market_assets.streams.candles.candle_book import Hole
from market_assets.tables import INGESTION_GAPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from market_assets.storage.api import Store

SOURCE: Final = "hyperliquid"
CHANNELS: Final = {"1m": "candles", "1h": "candles_1h"}
"""The channel of `ingestion_gaps` by interval: a gap's key has none, and both begin on the hour."""

_PRESENT: Final = """
with bars as (
    select symbol, open_at, close_at,
        epoch_ms(open_at) // $step - row_number() over (partition by symbol order by open_at)
            as island,
    from hyperliquid_candles
    where interval = $interval and is_closed and open_at >= $start and open_at < $end
)
select symbol, min(open_at) as from_at, max(close_at) as to_at
from bars
group by symbol, island
order by symbol, from_at
"""

_GAPS: Final = """
select symbol, gap_from_at, gap_to_at, cause, detected_at, healed_at, healed_rows
from ingestion_gaps
where source = $source and channel = $channel and gap_to_at > $start
order by symbol, gap_from_at
"""

_LAST_CLOSES: Final = """
select symbol, max(open_at) as open_at, max_by(close, open_at) as close
from hyperliquid_candles
where interval = '1m' and is_closed and open_at >= $start
group by symbol
"""


_CLOSES_OF: Final = timedelta(hours=1)
UNSURE_TAIL: Final = timedelta(minutes=2)
"""What a killed session may have called closed before its last frames came."""


class Span(NamedTuple):
    """`[start_ms, end_ms)` in Unix milliseconds."""

    start_ms: int
    end_ms: int

    def overlaps(self, other: Span) -> bool:
        """Whether they share an instant."""
        return self.start_ms < other.end_ms and other.start_ms < self.end_ms


@dataclass
class Gap:
    """A row of `ingestion_gaps`: a hole, and what became of it."""

    symbol: str
    interval: str
    start_ms: int
    end_ms: int
    cause: str
    detected_at: datetime
    healed_at: datetime | None = None
    healed_rows: int = 0
    lost_ms: int = 0
    """What of it was still missing before this instant is not kept any more, so nobody asks."""

    @property
    def span(self) -> Span:
        """The time that is missing."""
        return Span(self.start_ms, self.end_ms)

    def closed(self, at: datetime) -> list[Gap]:
        """The rows that tell of it once nothing of it is to be asked for any more.

        What was lost stays open for good, in a row of its own.
        """
        lost_end = min(self.lost_ms, self.end_ms)
        if lost_end <= self.start_ms:
            return [replace(self, healed_at=at)]
        lost = replace(self, end_ms=lost_end, healed_rows=0)
        if lost_end == self.end_ms:
            return [lost]
        return [lost, replace(self, start_ms=lost_end, healed_at=at)]


def union(spans: Iterable[Span]) -> list[Span]:
    """The same instants as disjoint spans in order; spans that touch become one."""
    merged: list[Span] = []
    for span in sorted(spans):
        if span.start_ms >= span.end_ms:
            continue
        if merged and span.start_ms <= merged[-1].end_ms:
            merged[-1] = Span(merged[-1].start_ms, max(merged[-1].end_ms, span.end_ms))
        else:
            merged.append(span)
    return merged


def without(span: Span, taken: Iterable[Span]) -> list[Span]:
    """What is left of a span where others are taken away."""
    left: list[Span] = []
    start = span.start_ms
    for other in union(taken):
        if other.end_ms <= start:
            continue
        if other.start_ms >= span.end_ms:
            break
        if other.start_ms > start:
            left.append(Span(start, other.start_ms))
        start = max(start, other.end_ms)
    if start < span.end_ms:
        left.append(Span(start, span.end_ms))
    return left


def within(spans: Iterable[Span], limits: Span) -> list[Span]:
    """The parts of the spans that lie within the limits."""
    cut = (Span(max(s.start_ms, limits.start_ms), min(s.end_ms, limits.end_ms)) for s in spans)
    return union(cut)


def present(store: Store, interval: str, limits: Span) -> dict[str, list[Span]]:
    """The spans of which closed candles are in the database, by symbol."""
    rows = store.read(
        _PRESENT,
        {
            "interval": interval,
            "step": _ms(interval_length(interval)),
            "start": from_ms(limits.start_ms),
            "end": from_ms(limits.end_ms),
        },
    )
    spans: dict[str, list[Span]] = defaultdict(list)
    for symbol, from_at, to_at in rows.iter_rows():
        spans[symbol].append(Span(to_ms(from_at), to_ms(to_at)))
    return spans


def recorded(store: Store, interval: str, since_ms: int) -> dict[str, list[Gap]]:
    """The gaps that the database knows of, healed or open, by symbol."""
    rows = store.read(
        _GAPS,
        {"source": SOURCE, "channel": CHANNELS[interval], "start": from_ms(since_ms)},
    )
    gaps: dict[str, list[Gap]] = defaultdict(list)
    for symbol, from_at, to_at, cause, detected_at, healed_at, healed_rows in rows.iter_rows():
        gaps[symbol].append(
            Gap(
                symbol,
                interval,
                to_ms(from_at),
                to_ms(to_at),
                cause,
                detected_at,
                healed_at,
                healed_rows or 0,
            )
        )
    return gaps


def missing(limits: Span, candles: Sequence[Span], gaps: Sequence[Gap]) -> list[Span]:
    """What has neither candles nor a healed gap: where that is, the venue was asked and has none.

    Args:
        limits: the time that is looked at, on the interval's grid.
        candles: where candles are.
        gaps: the gaps that are recorded.
    """
    healed = [gap.span for gap in gaps if gap.healed_at is not None]
    return without(limits, [*candles, *healed])


def last_closes(store: Store, since: datetime) -> dict[str, tuple[int, float]]:
    """(open in ms, close) of the newest closed 1-minute candle, by symbol."""
    rows = store.read(_LAST_CLOSES, {"start": since})
    return {symbol: (to_ms(open_at), close) for symbol, open_at, close in rows.iter_rows()}


@dataclass(frozen=True)
class Found:
    """What a look into the database found.

    Attributes:
        holes: by interval.
        since_ms: how far back they were looked for, by interval.
        open_gaps: gaps that are recorded and not healed.
        closes: (open in ms, close) of each symbol's newest closed minute of the last hour.
    """

    holes: Mapping[str, Sequence[Hole]]
    since_ms: Mapping[str, int]
    open_gaps: Sequence[Gap]
    closes: Mapping[str, tuple[int, float]]


def find(
    store: Store,
    symbols: Sequence[str],
    *,
    keep: Mapping[str, timedelta],
    until_ms: int,
    now_ms: int,
    cause: str | None = None,
    after_crash: bool = False,
) -> Found:
    """Which candles of the recent past the database lacks; three reads, whatever the symbols.

    Hours are missing only where one is older than the minutes that are kept: younger ones are
    rolled up from minutes.

    Args:
        store: the database.
        symbols: which symbols should have candles.
        keep: how far back, by interval: `1m` and `1h`.
        until_ms: minutes from here on are the stream's.
        now_ms: the present.
        cause: of the holes; None: downtime where the database has candles of the symbol, else
            fresh.
        after_crash: the last session was killed: it may have closed its last minutes too early,
            and not lived to correct them.
    """
    oldest_minute = now_ms - _ms(keep["1m"])
    holes: dict[str, list[Hole]] = {}
    since_ms: dict[str, int] = {}
    open_gaps: list[Gap] = []
    for interval in ("1m", "1h"):
        step = _ms(interval_length(interval))
        start_ms = -(-(now_ms - _ms(keep[interval])) // step) * step
        since_ms[interval] = start_ms
        limits = Span(start_ms, max(start_ms, until_ms - until_ms % step))
        candles = present(store, interval, limits)
        if after_crash and interval == "1m":
            candles = {symbol: _without_tail(spans) for symbol, spans in candles.items()}
        gaps = recorded(store, interval, start_ms)
        open_gaps += [
            gap for symbol in symbols for gap in gaps.get(symbol, ()) if gap.healed_at is None
        ]
        holes[interval] = []
        for symbol in symbols:
            spans = missing(limits, candles.get(symbol, ()), gaps.get(symbol, ()))
            if interval == "1h" and all(span.start_ms >= oldest_minute for span in spans):
                continue
            why = cause or ("downtime" if symbol in candles else "fresh")
            holes[interval] += [Hole(symbol, *span, why) for span in spans]
    return Found(holes, since_ms, open_gaps, last_closes(store, from_ms(now_ms) - _CLOSES_OF))


def _without_tail(spans: Sequence[Span]) -> list[Span]:
    """But for the last minutes: they are read again, with the hole that follows on them."""
    end_ms = spans[-1].end_ms - _ms(UNSURE_TAIL)
    return within(spans, Span(spans[0].start_ms, max(spans[0].start_ms, end_ms)))


def gap_rows(gaps: Iterable[Gap]) -> pl.DataFrame:
    """A frame of `ingestion_gaps`."""
    rows: list[Mapping[str, object]] = [
        {
            "source": SOURCE,
            "channel": CHANNELS[gap.interval],
            "symbol": gap.symbol,
            "gap_from_at": from_ms(gap.start_ms),
            "gap_to_at": from_ms(gap.end_ms),
            "cause": gap.cause,
            "detected_at": gap.detected_at,
            "healed_at": gap.healed_at,
            "healed_rows": None if gap.healed_at is None else gap.healed_rows,
        }
        for gap in gaps
    ]
    return conform(INGESTION_GAPS, pl.DataFrame(rows, schema=INGESTION_GAPS.schema))


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
