"""DuckDB connections to the live file: how they are opened, inside the gate and nowhere else.

DuckDB's own lock is a POSIX record lock. If a process that has the file open through DuckDB also
opens and closes it in another way (`open`, `shutil.copy`), the system drops that lock without a
word, and the next writer corrupts the file. So nothing in this package opens the live file other
than here: copies are made by another process (`copying.py`), and facts about it come from `stat`.
"""

from __future__ import annotations

import random
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import duckdb

# DuckDB imports pyarrow at the first exchange of a frame, 0.1 s that would be spent under the lock.
import pyarrow as pa  # noqa: F401

from market_assets.storage.common.connection import fetch
from market_assets.storage.common.errors import StoreLocked, from_duckdb, is_lock_refusal
from market_assets.storage.common.holders import command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from market_assets.storage.files.gate import Gate, Hold
    from market_assets.storage.files.paths import StorePaths

STORAGE_VERSION: Final = "v1.4.0"
"""The file format of new databases: what DuckDB 1.4 and all later versions read and write. Newer
ones gain nothing here; the default of 1.5 (v1.0.0) takes 4 ms longer per flush of 1,200 rows."""

_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    # DuckDB would look on the internet for an extension that could read a junk file.
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "memory_limit": "1GB",
}
_WRITE_CONFIG: Final = _CONFIG | {"threads": "1"}
"""A flush of 1,200 rows takes 26 ms with one thread and 28 with two."""
_READ_CONFIG: Final = _CONFIG | {"threads": "2"}

_NAMED: Final = re.compile(r"\(PID (\d+)\)")


class LiveMissing(Exception):  # noqa: N818 - not an error: the store makes the file and goes on
    """There is no live file: a new store, or somebody removed it."""


@dataclass(frozen=True)
class Session:
    """The live file, open inside the gate."""

    connection: DuckDBPyConnection
    hold: Hold

    def rows(self, sql: str, params: Sequence[object] | Mapping[str, object] = ()) -> list[Any]:
        """All rows of a statement. Always fetched: DuckDB 2 refuses the next one otherwise."""
        return fetch(self.connection, sql, params)


@contextmanager
def opened(paths: StorePaths, gate: Gate, *, exclusive: bool) -> Iterator[Session]:
    """The live file, to write (exclusive) or to read, while the block runs.

    Raises:
        LiveMissing: there is none.
        StoreLocked: other processes kept it for longer than the gate's wait.
        StoreError: one of its kinds, for what DuckDB says about the file.
    """
    with gate.passed(exclusive=exclusive) as hold:
        if not paths.live.exists():
            raise LiveMissing
        with connected(paths.live, read_only=not exclusive, hold=hold) as connection:
            yield Session(connection, hold)


@contextmanager
def connected(
    path: Path, *, read_only: bool = False, hold: Hold | None = None, called: Path | None = None
) -> Iterator[DuckDBPyConnection]:
    """A connection with the project's settings, closed at the end whatever happens.

    Args:
        path: the database; made where it is missing, unless `read_only`.
        read_only: several processes may have it open at once.
        hold: the pass through the gate; its deadline bounds how long a refused open is tried again.
        called: what errors name, when `path` is a copy of it.
    """
    connection = _connect(path, read_only=read_only, hold=hold, called=called or path)
    try:
        connection.execute("set timezone = 'UTC'").fetchall()
        yield connection
    except (duckdb.OperationalError, duckdb.FatalException, duckdb.InternalException) as error:
        raise from_duckdb(called or path, str(error)) from error
    finally:
        connection.close()


def _connect(path: Path, *, read_only: bool, hold: Hold | None, called: Path) -> DuckDBPyConnection:
    config = dict(_READ_CONFIG if read_only else _WRITE_CONFIG)
    if not read_only:
        config["storage_compatibility_version"] = STORAGE_VERSION
    pause = 0.005
    while True:
        try:
            return duckdb.connect(path, read_only=read_only, config=config)
        except duckdb.Error as error:
            text = str(error)
            if not is_lock_refusal(text):
                raise from_duckdb(called, text) from error
            named = _NAMED.search(text)
            holder = f"PID {named[1]} ({command(int(named[1]))})" if named else "another process"
            if hold is None or time.monotonic() >= hold.deadline:
                raise StoreLocked(
                    f"{path} is held by {holder}; only this project may open that file"
                ) from error
            hold.waits_for(holder)
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads those who wait
            pause = min(pause * 2, 0.2)
