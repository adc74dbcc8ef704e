"""Two DuckDB files behind one gate: a live one that is written, and a published copy.

Each call passes the gate, opens the live file, works and lets go, some 20 ms for a flush. How it is
done is in the modules beside this one; what is promised is in `storage/api.py`. Nothing outside of
this folder knows that there are two files.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

import duckdb

from market_assets.clock import SystemClock
from market_assets.frames import empty
from market_assets.storage.common.changes import (
    Change,
    Delete,
    Expired,
    Merge,
    Replace,
    Retired,
    Written,
)
from market_assets.storage.common.connection import fetch, transaction
from market_assets.storage.common.errors import NoArchive, StoreError
from market_assets.storage.common.merge import apply, stage
from market_assets.storage.common.migrate import Migration, migrations
from market_assets.storage.common.runs import IngestionRun, rows
from market_assets.storage.common.upstream import upstream_of
from market_assets.storage.files.archive.archive import Archive
from market_assets.storage.files.archive.retiring import added_up, retire
from market_assets.storage.files.archive.views import make_views
from market_assets.storage.files.compact import compact
from market_assets.storage.files.gate import Gate
from market_assets.storage.files.live import LiveMissing, Session, opened
from market_assets.storage.files.paths import StorePaths
from market_assets.storage.files.prepare import prepare
from market_assets.storage.files.publish import publish
from market_assets.storage.files.published import Published
from market_assets.tables import INGESTION_RUNS, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date, datetime
    from pathlib import Path
    from typing import TypeVar

    import polars as pl
    from duckdb import DuckDBPyConnection

    from market_assets.clock import Clock
    from market_assets.storage.common.outcomes import Compaction, LockStats, Publication
    from market_assets.storage.common.upstream import Upstream
    from market_assets.tables import TableSpec

    T = TypeVar("T")

_LOG = logging.getLogger(__name__)


class FileStore:
    """A `Store`."""

    def __init__(
        self,
        published: Path,
        *,
        lock_wait: timedelta = timedelta(seconds=60),
        publish_bytes_per_second: float = 1e6,
        upstream: Upstream | None = None,
        archive: Path | None = None,
        archive_limit: int = 0,
        clock: Clock | None = None,
        tables: Sequence[TableSpec] = TABLES,
        steps: Sequence[Migration] | None = None,
    ) -> None:
        """Nothing is opened or made before the first call.

        Args:
            published: `MARKET_DB`; the project's own files stand in the folder `live` beside it.
            lock_wait: how long a call may wait for others before it raises `StoreLocked`.
            publish_bytes_per_second: what publishing may copy on average.
            upstream: whose rows are to be written; None: whose the database holds already.
            archive: where rows go that are past their retention; None: nowhere.
            archive_limit: bytes beyond which its oldest day goes; 0: none.
            clock: dates runs, migrations and publications, and tells what is from the future.
            tables: what the store keeps.
            steps: the migrations; default: the project's.
        """
        self.paths = StorePaths(published)
        self.tables = tuple(tables)
        self._steps = migrations() if steps is None else tuple(steps)
        self._clock = clock or SystemClock()
        self._gate = Gate(self.paths, wait=lock_wait, clock=self._clock)
        self._archive = None if archive is None else Archive(archive, limit=archive_limit)
        self._lock_wait = lock_wait
        self._upstream = upstream
        self._publish_bytes_per_second = publish_bytes_per_second
        self._preparing = Lock()
        self._is_prepared = False

    @property
    def lock_stats(self) -> LockStats:
        """What waiting for the live file, and holding it, has cost this process."""
        return self._gate.stats

    @property
    def place(self) -> str:
        """The live file."""
        return str(self.paths.live)

    def deadline(self) -> float:
        """When a wait for the gate that begins now ends."""
        return self._gate.deadline()

    def prepare(self) -> None:
        """Make folders, file and tables, and migrate an older file. Every other method does it.

        Raises:
            StoreUnwritable: a folder cannot be made or written.
            NotADatabase: `published`, or the live file, is something else.
            NewerSchema: a newer version wrote the file.
            OtherUpstream: it holds the rows of other venues.
        """
        with self._preparing:
            prepare(
                self.paths,
                self._gate,
                tables=self.tables,
                steps=self._steps,
                now=self._clock.now(),
                upstream=self._upstream,
            )
            self._is_prepared = True

    def reach(self) -> None:
        """Open the live file and leave it again. It needs neither Polars nor pyarrow."""
        with self._opened(exclusive=False) as session:
            fetch(session.connection, "select 1")

    def write(self, *changes: Change, runs: Sequence[IngestionRun] = ()) -> tuple[Written, ...]:
        """Apply all changes in one transaction, together with the rows of the runs they belong to.

        When it returns, the rows are on the disk. When it raises, none of them is in the tables
        (or, if the machine failed at the commit itself, all may be: writing again does no harm).

        Args:
            changes: applied in order.
            runs: each counts the changes to the table of its `asset_key`.

        Raises:
            FrameError: a frame is not what its table promises; nothing was opened.
            StoreLocked: another process kept the live file for longer than `lock_wait`.
            StoreUnwritable: the disk is full.
        """
        now = self._clock.now()
        staged = [stage(change, now) for change in changes]
        if not runs and all(one.is_empty for one in staged):
            return tuple(Written(one.change.table.name) for one in staged)
        with self._opened(exclusive=True) as session, transaction(session.connection):
            written = [apply(session.connection, one, now) for one in staged]
            counted = [run.counting(written, self._clock.now()) for run in runs]
            told = [one for one in counted if not written or one.is_moved_by(written)]
            if told:
                apply(session.connection, stage(Merge(INGESTION_RUNS, rows(told)), now), now)
        for run, total in zip(runs, counted, strict=True):
            run.take(total)
        hold = session.hold
        return tuple(
            replace(one, lock_wait_ms=hold.wait_ms, lock_hold_ms=hold.hold_ms) for one in written
        )

    def merge(
        self, table: TableSpec, frame: pl.DataFrame, *, run: IngestionRun | None = None
    ) -> Written:
        """Insert new keys, and replace stored rows by newer ones. See `TableSpec.version`."""
        return self.write(Merge(table, frame), runs=_some(run))[0]

    def replace(
        self, table: TableSpec, frame: pl.DataFrame, *, run: IngestionRun | None = None
    ) -> Written:
        """Make the table exactly the frame; keys that stay keep their `set_once` columns."""
        return self.write(Replace(table, frame), runs=_some(run))[0]

    def delete(self, table: TableSpec, where: str, params: Sequence[object] = ()) -> int:
        """Delete rows, and say how many. `where` is SQL with a `?` for each value."""
        return self.write(Delete(table, where, params))[0].deleted

    def retire(self, *expired: Expired) -> Retired:
        """Delete rows that are past their retention; each is in the archive first."""
        if self._archive is None:
            written = self.write(
                *(Delete(one.table, one.where, one.params) for one in expired if one.rows)
            )
            return Retired(added_up((one.table, one.deleted) for one in written))
        with self._archive.held(self._lock_wait, self._upstream_of_rows()):
            retired = retire(self, self._archive, expired, now=self._clock.now())
            if retired.dropped:
                self.paths.archived.touch()
            return retired

    def keep(
        self,
        table: TableSpec,
        frame: pl.DataFrame,
        *,
        over_before: datetime,
        run: IngestionRun | None = None,
    ) -> Written:
        """Put rows of the past where retention does not delete them at once: into the archive."""
        if self._archive is None:
            raise NoArchive(
                f"rows of {table.name} would be deleted at once, for they are past their "
                "retention, and MARKET_ARCHIVE is off"
            )
        staged = stage(Merge(table, frame), self._clock.now())
        rows_of = staged.frame if staged.frame is not None else frame
        with self._archive.held(self._lock_wait, self._upstream_of_rows()):
            came = self._archive.add(table, rows_of, over_before=over_before)
            self.paths.archived.touch()
        written = Written(
            table.name,
            rows=rows_of.height,
            inserted=came,
            unchanged=rows_of.height - came,
            event_from_at=staged.event_from_at,
            event_to_at=staged.event_to_at,
        )
        if run is not None:
            counted = run.counting([written], self._clock.now())
            self.write(Merge(INGESTION_RUNS, rows([counted])))
            run.take(counted)
        return written

    def kept(self, table: TableSpec, day: date, columns: Sequence[str]) -> pl.DataFrame:
        """What the archive has of a day: these columns of its rows; no rows where it has none."""
        if self._archive is None:
            return empty(table).select(columns)
        return self._archive.rows(table, day).select(columns)

    def read(self, sql: str, params: Sequence[object] | Mapping[str, object] = ()) -> pl.DataFrame:
        """What a query gives, from the live file; instants are `Datetime("us", "UTC")`.

        Args:
            sql: one statement that only reads.
            params: values for its `?`, or by name for its `$name`.
        """
        bound = dict(params) if isinstance(params, Mapping) else list(params)
        with self._opened(exclusive=False) as session:
            # Not `sql(…)`: with parameters it takes 4 s of CPU for 700,000 rows, this 0.1.
            return session.connection.execute(sql, bound or None).pl()

    def read_whole(
        self, sql: str, params: Mapping[str, object] | None = None
    ) -> tuple[pl.DataFrame, datetime]:
        """What a query over a whole table gives, and the instant as of which it holds.

        A large live file is not held for it: the published one is read, which may be behind. A
        small one is read itself, which takes milliseconds; so is one that has no such table yet in
        its published file.

        Args:
            sql: one statement that only reads.
            params: values for its `$name`.
        """
        if self.paths.is_large():
            published = Published(self.paths.published)
            try:
                with published.snapshot() as snapshot:
                    return snapshot.frame(sql, params), snapshot.version.at
            except (StoreError, duckdb.CatalogException, duckdb.BinderException) as error:
                _LOG.warning("the live file is read instead of the published one: %s", error)
            finally:
                published.close()
        return self.read(sql, params or {}), self._clock.now()

    def read_together(
        self, queries: Mapping[str, tuple[str, Mapping[str, object]]]
    ) -> dict[str, pl.DataFrame]:
        """What several queries give, by name: all of one state, and the live file opened once.

        Args:
            queries: by name, one statement that only reads, and the values for its `$name`.
        """
        with self._opened(exclusive=False) as session, transaction(session.connection):
            return {
                name: session.connection.execute(sql, dict(params) or None).pl()
                for name, (sql, params) in queries.items()
            }

    def publish(self, *, force: bool = False) -> Publication:
        """Bring the published file up to date, when something changed and the pace allows it.

        Args:
            force: now, whatever the pace; for commands that end, and for people.
        """
        return self._on_live(
            lambda: publish(
                self.paths,
                self._gate,
                bytes_per_second=self._publish_bytes_per_second,
                force=force,
                clock=self._clock,
                complete=self._complete,
            )
        )

    def _complete(self, connection: DuckDBPyConnection) -> None:
        """What the published copy has beside the tables."""
        layout = None if self._archive is None else self._archive.layout
        make_views(connection, self.tables, layout)

    def compact(self, *, force: bool = False) -> Compaction:
        """Write the live file anew, when more than half of it holds nothing."""
        return self._on_live(
            lambda: compact(self.paths, self._gate, force=force, now=self._clock.now())
        )

    def _upstream_of_rows(self) -> str | None:
        if self._upstream is not None:
            return self._upstream
        with self._opened(exclusive=False) as session:
            return upstream_of(session.connection)

    @contextmanager
    def _opened(self, *, exclusive: bool) -> Iterator[Session]:
        with ExitStack() as stack:
            yield self._on_live(
                lambda: stack.enter_context(opened(self.paths, self._gate, exclusive=exclusive))
            )

    def _on_live(self, action: Callable[[], T]) -> T:
        """Do it on a store that is prepared, and prepared anew if the live file has gone."""
        if not self._is_prepared:
            self.prepare()
        try:
            return action()
        except LiveMissing:
            self.prepare()
            return action()


def _some(run: IngestionRun | None) -> tuple[IngestionRun, ...]:
    return () if run is None else (run,)
