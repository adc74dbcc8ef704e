"""What is measured at the end of each simulated day: the instance, the database, this process."""

from __future__ import annotations

import gc
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

import psutil

from market_assets.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.week.simulation import Simulation

INSTANCE: Final = "instance"
DATABASE: Final = "database"
ROWS: Final = "rows"
PROCESS: Final = "process"

Figures = dict[tuple[str, str], float]
"""By group and name; bytes are in MB."""


def look(week: Simulation) -> Figures:
    """Everything, now."""
    gc.collect()
    found = {(INSTANCE, name): value for name, value in instance(week.settings.dagster_home)}
    found |= {(DATABASE, name): value for name, value in database(week)}
    found |= {(ROWS, name): value for name, value in rows(week)}
    return found | {(PROCESS, name): value for name, value in process()}


def instance(home: Path) -> Iterator[tuple[str, float]]:
    """Its size in all, its runs, the rows of its own databases, and files that no run has left."""
    yield "MB", sum(_sizes(home)) / 1e6
    files = [path for path in home.rglob("*") if path.is_file()]
    yield "files", len(files)
    for path in sorted(files):
        if path.suffix == ".db" and not _is_of_a_run(path):
            yield f"{path.name}, MB", sum(_sizes_beside(path)) / 1e6
            for table, count in _counts(path):
                yield f"{path.stem}.{table}", count
    known = _run_ids(home)
    left = [path for path in files if _is_of_a_run(path) and _run_of(path) not in known]
    yield "files of deleted runs", len(left)


def database(week: Simulation) -> Iterator[tuple[str, float]]:
    """The live file, the published one, what waits in the spool, and how many files there are."""
    paths = week.store.paths
    yield "live, MB", _size(paths.live) / 1e6
    yield "log, MB", _size(paths.wal) / 1e6
    yield "published, MB", _size(paths.published) / 1e6
    yield "spool, files", sum(1 for path in (paths.folder / "spool").rglob("*") if path.is_file())
    yield "files", sum(1 for path in paths.published.parent.rglob("*") if path.is_file())


def rows(week: Simulation) -> Iterator[tuple[str, float]]:
    """Of each table; of candles by interval, for they are kept differently long."""
    parts = []
    for table in TABLES:
        only = {rule.only for rule in table.retention if rule.only is not None}
        if not only:
            parts.append(f"select '{table.name}', count(*) from {table.name}")
        for column, value in sorted(only):
            parts.append(
                f"select '{table.name} {value}', count(*) from {table.name}"
                f" where {column} = '{value}'"
            )
    yield from week.store.read(" union all ".join(parts)).iter_rows()


def process() -> Iterator[tuple[str, float]]:
    """Memory, open files and threads of this process."""
    me = psutil.Process()
    yield "resident, MB", me.memory_info().rss / 1e6
    yield "file descriptors", me.num_fds()
    yield "threads", me.num_threads()
    yield "Python objects", len(gc.get_objects())


def _counts(path: Path) -> Iterator[tuple[str, int]]:
    """Rows by table of an SQLite file; tables that are empty are left out."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        names = connection.execute(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
        ).fetchall()
        for (name,) in sorted(names):
            [(count,)] = connection.execute(f'select count(*) from "{name}"').fetchall()
            if count:
                yield name, count


def _run_ids(home: Path) -> set[str]:
    path = home / "history" / "runs.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return {run_id for (run_id,) in connection.execute("select run_id from runs")}


def _is_of_a_run(path: Path) -> bool:
    """A run's own events, or something that it stored."""
    own_events = path.parent.name == "runs" and not path.name.startswith("index.")
    return own_events or "storage" in path.parts[-3:-1]


def _run_of(path: Path) -> str:
    return path.name.split(".")[0] if path.parent.name == "runs" else path.parent.name


def _sizes(folder: Path) -> Iterator[int]:
    return (_size(path) for path in folder.rglob("*") if path.is_file())


def _sizes_beside(path: Path) -> Iterator[int]:
    """Of a database with its log and its index into that."""
    return (_size(other) for other in path.parent.glob(f"{path.name}*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
