"""One symbol's recent 1-minute bars as the stream tells them: the newest state of each.

A bar's state only grows: more trades is later, whatever order the frames come in. A minute is
`closed` once it is certain that its state is final; a minute without trades, of which it is certain
that there were none, is a flat bar at the previous close, as the exchange has it.

Certainty needs *coverage*: the symbol's subscription was acknowledged before and not lost since.
Not here: when a minute is over (`candle_book.py`), and what is done about holes (`healing.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from market_assets.sidecar.venue_clock import VenueClock
    from market_assets.sources.hyperliquid.feed import CandleUpdate

MINUTE_MS: Final = 60_000
MARGIN_S: Final = 5.0
"""A minute is covered as a whole only if coverage began this much before it: the two clocks differ,
and an acknowledgement on its way is not yet a subscription."""


@dataclass(slots=True)
class Bar:
    """The newest known state of one minute.

    Attributes:
        changed: monotonic reading when the state last changed.
        seen: monotonic reading when the last frame of it came; None for a flat bar.
        dirty: it is not on disk as it is now.
    """

    symbol: str
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    changed: float
    seen: float | None
    closed: bool = False
    dirty: bool = True


class Verdict(Enum):
    """What is known of a minute that is over."""

    COMPLETE = "complete"
    FLAT = "flat"
    HOLE = "hole"


@dataclass(slots=True)
class Series:
    """The recent bars of one symbol.

    Attributes:
        covered_from: monotonic reading since when every frame has been heard; None: not covered.
        seed: the newest minute whose close is known from elsewhere, and that close.
        unpriced: the venue has no candle of it at all: until it trades, no minute of it is missing.
    """

    symbol: str
    bars: dict[int, Bar] = field(default_factory=dict)
    covered_from: float | None = None
    seed: tuple[int, float] | None = None
    newest_ms: int = 0
    unpriced: bool = False

    def take(self, update: CandleUpdate, clock: VenueClock, *, over: bool) -> list[Bar]:
        """Apply a frame; returns the bars that changed: none for a duplicate or an older state.

        Args:
            update: the frame.
            clock: what coverage is measured by.
            over: the minute has been concluded already, so this frame is late.
        """
        elapsed = clock.monotonic()
        self.unpriced = False
        bar = self.bars.get(update.open_ms)
        if bar is None:
            bar = self._new(update, elapsed)
            changed = [bar]
        else:
            bar.seen = elapsed
            if update.trades <= bar.trades:
                return []
            bar.open, bar.high, bar.low = update.open, update.high, update.low
            bar.close, bar.volume, bar.trades = update.close, update.volume, update.trades
            bar.changed = elapsed
            bar.dirty = True
            changed = [bar]
        if over and not bar.closed and self._complete(bar, clock):
            self._close(bar, elapsed)
        if update.open_ms > self.newest_ms:
            previous = self.bars.get(self.newest_ms)
            self.newest_ms = update.open_ms
            if previous is not None and not previous.closed and self._complete(previous, clock):
                self._close(previous, elapsed)
                changed.append(previous)
        return changed + self.carry(update.open_ms, bar.close, elapsed)

    def _new(self, update: CandleUpdate, elapsed: float) -> Bar:
        bar = Bar(
            update.symbol,
            update.open_ms,
            update.open,
            update.high,
            update.low,
            update.close,
            update.volume,
            update.trades,
            changed=elapsed,
            seen=elapsed,
        )
        self.bars[update.open_ms] = bar
        return bar

    def conclude(self, open_ms: int, clock: VenueClock) -> tuple[Verdict, Bar | None]:
        """Judge a minute that is over, and close it if its state is certain.

        Returns:
            The verdict, and the bar if it changed.
        """
        elapsed = clock.monotonic()
        bar = self.bars.get(open_ms)
        if bar is not None:
            if bar.closed:
                return Verdict.COMPLETE, None
            if not self._complete(bar, clock):
                return Verdict.HOLE, None
            self._close(bar, elapsed)
            return Verdict.COMPLETE, bar
        previous = self.close_before(open_ms)
        if not self._covers_all_of(open_ms, clock):
            return Verdict.HOLE, None
        if previous is None:
            return (Verdict.COMPLETE if self.unpriced else Verdict.HOLE), None
        bar = Bar(
            self.symbol,
            open_ms,
            previous,
            previous,
            previous,
            previous,
            volume=0.0,
            trades=0,
            changed=elapsed,
            seen=None,
            closed=True,
        )
        self.bars[open_ms] = bar
        return Verdict.FLAT, bar

    def learn(self, open_ms: int, close: float | None, elapsed: float) -> list[Bar]:
        """A minute's final close, from REST or the database; returns the bars that it changes.

        None: the venue has no candle at all, in this minute or before.
        """
        if close is None:
            self.unpriced = not self.bars and self.seed is None
            return []
        self.unpriced = False
        if self.seed is None or open_ms >= self.seed[0]:
            self.seed = (open_ms, close)
        bar = self.bars.get(open_ms)
        if bar is not None and not bar.closed:
            # The row from REST is final and on its way to disk; this one only must not undo it.
            bar.closed = True
            bar.close = close
            bar.dirty = False
        elif bar is not None and bar.trades:
            return []
        return self.carry(open_ms, close, elapsed)

    def carry(self, open_ms: int, close: float, elapsed: float) -> list[Bar]:
        """Give the flat bars that follow a minute its close."""
        changed = []
        following = open_ms + MINUTE_MS
        while (bar := self.bars.get(following)) is not None and not bar.trades and bar.closed:
            if bar.close != close:
                bar.open = bar.high = bar.low = bar.close = close
                bar.changed = elapsed
                bar.dirty = True
                changed.append(bar)
            following += MINUTE_MS
        return changed

    def close_before(self, open_ms: int) -> float | None:
        """The close of the minute before, if it is certain."""
        previous = open_ms - MINUTE_MS
        bar = self.bars.get(previous)
        if bar is not None:
            return bar.close if bar.closed else None
        if self.seed is not None and self.seed[0] == previous:
            return self.seed[1]
        return None

    def doubt_from(self, open_ms: int) -> None:
        """Coverage was lost in that minute: nothing said of it or of later ones is certain."""
        self.covered_from = None
        for at in [at for at in self.bars if at >= open_ms]:
            bar = self.bars[at]
            if bar.trades:
                bar.closed = False
            else:
                del self.bars[at]
        if self.seed is not None and self.seed[0] >= open_ms:
            self.seed = None

    def forget_before(self, open_ms: int) -> None:
        """Let go of bars that are on disk and older than that."""
        for at in [at for at, bar in self.bars.items() if at < open_ms and not bar.dirty]:
            del self.bars[at]

    def _complete(self, bar: Bar, clock: VenueClock) -> bool:
        """Whether every trade of the minute is in the bar: heard since before its last frame."""
        if self.covered_from is None or bar.seen is None:
            return False
        if self._covers_all_of(bar.open_ms, clock):
            return True
        end = clock.elapsed_at(bar.open_ms + MINUTE_MS)
        return self.covered_from <= bar.seen and self.covered_from < end

    def _covers_all_of(self, open_ms: int, clock: VenueClock) -> bool:
        if self.covered_from is None:
            return False
        return self.covered_from <= clock.elapsed_at(open_ms) - MARGIN_S

    @staticmethod
    def _close(bar: Bar, elapsed: float) -> None:
        bar.closed = True
        bar.changed = elapsed
        bar.dirty = True
