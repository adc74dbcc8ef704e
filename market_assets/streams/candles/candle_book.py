"""The book of 1-minute candles: frames in, rows of `hyperliquid_candles` and holes out.

The venue's frames carry no closed flag, come over several sockets, may be late, doubled or out of
order, and a minute without trades sends none. The book keeps the newest state of each bar, says
when a minute is over, and then judges it for every symbol: complete, flat, or a hole.

A minute is over when a frame of a later one has come, plus a grace for the other sockets, or, where
nothing else speaks, by the clock. Frames after that correct the bar.

Not here: one symbol's logic (`bars.py`), what the time is (`venue_clock.py`), filling holes
(`healing.py`). Not thread-safe: one thread owns the book.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from market_assets.clock import floor_ms, to_ms
from market_assets.streams.candles.bars import MINUTE_MS, Series, Verdict
from market_assets.streams.candles.candle_rows import CandleBatch, candle_rows
from market_assets.streams.core.venue_clock import EARLY_MS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from market_assets.sources.hyperliquid.feed import CandleUpdate
    from market_assets.streams.candles.bars import Bar
    from market_assets.streams.core.venue_clock import VenueClock

GRACE_S: Final = 2.0
"""After the first frame of a later minute, how long other sockets may bring the last one's."""
CLOCK_GRACE_S: Final = 2.5
"""After the end of a minute by the clock, how long to wait where no later frame comes."""
TALKING_S: Final = 30.0
"""How long past its end a minute whose frames still come is left open: the stream lags."""
KEEP: Final = timedelta(minutes=15)
"""How long a bar that is on disk stays in memory, for late frames to be compared with it."""
LONGEST: Final = timedelta(hours=24)
"""A clock that leapt further than this concludes only so many minutes; older ones are not kept."""
_MINUTE: Final = timedelta(minutes=1)


class Hole(NamedTuple):
    """Minutes `[start_ms, end_ms)` of a symbol of which the stream does not know the candles."""

    symbol: str
    start_ms: int
    end_ms: int
    cause: str


