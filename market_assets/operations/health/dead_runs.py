"""Runs that say they are active though their process is gone, and closing them.

A worker and its code server killed together (a power cut, `kill -9` of everything) leave a run
STARTED for ever, and with it the pool that it holds: run monitoring asks the code server about it,
and that one is gone too. What is left is the process that the run named: by a tag, which cannot be
taken for a later process of that number, or, before the tag is there, by the number in the events
with which the run and its steps began. That is the truth on one machine. No clock that can be set
is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psutil
from dagster import DagsterEventType, DagsterRunStatus, RunsFilter

from market_assets.clock import SystemClock
from market_assets.operations.health import records
from market_assets.process_identity import WORKER_TAG, ProcessIdentity, process_facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagster import DagsterInstance, DagsterRun

    from market_assets.clock import Clock

_STARTED: Final = (DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)
_STARTING: Final = (DagsterRunStatus.STARTING, DagsterRunStatus.NOT_STARTED)
_ACTIVE: Final = (*_STARTED, *_STARTING)
_SPEAKS_FIRST: Final = {DagsterEventType.RUN_START, DagsterEventType.STEP_START}
"""Events that the run's own process writes; there are few, however much the run logs."""
_BY_ITSELF: Final = frozenset({"dagster/schedule_name", "dagster/sensor_name"})
"""One of these tags has every run that nobody started by hand."""
_OURS: Final = ("dagster", "market_assets")
"""One of these is in the command line of every process that executes runs."""
START_S: Final = 300.0
"""A run that nobody knows the process of and that has not started after so long will not start."""


class DeadRuns:
    """Looks for dead runs now and then, and remembers which have been starting since when."""

    def __init__(self, clock: Clock | None = None) -> None:
        """Know of no run yet.

        Args:
            clock: for how long a run has been starting.
        """
        self._clock = clock or SystemClock()
        self._starting_since: dict[str, float] = {}

    def close(self, instance: DagsterInstance, *, job: str | None = None) -> list[str]:
        """Close every active run whose process is gone; gives the ids of those closed.

        Queued runs are left alone: the daemon starts them when it is back.

        Args:
            instance: Dagster's instance.
            job: only runs of this job; all if None.
        """
        closed = []
        wanted = RunsFilter(job_name=job, statuses=list(_ACTIVE))
        found = [record.dagster_run for record in records.runs(instance, wanted).records]
        if job is None:
            ids = {run.run_id for run in found}
            self._starting_since = {
                run_id: since for run_id, since in self._starting_since.items() if run_id in ids
            }
        for run in found:
            why = self._why_dead(instance, run)
            if why is None or not _is_still(instance, run):
                continue
            if run.status == DagsterRunStatus.CANCELING:
                instance.report_run_canceled(run, message=why)
            else:
                instance.report_run_failed(run, message=why)
            closed.append(run.run_id)
        return closed

    def _why_dead(self, instance: DagsterInstance, run: DagsterRun) -> str | None:
        worker = _worker_of(instance, run)
        if worker is not None:
            return None if _is_alive(worker) else f"its process {_pid(worker)} is gone: killed?"
        if run.status in _STARTED:
            return None  # nobody can say
        now = self._clock.monotonic()
        since = self._starting_since.setdefault(run.run_id, now)
        return f"did not start within {START_S:.0f} s" if now - since > START_S else None


def close_cut_off_runs(instance: DagsterInstance) -> list[str]:
    """Close what was on its way when everything went down; gives the ids of those closed.

    Only before anything is up again: workers are children of the daemon or of the code server, and
    neither is there. A run whose process lives on (a stream that was orphaned) is left to whoever
    holds its lock, and one from a shell that is still going to that shell. They are canceled, not
    failed: no venue did wrong, and what they were for is due again.

    Args:
        instance: Dagster's instance.
    """
    closed = []
    for record in records.runs(instance, RunsFilter(statuses=list(_ACTIVE))).records:
        run = record.dagster_run
        worker = _worker_of(instance, run)
        by_hand = run.remote_job_origin is None
        alive = by_hand if worker is None else _is_alive(worker)
        if not alive and _is_still(instance, run):
            instance.report_run_canceled(run, message="cut off: everything went down with it")
            closed.append(run.run_id)
    return closed


def cancel_unwanted_runs(instance: DagsterInstance, is_on: Callable[[str], bool]) -> list[str]:
    """Cancel runs that were asked for, never began, and whose source has been turned off meanwhile.

    The daemon would start them when it is back: a stream that nobody wants would go on for ever.
    What a person has asked for is left.

    Args:
        instance: Dagster's instance.
        is_on: whether the source of the job of this name is on.

    Returns:
        The ids of those canceled.
    """
    canceled = []
    for record in records.runs(instance, RunsFilter(statuses=[DagsterRunStatus.QUEUED])).records:
        run = record.dagster_run
        if _BY_ITSELF & run.tags.keys() and not is_on(run.job_name):
            instance.report_run_canceled(run, message="its source has been turned off")
            canceled.append(run.run_id)
    return canceled


def _worker_of(instance: DagsterInstance, run: DagsterRun) -> ProcessIdentity | int | None:
    """The run's process: who it is, or at least its number; None if nobody knows."""
    named = ProcessIdentity.parse(run.tags.get(WORKER_TAG, ""))
    if named is not None:
        return named
    for entry in records.events(instance, run.run_id, _SPEAKS_FIRST, latest=1):
        if entry.dagster_event is not None:
            return entry.dagster_event.pid
    return None


def _is_alive(worker: ProcessIdentity | int) -> bool:
    if isinstance(worker, ProcessIdentity):
        return worker.is_alive
    facts = process_facts(worker)
    if facts is None or facts.is_zombie:
        return False
    try:
        command = " ".join(psutil.Process(worker).cmdline())
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True  # another user's; nobody can say
    # After a reboot some other program may have the number.
    return any(name in command for name in _OURS)


def _is_still(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Whether the run is as it was: its process may have ended it before it was looked for."""
    now = instance.get_run_by_id(run.run_id)
    return now is not None and now.status == run.status


def _pid(worker: ProcessIdentity | int) -> int:
    return worker if isinstance(worker, int) else worker.pid
