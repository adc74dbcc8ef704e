"""One session of the stream, from taking the lease to letting it go.

    session = StreamSession(options=…, store=…, spool=…, flow_for=…, code_version=…)
    end = session.run(stop, report=print)

`run` stays on the caller's thread, which only waits, looks after the lease and reports; sockets,
disk, database and healing have threads of their own. However it ends (stop, an exception raised in
the caller's thread, a failure of the stream), what was received is put into the spool, drained as
far as the database lets it, and the lease let go.

Not here: Dagster, which calls this from an op (`defs/`), and starting the next session.
"""

from __future__ import annotations

import logging
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from market_assets.clock import SystemClock
from market_assets.streams.core.accounts import Accounts
from market_assets.streams.core.draining import Drainer, TableProgress
from market_assets.streams.core.handover import Handover
from market_assets.streams.core.lease import Lease
from market_assets.streams.core.options import EndReason, Report, SessionEnd, StreamOptions
from market_assets.streams.core.state import STANDBY_STATE_FILE, STATE_FILE
from market_assets.streams.core.streaming import Streaming
from market_assets.streams.core.venue_clock import VenueClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from market_assets.clock import Clock
    from market_assets.storage.api import Store
    from market_assets.storage.common.spool import Spool
    from market_assets.streams.core.flow import FlowFor

_LOG = logging.getLogger(__name__)

ALIVE_EVERY_S: Final = 15.0
STATE_EVERY_S: Final = 2.0
FEED_STOP_S: Final = 10.0
HEALER_STOP_S: Final = 2.0


