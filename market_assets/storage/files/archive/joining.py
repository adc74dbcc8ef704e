"""Rows join a file of the archive: written beside it, read back, put in its place.

The file holds one row per key, sorted by key. Of two rows with one key the newer one stays, by the
same rule as in the database: the greater version; without one, the later write; of derived rows the
fuller. The old file stays until the new one has been read back from the disk with as many rows and
the same keys.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import duckdb

from market_assets.storage.common.connection import fetch
from market_assets.storage.common.durable import remove_stale, settle, sync, temporary_beside
from market_assets.storage.common.errors import (
    ArchiveUnreadable,
    StoreError,
    StoreUnwritable,
    from_os,
    one_line,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import polars as pl
    from duckdb import DuckDBPyConnection

    from market_assets.tables import TableSpec

_PURPOSE: Final = "archive"
_MEMORY: Final = "512MB"
_ROW_GROUP: Final = 122_880


def join(
    spec: TableSpec, target: Path, frame: pl.DataFrame | None, files: Sequence[Path], *, work: Path
) -> int:
    """Make `target` hold the rows of the files and of the frame.

    Args:
        spec: the table.
        target: replaced, or made.
        frame: rows that join, unique by key; None: none.
        files: what is there already; those beside `target` are the caller's to remove afterwards.
        work: a folder for what does not fit into memory.

    Returns:
        How many rows of the frame were not there, or were newer. Where none was, and there is only
        the target, nothing is written.

    Raises:
        ArchiveUnreadable: one of the files cannot be read; it is named.
        StoreUnwritable: there is no room, or the folder cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(target, _PURPOSE)
        with _connected(work) as connection:
            _read(connection, spec, files)
            came = _take(connection, spec, frame)
            if came or list(files) != [target]:
                _replace(connection, spec, target)
    except OSError as error:
        raise from_os(target.parent, error) from error
    return came


def rows_of(spec: TableSpec, files: Sequence[Path], *, work: Path) -> pl.DataFrame:
    """The rows of the files, one per key.

    Raises:
        ArchiveUnreadable: one of them cannot be read; it is named.
    """
    with _connected(work) as connection:
        _read(connection, spec, files)
        return connection.execute("from kept").pl()


def _read(connection: DuckDBPyConnection, spec: TableSpec, files: Sequence[Path]) -> None:
    """The rows of the files as the table `kept`; columns that an older file lacks are filled."""
    fetch(connection, f"create table kept ({_typed(spec)})")
    for file in files:
        try:
            found = fetch(connection, "describe from read_parquet(?)", [str(file)])
            has = {row[0] for row in found}
            columns = [name for name in spec.column_names if name in has]
            before = [c for c in spec.columns if c.name not in has and c.before is not None]
            names = ", ".join(f'"{name}"' for name in (*columns, *(c.name for c in before)))
            values = ", ".join((*(f'"{name}"' for name in columns), *("?" for _ in before)))
            fetch(
                connection,
                f"insert into kept ({names}) select {values} from read_parquet(?)",  # noqa: S608 - names of the spec
                [*(c.before for c in before), str(file)],
            )
        except duckdb.Error as error:
            if isinstance(error, duckdb.OutOfMemoryException):
                raise
            raise ArchiveUnreadable(
                f"{file} cannot be read, and stays as it is: {one_line(str(error))}"
            ) from error
    if len(files) > 1:
        fetch(connection, _only_winners(spec))


