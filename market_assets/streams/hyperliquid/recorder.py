"""What the feed hears goes in here, and comes out as rows to be put on disk and holes to be healed.

The recorder keeps the assets that count, and waits with what needs the time while the clock is in
doubt: mids until it is settled, candles until their minute has begun. One thread owns it, the one
that the feed runs on. Not here: sockets (`sources`), disk (`streaming.py`).
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from market_assets.clock import to_ms
from market_assets.streams.candles.candle_book import CandleBook, Hole
from market_assets.streams.candles.quiet import QuietWatch
from market_assets.streams.core.flow import Piece
from market_assets.streams.core.venue_clock import EARLY_MS, QUORUM, TOLERANCE_S
from market_assets.streams.hyperliquid.mids import MidBuckets
from market_assets.tables import HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from market_assets.sources.hyperliquid.feed import CandleUpdate
    from market_assets.streams.candles.candle_rows import CandleBatch
    from market_assets.streams.core.venue_clock import VenueClock
    from market_assets.streams.hyperliquid.mids import MidBatch

_LOG = logging.getLogger(__name__)

INTERVAL: Final = "1m"
MOST_HELD_MIDS: Final = 2_000
"""Frames: about 9 a 5-second bucket, so a doubt of a quarter of an hour."""
MOST_HELD_CANDLES: Final = 10_000
HELD_S: Final = 180.0
"""A frame from a minute that has not begun is nonsense, if it is not believed by then."""
_OUTCOME: Final = "#"
"""Prefix of outcome markets, which `allMids` holds too and the project does not keep."""


class Batch(NamedTuple):
    """Rows to be put on disk."""

    mids: MidBatch
    candles: CandleBatch

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Candles first: they are what cannot be had again for long."""
        return (
            Piece(HYPERLIQUID_CANDLES, self.candles.frame),
            Piece(HYPERLIQUID_MID_PRICES, self.mids.frame),
        )


