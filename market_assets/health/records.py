"""Reading Dagster's records one query at a time, and past records that cannot be read.

A run or an event whose stored text is damaged (a full disk, a kill at the wrong moment, a version
that wrote something else) makes Dagster refuse the whole answer that it would be part of. Here it
costs itself only: it is left out, and named. Not here: what the records mean (`dagster_state.py`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dagster import DagsterEventType, RunsFilter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dagster import AssetKey, AssetRecord, DagsterInstance, EventLogEntry, RunRecord

_LOG = logging.getLogger(__name__)


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


def events(
    instance: DagsterInstance, run_id: str, of_type: set[DagsterEventType]
) -> list[EventLogEntry]:
    """What a run said of itself, oldest first; nothing, with a word in the log, if unreadable."""
    try:
        found = instance.get_records_for_run(run_id, of_type=of_type).records
    except Exception as error:  # noqa: BLE001 - as above
        _LOG.warning("the events of run %s cannot be read: %s", run_id, _reason(error))
        return []
    return [record.event_log_entry for record in found]


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
