"""Healing: what the stream has missed comes from REST, within the venue's request budget.

At the start of a session, and after a clock was found wrong, the database is read once: minutes of
the last day and hours of the last week that are not there are holes. While it streams, the book
reports holes. Every hole is a row of `ingestion_gaps`, and is asked for until the venue has
answered. When nothing is open, what is there is read again in turn (`rounds.py`).

Rows go through the spool as all others do. Not here: the order of the work (`heal_plan.py`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Lock
from typing import TYPE_CHECKING, Final

from market_assets.clock import floor_ms, interval_length, to_ms
from market_assets.sources.hyperliquid.frames import candles as candle_rows
from market_assets.storage.common.errors import StoreError
from market_assets.streams.candles.asking import CandleSource
from market_assets.streams.candles.heal_plan import HealPlan, Work
from market_assets.streams.candles.holes import Span, find, gap_rows, within
from market_assets.streams.candles.progress_meter import ProgressMeter
from market_assets.streams.candles.rounds import Rounds, Turn
from market_assets.streams.core.heal_progress import HealingProgress
from market_assets.tables import HYPERLIQUID_CANDLES, INGESTION_GAPS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.storage.api import Store
    from market_assets.storage.common.spool import Spool
    from market_assets.streams.candles.candle_book import Hole
    from market_assets.streams.candles.holes import Gap

_LOG = logging.getLogger(__name__)

SETTLED_MS: Final = 5_000
"""How long after its end a candle is asked for: REST may lag."""
TAIL_MS: Final = 180_000
"""An answer that ends earlier than asked is taken as final only where the missing end is older."""
TAIL_ATTEMPTS: Final = 5
STORE_PAUSE_S: Final = 10.0
_POLL_S: Final = 0.2

Close = tuple[int, float | None]
"""Opening time of a minute in ms, and its close; None: the venue has no candle up to then."""


@dataclass(frozen=True)
class _Scan:
    """A look into the database that is due after a drain that begins at `drained_after`."""

    symbols: tuple[str, ...]
    until_ms: int
    cause: str | None
    drained_after: float


class Healer:
    """Fills holes in a thread of its own. `add` and `rank` may be called from any thread."""

    def __init__(
        self,
        *,
        store: Store,
        spool: Spool,
        clients: Mapping[str, HyperliquidClient],
        clock: Clock,
        keep: Mapping[str, timedelta],
        on_closes: Callable[[str, Sequence[Close]], None],
        settle_s: float = 6.0,
        reread_weight: float = 0.0,
    ) -> None:
        """Nothing is done before `run`.

        Args:
            store: read for what is missing.
            spool: where candles and gaps go.
            clients: the client of each user of the request budget: `stream` and `backfill`.
            clock: the session's.
            keep: how far back holes are looked for, by interval.
            on_closes: hears the closes of 1-minute candles that are in the spool or the database.
            settle_s: how long rows take at most from the feed to the spool.
            reread_weight: request weight an hour for reading minutes again that are there, when
                nothing else is to be done.
        """
        self._store = store
        self._spool = spool
        self._source = CandleSource(clients, clock)
        self._rounds = Rounds(reread_weight, keep["1m"])
        self._clock = clock
        self._keep = keep
        self._on_closes = on_closes
        self._settle_s = settle_s
        self._lock = Lock()
        self._plan = HealPlan()
        self._symbols: tuple[str, ...] = ()
        self._listed: frozenset[str] = frozenset()
        self._arrived: list[Hole] = []
        self._forgotten: list[Gap] = []
        self._unwritten: dict[tuple[str, str, int], Gap] = {}
        self._scans: list[_Scan] = []
        self._after_crash = False
        self._drained_at = float("-inf")
        self._meter = ProgressMeter()
        self._rows = 0

    def rank(self, symbols: Sequence[str], listed: Collection[str] = ()) -> None:
        """The symbols that are streamed, most traded first, and those that the venue lists."""
        with self._lock:
            self._rounds.keep(symbols, self._clock.monotonic())
            self._symbols = tuple(symbols)
            self._listed = frozenset(listed)
            self._plan.rank(symbols)
            self._forgotten += self._plan.forget(symbols, self._listed)

    def scan(self, symbols: Iterable[str], until_ms: int, *, cause: str | None = None) -> None:
        """Look in the database for what is missing before an instant.

        That is done once everything that was received until now has been drained.

        Args:
            symbols: of which symbols.
            until_ms: from here on the stream reports its holes itself.
            cause: of the holes; None: told by what the database has.
        """
        with self._lock:
            asked_at = self._clock.monotonic()
            self._scans.append(_Scan(tuple(symbols), until_ms, cause, asked_at + self._settle_s))

    def scan_all(self, until_ms: int, *, afresh: bool = False) -> None:
        """Look for what is missing of all that is streamed.

        Args:
            until_ms: from here on the stream reports its holes itself.
            afresh: forget what has been asked for and reported until now: another session has
                streamed too, and only the database knows what both have missed.
        """
        with self._lock:
            if afresh:
                self._scans.clear()
                self._arrived.clear()
            symbols = self._symbols
        self.scan(symbols, until_ms)

    def rewind(self) -> None:
        """The clock was ahead and has been set back: minutes that have not come are no holes."""
        now_ms = to_ms(self._clock.now())
        limits = {name: floor_ms(now_ms, interval_length(name)) for name in self._keep}
        end_ms = limits["1m"]
        with self._lock:
            self._plan.rewind(limits)
            self._arrived = [
                hole._replace(end_ms=min(hole.end_ms, end_ms))
                for hole in self._arrived
                if hole.start_ms < end_ms
            ]

    def expect_crash(self) -> None:
        """The session before this one was killed: what it wrote last is to be read again."""
        self._after_crash = True

    def drained(self, started: float) -> None:
        """A drain that began at that monotonic reading has succeeded."""
        with self._lock:
            self._drained_at = started

    def add(self, holes: Iterable[Hole]) -> None:
        """Take holes of the 1-minute candles."""
        with self._lock:
            self._arrived += holes

    def progress(self) -> HealingProgress:
        """How far it is."""
        with self._lock:
            left = self._plan.backfill_left()
            total, eta_s = self._meter.read(left, self._source.weight, self._clock.monotonic())
            return HealingProgress(
                done=total - len(left),
                total=total,
                weight=self._source.weight,
                eta_s=eta_s,
                open_holes=self._plan.open_holes + len(self._arrived),
                healed_rows=self._rows,
                failing=self._plan.failing(),
                last_error=self._source.error,
            )

    def run(self, stop: Event) -> None:
        """Heal until stopped. What fails is logged and tried again; nothing ends it."""
        while not stop.is_set():
            if self._clock.monotonic() < self._source.resume_at:
                stop.wait(_POLL_S)
                continue
            try:
                worked = self._turn(stop)
            except StoreError as error:
                self._source.pause(str(error), STORE_PAUSE_S)
            except Exception as error:  # noqa: BLE001 - the stream goes on without healing
                _LOG.exception("healing has failed")
                self._source.pause(f"{type(error).__name__} {error}", STORE_PAUSE_S)
            else:
                if not worked:
                    stop.wait(_POLL_S)

    def _turn(self, stop: Event) -> bool:
        """One step; False where there was nothing to do."""
        with self._lock:
            forgotten, self._forgotten = self._forgotten, []
            scan = next((s for s in self._scans if s.drained_after <= self._drained_at), None)
        self._write_gaps(forgotten)
        if scan is not None:
            self._scan(scan)
            return True
        self._note_arrived()
        elapsed = self._clock.monotonic()
        with self._lock:
            work = self._plan.pick(elapsed)
        if work is not None:
            self._try(work, stop)
            return True
        with self._lock:
            turn = self._rounds.take_due(elapsed)
        if turn is None:
            return False
        self._reread(turn, stop)
        return True

    def _note_arrived(self) -> None:
        """Put on record what the stream has missed; of others than are streamed, for good."""
        with self._lock:
            arrived, self._arrived = self._arrived, []
            new = self._plan.add("1m", arrived, self._clock.now())
            new += self._plan.forget(self._symbols, self._listed)
        self._write_gaps(new)

    def _scan(self, scan: _Scan) -> None:
        with self._lock:
            streamed = set(self._symbols)
        found = find(
            self._store,
            [symbol for symbol in scan.symbols if symbol in streamed],
            keep=self._keep,
            until_ms=scan.until_ms,
            now_ms=to_ms(self._clock.now()),
            cause=scan.cause,
            after_crash=self._after_crash,
        )
        with self._lock:
            changed = self._plan.begin(found, self._clock.now())
            left = self._plan.backfill_left()
            self._meter.begin(left, self._source.weight, self._clock.monotonic())
            self._scans = [other for other in self._scans if other is not scan]
        self._write_gaps(changed)
        for symbol, close in found.closes.items():
            self._on_closes(symbol, [close])
        _LOG.info("healing: %d symbols and intervals have holes", len(left))

    def _try(self, work: Work, stop: Event) -> None:
        """Heal; what nobody has thought of costs this symbol a pause, and no other one anything."""
        try:
            self._heal(work, stop)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - the next one is healed all the same
            _LOG.exception("healing %s has failed", work.symbol)
            with self._lock:
                work.failed(self._clock.monotonic(), f"{type(error).__name__} {error}")

    def _heal(self, work: Work, stop: Event) -> None:
        now_ms = to_ms(self._clock.now())
        step_ms = _ms(interval_length(work.interval))
        limits = Span(
            now_ms - _ms(self._keep[work.interval]) - step_ms,
            floor_ms(now_ms - SETTLED_MS, interval_length(work.interval)),
        )
        with self._lock:
            given_up = self._plan.expire(work, limits.start_ms, self._clock.now())
            spans = within(work.spans, limits)
            if not spans:
                work.not_before = self._clock.monotonic() + SETTLED_MS / 1000
        self._write_gaps(given_up)
        if not spans:
            return
        asked = Span(spans[0].start_ms, spans[-1].end_ms)
        candles = self._source.candles(work.symbol, work.interval, asked, work.user)
        if stop.is_set():
            return
        if candles is None:
            with self._lock:
                work.failed(self._clock.monotonic(), self._source.error or "")
            return
        closed = [candle for candle in candles if candle.is_closed]
        wanted = [c for c in closed if any(s.start_ms <= c.open_ms < s.end_ms for s in spans)]
        if wanted:
            rows = candle_rows(wanted, "rest", self._clock.now())
            self._spool.append(HYPERLIQUID_CANDLES, rows)
        settled_end = closed[-1].open_ms + step_ms if closed else asked.start_ms
        is_final = now_ms - settled_end > TAIL_MS or work.attempts >= TAIL_ATTEMPTS
        done = Span(0, asked.end_ms if is_final else min(settled_end, asked.end_ms))
        if work.interval == "1m":
            closes: list[Close] = [(candle.open_ms, candle.close) for candle in closed]
            if is_final and settled_end < asked.end_ms:
                # Nothing since its last candle: the close still stands; or there is none at all.
                closes.append((asked.end_ms - step_ms, closed[-1].close if closed else None))
            self._on_closes(work.symbol, closes)
        with self._lock:
            healed = self._plan.healed(
                work, done, [candle.open_ms for candle in wanted], self._clock.now()
            )
            if work.spans and done.end_ms < asked.end_ms:
                work.failed(self._clock.monotonic(), "the venue has not got all of it yet")
            self._rows += len(wanted)
        self._write_gaps(healed)

    def _reread(self, turn: Turn, stop: Event) -> None:
        """Read a symbol's last minutes again; what was right stays, what was not is corrected."""
        symbol = turn.symbol
        end_ms = floor_ms(to_ms(self._clock.now()) - SETTLED_MS, interval_length("1m"))
        span = Span(floor_ms(end_ms - round(turn.seconds * 1000), interval_length("1m")), end_ms)
        candles = self._source.candles(symbol, "1m", span, "backfill")
        if candles is None or stop.is_set():
            return
        closed = [candle for candle in candles if candle.is_closed]
        if closed:
            rows = candle_rows(closed, "rest", self._clock.now())
            self._spool.append(HYPERLIQUID_CANDLES, rows)
            self._on_closes(symbol, [(candle.open_ms, candle.close) for candle in closed])
        with self._lock:
            self._rounds.succeeded(symbol, self._clock.monotonic())

    def _write_gaps(self, gaps: Iterable[Gap]) -> None:
        """Keep the rows, with those that could not be kept before; of one hole the latest."""
        now = self._clock.now()
        for gap in gaps:
            gap.detected_at = min(gap.detected_at, now)  # by a clock that was ahead
            self._unwritten[gap.interval, gap.symbol, gap.start_ms] = gap
        if self._unwritten:
            self._spool.append(INGESTION_GAPS, gap_rows(self._unwritten.values()))
            self._unwritten.clear()


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
