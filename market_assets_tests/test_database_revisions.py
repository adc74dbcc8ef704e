"""Dagster's database revisions are read once, and are the ones that alembic reads."""

import subprocess
import sys
from pathlib import Path

from dagster import DagsterInstance
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.sql import get_alembic_config

from market_assets import database_revisions

_COUNTING = """
from alembic.script import ScriptDirectory
from alembic.script.base import Script
from dagster import DagsterInstance

from market_assets.database_revisions import read_revisions_now, read_revisions_once

read = []
whole = Script._list_py_dir.__func__
Script._list_py_dir = classmethod(lambda cls, *rest: read.append(1) or whole(cls, *rest))
read_revisions_once()
read_revisions_once()
read_revisions_now()
before = len(read)
for home in ("one", "two"):
    with DagsterInstance.local_temp() as instance:
        assert instance.get_runs() == []
        instance.event_log_storage.get_logs_for_run(home)
assert before == 3, before
assert len(read) == before, "read again"
"""


def test_they_are_read_once_per_storage_however_often_a_database_is_opened() -> None:
    subprocess.run([sys.executable, "-c", _COUNTING], check=True)


def test_a_database_that_is_made_has_the_newest_revision(tmp_path: Path) -> None:
    """As without it: Dagster finds nothing to upgrade."""
    database_revisions.read_revisions_once()
    config = get_alembic_config(str(sqlite_event_log.__file__))
    newest = database_revisions._read(config).as_revision_number("head")
    assert newest is not None
    assert database_revisions._revisions(config).as_revision_number("head") == newest
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        storages = (instance.event_log_storage, instance.run_storage, instance.schedule_storage)
        assert [one.alembic_version() for one in storages if one] == [(newest, newest)] * 3
