"""Which folders the views of a database read files from.

The published file may have views over Parquet files beside it. Whoever opens it lets DuckDB read
these folders and nothing else of the machine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from market_assets.storage.common.connection import fetch

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FILE: Final = re.compile(r"'((?:[^']|'')*\.parquet)'")
"""A SQL string that names Parquet files, with or without wildcards."""


def folders_read_by_views(connection: DuckDBPyConnection, database: str) -> list[str]:
    """The folders of all Parquet files that views of a database name, in order, each once.

    Args:
        connection: where the database is attached.
        database: under which name.
    """
    views = fetch(
        connection,
        "select sql from duckdb_views() where not internal and database_name = $database",
        {"database": database},
    )
    files = [found.replace("''", "'") for (sql,) in views for found in _FILE.findall(sql)]
    return sorted({_folder(file) for file in files})


def _folder(pattern: str) -> str:
    """The folder of a file, or the deepest one that all of a pattern are in; it ends with `/`."""
    certain = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    return certain.rpartition("/")[0] + "/"
