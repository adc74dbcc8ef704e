"""A person's connection to the published file: DuckDB's own, and it can be made to follow.

Whoever works in a notebook has one connection for hours, with temporary tables and frames of his
own in it, while the file is replaced again and again. He sees one state of all tables until he asks
for the next one.

Not here: readers that stay and have many threads (`published.py`).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

import duckdb

from market_assets.storage.common.connection import fetch
from market_assets.storage.common.errors import StoreError
from market_assets.storage.files.attaching import NAME, attach
from market_assets.storage.files.file_version import version_of

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from duckdb import DuckDBPyConnection

_NEWEST: Final = f"newest_{NAME}"


class FileReader:
    """A `Reader`."""

    def __init__(self, path: Path) -> None:
        """Open the newest publication.

        Args:
            path: `MARKET_DB`.

        Raises:
            NothingPublished: there is no file yet.
            StoreError: it cannot be opened.
        """
        self.path = path
        self.native = duckdb.connect(":memory:")
        """The connection as DuckDB has it, for libraries that ask for that class."""
        try:
            self._version = attach(self.native, path)
            _settle(self.native)
        except BaseException:
            self.native.close()
            raise

    @property
    def place(self) -> str:
        """The published file."""
        return str(self.path)

    @property
    def published_at(self) -> datetime:
        """When the file that it reads was written."""
        return self._version.at

    def refresh(self) -> bool:
        """Go over to the newest publication; says whether there was a newer one.

        Temporary tables and registered frames stay. So does what it shows now, if the new file
        cannot be opened. No other thread may read meanwhile.

        Raises:
            StoreError: the new file cannot be opened, or a transaction is open.
        """
        if _is_in_transaction(self.native):
            raise StoreError("a transaction is open: commit or rollback, then refresh")
        if version_of(self.path) == self._version:
            return False
        # Is it whole? Once the old file is let go of, there is no way back to it.
        attach(self.native, self.path, _NEWEST)
        try:
            fetch(self.native, "use memory")
            fetch(self.native, f"detach database if exists {NAME}")
            self._version = attach(self.native, self.path)
            _settle(self.native)
        finally:
            with suppress(duckdb.Error):
                fetch(self.native, f"detach {_NEWEST}")
        return True

    def cursor(self) -> DuckDBPyConnection:
        """Another connection to the same state, for another thread; it follows `refresh` too.

        Raises:
            duckdb.Error: this one is closed.
        """
        cursor = self.native.cursor()
        _settle(cursor)
        return cursor

    duplicate = cursor

    def __getattr__(self, name: str) -> Any:
        """Whatever else DuckDB's connections have."""
        if name.startswith("__"):  # asked by `copy` and `pickle`, also before there is a connection
            raise AttributeError(name)
        return getattr(self.native, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.native)})

    def close(self) -> None:
        """Close the file."""
        self.native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{self.path}, published {self.published_at:%Y-%m-%d %H:%M:%S} UTC, read-only>"


def _settle(connection: DuckDBPyConnection) -> None:
    """Have tables go by their plain names, and instants be UTC."""
    fetch(connection, f"use {NAME}")
    fetch(connection, "set timezone = 'UTC'")


def _is_in_transaction(connection: DuckDBPyConnection) -> bool:
    """Whether two statements belong together: else each is a transaction of its own."""
    first, second = (fetch(connection, "select txid_current()") for _ in range(2))
    return bool(first == second)
