"""What is to be healed next: the open holes by symbol and interval, in the order of their urgency.

Pure; the time is passed in. Not here: asking the venue (`healing.py`), arithmetic of spans
(`holes.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from market_assets.streams.candles.holes import Gap, Span, union, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from market_assets.streams.candles.candle_book import Hole
    from market_assets.streams.candles.holes import Found

UNLISTED: Final = "unlisted"
"""Cause of a hole of a symbol that the venue does not list any more."""
UNSUBSCRIBED: Final = "unsubscribed"
"""Cause of a hole of a symbol that is listed, but not streamed any more."""
RECENT_MS: Final = 60 * 60_000
"""A hole no longer than this is a disturbance of the stream; a longer one is a backfill."""
FIRST_RETRY_S: Final = 10.0
LONGEST_RETRY_S: Final = 1800.0

_END_MS: Final = 1 << 62

Key = tuple[str, str]


@dataclass
class Work:
    """The holes of one symbol and interval: one request heals them all.

    Attributes:
        spans: what is missing, disjoint and in order.
        attempts: how often the venue was asked in vain.
        not_before: monotonic reading before which it is not asked again.
        reason: why the last attempt was in vain.
        backfill: found at the start, and counted in the progress.
    """

    symbol: str
    interval: str
    spans: list[Span] = field(default_factory=list)
    attempts: int = 0
    not_before: float = 0.0
    reason: str = ""
    backfill: bool = False

    @property
    def is_recent(self) -> bool:
        """Whether it is short enough to be the stream's own disturbance."""
        return sum(s.end_ms - s.start_ms for s in self.spans) <= RECENT_MS

    @property
    def user(self) -> Literal["stream", "backfill"]:
        """On whose share of the request budget it goes."""
        return "stream" if self.interval == "1m" and self.is_recent else "backfill"

    def failed(self, elapsed: float, reason: str) -> None:
        """It could not be healed now: later, and each time later still."""
        self.attempts += 1
        self.reason = reason
        pause = FIRST_RETRY_S * 2.0 ** min(self.attempts - 1, 16)
        self.not_before = elapsed + min(LONGEST_RETRY_S, pause)


