"""The stream's part of the week: frames without sockets, through all that lies behind them.

The op and its Dagster run are the project's own, and so are recorder, spool, drain and
publication; a session lasts as long as the settings say. Frames are made up: of each symbol a mid
and a candle frame every 5 simulated seconds. Nothing is lost, so nothing is healed.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from market_assets.clock import ManualClock, SystemClock, floor, to_ms
from market_assets.sources.hyperliquid.wire import CandleUpdate
from market_assets.storage.common.spool import Spool
from market_assets.streams.core.draining import Drainer
from market_assets.streams.core.flow import Streamed
from market_assets.streams.core.options import Report, SessionEnd
from market_assets.streams.core.venue_clock import VenueClock
from market_assets.streams.hyperliquid import assembly
from market_assets.streams.hyperliquid.recorder import Recorder
from market_assets.streams.hyperliquid.repair import repair
from market_assets.tables import HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import dagster as dg

    from market_assets.settings import Settings
    from market_assets.storage.files.store import FileStore

STEP: Final = timedelta(seconds=5)
"""Between two frames of a symbol."""
_PATIENCE_S: Final = 120.0


@dataclass
class _Turns:
    """How the two threads take turns: up to when to hear, up to when was heard; and the drain's."""

    wanted: SimpleQueue[datetime | None] = field(default_factory=SimpleQueue)
    heard: SimpleQueue[datetime] = field(default_factory=SimpleQueue)
    drained: threading.Event = field(default_factory=threading.Event)


@dataclass
class _Market:
    """What the sessions hear, one after the other: symbols with their dex, and prices that walk."""

    dex_of: dict[str, str]
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    prices: dict[str, float] = field(default_factory=dict)

    def walk(self) -> Mapping[str, float]:
        """The price of each symbol a step later."""
        for symbol in self.dex_of:
            before = self.prices.get(symbol, 100.0)
            self.prices[symbol] = before * (1 + self.chance.gauss(0, 2e-4))
        return self.prices


class Stream:
    """One run of the stream's job after the other, each in a thread of its own."""

    def __init__(
        self, job: dg.JobDefinition, instance: dg.DagsterInstance, *, run_config: Mapping[str, Any]
    ) -> None:
        """Nothing runs before `listen`.

        Args:
            job: the stream's.
            instance: where its runs are recorded.
            run_config: of these runs.
        """
        self._job = job
        self._instance = instance
        self._run_config = dict(run_config)
        self._turns = _Turns()
        self._thread: threading.Thread | None = None
        self._market = _Market({})
        self.sessions = 0

    def listen(self, dex_of: Mapping[str, str], since: datetime) -> None:
        """Begin the first session, of these symbols."""
        self._market = _Market(dict(dex_of))
        self._begin(since)

    def hear_until(self, until: datetime) -> None:
        """Let the session hear everything up to then, and wait until it is in the database.

        Raises:
            queue.Empty: the session did not do it in two minutes.
        """
        self._turns.wanted.put(until)
        self._turns.heard.get(timeout=_PATIENCE_S)

    def hand_over(self, at: datetime) -> None:
        """End the session, and begin another."""
        self.stop()
        self._begin(at)

    def stop(self) -> None:
        """End the session, if there is one."""
        if self._thread is not None:
            self._turns.wanted.put(None)
            self._thread.join(_PATIENCE_S)
            self._thread = None

    def _begin(self, since: datetime) -> None:
        def session(store: FileStore, settings: Settings, *, run_id: str, **_: object) -> _Session:
            spool = Spool(store.paths.folder / "spool", limit_bytes=settings.spool_limit_bytes)
            drainer = Drainer(
                store=store,
                spool=spool,
                clock=SystemClock(),
                tables=[
                    Streamed(HYPERLIQUID_MID_PRICES, "hyperliquid", "mids"),
                    Streamed(HYPERLIQUID_CANDLES, "hyperliquid", "candles"),
                ],
                repair=repair,
                run_id=run_id,
                on_drained=lambda _: self._turns.drained.set(),
            )
            return _Session(self._turns, self._market, spool, drainer, since)

        def run() -> None:
            with patch.object(assembly, "hyperliquid_session", session):
                self._job.execute_in_process(instance=self._instance, run_config=self._run_config)

        self.sessions += 1
        self._thread = threading.Thread(target=run, name="stream", daemon=True)
        self._thread.start()
        # Two runs must not start at once in one process: their loggers' locks can cross.
        self._turns.heard.get(timeout=_PATIENCE_S)


