"""The one function that says how the system is: `report`.

The command line (`status`, `check`), the read API, the alerts and the metrics all call it, so that
no two of them can disagree. A row per channel, then `dagster/daemon`, `dagster/schedules`,
`dagster/sensors`, a row per stream (`hyperliquid/stream`), `storage/published` and `storage/spool`.
The facts come from `dagster_state.py`, `automation.py`, `streams.py` and `storage.py`, the rules
from `statuses.py`; here is what only the whole shows: which row explains which. Not here: what is
done about it (`alerts/`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from market_assets.operations.health.automation import (
    Automation,
    automation_rows,
    automations,
    daemon_row,
)
from market_assets.operations.health.dagster_state import DagsterState, freshness_windows
from market_assets.operations.health.statuses import Health, Row, channel_row
from market_assets.operations.health.storage import Storage, storage_rows
from market_assets.operations.health.streams import NO_STREAM, read_stream, stream_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from dagster import DagsterInstance, RepositoryDefinition

    from market_assets.channels import Channel
    from market_assets.machine_paths import MachinePaths
    from market_assets.switches import Off


@dataclass(frozen=True)
class Watched:
    """What is expected to be alive, as the definitions state it; worked out once per process.

    Attributes:
        channels: what is reported on: those of the sources that are on.
        windows: how old each asset may be, by its key, from its freshness policy.
        automations: schedules and sensors that are on by default.
        parents: assets that an asset is made from.
        off: the sources of which nothing is expected.
    """

    channels: Sequence[Channel]
    windows: Mapping[str, timedelta] = field(default_factory=dict)
    automations: Sequence[Automation] = ()
    parents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    off: tuple[Off, ...] = ()


def watched(
    repository: RepositoryDefinition, channels: Sequence[Channel], off: tuple[Off, ...] = ()
) -> Watched:
    """What these definitions promise.

    Args:
        repository: `defs().get_repository_def()`.
        channels: what is reported on, `Settings.sources.channels`.
        off: what is not, `Settings.sources.off`.
    """
    graph = repository.asset_graph
    specs = [spec for assets in graph.assets_defs for spec in assets.specs]
    return Watched(
        channels=channels,
        windows=freshness_windows(specs),
        automations=automations(repository.schedule_defs, repository.sensor_defs),
        parents={
            spec.key.to_user_string(): frozenset(
                parent.to_user_string() for parent in graph.get(spec.key).parent_keys
            )
            for spec in specs
        },
        off=off,
    )


def report(
    instance: DagsterInstance,
    *,
    watched: Watched,
    machine: MachinePaths | None,
    now: datetime,
    storage: Storage | None = None,
) -> Health:
    """How everything is: channels, streams, Dagster's daemon, schedules and sensors.

    A damaged record in Dagster's history makes the rows that need it `failed`, with the reason, and
    no others.

    Args:
        instance: Dagster's instance.
        watched: what is expected, `watched()` of the definitions.
        machine: where a stream's locks and its account of itself are; None where no channel is a
            stream.
        now: ages count up to this instant.
        storage: the store whose published file and spool are looked at; None: neither.
    """
    state = DagsterState(instance, watched.channels, watched.windows, now)
    daemon = daemon_row(instance, now)
    schedules, sensors = automation_rows(
        instance, watched.automations, now, alive=daemon.status == "ok", runs_at=state.runs_at()
    )
    found = {
        channel.source: NO_STREAM if machine is None else read_stream(machine, channel.source)
        for channel in watched.channels
        if channel.mode == "stream"
    }
    streams = {
        channel.job: stream_row(channel.source, channel.job, found[channel.source], now)
        for channel in watched.channels
        if channel.mode == "stream"
    }
    broken = {
        name: (f"{row.label}#{name}", f"{name}: {why}")
        for row in (schedules, sensors)
        for name, why in row.parts.items()
    }
    # Of two the first counts: the schedule, not the sensor that catches up with a single job.
    in_turn = reversed(watched.automations)
    starters = {one.jobs[0]: one.name for one in in_turn if len(one.jobs) == 1}
    reasons = {job: broken[name] for job, name in starters.items() if name in broken}
    told = [_explained(row, daemon, reasons) for row in streams.values()]
    reasons |= {
        job: (row.label, row.last_error or row.status)
        for job, row in streams.items()
        if row.status == "failed" and job not in reasons
    }
    rows = []
    for channel in watched.channels:
        alive = found[channel.source].is_alive if channel.mode == "stream" else None
        facts = state.facts(channel, stream_lives=alive)
        row = channel_row(
            channel.source, channel.name, channel.cadence, facts, now, job=channel.job
        )
        waits_for = _waits_for(channel, row, watched, state)
        rows.append(replace(_explained(row, daemon, reasons), waits_for=waits_for))
    stored = storage_rows(storage, now) if storage is not None else ()
    return Health(now, (*rows, daemon, schedules, sensors, *told, *stored), off=watched.off)


def _explained(row: Row, daemon: Row, reasons: Mapping[str, tuple[str, str]]) -> Row:
    """The row with what keeps its next attempt from coming, where that is known.

    The channel of a stopped schedule names it at once, while it is still ok.

    Args:
        row: of a channel or a stream.
        daemon: the daemon's row.
        reasons: by job, the row that explains it, and the reason in a line.
    """
    if not daemon.is_good and not row.is_good:
        return replace(row, cause=daemon.label)
    if row.job not in reasons:
        return row
    cause, why = reasons[row.job]
    return replace(row, cause=cause, last_error=row.last_error or why)


def _waits_for(channel: Channel, row: Row, watched: Watched, state: DagsterState) -> str | None:
    """The channel that a missing one is made from and that is not there yet either."""
    if row.status != "missing":
        return None
    parents = {p for asset in channel.assets for p in watched.parents.get(asset, ())}
    for other in watched.channels:
        if other is not channel and any(
            asset in parents and not state.is_materialized(asset) for asset in other.assets
        ):
            return other.label
    return None
