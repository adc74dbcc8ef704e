"""Dagster's database revisions, read once in a process.

Dagster asks alembic for the newest revision whenever it opens one of its databases, and each run
has one of its own. Each time alembic executes the ninety files of all revisions: 0.1 CPU-seconds,
four times a run, and again whenever a sensor is evaluated. They are part of the installed package
and do not change while a process lives.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from alembic.script import ScriptDirectory
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._core.storage.sql import get_alembic_config

if TYPE_CHECKING:
    from types import ModuleType

    from alembic.config import Config

_STORAGES: Final[tuple[ModuleType, ...]] = (
    sqlite_event_log,
    sqlite_run_storage,
    sqlite_schedule_storage,
)
_read: Final = ScriptDirectory.from_config


@cache
def _revisions(config: Config) -> ScriptDirectory:
    """Of a configuration; Dagster has one for each of its storages, and keeps them."""
    return _read(config)


def read_revisions_once() -> None:
    """Have alembic keep what it reads, in this process. Nothing is asked of a database."""
    ScriptDirectory.from_config = _revisions  # type: ignore[method-assign]


def read_revisions_now() -> None:
    """Read those of Dagster's own storages, so that no process that is forked has to."""
    read_revisions_once()
    for storage in _STORAGES:
        _revisions(get_alembic_config(str(storage.__file__))).as_revision_number("head")