class _Session:
    """What the op is given in place of a `StreamSession`: the same, without sockets and healing."""

    def __init__(
        self,
        turns: _Turns,
        market: _Market,
        spool: Spool,
        drainer: Drainer,
        since: datetime,
    ) -> None:
        self._turns, self._market = turns, market
        self._spool, self._drainer = spool, drainer
        self._began_at = since
        self._wall = ManualClock(since, since.timestamp())
        self._clock = VenueClock(self._wall)
        self._recorder = Recorder(self._clock, on_holes=lambda _: None)
        symbols = list(market.dex_of)
        self._recorder.keep(mids=symbols, candles=symbols, known=symbols, cause="fresh")
        self._recorder.subscribed(symbols, since)
        self._candles: dict[str, CandleUpdate] = {}

    def run(
        self,
        stop: threading.Event,
        report: Callable[[Report], None],
        alive: Callable[[], bool],
    ) -> SessionEnd:
        """Hear what is wanted until that is nothing more; report after each time."""
        del stop, alive
        draining = threading.Thread(target=self._drainer.run, name="drain", daemon=True)
        draining.start()
        self._turns.heard.put(self._began_at)
        while (until := self._turns.wanted.get()) is not None:
            while self._clock.now() < until:
                self._step()
            self._flush()
            for table, progress in self._drainer.take_progress().items():
                report(
                    Report(
                        table,
                        progress.rows,
                        progress.event_from_at,
                        progress.event_to_at,
                        {
                            "lag_s": 0.0,
                            "spool_segments": 0.0,
                            "drains": float(self._drainer.drains),
                        },
                    )
                )
            self._turns.heard.put(until)
        drained = self._drainer.end(wait=_PATIENCE_S)
        draining.join(_PATIENCE_S)
        rows = {name: progress.rows for name, progress in self._drainer.total.items()}
        return SessionEnd(
            reason="handed_over",
            began_at=self._began_at,
            ended_at=self._clock.now(),
            rows=rows,
            frames={},
            data_frames=sum(rows.values()),
            healed_rows=0,
            is_drained=drained,
            error=self._drainer.error,
        )

    def _step(self) -> None:
        """The frames of one step: a candle of each symbol, and a map of mids of each dex."""
        self._wall.advance(STEP.total_seconds())
        now = self._clock.now()
        minute_ms = to_ms(floor(now, timedelta(minutes=1)))
        by_dex: dict[str, dict[str, float]] = {}
        for symbol, price in self._market.walk().items():
            by_dex.setdefault(self._market.dex_of[symbol], {})[symbol] = price
            candle = _moved(self._candles.get(symbol), symbol, minute_ms, price)
            self._candles[symbol] = candle
            self._recorder.candle(candle, now)
        for dex, mids in by_dex.items():
            self._recorder.mids(dex, mids, now)
        self._recorder.tick()

    def _flush(self) -> None:
        """Put on disk what was heard, and wait until it is in the database."""
        batch = self._recorder.take()
        for table, frame in (
            (HYPERLIQUID_CANDLES, batch.candles.frame),
            (HYPERLIQUID_MID_PRICES, batch.mids.frame),
        ):
            if not frame.is_empty():
                self._spool.append(table, frame)
        while self._spool.depth().segments:
            self._turns.drained.clear()
            self._drainer.poke()
            self._turns.drained.wait(1.0)


def _moved(before: CandleUpdate | None, symbol: str, minute_ms: int, price: float) -> CandleUpdate:
    """The running candle after one more trade at that price."""
    if before is None or before.open_ms != minute_ms:
        return CandleUpdate(symbol, "1m", minute_ms, price, price, price, price, 1.0, 1)
    return CandleUpdate(
        symbol,
        "1m",
        minute_ms,
        before.open,
        max(before.high, price),
        min(before.low, price),
        price,
        before.volume + 1.0,
        before.trades + 1,
    )