class CandleBook:
    """The newest state of each symbol's recent minutes."""

    def __init__(self, clock: VenueClock) -> None:
        self._clock = clock
        self._series: dict[str, Series] = {}
        self._dirty: list[Bar] = []
        self._causes: dict[str, str] = {}
        self._concluded_ms = floor_ms(to_ms(clock.now()), _MINUTE) - MINUTE_MS
        self._watermark_ms = 0
        self._watermark_since = 0.0
        self._talked = float("-inf")

    @property
    def symbols(self) -> Collection[str]:
        """The symbols that the book keeps."""
        return self._series.keys()

    @property
    def concluded_ms(self) -> int:
        """The last minute that was judged."""
        return self._concluded_ms

    def keep(self, symbols: Iterable[str], cause: str) -> None:
        """From now on keep these symbols and no others; what is not on disk of others stays due.

        Args:
            symbols: the symbols to keep.
            cause: why the minutes before the first coverage of a new one are missing.
        """
        wanted = set(symbols)
        for symbol in self._series.keys() - wanted:
            del self._series[symbol]
            self._causes.pop(symbol, None)
        for symbol in wanted - self._series.keys():
            self._series[symbol] = Series(symbol)
            self._causes[symbol] = cause

    def add(self, update: CandleUpdate, elapsed: float) -> None:
        """Take one frame, which came at that monotonic reading; of others' symbols, nothing.

        The first lines are the path of nearly all frames: the newest minute, once more.
        """
        series = self._series.get(update.symbol)
        if series is None:
            return
        open_ms = update.open_ms
        bar = series.newest
        if bar is None or open_ms != series.newest_ms or open_ms != self._watermark_ms:
            self._add_other(series, update, elapsed)
            return
        bar.seen = elapsed
        if update.trades <= bar.state.trades:
            return
        bar.state = update
        bar.changed = self._talked = elapsed
        if not bar.dirty:
            bar.dirty = True
            self._dirty.append(bar)
        if open_ms <= self._concluded_ms:
            self._note(series.carry(open_ms, update.close, elapsed))
            self._note(series.close_late(open_ms, elapsed, self._clock))

    def _add_other(self, series: Series, update: CandleUpdate, elapsed: float) -> None:
        """A frame of a minute that is new, or over, for the symbol or for all."""
        open_ms = update.open_ms
        if open_ms > self._watermark_ms:
            self._watermark_ms = open_ms
            self._watermark_since = elapsed
        changed = series.take(update, elapsed, self._clock)
        if changed and open_ms == self._watermark_ms:
            self._talked = elapsed
        self._note(changed)
        if open_ms <= self._concluded_ms:
            self._note(series.close_late(open_ms, elapsed, self._clock))

    def covered(self, symbols: Iterable[str]) -> None:
        """Their subscriptions are acknowledged: from now on every frame is heard."""
        elapsed = self._clock.monotonic()
        for symbol in symbols:
            series = self._series.get(symbol)
            if series is not None and series.covered_from is None:
                series.covered_from = elapsed

    def lost(self, symbols: Iterable[str], since: datetime, cause: str) -> list[Hole]:
        """Frames of these symbols may be missing from `since` on; returns the minutes already past.

        The minutes to come are judged as they pass. Near the start of a minute, the one before is
        in doubt too: by the venue's clock it may have been the present one.
        """
        first = floor_ms(to_ms(since) - EARLY_MS, _MINUTE)
        holes = []
        for symbol in symbols:
            series = self._series.get(symbol)
            if series is None:
                continue
            for bar in series.doubt_from(first):
                self._drop(bar)
            self._causes[symbol] = cause
            if first <= self._concluded_ms:
                holes.append(Hole(symbol, first, self._concluded_ms + MINUTE_MS, cause))
        return holes

    def seed(self, symbol: str, open_ms: int, close: float | None) -> None:
        """The final close of a minute, from REST or the database: flat minutes follow from it.

        None: the venue has no candle of the symbol at all up to then; until it trades, none of its
        minutes is missing.
        """
        series = self._series.get(symbol)
        if series is not None:
            self._note(series.learn(open_ms, close, self._clock.monotonic()))

    def conclude(self) -> list[Hole]:
        """Judge the minutes that are over by now; returns those that the stream cannot tell."""
        last = self._over_through()
        if last <= self._concluded_ms:
            return []
        longest = LONGEST // timedelta(milliseconds=1)
        first = max(self._concluded_ms + MINUTE_MS, last - longest)
        holes: list[Hole] = []
        for series in self._series.values():
            holes += self._conclude(series, first, last)
        self._concluded_ms = last
        self._forget()
        return holes

    def restart(self, since: datetime, cause: str) -> list[Hole]:
        """Time has passed unheard (a suspend): as if all had been lost and is covered again."""
        covered = [s.symbol for s in self._series.values() if s.covered_from is not None]
        holes = self.lost(covered, since, cause)
        self.covered(covered)
        return holes

    def rewind(self) -> None:
        """The clock was ahead and has been set back: unmake the minutes that have not been yet.

        The flat bars that stay are written again, so that they carry the right time of receipt.
        """
        current = floor_ms(to_ms(self._clock.now()), _MINUTE)
        self._concluded_ms = min(self._concluded_ms, current - MINUTE_MS)
        elapsed = self._clock.monotonic()
        for series in self._series.values():
            for bar in [bar for bar in series.bars.values() if not bar.state.trades]:
                if bar.open_ms >= current:
                    del series.bars[bar.open_ms]
                    self._drop(bar)
                else:
                    bar.changed = elapsed
                    self._note([bar])

    def take(self) -> CandleBatch:
        """Hand out what changed since the last call; `restore` it if it could not be written."""
        bars = tuple(self._dirty)
        self._dirty.clear()
        for bar in bars:
            bar.dirty = False
        return CandleBatch(candle_rows(bars, self._clock), bars)

    def restore(self, batch: CandleBatch) -> None:
        """Take back rows that could not be written, each in its newest state."""
        self._note(batch.bars)

    def waiting(self) -> int:
        """Rows that are not on disk yet."""
        return len(self._dirty)

    def shed(self, before: datetime) -> list[Hole]:
        """Give up what is older than `before`, because there is nowhere to write it."""
        limit = to_ms(before)
        old = [bar for bar in self._dirty if bar.open_ms < limit]
        for bar in old:
            self._drop(bar)
        return [
            Hole(bar.state.symbol, bar.open_ms, bar.open_ms + MINUTE_MS, "downtime") for bar in old
        ]

    def _conclude(self, series: Series, first: int, last: int) -> list[Hole]:
        cause = self._causes[series.symbol]
        if series.covered_from is None and all(at < first for at in series.bars):
            return [Hole(series.symbol, first, last + MINUTE_MS, cause)]
        holes: list[Hole] = []
        for open_ms in range(first, last + 1, MINUTE_MS):
            verdict, bar = series.conclude(open_ms, self._clock)
            if bar is not None:
                self._note([bar])
            if verdict is not Verdict.HOLE:
                continue
            if holes and holes[-1].end_ms == open_ms:
                holes[-1] = holes[-1]._replace(end_ms=open_ms + MINUTE_MS)
            else:
                holes.append(Hole(series.symbol, open_ms, open_ms + MINUTE_MS, cause))
        return holes

    def _over_through(self) -> int:
        """The last minute that is over."""
        now_ms = to_ms(self._clock.now())
        by_clock = floor_ms(now_ms - round(CLOCK_GRACE_S * 1000), _MINUTE) - MINUTE_MS
        if by_clock >= self._watermark_ms > 0 and self._still_talking(now_ms):
            by_clock = self._watermark_ms - MINUTE_MS
        if self._clock.monotonic() - self._watermark_since < GRACE_S:
            return by_clock
        return max(by_clock, self._watermark_ms - MINUTE_MS)

    def _still_talking(self, now_ms: int) -> bool:
        """Whether frames that change the newest minute come although the clock says it is over."""
        recent = self._clock.monotonic() - self._talked < CLOCK_GRACE_S
        return recent and now_ms - self._watermark_ms - MINUTE_MS < TALKING_S * 1000

    def _note(self, bars: Iterable[Bar]) -> None:
        for bar in bars:
            if not bar.dirty:
                bar.dirty = True
                self._dirty.append(bar)

    def _drop(self, bar: Bar) -> None:
        """Its state is not to be written after all."""
        if bar.dirty:
            bar.dirty = False
            self._dirty.remove(bar)

    def _forget(self) -> None:
        limit = self._concluded_ms - KEEP // timedelta(milliseconds=1)
        for series in self._series.values():
            series.forget_before(limit)
