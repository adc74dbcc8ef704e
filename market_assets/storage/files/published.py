"""Reading the published file for as long as a process lives, and always the newest one.

The file is replaced by rename, so a reader neither waits for a writer nor meets his lock; what it
must do is notice that there is a new file. `Published` looks (one `stat`) each time it is asked,
opens a new file once for all threads, and closes an old one when the last who reads it is done.

Not here: how a file is opened that may be replaced (`attaching.py`); one connection that a person
has (`reader.py`); the live file (`live.py`), which readers of this kind never touch.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any, Final

import duckdb

from market_assets.storage.common.errors import StoreError, from_duckdb
from market_assets.storage.files.attaching import NAME, attach
from market_assets.storage.files.file_version import version_of
from market_assets.storage.files.view_files import folders_read_by_views

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from typing import TypeVar

    import polars as pl
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from market_assets.storage.files.file_version import Version

    T = TypeVar("T")

_LOG = logging.getLogger(__name__)

_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "memory_limit": "512MB",
    # Each thread that asks works on its own query; DuckDB adds none to it.
    "threads": "1",
}
_NEXT_TO_NOTHING: Final = "1MB"
_RETRY_S: Final = 1.0
"""How often a new file that cannot be opened is tried again while the old one serves."""


class _Remembered:
    """A thing that was read from a file once."""

    def __init__(self) -> None:
        self.making = Lock()
        self.is_made = False
        self.value: object = None
        self.as_of: datetime | None = None


class Snapshot:
    """One version of the published file, open for reading. Threads may share it."""

    def __init__(self, path: Path, version: Version, connection: DuckDBPyConnection) -> None:
        """Made by `Published`; takes the connection over."""
        self.version = version
        self._path = path
        self._connection = connection
        self._cursors: dict[int, DuckDBPyConnection] = {}
        self._guard = Lock()
        self._remembered: dict[Hashable, _Remembered] = {}
        self._aside: Snapshot | None = None
        self.readers = 0
        """How many read it now; counted by `Published`."""
        self.columns: dict[str, tuple[str, ...]] = {}
        """The columns of each table, in their order, by the table's name."""
        for table, column in connection.execute(
            "select table_name, column_name from duckdb_columns() "
            "where database_name = ? and not internal order by table_name, column_index",
            [NAME],
        ).fetchall():
            self.columns[table] = (*self.columns.get(table, ()), column)

    def rows(self, sql: str, params: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """All rows of a query, by column name; instants are aware and UTC.

        Args:
            sql: one statement that only reads.
            params: values for its `$name`.

        Raises:
            StoreError: the file cannot be read (any more).
        """
        found = self._execute(sql, params)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in self._told(found.fetchall)]

    def frame(self, sql: str, params: Mapping[str, object] | None = None) -> pl.DataFrame:
        """The same as a frame."""
        return self._told(self._execute(sql, params).pl)

    def arrays(
        self, sql: str, params: Mapping[str, object] | None = None
    ) -> dict[str, NDArray[Any]]:
        """The same as arrays, without the detour over Python's objects where there are numbers."""
        found = self._execute(sql, params)
        return self._told(found.fetchnumpy)

    @contextmanager
    def aside(self, memory: str) -> Iterator[Snapshot]:
        """The same version once more, for one thread that goes through much of it.

        What DuckDB keeps of the file meanwhile has bounds of its own, and displaces nothing of
        what answers are made from. The file stays open as long as this one: closing it would let
        go of the lock that the process has on it.

        Args:
            memory: how much may be kept, in DuckDB's words.

        Raises:
            StoreError: the file was replaced, or cannot be opened.
        """
        if self._aside is None and version_of(self._path) == self.version:
            self._aside = _open(self._path)
        if self._aside is None or self._aside.version != self.version:
            raise StoreError(f"{self._path} was replaced")
        self._aside.rows(f"set memory_limit = '{memory}'")
        try:
            yield self._aside
        finally:
            self._aside.rows(f"set memory_limit = '{_NEXT_TO_NOTHING}'")

    def _execute(self, sql: str, params: Mapping[str, object] | None) -> DuckDBPyConnection:
        cursor = self._cursor()
        return self._told(lambda: cursor.execute(sql, dict(params) if params else None))

    def _told(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except (duckdb.OperationalError, duckdb.FatalException, duckdb.InternalException) as error:
            raise from_duckdb(self._path, str(error)) from error

    def remember(
        self, key: Hashable, make: Callable[[Snapshot], T], *, as_of: datetime | None = None
    ) -> T:
        """What `make` gives, made once for this version of the file.

        Threads that ask for the same meanwhile wait; those that ask for something else do not.

        Args:
            key: the program's own, of which there are few: nothing that users ask for.
            make: reads it; may ask for other keys, but not for one that asks for this one.
            as_of: what is made depends on this instant too, and is made again for another.
        """
        with self._guard:
            kept = self._remembered.setdefault(key, _Remembered())
        with kept.making:
            if not kept.is_made or kept.as_of != as_of:
                kept.value, kept.as_of, kept.is_made = make(self), as_of, True
            return kept.value  # type: ignore[return-value]  # made by `make` of this key

    def close(self) -> None:
        """Close the file."""
        with self._guard:
            for cursor in self._cursors.values():
                cursor.close()
            self._cursors.clear()
            self._connection.close()
        if self._aside is not None:
            self._aside.close()

    def _cursor(self) -> DuckDBPyConnection:
        """This thread's own; a cursor that two threads share would mix their answers."""
        thread = get_ident()
        with self._guard:
            if thread not in self._cursors:
                cursor = self._connection.cursor()
                cursor.execute(f"use {NAME}").fetchall()
                cursor.execute("set timezone = 'UTC'").fetchall()
                self._cursors[thread] = cursor
            return self._cursors[thread]


class Published:
    """The published file at a path, whichever it is at the time. Threads may share it."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened before the first read.

        Args:
            path: `MARKET_DB`.
        """
        self.path = path
        self._guard = Lock()
        self._current: Snapshot | None = None
        self._refused: tuple[Version, float] | None = None

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """The newest version, open while the block runs, whatever is published meanwhile.

        A new file that cannot be opened (somebody has it open for writing, say) is logged, and the
        one before it goes on serving.

        Raises:
            NothingPublished: there is no file, and there was none before.
            StoreError: the file cannot be opened, and there was none before.
        """
        with self._guard:
            snapshot = self._newest()
            snapshot.readers += 1
        try:
            yield snapshot
        finally:
            with self._guard:
                snapshot.readers -= 1
                if snapshot is not self._current and snapshot.readers == 0:
                    snapshot.close()

    def close(self) -> None:
        """Close what nobody reads; what is being read closes with its last reader."""
        with self._guard:
            if self._current is not None and self._current.readers == 0:
                self._current.close()
            self._current = None

    def _newest(self) -> Snapshot:
        before = self._current
        try:
            version = version_of(self.path)
        except StoreError:
            if before is None:
                raise
            return before
        if before is not None and (version == before.version or self._waits_for(version)):
            return before
        try:
            newest = _open(self.path)
        except StoreError as error:
            if before is None:
                raise
            _LOG.warning("the file of %s goes on serving: %s", before.version.at, error)
            self._refused = (version, time.monotonic() + _RETRY_S)
            return before
        self._current = newest
        if before is not None and before.readers == 0:
            before.close()
        return newest

    def _waits_for(self, version: Version) -> bool:
        """Whether this version could not be opened a moment ago; another one is tried at once."""
        if self._refused is None:
            return False
        refused, again_at = self._refused
        return version == refused and time.monotonic() < again_at


def _open(path: Path) -> Snapshot:
    """Open the file at the path, and be sure which version it is that was opened."""
    connection = duckdb.connect(":memory:", config=_CONFIG)
    try:
        version = attach(connection, path)
        folders = folders_read_by_views(connection, "published")
        connection.execute("set allowed_directories = $folders", {"folders": folders})
        connection.execute("set enable_external_access = false").fetchall()
        return Snapshot(path, version, connection)
    except BaseException:
        connection.close()
        raise