class StreamSession:
    """A session. Made, run once, and done with."""

    def __init__(
        self,
        *,
        options: StreamOptions,
        store: Store,
        spool: Spool,
        folder: Path,
        flow_for: FlowFor,
        code_version: str,
        run_id: str = "",
        clock: Clock | None = None,
    ) -> None:
        """Nothing is opened before `run`.

        Args:
            options: how to stream.
            store: the database.
            spool: the stream's own.
            folder: where its locks and its account of itself are.
            flow_for: makes what is streamed; the session closes it.
            code_version: of the code that runs, for those who want to know whether it is old.
            run_id: the Dagster run; empty outside Dagster.
            clock: the machine's.
        """
        self._options = options
        self._store = store
        self._spool = spool
        self._clock = VenueClock(clock or SystemClock())
        self._run_id = run_id
        self._code_version = code_version
        self._folder = folder
        self._lease = Lease(folder)
        self._streaming = Streaming(
            flow=lambda: self._flow,
            spool=spool,
            clock=self._clock,
            options=options,
            on_flushed=lambda: self._drainer.poke(),  # noqa: PLW0108 - it is made later
        )
        self._flow = flow_for(self._clock, self._streaming.call)
        self._drainer = Drainer(
            store=store,
            spool=spool,
            clock=self._clock,
            tables=self._flow.tables,
            repair=self._flow.repair,
            run_id=run_id or None,
            on_drained=self._flow.healer.drained,
        )
        self._handover = Handover(
            lease=self._lease,
            flow=self._flow,
            streaming=self._streaming,
            clock=self._clock,
            options=options,
        )
        self._accounts = Accounts(
            flow=self._flow,
            streaming=self._streaming,
            drainer=self._drainer,
            spool=spool,
            store=store,
            clock=self._clock,
            run_id=run_id,
            code_version=code_version,
            since=self._clock.now(),
        )
        self._healing = Event()
        self._failure: Exception | None = None
        self._threads: dict[str, Thread] = {}
        self._progress: dict[str, TableProgress] = {}
        self._reported_at: dict[str, float] = {}
        self._state_at = self._alive_at = float("-inf")

    def run(
        self,
        stop: Event,
        report: Callable[[Report], None] = lambda _: None,
        alive: Callable[[], bool] = lambda: True,
    ) -> SessionEnd:
        """Stream until told to stop, relieved, or alone.

        Args:
            stop: ends the session cleanly when set.
            report: called on this thread, at most once a minute and table, while rows arrive.
                What it raises is logged, and the rows are told of again a minute later; what is no
                `Exception` (an interrupt) ends the session.
            alive: asked about every 15 s; False ends the session: nobody looks after it.

        Raises:
            LeaseHeldError: another session streams.
            StoreError: the database is none, or is of a newer version; the folder is unwritable.
            Exception: what made the stream fail, after everything is put away.
        """
        began_at, began = self._clock.now(), self._clock.monotonic()
        leads = self._handover.begin(run_id=self._run_id, code_version=self._code_version)
        reason: EndReason = "failed"
        try:
            self._start("drain", self._drainer.run)
            self._streaming.start(subscriptions=self._handover.room())
            if leads:
                self._streaming.call(lambda: self._flow.lead(relieves=False))
                self._start_healing()
            reason = self._stay(stop, report, alive, began)
        finally:
            is_drained = self._put_away(reason)
        failure = self._streaming.failure or self._failure
        if failure is not None:
            raise failure
        if reason != "supervisor_gone":
            self._report(report, force=True)
        heard = self._accounts.feed_stats()
        return SessionEnd(
            reason=reason,
            began_at=began_at,
            ended_at=self._clock.now(),
            rows={name: progress.rows for name, progress in self._drainer.total.items()},
            frames=dict(heard.frames_by_channel),
            data_frames=heard.data_frames,
            healed_rows=self._flow.healer.progress().healed_rows,
            is_drained=is_drained,
            error=self._accounts.last_error,
        )

    def _stay(
        self,
        stop: Event,
        report: Callable[[Report], None],
        alive: Callable[[], bool],
        began: float,
    ) -> EndReason:
        """Wait on the caller's thread until there is a reason to end."""
        duration = self._options.duration
        while True:
            if stop.wait(self._options.poll.total_seconds()):
                return "stopped"
            if self._streaming.is_over or self._failure is not None:
                return "failed"
            elapsed = self._clock.monotonic()
            if duration is not None and elapsed - began >= duration.total_seconds():
                return "duration"
            if elapsed - self._alive_at >= ALIVE_EVERY_S:
                self._alive_at = elapsed
                if not alive():
                    return "supervisor_gone"
            self._look_after()
            if self._handover.end is not None:
                return self._handover.end
            self._report(report)

    def _look_after(self) -> None:
        """The lease, the clock, and the file that `status` reads."""
        if self._handover.step() == "promoted":
            self._streaming.call(self._heal_as_leader)
        if self._flow.take_set_back():
            self._drainer.repair_after(self._clock.now())
            self._streaming.call(self._flow.set_back)
        elapsed = self._clock.monotonic()
        if elapsed - self._state_at >= STATE_EVERY_S:
            self._state_at = elapsed
            self._write_state(self._handover.phase)

    def _start(self, name: str, target: Callable[[], None]) -> None:
        def run() -> None:
            try:
                target()
            except Exception as error:  # noqa: BLE001 - the session ends by it and raises it
                _LOG.exception("the thread %s has failed", name)
                self._failure = error

        thread = Thread(target=run, name=name, daemon=True)
        self._threads[name] = thread
        thread.start()

    def _start_healing(self) -> None:
        """Only the leader heals: what its successor misses meanwhile is found by its own scan."""
        if self._lease.after_crash:
            self._flow.healer.expect_crash()
        if self._options.heal:
            self._start("heal", lambda: self._flow.healer.run(self._healing))

    def _heal_as_leader(self) -> None:
        """On the flow's thread, when the predecessor has let go."""
        self._flow.lead(relieves=True)
        self._start_healing()

    def _put_away(self, reason: EndReason) -> bool:
        """End the threads in order, each with a deadline; True if everything is drained."""
        self._accounts.remember_feed()
        self._write_state("stopping")
        self._healing.set()
        try:
            if not self._streaming.stop(wait=FEED_STOP_S):
                _LOG.error("the stream did not end within %.0f s", FEED_STOP_S)
            healing = self._threads.get("heal")
            if healing is not None:
                healing.join(HEALER_STOP_S)
            if healing is None or not healing.is_alive():
                self._flow.close()
            is_drained = self._drainer.end(wait=self._options.drain_timeout.total_seconds())
            is_drained = is_drained and self._drainer.is_empty
            self._write_state("ended")
        finally:
            self._lease.release()
        _LOG.info("the session has ended: %s", reason)
        return is_drained

    def _report(self, report: Callable[[Report], None], *, force: bool = False) -> None:
        """Tell of the tables that rows have arrived in, each at most once an interval."""
        for name, progress in self._drainer.take_progress().items():
            self._progress[name] = self._progress.get(name, TableProgress()).together(progress)
        elapsed = self._clock.monotonic()
        interval = self._options.report_interval.total_seconds()
        for table, *_ in self._flow.tables:
            progress = self._progress.get(table.name, TableProgress())
            due = elapsed - self._reported_at.get(table.name, float("-inf")) >= interval
            if progress.rows and (due or force):
                self._reported_at[table.name] = elapsed
                made = Report(
                    table.name,
                    progress.rows,
                    progress.event_from_at,
                    progress.event_to_at,
                    self._accounts.metrics(table.name),
                )
                try:
                    report(made)
                except Exception as error:  # noqa: BLE001 - the stream is worth more than a report
                    _LOG.warning("the report could not be made: %s", error)
                    self._accounts.report_error = f"report: {error}"
                else:
                    self._accounts.report_error = None
                    del self._progress[table.name]

    def _write_state(self, phase: str) -> None:
        leads = self._handover.phase != "standby"
        file = STATE_FILE if leads else STANDBY_STATE_FILE
        self._accounts.state(phase).write(self._folder / file)
