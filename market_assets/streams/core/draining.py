"""From the spool into the database, in a thread of its own: a locked database delays no socket.

Every turn drains all segments in one transaction, with the row of `ingestion_runs` of each table's
current minute, repairs what a wrong clock left, and publishes at the store's own pace. What cannot
be written now stays in the spool; only a file that is no database of this project ends the session.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Lock
from typing import TYPE_CHECKING, Final

from market_assets.clock import floor
from market_assets.storage.common.changes import earliest, latest
from market_assets.storage.common.errors import NewerSchema, NotADatabase, StoreError
from market_assets.storage.common.runs import IngestionRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.storage.api import Store
    from market_assets.storage.common.changes import Written
    from market_assets.storage.common.spool import Spool
    from market_assets.streams.core.flow import Streamed

_LOG = logging.getLogger(__name__)

PUBLISH_EVERY_S: Final = 5.0
"""How often the store is asked whether publishing is due; the pace is its own."""
_IDLE_S: Final = 1.0
_PAUSES_S: Final = (1.0, 2.0, 5.0, 10.0)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class TableProgress:
    """What has reached the database of one table.

    Attributes:
        rows: rows inserted or changed.
        event_from_at: the earliest event time among the rows offered.
        event_to_at: the latest.
    """

    rows: int = 0
    event_from_at: datetime | None = None
    event_to_at: datetime | None = None

    def plus(self, written: Written) -> TableProgress:
        """With another write."""
        rows = written.inserted + written.updated
        return self.together(TableProgress(rows, written.event_from_at, written.event_to_at))

    def together(self, other: TableProgress) -> TableProgress:
        """Both as one."""
        return TableProgress(
            rows=self.rows + other.rows,
            event_from_at=earliest(self.event_from_at, other.event_from_at),
            event_to_at=latest(self.event_to_at, other.event_to_at),
        )


class Drainer:
    """Drains until it is told to end. `poke`, `take_progress` and the rest from any thread.

    Attributes:
        error: why the latest drain failed; None if it did not.
        publish_error: why the latest publication failed; None once one has succeeded.
        drains: how many drains have succeeded.
    """

    def __init__(
        self,
        *,
        store: Store,
        spool: Spool,
        clock: Clock,
        tables: Sequence[Streamed],
        repair: Callable[[Store, datetime], Sequence[Written]],
        run_id: str | None,
        on_drained: Callable[[float], None],
    ) -> None:
        """Nothing is done before `run`.

        Args:
            store: where the rows go.
            spool: where they come from.
            clock: the session's.
            tables: those whose rows are counted.
            repair: puts right what a clock that was ahead has left.
            run_id: the Dagster run, for `ingestion_runs`.
            on_drained: called after each drain with the monotonic reading when it began: what was
                appended before is in the database.
        """
        self._store = store
        self._spool = spool
        self._clock = clock
        self._tables = tables
        self._repair_rows = repair
        self._run_id = run_id
        self._on_drained = on_drained
        self._wake = Event()
        self._ending = Event()
        self._ended = Event()
        self._lock = Lock()
        self._runs: dict[str, IngestionRun] = {}
        self._progress: dict[str, TableProgress] = {}
        self._total: dict[str, TableProgress] = {}
        self._repair_after: datetime | None = None
        self._published_at = float("-inf")
        self._failures = 0
        self.error: str | None = None
        self.publish_error: str | None = None
        self.drains = 0

    def poke(self) -> None:
        """There is something to drain."""
        self._wake.set()

    def end(self, *, wait: float) -> bool:
        """Drain what is left, publish, and end; False where that took longer than `wait` s."""
        self._ending.set()
        self._wake.set()
        return self._ended.wait(wait)

    def repair_after(self, instant: datetime) -> None:
        """The clock was ahead: put right the rows from beyond the true present."""
        with self._lock:
            self._repair_after = instant

    def take_progress(self) -> dict[str, TableProgress]:
        """What has reached the database since this was last asked, by table."""
        with self._lock:
            progress, self._progress = self._progress, {}
            return progress

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits in the spool; False too where it cannot be read."""
        try:
            return self._spool.depth().segments == 0
        except StoreError:
            return False

    @property
    def total(self) -> dict[str, TableProgress]:
        """What has reached the database in all, by table."""
        with self._lock:
            return dict(self._total)

    def run(self) -> None:
        """Drain until `end` is called and the spool is empty, or the database does not take it."""
        try:
            while not self._ending.is_set():
                self._wake.wait(_IDLE_S)
                self._wake.clear()
                if not self._turn():
                    pause = _PAUSES_S[min(self._failures, len(_PAUSES_S)) - 1]
                    self._ending.wait(pause)
            if self._turn():
                self._publish(force=True)
        finally:
            self._ended.set()

    def _turn(self) -> bool:
        """Drain, repair, publish; False where the database did not let it.

        Raises:
            NotADatabase, NewerSchema: no waiting cures that.
        """
        started = self._clock.monotonic()
        try:
            drained = self._spool.drain(
                self._store, self._current_runs(), on_committed=self._account
            )
            self._repair()
            self.error = None
            if drained.set_aside:
                _LOG.error("%d spool segments cannot be read; set aside", drained.set_aside)
        except (NotADatabase, NewerSchema):
            raise
        except StoreError as error:
            return self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - what is received is safe, the stream goes on
            _LOG.exception("the drain has failed; its rows stay in the spool")
            return self._failed(f"drain: {type(error).__name__} {error}")
        self._failures = 0
        self.drains += 1
        self._on_drained(started)
        self._publish(force=False)
        return True

    def _failed(self, why: str) -> bool:
        self._failures += 1
        self.error = why
        _LOG.warning("drain: %s", why)
        return False

    def _current_runs(self) -> list[IngestionRun]:
        """The run of each table's minute; a new one once the minute is another."""
        now = self._clock.now()
        for table, source, channel in self._tables:
            run = self._runs.get(table.name)
            if run is None or floor(run.started_at, _MINUTE) != floor(now, _MINUTE):
                self._runs[table.name] = IngestionRun(
                    source, channel, table.name, now, dagster_run_id=self._run_id
                )
        return list(self._runs.values())

    def _account(self, written: Iterable[Written]) -> None:
        with self._lock:
            for one in written:
                for book in (self._progress, self._total):
                    book[one.table] = book.get(one.table, TableProgress()).plus(one)

    def _repair(self) -> None:
        """After the clock was found ahead, and once what it stamped has been drained."""
        with self._lock:
            after, self._repair_after = self._repair_after, None
        if after is None:
            return
        try:
            done = self._repair_rows(self._store, after)
        except StoreError:
            self.repair_after(after)
            raise
        counts = {one.table: one.deleted + one.updated for one in done}
        _LOG.warning("rows from the future were put right: %s", counts)

    def _publish(self, *, force: bool) -> None:
        elapsed = self._clock.monotonic()
        if not force and elapsed - self._published_at < PUBLISH_EVERY_S:
            return
        self._published_at = elapsed
        try:
            done = self._store.publish(force=force)
        except StoreError as error:
            self.publish_error = f"publishing: {error}"
            _LOG.warning("%s", self.publish_error)
        else:
            if done.outcome in ("published", "unchanged"):
                self.publish_error = None