class HealPlan:
    """The open holes, and the rows of `ingestion_gaps` that tell of them. Not thread-safe."""

    def __init__(self) -> None:
        self._work: dict[Key, Work] = {}
        self._gaps: dict[Key, list[Gap]] = {}
        self._rank: Mapping[str, int] = {}

    def rank(self, symbols: Sequence[str]) -> None:
        """Set the order of the symbols, most traded first; others come last."""
        self._rank = {symbol: place for place, symbol in enumerate(symbols)}

    def add(
        self,
        interval: str,
        holes: Iterable[Hole],
        detected_at: datetime,
        *,
        backfill: bool = False,
    ) -> list[Gap]:
        """Take holes; returns the gaps that are new, to be written."""
        new: list[Gap] = []
        for hole in holes:
            key = (interval, hole.symbol)
            span = Span(hole.start_ms, hole.end_ms)
            work = self._work.setdefault(key, Work(hole.symbol, interval))
            work.spans = union([*work.spans, span])
            work.backfill = work.backfill or backfill
            if not self._extend(key, span):
                gap = Gap(hole.symbol, interval, *span, hole.cause, detected_at)
                self._gaps.setdefault(key, []).append(gap)
                new.append(gap)
        return new

    def remember(self, gap: Gap) -> None:
        """Take an open gap from the database: a hole that is found again goes by its name."""
        known = self._gaps.setdefault((gap.interval, gap.symbol), [])
        if all(gap.start_ms != other.start_ms for other in known):
            known.append(gap)

    def begin(self, found: Found, now: datetime) -> list[Gap]:
        """Take what a look into the database has found; returns the gaps that changed."""
        for gap in found.open_gaps:
            self.remember(gap)
        changed = [
            gap
            for interval, holes in found.holes.items()
            for gap in self.add(interval, holes, now, backfill=True)
        ]
        for gap in found.open_gaps:
            changed += self._cut(gap, found.since_ms[gap.interval])
        for key in list(self._gaps):
            changed += self.close_settled(key, now)
        return changed

    def pick(self, elapsed: float) -> Work | None:
        """The most urgent work whose time has come.

        1-minute candles before 1-hour ones, fresh disturbances before the backfill, then by rank.
        """
        ready = (work for work in self._work.values() if work.not_before <= elapsed)
        return min(ready, key=self._urgency, default=None)

    def healed(
        self, work: Work, done: Span, opens: Sequence[int], healed_at: datetime
    ) -> list[Gap]:
        """The venue has answered for a span; returns the gaps that are healed by it.

        Args:
            work: what was asked for.
            done: what the answer settles.
            opens: the opening times, in ms, of the candles that it brought.
            healed_at: the present.
        """
        key = (work.interval, work.symbol)
        for gap in self._gaps.get(key, ()):
            gap.healed_rows += sum(gap.start_ms <= at < gap.end_ms for at in opens)
        limits = (Span(0, done.start_ms), Span(done.end_ms, _END_MS))
        work.spans = union(part for limit in limits for part in within(work.spans, limit))
        self._drop_done(work)
        return self.close_settled(key, healed_at)

    def expire(self, work: Work, before_ms: int, now: datetime) -> list[Gap]:
        """What is missing before that instant is not kept any more, and will not be asked for.

        Returns the gaps of which nothing else is missing: what was lost stays open in them.
        """
        key = (work.interval, work.symbol)
        lost = within(work.spans, Span(0, before_ms))
        if not lost:
            return []
        for gap in self._gaps.get(key, ()):
            ends = (span.end_ms for span in lost if gap.span.overlaps(span))
            gap.lost_ms = max(gap.lost_ms, *ends, 0)
        work.spans = within(work.spans, Span(before_ms, _END_MS))
        self._drop_done(work)
        return self.close_settled(key, now)

    def close_settled(self, key: Key, healed_at: datetime) -> list[Gap]:
        """Take out the gaps of which nothing is to be asked for any more; returns their rows."""
        left = self._spans(key)
        open_: list[Gap] = []
        closed: list[Gap] = []
        for gap in self._gaps.pop(key, ()):
            if any(gap.span.overlaps(span) for span in left):
                open_.append(gap)
            else:
                closed += gap.closed(healed_at)
        if open_:
            self._gaps[key] = open_
        return closed

    def rewind(self, limits_ms: Mapping[str, int]) -> None:
        """The clock was ahead: what has not come to pass, by interval, is no hole."""
        for key, work in list(self._work.items()):
            work.spans = within(work.spans, Span(0, limits_ms[work.interval]))
            if not work.spans:
                del self._work[key]
        for key, gaps in list(self._gaps.items()):
            limit = limits_ms[key[0]]
            self._gaps[key] = [gap for gap in gaps if gap.start_ms < limit]
            for gap in self._gaps[key]:
                gap.end_ms = min(gap.end_ms, limit)

    def forget(self, keep: Iterable[str], listed: Iterable[str] = ()) -> list[Gap]:
        """Give up the symbols that are not among `keep`; what is missing of them stays missing.

        Returns their gaps, open, with the cause why nobody heals them. If a symbol comes back, a
        look into the database finds them.

        Args:
            keep: the symbols that are streamed.
            listed: those that the venue lists, streamed or not.
        """
        kept, live = set(keep), set(listed)
        for key in [key for key in self._work if key[1] not in kept]:
            del self._work[key]
        return [
            replace(gap, cause=UNSUBSCRIBED if key[1] in live else UNLISTED)
            for key in [key for key in self._gaps if key[1] not in kept]
            for gap in self._gaps.pop(key)
        ]

    @property
    def open_holes(self) -> int:
        """How many gaps are open."""
        return sum(len(gaps) for gaps in self._gaps.values())

    def backfill_left(self) -> list[Work]:
        """What is left of the holes found at the start."""
        return [work for work in self._work.values() if work.backfill]

    def failing(self) -> dict[str, str]:
        """Symbols that were asked for in vain: how often, and why the last time."""
        return {
            work.symbol: f"{work.attempts} attempts: {work.reason}"
            for work in self._work.values()
            if work.attempts
        }

    def _cut(self, gap: Gap, since_ms: int) -> list[Gap]:
        """Part a gap from what of it is not kept any more, unless it turns out to be healed.

        Nobody looked further back than `since_ms`, but where the rest is missing, all of it is.
        """
        key = (gap.interval, gap.symbol)
        is_missing = any(gap.span.overlaps(span) for span in self._spans(key))
        is_known = any(gap is known for known in self._gaps.get(key, ()))
        if gap.start_ms >= since_ms or not (is_missing and is_known):
            return []
        lost = replace(gap, end_ms=since_ms)
        gap.start_ms = since_ms
        return [lost, gap]

    def _spans(self, key: Key) -> list[Span]:
        work = self._work.get(key)
        return work.spans if work else []

    def _drop_done(self, work: Work) -> None:
        """Other work of the same symbol may have begun since this was picked: that stays."""
        key = (work.interval, work.symbol)
        if not work.spans and self._work.get(key) is work:
            del self._work[key]

    def _extend(self, key: Key, span: Span) -> bool:
        """Whether an open gap takes the span in: it lies within it, or follows on it."""
        for gap in self._gaps.get(key, ()):
            if gap.start_ms <= span.start_ms <= gap.end_ms:
                gap.end_ms = max(gap.end_ms, span.end_ms)
                return True
        return False

    def _urgency(self, work: Work) -> tuple[int, int, int]:
        return (
            work.interval != "1m",
            not work.is_recent,
            self._rank.get(work.symbol, len(self._rank)),
        )
