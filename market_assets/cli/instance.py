"""Dagster's instance as every command here uses it: DAGSTER_HOME, made where it is missing."""

from __future__ import annotations

import fcntl
import shutil
from typing import TYPE_CHECKING, Final

from market_assets.project_files import INSTANCE, project_file

if TYPE_CHECKING:
    from pathlib import Path

    from dagster import DagsterInstance

    from market_assets.settings import Settings

_DATABASES: Final = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


def prepare_dagster_home(home: Path) -> None:
    """Make the folder, and link the project's `dagster.yaml` into it unless it has its own."""
    home.mkdir(parents=True, exist_ok=True)
    ours, theirs = project_file(INSTANCE), home / INSTANCE
    if theirs.exists() or not ours.exists():
        return
    theirs.unlink(missing_ok=True)
    try:
        theirs.symlink_to(ours)
    except OSError:
        shutil.copy(ours, theirs)


def open_instance(settings: Settings) -> DagsterInstance:
    """The instance that the settings name; close it, or use it as a context manager."""
    from dagster import DagsterInstance  # noqa: PLC0415 - half a second that `--help` need not pay

    initialise(settings.dagster_home)
    return DagsterInstance.from_config(str(settings.dagster_home))


def initialise(home: Path) -> None:
    """Make the instance's databases, one process at a time.

    Two processes that make them at once each stamp the schema's version, and Dagster then refuses
    the instance for good ("more than one head present").
    """
    prepare_dagster_home(home)
    with (home / ".initialise.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if all((home / name).exists() for name in _DATABASES):
            return
        from dagster import DagsterInstance  # noqa: PLC0415 - only where it is not yet there

        with DagsterInstance.from_config(str(home)) as instance:
            instance.get_runs(limit=1)


def close_what_was_cut_off(settings: Settings) -> None:
    """Close the runs of a system that went down, before the next one is up, with what waits in its
    queue of sources that are off by now.
    """
    from market_assets.operations.health.dead_runs import (  # noqa: PLC0415 - imports Dagster
        cancel_unwanted_runs,
        close_cut_off_runs,
    )

    with open_instance(settings) as instance:
        close_cut_off_runs(instance)
        cancel_unwanted_runs(instance, settings.sources.has)