def _take(connection: DuckDBPyConnection, spec: TableSpec, frame: pl.DataFrame | None) -> int:
    """The rows of the frame into `kept`; how many of them changed it."""
    if frame is None or frame.is_empty():
        return 0
    columns = _names(spec.column_names)
    meets = _same_key(spec, "kept", "came")
    connection.register("frame", frame)
    try:
        fetch(connection, f"create table came as select {columns} from frame")  # noqa: S608 - names of the spec
    finally:
        connection.unregister("frame")
    # Rows whose key is there already are few, or all of them: an interrupted round was repeated.
    fetch(
        connection,
        f"create table met as select {columns}, false as _new from kept"  # noqa: S608 - names of the spec
        f" where exists (from came where {meets})"
        f" union all select {columns}, true as _new from came"
        f" where exists (from kept where {meets})",
    )
    fetch(connection, f"delete from came using met where {_same_key(spec, 'came', 'met')}")  # noqa: S608 - names of the spec
    [(new,)] = fetch(connection, f"insert into kept select {columns} from came")  # noqa: S608 - names of the spec
    fetch(
        connection,
        f"create table won as select {columns} from met qualify _new and row_number()"  # noqa: S608 - names of the spec
        f" over (partition by {_names(spec.key)} order by {_order(spec, '_new')}) = 1",
    )
    [(newer,)] = fetch(connection, "select count(*) from won")
    if newer:
        fetch(connection, f"delete from kept using won where {_same_key(spec, 'kept', 'won')}")  # noqa: S608 - names of the spec
        fetch(connection, "insert into kept from won")
    return int(new) + int(newer)


def _replace(connection: DuckDBPyConnection, spec: TableSpec, target: Path) -> None:
    """Write `kept` beside the target, read it back, and put it in the target's place."""
    temporary = temporary_beside(target, _PURPOSE)
    try:
        fetch(
            connection,
            f"copy (select * from kept order by {_names(spec.key)}) to '{_quoted(temporary)}'"  # noqa: S608 - a path of ours
            f" (format parquet, compression zstd, row_group_size {_ROW_GROUP})",
        )
        sync(temporary)
        of = f"select count(*), bit_xor(hash({_names(spec.key)}))"
        [wanted] = fetch(connection, f"{of} from kept")
        [found] = fetch(connection, f"{of} from read_parquet(?)", [str(temporary)])
        if found != wanted:
            raise StoreError(
                f"{target}: {found[0]:,} rows were read back, and {wanted[0]:,} were written, or "
                "with other keys; nothing was replaced"
            )
        settle(temporary, target)
    except duckdb.Error as error:
        raise StoreUnwritable(f"{target} could not be written: {one_line(str(error))}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _only_winners(spec: TableSpec) -> str:
    """Of several rows of `kept` with one key, of several files, the newest stays."""
    return (
        "delete from kept where rowid not in (select rowid from (select rowid, * from kept)"  # noqa: S608 - names of the spec
        f" qualify row_number() over (partition by {_names(spec.key)}"
        f" order by {_order(spec, 'rowid')}) = 1)"
    )


def _order(spec: TableSpec, later: str) -> str:
    """The row that stays, first: see `TableSpec.version` and `Derived`.

    Args:
        spec: the table.
        later: is greater in a row that was written later.
    """
    if spec.derived:
        filled = " + ".join(f'("{name}" is not null)::int' for name in spec.optional) or "0"
        terms = [*(f'"{name}" desc' for name in spec.derived.counts), f"({filled}) desc", later]
    elif spec.version:
        terms = [*(f'"{name}" desc nulls last' for name in spec.version), later]
    else:
        terms = [f"{later} desc"]
    return ", ".join(terms)


@contextmanager
def _connected(work: Path) -> Iterator[DuckDBPyConnection]:
    """A database in memory; what does not fit goes into the folder."""
    connection = duckdb.connect(
        config={
            "memory_limit": _MEMORY,
            "threads": "1",
            "temp_directory": str(work),
            "autoload_known_extensions": "false",
            "autoinstall_known_extensions": "false",
        }
    )
    try:
        fetch(connection, "set timezone = 'UTC'")
        yield connection
    finally:
        connection.close()


def _typed(spec: TableSpec) -> str:
    return ", ".join(f'"{column.name}" {column.type}' for column in spec.columns)


def _same_key(spec: TableSpec, one: str, other: str) -> str:
    return " and ".join(f'{one}."{name}" = {other}."{name}"' for name in spec.key)


def _names(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
