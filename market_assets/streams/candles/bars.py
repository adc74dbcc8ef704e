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

from msgspec import structs

from market_assets.sources.hyperliquid.wire import CandleUpdate

if TYPE_CHECKING:
    from market_assets.streams.core.venue_clock import VenueClock

MINUTE_MS: Final = 60_000
MARGIN_S: Final = 5.0
"""A minute is covered as a whole only if coverage began this much before it: the two clocks differ,
and an acknowledgement on its way is not yet a subscription."""


@dataclass(slots=True, eq=False)
class Bar:
    """The newest known state of one minute.

    Attributes:
        state: the newest frame; of a minute without trades, one that no venue has sent.
        changed: monotonic reading when the state last changed.
        seen: monotonic reading when the last frame of it came; None for a flat bar.
        closed: the state is final.
        dirty: it is not on disk as it is now.
    """

    state: CandleUpdate
    changed: float
    seen: float | None
    closed: bool = False
    dirty: bool = False

    @property
    def open_ms(self) -> int:
        """Start of the minute, Unix milliseconds."""
        return self.state.open_ms


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
        newest_ms: the newest minute of which a frame has come, and its bar.
        unpriced: the venue has no candle of it at all: until it trades, no minute of it is missing.
    """

    symbol: str
    bars: dict[int, Bar] = field(default_factory=dict)
    covered_from: float | None = None
    seed: tuple[int, float] | None = None
    newest_ms: int = 0
    newest: Bar | None = None
    unpriced: bool = False

    def take(self, update: CandleUpdate, elapsed: float, clock: VenueClock) -> list[Bar]:
        """Apply a frame; returns the bars that changed: none for a duplicate or an older state."""
        self.unpriced = False
        bar = self.bars.get(update.open_ms)
        if bar is None:
            bar = Bar(update, elapsed, elapsed)
            self.bars[update.open_ms] = bar
        else:
            bar.seen = elapsed
            if update.trades <= bar.state.trades:
                return []
            bar.state = update
            bar.changed = elapsed
        changed = [bar]
        if update.open_ms > self.newest_ms:
            previous = self.bars.get(self.newest_ms)
            self.newest_ms, self.newest = update.open_ms, bar
            if previous is not None and not previous.closed and self._complete(previous, clock):
                self._close(previous, elapsed)
                changed.append(previous)
        return changed + self.carry(update.open_ms, update.close, elapsed)

    def close_late(self, open_ms: int, elapsed: float, clock: VenueClock) -> list[Bar]:
        """A frame of a minute that was judged already: it may have made it complete."""
        bar = self.bars[open_ms]
        if bar.closed or not self._complete(bar, clock):
            return []
        self._close(bar, elapsed)
        return [bar]

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
        bar = Bar(_flat(self.symbol, open_ms, previous), elapsed, None, closed=True)
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
            # Not dirty: the final row is on its way to disk, from elsewhere, and has more trades.
            bar.closed = True
            bar.state = structs.replace(bar.state, close=close)
        elif bar is not None and bar.state.trades:
            return []
        return self.carry(open_ms, close, elapsed)

    def carry(self, open_ms: int, close: float, elapsed: float) -> list[Bar]:
        """Give the flat bars that follow a minute its close."""
        changed = []
        following = open_ms + MINUTE_MS
        while (bar := self.bars.get(following)) is not None and bar.closed:
            if bar.state.trades:
                break
            if bar.state.close != close:
                bar.state = _flat(self.symbol, following, close)
                bar.changed = elapsed
                changed.append(bar)
            following += MINUTE_MS
        return changed

    def close_before(self, open_ms: int) -> float | None:
        """The close of the minute before, if it is certain."""
        previous = open_ms - MINUTE_MS
        bar = self.bars.get(previous)
        if bar is not None:
            return bar.state.close if bar.closed else None
        if self.seed is not None and self.seed[0] == previous:
            return self.seed[1]
        return None

    def doubt_from(self, open_ms: int) -> list[Bar]:
        """Coverage was lost in that minute: nothing said of it or of later ones is certain.

        Returns the flat bars that are taken back.
        """
        self.covered_from = None
        gone = []
        for at in [at for at in self.bars if at >= open_ms]:
            bar = self.bars[at]
            if bar.state.trades:
                bar.closed = False
            else:
                gone.append(self.bars.pop(at))
        if self.seed is not None and self.seed[0] >= open_ms:
            self.seed = None
        return gone

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


def _flat(symbol: str, open_ms: int, price: float) -> CandleUpdate:
    return CandleUpdate(
        symbol=symbol,
        interval="1m",
        open_ms=open_ms,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=0.0,
        trades=0,
    )
