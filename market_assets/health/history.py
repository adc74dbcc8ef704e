"""Dagster's own history: deleting runs past their time, with the files that they leave behind.

On SQLite `delete_run` leaves the run's event database and its logs on disk, 130-180 kB a run; a
run a minute would be 200 MB a day. An asset's latest materialization survives its run.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dagster import DagsterRunStatus, RunsFilter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime, timedelta

    from dagster import DagsterInstance

_BATCH: Final = 200


@dataclass(frozen=True)
class Pruned:
    """Runs that were deleted, and the bytes of the files that went with them."""

    runs: int
    bytes_freed: int


def prune(
    instance: DagsterInstance,
    *,
    now: datetime,
    minute_jobs: Collection[str],
    keep_minute_runs: timedelta,
    keep_runs: timedelta,
    keep_failed_runs: timedelta,
) -> Pruned:
    """Delete finished runs that ended longer ago than they are kept.

    Args:
        instance: Dagster's instance.
        now: ages count up to this instant.
        minute_jobs: jobs whose successful runs are kept for `keep_minute_runs` only.
        keep_minute_runs: for successful (and canceled) runs of those jobs.
        keep_runs: for other successful and canceled runs.
        keep_failed_runs: for failures, whatever the job.
    """
    ended_well = [DagsterRunStatus.SUCCESS, DagsterRunStatus.CANCELED]
    filters = [
        RunsFilter(job_name=job, statuses=ended_well, updated_before=now - keep_minute_runs)
        for job in sorted(minute_jobs)
    ]
    filters.append(RunsFilter(statuses=ended_well, updated_before=now - keep_runs))
    filters.append(
        RunsFilter(statuses=[DagsterRunStatus.FAILURE], updated_before=now - keep_failed_runs)
    )
    runs = freed = 0
    for wanted in filters:
        for run_id in _ids(instance, wanted):
            instance.delete_run(run_id)
            freed += _remove_files(Path(instance.root_directory), run_id)
            runs += 1
    return Pruned(runs, freed)


def _ids(instance: DagsterInstance, wanted: RunsFilter) -> Iterator[str]:
    """Ids in batches: each batch is deleted before the next is read, so memory stays small."""
    while batch := instance.get_run_ids(wanted, limit=_BATCH):
        yield from batch


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
