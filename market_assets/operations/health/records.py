"""Reading Dagster's records one query at a time, and past records that cannot be read.

A run or an event whose stored text is damaged (a full disk, a kill at the wrong moment, a version
that wrote something else) makes Dagster refuse the whole answer that it would be part of. Here it
costs itself only: it is left out, and named. Not here: what the records mean (`dagster_state.py`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dagster import DagsterEventType, DagsterRunStatus, RunsFilter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dagster import (
        AssetCheckKey,
        AssetKey,
        AssetRecord,
        DagsterInstance,
        EventLogEntry,
        RunRecord,
    )
    from dagster._core.storage.asset_check_execution_record import (  # not exported
        AssetCheckExecutionRecord,
    )

_LOG = logging.getLogger(__name__)

ACTIVE: Final = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
)
"""Of runs that are queued or going on."""
FINISHED: Final = (
    DagsterRunStatus.SUCCESS,
    DagsterRunStatus.FAILURE,
    DagsterRunStatus.CANCELED,
)
"""Of runs that are over."""


@dataclass(frozen=True)
class Runs:
    """Runs that were asked for.

    Attributes:
        records: those that can be read, in Dagster's order (newest first).
        unreadable: ids of those that cannot, with the reason.
    """

    records: tuple[RunRecord, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Assets:
    """What Dagster keeps of each asset that was asked for and that it has ever heard of."""

    records: Mapping[AssetKey, AssetRecord] = field(default_factory=dict)
    unreadable: Mapping[AssetKey, str] = field(default_factory=dict)


def runs(instance: DagsterInstance, wanted: RunsFilter, limit: int | None = None) -> Runs:
    """The newest runs that the filter lets through.

    One query; with a damaged record among them, one per run.
    """
    try:
        return Runs(tuple(instance.get_run_records(wanted, limit=limit)))
    except Exception as error:  # noqa: BLE001 - damage shows as whatever the decoder trips over
        _LOG.warning("a run cannot be read: %s", _reason(error))
    records: list[RunRecord] = []
    unreadable: dict[str, str] = {}
    for run_id in instance.get_run_ids(wanted, limit=limit):
        try:
            records += instance.get_run_records(RunsFilter(run_ids=[run_id]))
        except Exception as error:  # noqa: BLE001 - as above
            unreadable[run_id] = _reason(error)
    return Runs(tuple(records), unreadable)


def active(instance: DagsterInstance, job: str | None = None) -> tuple[RunRecord, ...]:
    """Runs that are queued or going on: of one job, or (None) of all.

    One whose record is damaged is not among them: nobody could ever end it, and whoever waited for
    its end would wait for ever.
    """
    return runs(instance, RunsFilter(job_name=job, statuses=list(ACTIVE))).records


def assets(instance: DagsterInstance, keys: Sequence[AssetKey]) -> Assets:
    """What Dagster keeps of these assets, the latest materialization of each among it."""
    try:
        found = instance.get_asset_records(keys)
        return Assets({record.asset_entry.asset_key: record for record in found})
    except Exception as error:  # noqa: BLE001 - as above
        _LOG.warning("an asset's record cannot be read: %s", _reason(error))
    records: dict[AssetKey, AssetRecord] = {}
    unreadable: dict[AssetKey, str] = {}
    for key in keys:
        try:
            for record in instance.get_asset_records([key]):
                records[key] = record
        except Exception as error:  # noqa: BLE001 - as above
            unreadable[key] = _reason(error)
    return Assets(records, unreadable)


def checks(
    instance: DagsterInstance, keys: Sequence[AssetCheckKey]
) -> Mapping[AssetCheckKey, AssetCheckExecutionRecord]:
    """The latest evaluation of each asset check that was ever evaluated and can be read."""
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key
    try:
        return latest(keys)
    except Exception as error:  # noqa: BLE001 - as above
        _LOG.warning("an asset check cannot be read: %s", _reason(error))
    found: dict[AssetCheckKey, AssetCheckExecutionRecord] = {}
    for key in keys:
        try:
            found.update(latest([key]))
        except Exception as error:  # noqa: BLE001 - as above
            _LOG.warning("%s cannot be read: %s", key.to_user_string(), _reason(error))
    return found


def events(
    instance: DagsterInstance,
    run_id: str,
    of_type: set[DagsterEventType] | None = None,
    *,
    latest: int | None = None,
) -> list[EventLogEntry]:
    """What a run said of itself, oldest first; nothing, with a word in the log, if unreadable.

    Args:
        instance: Dagster's instance.
        run_id: the run.
        of_type: only these events.
        latest: only so many, newest first.
    """
    try:
        found = instance.get_records_for_run(
            run_id, of_type=of_type, limit=latest, ascending=latest is None
        ).records
    except Exception as error:  # noqa: BLE001 - as above
        _LOG.warning("the events of run %s cannot be read: %s", run_id, _reason(error))
        return []
    return [record.event_log_entry for record in found]


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