class Recorder:
    """The feed's sink (`FeedSink`)."""

    def __init__(self, clock: VenueClock, *, on_holes: Callable[[Iterable[Hole]], None]) -> None:
        """Keep nothing yet.

        Args:
            clock: the session's; the recorder ticks it.
            on_holes: hears of minutes that the stream does not know.
        """
        self._clock = clock
        self._on_holes = on_holes
        self._buckets = MidBuckets()
        self._book = CandleBook(clock)
        self._kept_mids: frozenset[str] = frozenset()
        self._known: frozenset[str] = frozenset()
        self._unknown: set[str] = set()
        self._reported: set[str] = set()
        self._held_mids: deque[tuple[float, dict[str, float]]] = deque(maxlen=MOST_HELD_MIDS)
        self._held_candles: dict[tuple[str, int], tuple[float, CandleUpdate]] = {}
        self._quiet = QuietWatch()
        self._frames = 0
        self._last_frame = float("-inf")
        self._covered: set[str] = set()
        self._dexs: set[str] = set()
        self.refused_frames = 0
        self.clock_was_ahead = False

    def keep(
        self, *, mids: Iterable[str], candles: Iterable[str], known: Iterable[str], cause: str
    ) -> frozenset[str]:
        """From now on keep the mids and the candles of these symbols.

        Their minutes are judged from `concluded_ms` on; returns the symbols whose candles are new.

        Args:
            mids: symbols whose mids are kept.
            candles: symbols whose candles are kept.
            known: all that the exchange has ever listed: others are reported by `take_unknown`.
            cause: why the minutes before a new symbol's first coverage are missing.
        """
        self._kept_mids = frozenset(mids)
        self._known = frozenset(known)
        self._unknown -= self._known
        before = set(self._book.symbols)
        self._book.keep(candles, cause)
        self._covered &= set(self._book.symbols)
        self._clock.quorum = max(1, min(QUORUM, len(self._book.symbols)))
        return frozenset(self._book.symbols) - before

    def mids(self, dex: str, mids: Mapping[str, float], received_at: datetime) -> None:
        """One `allMids` frame of a dex."""
        self._dexs.add(dex)
        unknown = mids.keys() - self._known
        if unknown:
            new = (coin for coin in unknown - self._reported if not coin.startswith(_OUTCOME))
            self._unknown.update(new)
        kept = {symbol: mids[symbol] for symbol in mids.keys() & self._kept_mids}
        if not kept:
            return
        if self._clock.in_doubt or self._held_mids:
            self._held_mids.append((self._clock.monotonic(), kept))
        else:
            self._buckets.add(kept, received_at)

    def candle(self, update: CandleUpdate, received_at: datetime) -> None:
        """One candle frame; may be late or a duplicate."""
        del received_at  # a candle's time is the venue's
        if update.interval != INTERVAL:
            return
        elapsed = self._clock.monotonic()
        self._frames += 1
        self._last_frame = elapsed
        if self._quiet.is_quiet:
            self._end_silence(elapsed)
        if update.open_ms <= self._clock.sure_until_ms or self._clock.witness(
            update.symbol, update.open_ms
        ):
            self._book.add(update, elapsed)
        elif update.symbol in self._book.symbols:
            self._hold(update, elapsed)

    def subscribed(self, symbols: Collection[str], at: datetime) -> None:
        """Candle subscriptions that the exchange acknowledged."""
        del at  # coverage is measured on the monotonic clock, which nobody sets
        self._quiet.heard_anew(self._clock.monotonic())
        self._covered.update(symbols)
        self._book.covered(symbols)

    def lost(self, symbols: Collection[str], since: datetime, cause: str) -> None:
        """Frames of these symbols may be missing from `since` on."""
        self._covered.difference_update(symbols)
        self._on_holes(self._book.lost(symbols, since, cause))

    def seed(self, symbol: str, closes: Iterable[tuple[int, float | None]]) -> None:
        """Closes of minutes that REST or the database has; see `CandleBook.seed`."""
        for open_ms, close in closes:
            self._book.seed(symbol, open_ms, close)

    def tick(self) -> None:
        """Look at the clock, and judge what is over; to be called every second or so."""
        self._clock.tick()
        self._quiet.tick(self._frames, self._last_frame)
        self._frames = 0
        self._follow_shift()
        if not self._clock.in_doubt:
            self._release_mids()
        if self._held_candles:
            self._release_candles()
        self._on_holes(self._book.conclude())

    def take(self) -> Batch:
        """Hand out the rows that changed since the last call."""
        return Batch(self._buckets.take(), self._book.take())

    def restore(self, batch: Batch, *, mids: bool = True, candles: bool = True) -> None:
        """Take back rows that could not be put on disk."""
        if mids:
            self._buckets.restore(batch.mids)
        if candles:
            self._book.restore(batch.candles)

    def shed(self, *, mids_before: datetime, candles_before: datetime) -> int:
        """Give up what is older, for want of a place to put it; candles become holes."""
        holes = self._book.shed(candles_before)
        self._on_holes(holes)
        return len(holes) + self._buckets.shed(mids_before)

    def take_unknown(self) -> frozenset[str]:
        """Coins in the mids that no registry has: new listings. Each is told once."""
        unknown = frozenset(self._unknown)
        self._reported |= unknown
        self._unknown.clear()
        return unknown

    @property
    def covered(self) -> int:
        """Symbols whose candles are heard."""
        return len(self._covered)

    @property
    def dexs_heard(self) -> frozenset[str]:
        """Dexs whose mids have come at least once."""
        return frozenset(self._dexs)

    @property
    def concluded_ms(self) -> int:
        """The last minute that was judged."""
        return self._book.concluded_ms

    @property
    def waiting(self) -> int:
        """Rows and frames in memory that are not on disk yet."""
        held = sum(len(mids) for _, mids in self._held_mids)
        return self._buckets.waiting() + self._book.waiting() + held + len(self._held_candles)

    def _follow_shift(self) -> None:
        """The clock was set: forward, time passed unheard; back, minutes were made that are not."""
        shift = self._clock.take_shift()
        if abs(shift) <= TOLERANCE_S:
            return
        _LOG.warning("the clock was %.1f s off and has been set", -shift)
        if shift > 0:
            before = self._clock.at(self._clock.monotonic() - shift)
            self._on_holes(self._book.restart(before, "downtime"))
        else:
            self._book.rewind()
            self._buckets.drop_after(self._clock.now())
            self.clock_was_ahead = True

    def _end_silence(self, elapsed: float) -> None:
        since = self._quiet.end()
        if since is not None:
            _LOG.warning("no candle for %.1f s: what came then is read again", elapsed - since)
            self._on_holes(self._book.restart(self._clock.at(since), "silence"))

    def _hold(self, update: CandleUpdate, elapsed: float) -> None:
        """Keep a frame whose minute has not begun by the clock."""
        key = (update.symbol, update.open_ms)
        held = self._held_candles.get(key)
        if held is None or update.trades >= held[1].trades:
            self._held_candles[key] = (elapsed, update)
        while len(self._held_candles) > MOST_HELD_CANDLES:
            del self._held_candles[max(self._held_candles, key=lambda k: k[1])]
            self.refused_frames += 1

    def _release_mids(self) -> None:
        while self._held_mids:
            elapsed, mids = self._held_mids.popleft()
            self._buckets.add(mids, self._clock.at(elapsed))

    def _release_candles(self) -> None:
        limit = to_ms(self._clock.now()) + EARLY_MS
        oldest = self._clock.monotonic() - HELD_S
        for key in list(self._held_candles):
            held_since, update = self._held_candles[key]
            if key[1] <= limit:
                del self._held_candles[key]
                self._book.add(update, held_since)
            elif held_since < oldest:
                del self._held_candles[key]
                self.refused_frames += 1
