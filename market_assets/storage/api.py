"""What the rest of the project asks of a store, whichever backend keeps the tables.

    store = open_store(…)                     # opening.py
    store.merge(HYPERLIQUID_CANDLES, frame)   # the newest row per key stays
    store.read("select max(open_at) from hyperliquid_candles")
    store.publish()                           # for those who read a snapshot

`Store` is for those who write, and for reads that need the newest rows. `Snapshots` is how readers
that stay (API, metrics, reports) read: one state of all tables at a time, never in a writer's way.
`Reader` is what a person has in a notebook.

A store holds no connection and no lock between calls, so that any number of processes and threads
may have one. Fetching and computing is the caller's, before the call. Every method may raise a
`StoreError` (`common/errors.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import date, datetime
    from types import TracebackType

    import polars as pl
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from market_assets.storage.common.changes import Change, Expired, Retired, Written
    from market_assets.storage.common.outcomes import Compaction, LockStats, Publication
    from market_assets.storage.common.runs import IngestionRun
    from market_assets.tables import TableSpec

T = TypeVar("T")


class Store(Protocol):
    """All tables, to write and to read."""

    @property
    def tables(self) -> tuple[TableSpec, ...]:
        """What the store keeps."""

    @property
    def place(self) -> str:
        """Where rows are once they are written, for messages; without any password."""

    @property
    def lock_stats(self) -> LockStats:
        """What waiting for others, and holding them up, has cost this process."""

    def deadline(self) -> float:
        """The `time.monotonic()` at which a call that begins now gives up waiting for others."""

    def prepare(self) -> None:
        """Make the tables, and migrate older ones. Every other method does it.

        Raises:
            StoreUnwritable: the place cannot be made or written.
            NotADatabase: something else is there.
            NewerSchema: a newer version of the project wrote it.
            OtherUpstream: it holds the rows of other venues.
        """

    def reach(self) -> None:
        """Open the database and leave it again: an error says why it cannot be read."""

    def write(self, *changes: Change, runs: Sequence[IngestionRun] = ()) -> tuple[Written, ...]:
        """Apply all changes in one transaction, together with the rows of the runs they belong to.

        When it returns, the rows are kept. When it raises, none of them is in the tables (or, if
        the machine failed at the commit itself, all may be: writing again does no harm).

        Args:
            changes: applied in order.
            runs: each counts the changes to the table of its `asset_key`.

        Raises:
            FrameError: a frame is not what its table promises; nothing was opened.
            StoreLocked: others were in the way for too long.
            StoreUnwritable: the disk is full.
        """

    def merge(
        self, table: TableSpec, frame: pl.DataFrame, *, run: IngestionRun | None = None
    ) -> Written:
        """Insert new keys, and replace stored rows by newer ones. See `TableSpec.version`."""

    def replace(
        self, table: TableSpec, frame: pl.DataFrame, *, run: IngestionRun | None = None
    ) -> Written:
        """Make the table exactly the frame; keys that stay keep their `set_once` columns."""

    def delete(self, table: TableSpec, where: str, params: Sequence[object] = ()) -> int:
        """Delete rows, and say how many. `where` is SQL with a `?` for each value."""

    def retire(self, *expired: Expired) -> Retired:
        """Delete rows that are past their retention; each is in the archive first.

        It may be interrupted anywhere: no row is lost, and none is there twice.

        Args:
            expired: which rows.

        Raises:
            ArchiveUnreadable: a file of the archive cannot be read; its rows stay in the table.
            OtherUpstream: the archive holds the rows of other venues.
        """

    def keep(
        self,
        table: TableSpec,
        frame: pl.DataFrame,
        *,
        over_before: datetime,
        run: IngestionRun | None = None,
    ) -> Written:
        """Put rows of the past where retention does not delete them at once: into the archive.

        Args:
            table: whose rows they are.
            frame: the rows; of two with one key the newer one stays, as in the table.
            over_before: days that end by then are over.
            run: counts them.

        Raises:
            NoArchive: `MARKET_ARCHIVE=off`.
            ArchiveUnreadable: a file that they belong to cannot be read.
        """

    def kept(self, table: TableSpec, day: date, columns: Sequence[str]) -> pl.DataFrame:
        """What the archive has of a day: these columns of its rows; no rows where it has none.

        Raises:
            ArchiveUnreadable: a file of it cannot be read.
        """

    def read(self, sql: str, params: Sequence[object] | Mapping[str, object] = ()) -> pl.DataFrame:
        """What a query gives, with all that is written; instants are `Datetime("us", "UTC")`.

        Args:
            sql: one statement that only reads.
            params: values for its `?`, or by name for its `$name`.
        """

    def read_whole(
        self, sql: str, params: Mapping[str, object] | None = None
    ) -> tuple[pl.DataFrame, datetime]:
        """What a query over a whole table gives, and the instant as of which it holds.

        Where it would keep writers waiting, a snapshot is read, which may be behind.

        Args:
            sql: one statement that only reads.
            params: values for its `$name`.
        """

    def read_together(
        self, queries: Mapping[str, tuple[str, Mapping[str, object]]]
    ) -> dict[str, pl.DataFrame]:
        """What several queries give, by name, all of one state.

        Args:
            queries: by name, one statement that only reads, and the values for its `$name`.
        """

    def publish(self, *, force: bool = False) -> Publication:
        """Bring snapshots up to date, when something changed and the pace allows it.

        Where they show all that is written anyway, there is nothing to do (`unchanged`).

        Args:
            force: now, whatever the pace; for commands that end, and for people.
        """

    def compact(self, *, force: bool = False) -> Compaction:
        """Give back room that holds nothing, when it is more than half.

        Args:
            force: also when it is less.
        """


class Version(Protocol):
    """Which state a snapshot shows; equal only to itself."""

    @property
    def at(self) -> datetime:
        """As of when it holds."""

    @property
    def size(self) -> int:
        """Bytes that it takes."""

    @property
    def tag(self) -> str:
        """Short text that differs from version to version."""


class Snapshot(Protocol):
    """One state of all tables, open for reading. Threads may share it."""

    @property
    def version(self) -> Version:
        """Which state it is."""

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each table, in their order, by the table's name."""

    def rows(self, sql: str, params: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """All rows of a query, by column name; instants are aware and UTC.

        Args:
            sql: one statement that only reads.
            params: values for its `$name`.

        Raises:
            StoreError: it cannot be read (any more).
        """

    def frame(self, sql: str, params: Mapping[str, object] | None = None) -> pl.DataFrame:
        """The same as a frame."""

    def arrays(
        self, sql: str, params: Mapping[str, object] | None = None
    ) -> dict[str, NDArray[Any]]:
        """The same as arrays, without the detour over Python's objects where there are numbers."""

    def aside(self, memory: str) -> AbstractContextManager[Snapshot]:
        """The same state once more, for one thread that goes through much of it.

        Args:
            memory: how much of it may be kept meanwhile, in DuckDB's words.

        Raises:
            StoreError: there is a newer state, or it cannot be opened.
        """

    def remember(
        self, key: Hashable, make: Callable[[Snapshot], T], *, as_of: datetime | None = None
    ) -> T:
        """What `make` gives, made once for this state.

        Threads that ask for the same meanwhile wait; those that ask for something else do not.

        Args:
            key: the program's own, of which there are few: nothing that users ask for.
            make: reads it; may ask for other keys, but not for one that asks for this one.
            as_of: what is made depends on this instant too, and is made again for another.
        """


class Snapshots(Protocol):
    """The newest state, for as long as a process lives. Threads may share it."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """The newest state, open while the block runs, whatever is written meanwhile.

        Raises:
            NothingPublished: there is none, and there was none before.
            StoreError: it cannot be opened, and there was none before.
        """

    def close(self) -> None:
        """Close what nobody reads; what is being read closes with its last reader."""


class Reader(Protocol):
    """A person's read-only connection to one state of all tables, until it is refreshed.

    All that DuckDB's own connections do (`sql`, `execute`, …), it does too.
    """

    @property
    def place(self) -> str:
        """Where the rows are, for messages; without any password."""

    @property
    def native(self) -> DuckDBPyConnection:
        """The connection as DuckDB has it, for libraries that ask for that class."""

    @property
    def published_at(self) -> datetime:
        """As of when it holds what it shows."""

    def refresh(self) -> bool:
        """Go over to the newest state; says whether there was a newer one.

        Temporary tables and registered frames stay. So does what it shows now, if the new state
        cannot be opened. No other thread may read meanwhile.

        Raises:
            StoreError: the new state cannot be opened, or a transaction is open.
        """

    def cursor(self) -> DuckDBPyConnection:
        """Another connection to the same state, for another thread; it follows `refresh` too."""

    def close(self) -> None:
        """Let go of it."""

    def __getattr__(self, name: str) -> Any:
        """Whatever else DuckDB's connections have."""

    def __enter__(self) -> Self:
        """Itself, for a block at whose end it is closed."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
