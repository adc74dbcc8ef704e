"""Runs that say they are active though their process is gone, and closing them.

A worker and its code server killed together (a power cut, `kill -9` of everything) leave a run
STARTED for ever: run monitoring asks the code server about it, and that one is gone too. What is
left is the process id in the run's own events, which is the truth on one machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psutil
from dagster import DagsterRunStatus, RunsFilter

from market_assets.health import records

if TYPE_CHECKING:
    from datetime import datetime

    from dagster import DagsterInstance, RunRecord

_STARTED: Final = (DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)
_STARTING: Final = (DagsterRunStatus.STARTING, DagsterRunStatus.NOT_STARTED)
SETTLE_S: Final = 60.0
"""A started run is looked at when it is this old: its first events are on disk by then."""
START_S: Final = 300.0
"""A run that has not started after this many seconds will not start."""


def close_dead_runs(
    instance: DagsterInstance, now: datetime, *, job: str | None = None
) -> list[str]:
    """Close every active run whose process is gone; gives the ids of those closed.

    Queued runs are left alone: the daemon starts them when it is back.

    Args:
        instance: Dagster's instance.
        now: ages count up to this instant.
        job: only runs of this job; all if None.
    """
    closed = []
    wanted = RunsFilter(job_name=job, statuses=[*_STARTED, *_STARTING])
    for record in records.runs(instance, wanted).records:
        why = _why_dead(instance, record, now)
        if why is None:
            continue
        if record.dagster_run.status == DagsterRunStatus.CANCELING:
            instance.report_run_canceled(record.dagster_run, message=why)
        else:
            instance.report_run_failed(record.dagster_run, message=why)
        closed.append(record.dagster_run.run_id)
    return closed


def close_cut_off_runs(instance: DagsterInstance) -> list[str]:
    """Close what was on its way when everything went down; gives the ids of those closed.

    Only before anything is up again: workers are children of the code server, and none is there. A
    run whose process lives on (a stream that was orphaned) is left to whoever holds its lock.
    They are canceled, not failed: no venue did wrong, and what they were for is due again.

    Args:
        instance: Dagster's instance.
    """
    closed = []
    wanted = RunsFilter(statuses=[*_STARTED, *_STARTING])
    for record in records.runs(instance, wanted).records:
        run = record.dagster_run
        worker = _worker_of(instance, run.run_id)
        if run.remote_job_origin is None or (worker is not None and _is_alive(*worker)):
            continue  # started by hand from a shell, or alive
        instance.report_run_canceled(run, message="cut off: everything went down with it")
        closed.append(run.run_id)
    return closed


def _why_dead(instance: DagsterInstance, record: RunRecord, now: datetime) -> str | None:
    age = (now - record.update_timestamp).total_seconds()
    if record.dagster_run.status in _STARTING:
        return f"did not start within {START_S:.0f} s" if age > START_S else None
    if age < SETTLE_S:
        return None
    worker = _worker_of(instance, record.dagster_run.run_id)
    if worker is None or _is_alive(*worker):
        return None
    return f"its process {worker[0]} is gone without a word: killed, or the machine went down"


def _worker_of(instance: DagsterInstance, run_id: str) -> tuple[int, float] | None:
    """The process id of the run's worker and when it last said something (Unix seconds)."""
    for entry in records.events(instance, run_id, latest=50):
        event = entry.dagster_event
        if event is not None and event.pid is not None and event.step_key is not None:
            return event.pid, entry.timestamp
    return None


def _is_alive(pid: int, spoke_at: float) -> bool:
    """Whether the process is still the one that spoke, not a later one with its number."""
    try:
        process = psutil.Process(pid)
        return process.create_time() <= spoke_at and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
