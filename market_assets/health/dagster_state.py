"""Health from Dagster's own state: materializations, runs and heartbeats, read from the instance.

The one place that gathers the facts for `statuses.py`. Dagster's stored freshness states freeze
when its daemon dies, so the window is taken from the policy on the asset and the age from the
event log; the daemon itself is a row of its own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus, RunsFilter

from market_assets.channels import Channel, freshness_window
from market_assets.clock import from_s
from market_assets.health.statuses import AssetFacts, Attempt, Health, Row, channel_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from dagster import AssetRecord, DagsterInstance, RunRecord

ACTIVE: Final = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
)
_FINISHED: Final = (
    DagsterRunStatus.SUCCESS,
    DagsterRunStatus.FAILURE,
    DagsterRunStatus.CANCELED,
)
HEARTBEAT: Final = timedelta(seconds=30)
"""How often Dagster's daemon says that it is alive; its row is due at that cadence."""


def freshness_windows(specs: Iterable[dg.AssetSpec]) -> dict[str, timedelta]:
    """How old each asset may be, by its key, as its freshness policy says."""
    windows = {}
    for spec in specs:
        # Dagster does not export the class that `FreshnessPolicy.time_window` gives back.
        window = getattr(spec.freshness_policy, "fail_window", None)
        if window is not None:
            windows[spec.key.to_user_string()] = window.to_timedelta()
    return windows


def health(
    instance: DagsterInstance,
    *,
    channels: Sequence[Channel],
    windows: Mapping[str, timedelta],
    streams_alive: Mapping[str, bool],
    now: datetime,
) -> Health:
    """The status of every channel, and of Dagster's daemon.

    Args:
        instance: Dagster's instance.
        channels: what to report on.
        windows: `freshness_windows` of the definitions.
        streams_alive: by job name, whether a stream's lock is held.
        now: ages count up to this instant.

    Raises:
        KeyError: an asset of a channel has no freshness policy.
    """
    keys = [dg.AssetKey(asset) for channel in channels for asset in channel.assets]
    records = {r.asset_entry.asset_key: r for r in instance.get_asset_records(keys)}
    rows = [
        channel_row(
            channel.source,
            channel.name,
            channel.cadence,
            _facts(instance, channel, windows, streams_alive, records),
            now,
        )
        for channel in channels
    ]
    return Health(at=now, rows=(*rows, _daemon_row(instance, now)))


def _facts(
    instance: DagsterInstance,
    channel: Channel,
    windows: Mapping[str, timedelta],
    streams_alive: Mapping[str, bool],
    records: Mapping[dg.AssetKey, AssetRecord],
) -> list[AssetFacts]:
    job_runs = instance.get_run_records(RunsFilter(job_name=channel.job), limit=2)
    facts = []
    for asset in channel.assets:
        entry = records[dg.AssetKey(asset)].asset_entry if dg.AssetKey(asset) in records else None
        event = entry.last_materialization if entry is not None else None
        materialization = event.asset_materialization if event is not None else None
        runs = list(job_runs)
        if entry is not None:
            # Runs started from the UI or the shell are not runs of the channel's job.
            others = {entry.last_run_id, entry.last_planned_materialization_run_id} - {None}
            others -= {record.dagster_run.run_id for record in job_runs}
            if others:
                runs += instance.get_run_records(RunsFilter(run_ids=[str(o) for o in others]))
        alive = streams_alive.get(channel.job) if channel.mode == "stream" else None
        facts.append(
            AssetFacts(
                asset=asset,
                window=windows[asset],
                materialized_at=from_s(event.timestamp) if event is not None else None,
                materialized_by=event.run_id if event is not None else None,
                rows_written=_rows_written(materialization),
                in_progress=_any_active(runs) if alive is None else alive,
                is_stream=channel.mode == "stream",
                last_attempt=_last_attempt(instance, runs),
            )
        )
    return facts


def _any_active(runs: Sequence[RunRecord]) -> bool:
    return any(record.dagster_run.status in ACTIVE for record in runs)


def _last_attempt(instance: DagsterInstance, runs: Sequence[RunRecord]) -> Attempt | None:
    finished = [
        record
        for record in runs
        if record.dagster_run.status in _FINISHED and record.end_time is not None
    ]
    if not finished:
        return None
    last = max(finished, key=lambda record: record.end_time or 0.0)
    failed = last.dagster_run.status == DagsterRunStatus.FAILURE
    return Attempt(
        run_id=last.dagster_run.run_id,
        ended_at=from_s(last.end_time or 0.0),
        failed=failed,
        error=_error_of(instance, last.dagster_run.run_id) if failed else None,
    )


def _error_of(instance: DagsterInstance, run_id: str) -> str:
    """One line that says why the run failed: the innermost cause, else what Dagster says."""
    events = instance.get_records_for_run(
        run_id, of_type={DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
    ).records
    said = "failed without saying why"
    for record in events:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        if event.is_step_failure and event.step_failure_data.error is not None:
            error = event.step_failure_data.error
            while error.cause is not None:
                error = error.cause
            return _one_line(error.message)
        said = event.message or said
    return _one_line(said)


def _one_line(text: str, most: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _rows_written(materialization: dg.AssetMaterialization | None) -> int | None:
    value = materialization.metadata.get("rows_written") if materialization is not None else None
    return value.value if isinstance(value, dg.IntMetadataValue) else None


def _daemon_row(instance: DagsterInstance, now: datetime) -> Row:
    """Dagster's daemon: without it nothing is scheduled and no freshness is evaluated."""
    beats = instance.get_daemon_heartbeats()
    window = freshness_window(HEARTBEAT)
    if not beats:
        return Row(
            source="dagster",
            channel="daemon",
            status="missing",
            expected_cadence_s=HEARTBEAT.total_seconds(),
            stale_after_s=window.total_seconds(),
            age_s=None,
            rows_written=None,
            last_error="the daemon has never run here; `make run` starts it",
        )
    latest = from_s(max(beat.timestamp for beat in beats.values()))
    dead = now - latest > window
    return Row(
        source="dagster",
        channel="daemon",
        status="failed" if dead else "ok",
        expected_cadence_s=HEARTBEAT.total_seconds(),
        stale_after_s=window.total_seconds(),
        age_s=round((now - latest).total_seconds(), 1),
        rows_written=None,
        last_error="no heartbeat; nothing is scheduled until `make run` is up" if dead else None,
    )
