"""From the socket to the disk: the event loop of a session, in a thread of its own.

Runs the flow, and puts what it hands out into the spool on a grid of time. The disk is written by
another thread, so that a slow one delays no socket. Not here: what is heard (`Flow`), the database
(`draining.py`), who may stream at all (`session.py`).
"""

from __future__ import annotations

import asyncio
import logging
import math
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Final

from market_assets.clock import to_ms
from market_assets.storage.common.errors import StoreError
from market_assets.storage.common.segments import Content
from market_assets.streams.core.sound_rows import sift

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from datetime import datetime

    import polars as pl

    from market_assets.storage.common.spool import Spool
    from market_assets.streams.core.flow import Batch, Flow, Piece
    from market_assets.streams.core.options import StreamOptions
    from market_assets.streams.core.venue_clock import VenueClock

_LOG = logging.getLogger(__name__)

PHASE_S: Final = 3.0
"""Flushes stand on a grid with one at second 3 of each minute: by then the bars are closed."""
TICK_S: Final = 1.0


class Streaming:
    """The streaming half of a session. `start` and `stop` from one thread; the rest from any."""

    def __init__(
        self,
        *,
        flow: Callable[[], Flow[Any]],
        spool: Spool,
        clock: VenueClock,
        options: StreamOptions,
        on_flushed: Callable[[], None],
    ) -> None:
        """Nothing is opened before `start`.

        Args:
            flow: gives the flow, which the event loop owns from `start` on.
            spool: where rows are put.
            clock: the session's.
            options: see there.
            on_flushed: called after each flush that put rows into the spool.
        """
        self._flow_of = flow
        self._spool = spool
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
        self.failure: BaseException | None = None
        self.disk_error: str | None = None
        self.flushes = 0
        self.rows_flushed = 0
        self.rejected: dict[str, str] = {}

    def start(self, *, subscriptions: int) -> None:
        """Begin, with so many subscriptions at most."""
        self._flow.use(subscriptions)
        self._thread.start()
        self._running.wait()

    def use(self, *, subscriptions: int) -> None:
        """From now on so many subscriptions at most."""
        self.call(self._flow.use, subscriptions)

    def call(self, action: Callable[..., object], *args: object) -> None:
        """Do something on the thread that owns the flow; after the end, nothing."""
        with self._calling:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(action, *args)

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
        try:
            await first_of(self._flow.run(), self._flush_on_grid(), self._stop.wait())
        finally:
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
            self._flow.tick()
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
                self._flow.tick()
            if is_due:
                due = next_flush(self._clock.now(), interval)
                await self._flush()

    async def _flush(self) -> None:
        """Put what changed on disk; what cannot be put there stays in memory, conflated."""
        batch = self._flow.take()
        if any(not piece.frame.is_empty() or piece.scopes is not None for piece in batch.pieces):
            # Shielded: an end in the middle must not lose what was taken out of the flow.
            self._flushing = asyncio.create_task(self._put_on_disk(batch))
            await asyncio.shield(self._flushing)

    async def _put_on_disk(self, batch: Batch) -> None:
        loop = asyncio.get_running_loop()
        error = await loop.run_in_executor(self._writer, self._append, batch)
        if error is None:
            self.disk_error = None
            self.flushes += 1
            self.rows_flushed += sum(piece.frame.height for piece in batch.pieces)
            self._on_flushed()
            return
        failed, reason = error
        _LOG.error("the spool does not take the rows: %s", reason)
        self.disk_error = reason
        self._flow.restore(batch, failed)
        shed = self._flow.shed(self._clock.now())
        if shed:
            _LOG.error("%d rows were given up: there has been nowhere to put them for hours", shed)

    def _append(self, batch: Batch) -> tuple[set[str], str] | None:
        """Write a segment per piece, one for those that belong together.

        A row that the table does not take is dropped, and told of: no other one shares its fate.

        Returns:
            The tables of those that failed, and why; None: none did.
        """
        failed: set[str] = set()
        reason = ""
        for pieces in _segments(batch.pieces):
            names = [piece.table.name for piece in pieces]
            try:
                contents = [Content(p.table, self._sound(p), p.scopes) for p in pieces]
                if any(c.scopes is not None or not c.frame.is_empty() for c in contents):
                    self._spool.append_together(contents)
            except StoreError as error:
                failed.update(names)
                reason = str(error)
            except Exception as error:  # noqa: BLE001 - they stay in memory, and the other is kept
                _LOG.exception("%s could not be put into the spool", " and ".join(names))
                failed.update(names)
                reason = f"{type(error).__name__} {error}"
        return (failed, reason) if failed else None

    def _sound(self, piece: Piece) -> pl.DataFrame:
        """The rows of a piece that its table takes; the others are told of."""
        sound, refused = sift(piece.table, piece.frame)
        if refused:
            name = piece.table.name
            _LOG.error("%d rows are not what %s takes: %s", len(refused), name, refused)
            self.rejected = self.rejected | refused
        return sound

    @property
    def _flow(self) -> Flow[Any]:
        return self._flow_of()


def _segments(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Pieces that belong together, each time; one alone is alone."""
    for word, group in groupby(pieces, key=lambda piece: piece.together):
        if word:
            yield list(group)
        else:
            yield from ([piece] for piece in group)


async def first_of(*parts: Coroutine[object, object, object]) -> None:
    """Run all until the first one ends or fails; the others are cancelled.

    Raises:
        Exception: what one of them raised.
    """
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def next_flush(now: datetime, interval: float) -> datetime:
    """The next instant of the flush grid: every `interval` s, with one at second 3 of a minute."""
    milliseconds = to_ms(now)
    in_minute = (milliseconds / 1000 - PHASE_S) % 60
    steps = math.floor(in_minute / interval + 1e-9) + 1
    wait = min(steps * interval, 60.0) - in_minute
    return now.fromtimestamp(milliseconds / 1000 + wait, tz=now.tzinfo)
