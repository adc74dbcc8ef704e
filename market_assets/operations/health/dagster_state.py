"""The channels' facts from Dagster's own state: materializations, runs in progress, failures.

Dagster's stored freshness states freeze when its daemon dies, so the window is taken from the
policy on the asset and the age from the event log. Three queries answer for all channels; a fourth
kind, one per failed run, asks for its error. Not here: the daemon, schedules and sensors
(`automation.py`), streams (`streams.py`), the verdict (`statuses.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from market_assets.clock import from_s
from market_assets.operations.health import records
from market_assets.operations.health.failures import error_of
from market_assets.operations.health.left_out import from_metadata
from market_assets.operations.health.statuses import AssetFacts, Attempt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from dagster import AssetRecord, DagsterInstance, RunRecord

    from market_assets.channels import Channel


def freshness_windows(specs: Iterable[dg.AssetSpec]) -> dict[str, timedelta]:
    """How old each asset may be, by its key, as its freshness policy says."""
    windows = {}
    for spec in specs:
        # Dagster does not export the class that `FreshnessPolicy.time_window` gives back.
        window = getattr(spec.freshness_policy, "fail_window", None)
        if window is not None:
            windows[spec.key.to_user_string()] = window.to_timedelta()
    return windows


class DagsterState:
    """What Dagster knows of the channels at one instant, read once."""

    def __init__(
        self,
        instance: DagsterInstance,
        channels: Sequence[Channel],
        windows: Mapping[str, timedelta],
        now: datetime,
    ) -> None:
        """Ask Dagster.

        Args:
            instance: Dagster's instance.
            channels: what will be asked for.
            windows: `freshness_windows` of the definitions; an asset that these do not have is
                judged by its channel.
            now: when this is.
        """
        self._instance = instance
        self._windows = windows
        self._now = now
        keys = [dg.AssetKey(asset) for channel in channels for asset in channel.assets]
        self._assets = records.assets(instance, keys)
        self._active = records.active(instance)
        wanted = {run_id for record in self._assets.records.values() for run_id in _runs_of(record)}
        latest = records.runs(instance, RunsFilter(run_ids=sorted(wanted))) if wanted else None
        self._runs = {r.dagster_run.run_id: r for r in (latest.records if latest else ())}
        self._unreadable = dict(latest.unreadable) if latest else {}
        self._of_job: dict[str, RunRecord | None] = {}
        self._errors: dict[str, str] = {}

    def facts(self, channel: Channel, *, stream_lives: bool | None) -> list[AssetFacts]:
        """What is known of each asset of a channel.

        Args:
            channel: which.
            stream_lives: whether a session holds the stream's lock, which is the truth about it
                (a run's status outlives a power cut); None for a channel that is no stream.
        """
        return [
            self._asset_facts(channel, asset, stream_lives=stream_lives) for asset in channel.assets
        ]

    def runs_at(self) -> dict[str, datetime]:
        """By job, when the latest known run of it was made."""
        found: dict[str, datetime] = {}
        for run in (*self._active, *self._runs.values()):
            job = run.dagster_run.job_name
            found[job] = max(run.create_timestamp, found.get(job, run.create_timestamp))
        return found

    def is_materialized(self, asset: str) -> bool:
        """Whether the asset has ever been materialized."""
        record = self._assets.records.get(dg.AssetKey(asset))
        return record is not None and record.asset_entry.last_materialization is not None

    def _asset_facts(
        self, channel: Channel, asset: str, *, stream_lives: bool | None
    ) -> AssetFacts:
        key = dg.AssetKey(asset)
        record = self._assets.records.get(key)
        event = record.asset_entry.last_materialization if record is not None else None
        going = [run for run in self._active if _is_for(run, channel, key)]
        return AssetFacts(
            asset=asset,
            window=self._windows.get(asset, channel.freshness_window),
            materialized_at=from_s(event.timestamp) if event is not None else None,
            materialized_by=event.run_id if event is not None else None,
            rows_written=_rows_written(event.asset_materialization if event is not None else None),
            in_progress=bool(going) if stream_lives is None else stream_lives,
            in_progress_since=min((run.create_timestamp for run in going), default=None),
            is_stream=channel.mode == "stream",
            left_out=from_metadata(event.asset_materialization if event is not None else None),
            last_attempt=self._last_attempt(channel, key, record, stream=stream_lives is not None),
        )

    def _last_attempt(
        self, channel: Channel, key: dg.AssetKey, record: AssetRecord | None, *, stream: bool
    ) -> Attempt | None:
        """The latest finished run for an asset.

        Dagster names the latest run that planned the asset. Where that one is still going, and for
        a stream, whose op plans nothing, the latest finished run of the channel's job counts too.
        """
        if key in self._assets.unreadable:
            return self._unreadable_attempt("", self._assets.unreadable[key])
        named = _runs_of(record) if record is not None else set()
        materialized_by = _materialized_by(record)
        for run_id in named & self._unreadable.keys():
            if run_id != materialized_by:
                return self._unreadable_attempt(run_id, self._unreadable[run_id])
        runs = [self._runs[run_id] for run_id in named if run_id in self._runs]
        if stream or any(run.dagster_run.status in records.ACTIVE for run in runs):
            of_job = self._last_of_job(channel.job)
            runs += [of_job] if of_job is not None else []
        ended = [
            r for r in runs if r.dagster_run.status in records.FINISHED and r.end_time is not None
        ]
        if not ended:
            return None
        last = max(ended, key=lambda run: run.end_time or 0.0)
        failed = last.dagster_run.status == DagsterRunStatus.FAILURE
        return Attempt(
            run_id=last.dagster_run.run_id,
            ended_at=from_s(last.end_time or 0.0),
            failed=failed,
            error=self._error_of(last.dagster_run.run_id) if failed else None,
        )

    def _unreadable_attempt(self, run_id: str, reason: str) -> Attempt:
        """Nobody can say how it went, and what nobody can say is not ok."""
        what = f"run {run_id}" if run_id else "Dagster's record of the asset"
        return Attempt(run_id, self._now, failed=True, error=f"{what} cannot be read: {reason}")

    def _last_of_job(self, job: str) -> RunRecord | None:
        if job not in self._of_job:
            wanted = RunsFilter(job_name=job, statuses=list(records.FINISHED))
            found = records.runs(self._instance, wanted, limit=1).records
            self._of_job[job] = found[0] if found else None
        return self._of_job[job]

    def _error_of(self, run_id: str) -> str:
        if run_id not in self._errors:
            self._errors[run_id] = error_of(self._instance, run_id).line
        return self._errors[run_id]


def _is_for(run: RunRecord, channel: Channel, key: dg.AssetKey) -> bool:
    """Whether a run is to bring the asset: it is of the channel's job, or names the asset."""
    selection = run.dagster_run.asset_selection
    return run.dagster_run.job_name == channel.job or (selection is not None and key in selection)


def _runs_of(record: AssetRecord) -> set[str]:
    """The latest runs that planned the asset, by Dagster's index of assets."""
    entry = record.asset_entry
    named = {entry.last_run_id, entry.last_planned_materialization_run_id}
    return {run_id for run_id in named if run_id}


def _materialized_by(record: AssetRecord | None) -> str | None:
    event = record.asset_entry.last_materialization if record is not None else None
    return event.run_id if event is not None else None


def _rows_written(materialization: dg.AssetMaterialization | None) -> int | None:
    value = materialization.metadata.get("rows_written") if materialization is not None else None
    return value.value if isinstance(value, dg.IntMetadataValue) else None
