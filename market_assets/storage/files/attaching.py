"""Opening the published file so that it is the one that stands at the path now.

DuckDB keeps one database per path and process: connecting again to a path whose file was replaced
gives the old file for as long as anybody has it open. Attaching it to a database in memory of its
own does not, so that is how a file is opened here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import duckdb

from market_assets.storage.common.connection import fetch
from market_assets.storage.common.errors import StoreError, from_duckdb
from market_assets.storage.files.file_version import version_of

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from market_assets.storage.files.file_version import Version

NAME: Final = "published"
"""What an attached file is called inside a connection."""
_ATTEMPTS: Final = 5


def attach(connection: DuckDBPyConnection, path: Path, name: str = NAME) -> Version:
    """Attach the file to a database in memory, read-only; says for sure which version it is.

    Args:
        connection: of the database in memory.
        path: the published file.
        name: what the file is called there.

    Raises:
        NothingPublished: there is no file.
        StoreError: it cannot be opened, or was replaced too often meanwhile; none is attached.
    """
    quoted = str(path).replace("'", "''")
    for _ in range(_ATTEMPTS):
        version = version_of(path)
        try:
            fetch(connection, f"attach '{quoted}' as {name} (type duckdb, read_only)")
        except duckdb.Error as error:
            raise from_duckdb(path, str(error)) from error
        if version == version_of(path):
            return version
        fetch(connection, f"detach {name}")
    raise StoreError(f"{path} was replaced {_ATTEMPTS} times while it was being opened")
