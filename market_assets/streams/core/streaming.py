"""From the socket to the disk: the event loop of a session, in a thread of its own.

Runs the feed, keeps it subscribed to what is to be streamed, and puts what the recorder holds into
the spool on a grid of time. The disk is written by another thread, so that a slow one delays no
socket. Not here: what is to be streamed (`universe_watch.py`), the database (`draining.py`), REST
(`healing.py`), who may stream at all (`session.py`).
"""

from __future__ import annotations

import asyncio
import logging
import math
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

from market_assets.clock import to_ms
from market_assets.storage.errors import StoreError
from market_assets.streams.candles.bars import MINUTE_MS
from market_assets.streams.core.sound_rows import sift
from market_assets.streams.hyperliquid.universe_watch import UniverseWatch
from market_assets.tables import HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.sources.hyperliquid.feed import HyperliquidFeed
    from market_assets.storage.spool import Spool
    from market_assets.storage.store import Store
    from market_assets.streams.candles.healing import Healer
    from market_assets.streams.core.options import StreamOptions
    from market_assets.streams.core.venue_clock import VenueClock
    from market_assets.streams.hyperliquid.recorder import Batch, Recorder
    from market_assets.streams.hyperliquid.targets import Targets

_LOG = logging.getLogger(__name__)

PHASE_S: Final = 3.0
"""Flushes stand on a grid with one at second 3 of each minute: by then the bars are closed."""
TICK_S: Final = 1.0
KEEP_CANDLES_S: Final = 6 * 3600.0
"""How long candles are kept in memory while there is nowhere to put them; then they are holes."""


