"""Dagster's own history: deleting runs past their time, with all that they leave behind.

On SQLite `delete_run` leaves the run's event database and its logs on disk, 130-180 kB a run; a
run a minute would be 200 MB a day. It leaves rows too: the run's tags, for the foreign key that
would take them is not enforced there, and 2 kB for each evaluation of an asset check, which with
some 500 an hour is 25 MB a day. Changes of freshness belong to no run and are never deleted. An
asset's latest materialization and freshness, and a check's latest evaluation, survive.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dagster import DagsterRunStatus, RunsFilter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime, timedelta

    from dagster import DagsterInstance

_BATCH: Final = 200
MOST: Final = 0.9
"""A greater share of the runs of one kind is not deleted at once: the clock may be ahead. After a
pause that was truly so long, new runs make the share smaller within hours."""
FEW: Final = 100
"""So many may go whatever share they are."""
_PATIENCE_S: Final = 60.0
"""How long to wait for whoever writes the instance; Dagster's transactions take milliseconds."""


@dataclass(frozen=True)
class Pruned:
    """What was deleted.

    Attributes:
        runs: runs.
        bytes_freed: bytes of the files that went with them.
        rows: rows of Dagster's tables.
        refused: runs that look old and were kept, because they are nearly all of their kind.
    """

    runs: int
    bytes_freed: int
    rows: int
    refused: int = 0


def prune(
    instance: DagsterInstance,
    *,
    now: datetime,
    minute_jobs: Collection[str],
    keep_minute_runs: timedelta,
    keep_runs: timedelta,
    keep_failed_runs: timedelta,
    jobs: Collection[str] = (),
    most_failed_runs: int = 200,
    few: int = FEW,
) -> Pruned:
    """Delete finished runs that ended longer ago than they are kept, and failures beyond many.

    Args:
        instance: Dagster's instance.
        now: ages count up to this instant.
        minute_jobs: jobs whose successful runs are kept for `keep_minute_runs` only.
        keep_minute_runs: for successful (and canceled) runs of those jobs.
        keep_runs: for other successful and canceled runs.
        keep_failed_runs: for failures, whatever the job, and for changes of freshness.
        jobs: of each of these only the newest `most_failed_runs` failures are kept.
        most_failed_runs: an outage of a weekend leaves thousands that say the same.
        few: so many runs of one kind may go whatever share of it they are.
    """
    ended_well = [DagsterRunStatus.SUCCESS, DagsterRunStatus.CANCELED]
    kinds = [
        *((job, ended_well, keep_minute_runs) for job in sorted(minute_jobs)),
        (None, ended_well, keep_runs),
        (None, [DagsterRunStatus.FAILURE], keep_failed_runs),
    ]
    runs = freed = refused = 0
    filters: list[RunsFilter] = []
    for job, statuses, kept in kinds:
        old = RunsFilter(job_name=job, statuses=statuses, updated_before=now - kept)
        count = instance.get_runs_count(old)
        of_kind = RunsFilter(job_name=job, statuses=statuses)
        if count >= few and count > MOST * instance.get_runs_count(of_kind):
            refused += count
        else:
            filters.append(old)
    too_many = (_ids_beyond(instance, job, most_failed_runs) for job in sorted(jobs))
    for run_id in chain(*(_ids(instance, wanted) for wanted in filters), *too_many):
        instance.delete_run(run_id)
        freed += _remove_files(Path(instance.root_directory), run_id)
        runs += 1
    history = Path(instance.root_directory) / "history"
    rows = _remove_tags(history / "runs.db")
    rows += _remove_evaluations(history / "runs" / "index.db", history / "runs.db")
    rows += _remove_freshness(history / "runs" / "index.db", now - keep_failed_runs)
    return Pruned(runs, freed, rows, refused)


def _ids(instance: DagsterInstance, wanted: RunsFilter) -> Iterator[str]:
    """Ids in batches: each batch is deleted before the next is read, so memory stays small."""
    while batch := instance.get_run_ids(wanted, limit=_BATCH):
        yield from batch


def _ids_beyond(instance: DagsterInstance, job: str, most: int) -> Iterator[str]:
    """Ids of the failed runs of a job that are older than its newest `most`."""
    failed = RunsFilter(job_name=job, statuses=[DagsterRunStatus.FAILURE])
    yield from list(instance.get_run_ids(failed))[most:]


def _remove_files(root: Path, run_id: str) -> int:
    freed = 0
    for file in (root / "history" / "runs").glob(f"{run_id}.db*"):
        freed += file.stat().st_size
        file.unlink(missing_ok=True)
    logs = root / "storage" / run_id
    if logs.is_dir():
        freed += sum(file.stat().st_size for file in logs.rglob("*") if file.is_file())
        shutil.rmtree(logs, ignore_errors=True)
    return freed


def _remove_tags(runs: Path) -> int:
    """Delete the tags of runs that are not there any more."""
    if not runs.is_file():
        return 0
    with closing(sqlite3.connect(runs, timeout=_PATIENCE_S)) as connection, connection:
        deletion = "delete from run_tags where run_id not in (select run_id from runs)"
        return connection.execute(deletion).rowcount


def _remove_evaluations(events: Path, runs: Path) -> int:
    """Delete evaluations of asset checks whose run is not there any more.

    Of each check the latest one stays, and the latest that is over while another is going on. Who
    has evaluated is read before which runs there are: a run that starts in between has not.
    """
    if not (events.is_file() and runs.is_file()):
        return 0
    with closing(sqlite3.connect(events, timeout=_PATIENCE_S)) as connection:
        named = "select distinct run_id from asset_check_executions"
        evaluated = {run_id for (run_id,) in connection.execute(named)}
        with closing(sqlite3.connect(runs, timeout=_PATIENCE_S)) as other:
            gone = evaluated - {run_id for (run_id,) in other.execute("select run_id from runs")}
        with connection:
            deletion = (
                "delete from asset_check_executions"
                " where run_id in (select value from json_each(?)) and id not in (select max(id)"
                " from asset_check_executions"
                " group by asset_key, check_name, execution_status = 'PLANNED')"
            )
            return connection.execute(deletion, [json.dumps(sorted(gone))]).rowcount


def _remove_freshness(events: Path, before: datetime) -> int:
    """Delete older changes of freshness; each asset's latest says how fresh it is, and stays."""
    if not events.is_file():
        return 0
    change = "run_id = '' and dagster_event_type = 'FRESHNESS_STATE_CHANGE'"
    latest = f"select max(id) from event_logs where {change} group by asset_key"  # noqa: S608 - own text
    deletion = f"delete from event_logs where {change} and timestamp < ? and id not in ({latest})"  # noqa: S608 - as above
    with closing(sqlite3.connect(events, timeout=_PATIENCE_S)) as connection, connection:
        return connection.execute(deletion, [before.replace(tzinfo=None).isoformat(" ")]).rowcount
