"""Failures that stand: asset checks that did not pass, and jobs whose latest run failed.

A channel's own failure is in the health report; this is what the report has no row for. Not here:
why a run failed (`failures.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from dagster import AssetCheckSeverity, AssetKey, DagsterRunStatus, RunsFilter

from market_assets.channels import BACKFILLS
from market_assets.operations.health import records
from market_assets.operations.health.failures import error_of
from market_assets.storage.common.runs import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dagster import AssetCheckKey, DagsterInstance

    from market_assets.channels import Channel

LOOK_BACK: Final = timedelta(days=1)
"""A job that has not run again for so long since it failed is one that a person ran once."""
_MOST: Final = 200
_BACKFILLS: Final = {AssetKey(backfill.asset): backfill for backfill in BACKFILLS}


@dataclass(frozen=True)
class FailedCheck:
    """An asset check whose latest evaluation did not pass.

    Attributes:
        is_error: its severity is ERROR; else WARN.
        said: what it found, on one line.
    """

    source: str
    asset: str
    name: str
    is_error: bool
    said: str
    run_id: str


@dataclass(frozen=True)
class FailedJob:
    """A job whose latest run failed, or a backfill.

    Attributes:
        source: the venue that it asks; `dagster` where it asks none.
        job: its name; of a backfill, the asset's.
        error: why, on one line without secrets.
    """

    source: str
    job: str
    run_id: str
    error: str


def failed_checks(
    instance: DagsterInstance, keys: Iterable[AssetCheckKey], channels: Sequence[Channel]
) -> list[FailedCheck]:
    """Checks that did not pass when they were last evaluated."""
    sources = {asset: channel.source for channel in channels for asset in channel.assets}
    latest = records.checks(instance, list(keys))
    found = []
    for key, record in latest.items():
        event = record.event.dagster_event if record.event is not None else None
        if event is None or event.event_type_value != "ASSET_CHECK_EVALUATION":
            continue
        evaluation = event.asset_check_evaluation_data
        if evaluation.passed:
            continue
        asset = key.asset_key.to_user_string()
        broken = evaluation.metadata.get("rows_that_break_it")
        if broken is not None:
            said = f"{broken.value} rows break it"
        else:
            said = without_secrets(evaluation.description or "it did not pass")
        found.append(
            FailedCheck(
                source=sources.get(asset, "dagster"),
                asset=asset,
                name=key.name,
                is_error=evaluation.severity == AssetCheckSeverity.ERROR,
                said=said,
                run_id=record.run_id,
            )
        )
    return found


def failed_jobs(
    instance: DagsterInstance, channels: Sequence[Channel], now: datetime
) -> list[FailedJob]:
    """Jobs of the project, and its backfills, whose latest run failed within the last day.

    A job whose next run is on its way has not failed for good. Of the runs that somebody started
    for single assets only backfills count: the channels of other assets say how these are.
    """
    wanted = RunsFilter(statuses=[DagsterRunStatus.FAILURE], updated_after=now - LOOK_BACK)
    latest: dict[str, str] = {}
    latest_of_asset: dict[AssetKey, str] = {}
    for record in records.runs(instance, wanted, limit=_MOST).records:
        run = record.dagster_run
        latest.setdefault(run.job_name, run.run_id)
        for key in (run.asset_selection or frozenset()) & _BACKFILLS.keys():
            latest_of_asset.setdefault(key, run.run_id)
    sources = {channel.job: channel.source for channel in channels}
    found = []
    for job, run_id in latest.items():
        if job.startswith("__"):
            continue
        newest = instance.get_run_ids(RunsFilter(job_name=job), limit=1)
        if list(newest) == [run_id]:
            error = error_of(instance, run_id).line
            found.append(FailedJob(sources.get(job, "dagster"), job, run_id, error))
    for key, record in records.assets(instance, list(latest_of_asset)).records.items():
        run_id = latest_of_asset[key]
        if record.asset_entry.last_run_id == run_id:
            backfill = _BACKFILLS[key]
            error = error_of(instance, run_id).line
            found.append(FailedJob(backfill.source, backfill.asset, run_id, error))
    return found