class Streaming:
    """The streaming half of a session. `start` and `stop` from one thread; the rest from any."""

    def __init__(
        self,
        *,
        feed: HyperliquidFeed,
        recorder: Recorder,
        spool: Spool,
        store: Store,
        client: HyperliquidClient,
        healer: Healer,
        clock: VenueClock,
        options: StreamOptions,
        on_flushed: Callable[[], None],
    ) -> None:
        """Nothing is opened before `start`.

        Args:
            feed: made with the recorder as its sink.
            recorder: owned by the event loop from `start` on.
            spool: where rows are put.
            store: read for the registry, when the venue cannot be asked.
            client: asks the venue for its lists.
            healer: is told what is streamed, by rank.
            clock: the session's.
            options: see there.
            on_flushed: called after each flush that put rows into the spool.
        """
        self._feed = feed
        self._recorder = recorder
        self._spool = spool
        self._healer = healer
        self._clock = clock
        self._options = options
        self._on_flushed = on_flushed
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._thread = Thread(target=self._run, name="stream", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._running = Event()
        self._calling = Lock()
        self._universe = UniverseWatch(
            client=client,
            store=store,
            options=options,
            clock=clock,
            unknown=recorder.take_unknown,
            on_targets=self._subscribe,
        )
        self._room = options.subscriptions
        self.failure: BaseException | None = None
        self.disk_error: str | None = None
        self.flushes = 0
        self.rows_flushed = 0
        self.rejected: dict[str, str] = {}
        self.left_out: tuple[str, ...] = ()
        self.wanted = 0
        self.dexs: tuple[str, ...] = ()

    def start(self, *, subscriptions: int) -> None:
        """Begin, with so many subscriptions at most."""
        self._room = subscriptions
        self._thread.start()
        self._running.wait()

    def use(self, *, subscriptions: int) -> None:
        """From now on so many subscriptions at most."""
        self._room = subscriptions
        self.call(lambda: self._subscribe(self._universe.targets, None))

    def call(self, action: Callable[..., object], *args: object) -> None:
        """Do something on the thread that owns the recorder; after the end, nothing."""
        with self._calling:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(action, *args)

    @property
    def error(self) -> str | None:
        """Why the venue's lists could not be read; None if they could."""
        return self._universe.error

    @property
    def is_over(self) -> bool:
        """Whether the thread has ended, by `stop` or by a failure."""
        return not self._thread.is_alive()

    def stop(self, *, wait: float) -> bool:
        """Close the sockets and put what is in memory into the spool; False after `wait` s."""
        if self._thread.is_alive():
            self.call(lambda: self._stop.set() if self._stop else None)
            self._thread.join(wait)
        self._writer.shutdown(wait=False)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception as error:  # noqa: BLE001 - the session ends by it, says so and lets go
            _LOG.exception("the stream has failed")
            self.failure = error
        finally:
            self._running.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._running.set()
        tasks = [
            asyncio.create_task(self._feed.run()),
            asyncio.create_task(self._flush_on_grid()),
            asyncio.create_task(self._universe.run()),
            asyncio.create_task(self._stop.wait()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            try:
                await self._last_flush()
            finally:
                with self._calling:
                    self._loop = None

    async def _last_flush(self) -> None:
        """Put on disk what is in memory; what fails before takes nothing from it."""
        if self._flushing is not None:
            await asyncio.gather(self._flushing, return_exceptions=True)
        try:
            self._recorder.tick()
        except Exception:  # noqa: BLE001 - told; what was received goes to disk all the same
            _LOG.exception("the last minutes could not be judged: their rows stay open")
        await self._flush()

    async def _flush_on_grid(self) -> None:
        interval = self._options.flush_interval.total_seconds()
        poll = self._options.poll.total_seconds()
        ticked = self._clock.monotonic()
        due = next_flush(self._clock.now(), interval)
        while True:
            await asyncio.sleep(min(poll, interval / 5))
            now, elapsed = self._clock.now(), self._clock.monotonic()
            is_due = now >= due or (due - now).total_seconds() > interval
            if elapsed - ticked >= TICK_S or is_due:
                ticked = elapsed
                self._recorder.tick()
            if is_due:
                due = next_flush(self._clock.now(), interval)
                await self._flush()

    async def _flush(self) -> None:
        """Put what changed on disk; what cannot be put there stays in memory, conflated."""
        batch = self._recorder.take()
        if batch.rows:
            # Shielded: an end in the middle must not lose what was taken out of the recorder.
            self._flushing = asyncio.create_task(self._put_on_disk(batch))
            await asyncio.shield(self._flushing)

    async def _put_on_disk(self, batch: Batch) -> None:
        loop = asyncio.get_running_loop()
        error = await loop.run_in_executor(self._writer, self._append, batch)
        if error is None:
            self.disk_error = None
            self.flushes += 1
            self.rows_flushed += batch.rows
            self._on_flushed()
            return
        failed, reason = error
        _LOG.error("the spool does not take the rows: %s", reason)
        self.disk_error = reason
        self._recorder.restore(batch, mids="mids" in failed, candles="candles" in failed)
        now = self._clock.now()
        shed = self._recorder.shed(
            mids_before=now - self._options.keep_mids,
            candles_before=self._clock.at(self._clock.monotonic() - KEEP_CANDLES_S),
        )
        if shed:
            _LOG.error("%d rows were given up: there has been nowhere to put them for hours", shed)

    def _append(self, batch: Batch) -> tuple[set[str], str] | None:
        """Write both segments; returns which of them failed, and why.

        A row that the table does not take is dropped, and told of: no other one shares its fate.
        """
        failed: set[str] = set()
        reason = ""
        for name, table, frame in (
            ("candles", HYPERLIQUID_CANDLES, batch.candles.frame),
            ("mids", HYPERLIQUID_MID_PRICES, batch.mids.frame),
        ):
            try:
                sound, refused = sift(table, frame)
                if refused:
                    _LOG.error(
                        "%d rows are not what %s takes: %s", len(refused), table.name, refused
                    )
                    self.rejected = self.rejected | refused
                if not sound.is_empty():
                    self._spool.append(table, sound)
            except StoreError as error:
                failed.add(name)
                reason = str(error)
            except Exception as error:  # noqa: BLE001 - they stay in memory, and the other is kept
                _LOG.exception("%s could not be put into the spool", name)
                failed.add(name)
                reason = f"{type(error).__name__} {error}"
        return (failed, reason) if failed else None

    def _subscribe(self, targets: Targets, cause: str | None) -> None:
        """Make feed, recorder and healer follow the targets; `cause` is that of new holes."""
        candles, self.left_out = targets.within(self._room)
        self.dexs = targets.dexs
        self.wanted = len(candles) + len(self.dexs)
        new = self._recorder.keep(
            mids=targets.symbols, candles=candles, known=targets.known, cause=cause or "fresh"
        )
        self._healer.rank(candles, targets.symbols)
        if new:
            self._healer.scan(new, self._recorder.concluded_ms + MINUTE_MS, cause=cause)
        self._feed.want(dexs=self.dexs, symbols=candles)


def next_flush(now: datetime, interval: float) -> datetime:
    """The next instant of the flush grid: every `interval` s, with one at second 3 of a minute."""
    milliseconds = to_ms(now)
    in_minute = (milliseconds / 1000 - PHASE_S) % 60
    steps = math.floor(in_minute / interval + 1e-9) + 1
    wait = min(steps * interval, 60.0) - in_minute
    return now.fromtimestamp(milliseconds / 1000 + wait, tz=now.tzinfo)
