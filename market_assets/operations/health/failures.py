"""Why a run failed, and what it was to bring: from the run's own events.

Both the health report and the record of failed attempts (`ingestion_runs`) read it here, so that
they name the same error. Not here: whether a channel counts as failed (`statuses.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dagster import DagsterEventType

from market_assets.operations.health import records
from market_assets.storage.common.runs import without_secrets

if TYPE_CHECKING:
    from collections.abc import Collection

    from dagster import DagsterInstance, EventLogEntry

_TOLD: Final = {
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_MATERIALIZATION,
}
KILLED: Final = "RunFailure"
"""The kind of an error that no step raised: the run was killed, or did not start."""


@dataclass(frozen=True)
class RunError:
    """The innermost cause of a failure.

    Attributes:
        kind: the class of the error.
        message: what it says, on one line, without secrets.
    """

    kind: str
    message: str

    @property
    def line(self) -> str:
        """Both: `VenueDown: the venue said 502`."""
        return self.message if self.kind == KILLED else f"{self.kind}: {self.message}"


@dataclass(frozen=True)
class FailedRun:
    """A run that failed.

    Attributes:
        errors: by asset, why it was not brought. Left out are assets that were, and those that
            were not tried because another one failed.
        error: the first error: of a run that brings no asset, its only one.
        planned: all assets that it was to bring, whole or in part.
    """

    run_id: str
    job: str
    errors: dict[str, RunError]
    error: RunError
    planned: frozenset[str] = frozenset()


def error_of(instance: DagsterInstance, run_id: str) -> RunError:
    """Why a run failed: the innermost cause of its first failed step, else what Dagster says."""
    wanted = {DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
    return _first_error(records.events(instance, run_id, wanted))


def failed_run(instance: DagsterInstance, run_id: str, job: str) -> FailedRun:
    """What a failed run was to bring and did not, and why.

    A step that failed and then succeeded on a retry has no failure in Dagster's log. A run that was
    killed has no failed step either: what it was at, or had not come to, failed with it.
    """
    said = records.events(instance, run_id, _TOLD)
    planned: dict[str, str | None] = {}
    there: set[str] = set()
    errors: dict[str | None, RunError] = {}
    for entry in said:
        event = entry.dagster_event
        if event is None:
            continue
        if event.event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED:
            planned[_key(entry)] = event.step_key
        elif event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
            there.add(_key(entry))
        elif event.is_step_failure:
            errors[event.step_key] = _step_error(entry)
    first = _first_error(said)
    if errors:
        brought_down = {a: errors[s] for a, s in planned.items() if s in errors}
    else:
        brought_down = dict.fromkeys(planned, first)
    return FailedRun(
        run_id,
        job,
        {a: e for a, e in brought_down.items() if a not in there},
        first,
        frozenset(planned),
    )


def _first_error(entries: Collection[EventLogEntry]) -> RunError:
    said = "failed without saying why"
    for entry in entries:
        event = entry.dagster_event
        if event is None:
            continue
        if event.is_step_failure:
            return _step_error(entry)
        if event.event_type == DagsterEventType.RUN_FAILURE:
            said = event.message or said
    return RunError(KILLED, without_secrets(said))


def _step_error(entry: EventLogEntry) -> RunError:
    event = entry.dagster_event
    error = event.step_failure_data.error if event is not None else None
    if error is None:
        return RunError("StepFailure", without_secrets(entry.user_message or "it did not say why"))
    while error.cause is not None:
        error = error.cause
    kind = error.cls_name or "Error"
    # Dagster's text begins with the full name of the class.
    message = error.message.strip()
    name, colon, rest = message.partition(": ")
    if colon and name.rpartition(".")[2] == kind:
        message = rest
    return RunError(kind, without_secrets(message) or kind)


def _key(entry: EventLogEntry) -> str:
    event = entry.dagster_event
    key = event.asset_key if event is not None else None
    return key.to_user_string() if key is not None else ""
