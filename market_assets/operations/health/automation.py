"""Whether what is to happen by itself does: Dagster's daemon, schedules and sensors.

Fresh assets prove nothing about the next hour: with a schedule stopped or the daemon dead they only
are not late yet. Three rows say so at once: `dagster/daemon`, `dagster/schedules` and
`dagster/sensors`; the last two name in `parts` what is wrong with which. How late a tick may be is
the window of its cadence, as for an asset. Not here: what a schedule's job does.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

import dagster as dg

from market_assets.channels import freshness_window
from market_assets.clock import from_s
from market_assets.operations.health.statuses import Row, age_s
from market_assets.project_files import WORKSPACE, told
from market_assets.storage.common.runs import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from dagster import DagsterInstance
    from dagster._core.scheduler.instigation import InstigatorState  # not exported

LOCATION: Final = "market_assets"
"""The code location, as `workspace.yaml` names it."""
HEARTBEAT: Final = timedelta(seconds=30)
"""How often each part of Dagster's daemon says that it is alive; its row is due at that cadence."""
NEEDED: Final[tuple[str, ...]] = (
    "SCHEDULER",
    "SENSOR",
    "QUEUED_RUN_COORDINATOR",
    "MONITORING",
    "FRESHNESS",
)
"""The daemon's threads without which the project stands still, or does not notice that it does.
(Dagster's own list of those that are required costs the import of the whole daemon.)"""
_PARTS_SHOWN: Final = 3
_SHAPES: Final = (
    (re.compile(r"(?:\*|\d+-59/(?P<n>\d+)) \* \* \* \*"), timedelta(minutes=1)),
    (re.compile(r"\d+ \*(?:/(?P<n>\d+))? \* \* \*"), timedelta(hours=1)),
    (re.compile(r"\d+ \d+ \* \* \*(?P<n>)"), timedelta(days=1)),
)
"""Every n minutes of every hour, a minute of every n hours, a minute of the day."""


@dataclass(frozen=True)
class Automation:
    """A schedule or a sensor that is on unless somebody stops it.

    Attributes:
        name: what Dagster calls it.
        kind: which of the two.
        every: how often it ticks; None where that is not known.
        jobs: what it starts.
    """

    name: str
    kind: Literal["schedule", "sensor"]
    every: timedelta | None
    jobs: tuple[str, ...] = ()


def automations(
    schedules: Iterable[dg.ScheduleDefinition], sensors: Iterable[dg.SensorDefinition]
) -> tuple[Automation, ...]:
    """Those that are on by default: a person who stops one of the others means it."""
    return (
        *(
            Automation(s.name, "schedule", cadence_of(s.cron_schedule), (s.job_name,))
            for s in schedules
            if s.default_status == dg.DefaultScheduleStatus.RUNNING
        ),
        *(
            Automation(
                s.name,
                "sensor",
                timedelta(seconds=s.minimum_interval_seconds or HEARTBEAT.total_seconds()),
                tuple(target.job_name for target in s.targets),
            )
            for s in sensors
            if s.default_status == dg.DefaultSensorStatus.RUNNING
        ),
    )


def cadence_of(cron: str | Sequence[str]) -> timedelta | None:
    """How often a cron line is due, if it has one of the shapes that this project uses."""
    for shape, unit in _SHAPES:
        if isinstance(cron, str) and (found := shape.fullmatch(cron)):
            return unit * int(found["n"] or 1)
    return None


def daemon_row(instance: DagsterInstance, now: datetime) -> Row:
    """Dagster's daemon: without it nothing is scheduled and no freshness is evaluated.

    It is several threads, each with a heartbeat of its own: one that hangs while the others beat
    is as bad as none.
    """
    beats = {name: from_s(b.timestamp) for name, b in instance.get_daemon_heartbeats().items()}
    window = freshness_window(HEARTBEAT)
    if not beats:
        return _row("daemon", {}, None, "the daemon has never run here; `make run` starts it", now)
    latest = max(beats.values())
    if now - latest > window:
        dead = {"daemon": "no heartbeat; nothing is scheduled until `make run` is up"}
        return _row("daemon", dead, latest, None, now)
    silent = {
        name: f"not heard for {age_s(beats[name], now):.0f} s"
        for name in NEEDED
        if name in beats and now - beats[name] > window
    }
    return _row("daemon", silent, latest, None, now)


def automation_rows(
    instance: DagsterInstance,
    expected: Sequence[Automation],
    now: datetime,
    *,
    alive: bool,
    runs_at: Mapping[str, datetime],
) -> tuple[Row, Row]:
    """Rows of the schedules and of the sensors.

    Args:
        instance: Dagster's instance.
        expected: what is to be on.
        now: when this is.
        alive: the daemon is: a dead one has a row of its own, and makes all of these late.
        runs_at: by job, its latest run: where that was within a cadence, the schedule ticks, and
            its ticks need not be read (3 ms for each schedule).
    """
    # An instance in memory, which a run by hand may have, schedules nothing.
    known = instance.all_instigator_state() if instance.schedule_storage is not None else ()
    # `dagster sensor start NAME -m …` leaves a state behind that nothing looks at: the location has
    # another name then. That of the workspace comes last, and counts.
    ours_last = sorted(known, key=lambda state: state.selector.location_name == LOCATION)
    states = {(state.instigator_type.value, state.name): state for state in ours_last}
    rows = []
    for kind, type_name in (("schedule", "SCHEDULE"), ("sensor", "SENSOR")):
        parts: dict[str, str] = {}
        ticks: list[datetime] = []
        seen = False
        for automation in expected:
            state = states.get((type_name, automation.name))
            if automation.kind != kind or state is None:
                continue  # without a state: the daemon has not come to it yet
            seen = True
            ran_at = runs_at.get(automation.jobs[0]) if kind == "schedule" else None
            why, ticked_at = _judge(instance, automation, state, now, alive=alive, ran_at=ran_at)
            if why is not None:
                parts[automation.name] = why
            if ticked_at is not None:
                ticks.append(ticked_at)
        unseen = (
            None if seen or not any(one.kind == kind for one in expected) else "none has ticked"
        )
        rows.append(_row(f"{kind}s", parts, max(ticks, default=None), unseen, now))
    return rows[0], rows[1]


def _judge(
    instance: DagsterInstance,
    automation: Automation,
    state: InstigatorState,
    now: datetime,
    *,
    alive: bool,
    ran_at: datetime | None,
) -> tuple[str | None, datetime | None]:
    """What is wrong with a schedule or a sensor, and when it last ticked."""
    data = state.instigator_data
    ticked = getattr(data, "last_tick_timestamp", None)
    failed: str | None = None
    if not state.is_running:
        return f"stopped; `{_start_command(automation)}` starts it", _instant(ticked)
    if ran_at is not None and automation.every is not None and abs(now - ran_at) < automation.every:
        return None, ran_at
    # A sensor's state holds its last tick, and says when it went well; of a schedule, or of a
    # sensor that failed or is being evaluated, only its ticks know.
    if getattr(data, "last_tick_success_timestamp", None) is None:
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=2)
        ticked = max((tick.timestamp for tick in ticks), default=ticked)
        ended = next((tick for tick in ticks if tick.status.value != "STARTED"), None)
        if ended is not None and ended.status.value == "FAILURE":
            failed = without_secrets(ended.error.message if ended.error else "it did not say why")
    ticked_at = _instant(ticked)
    if failed is not None:
        return f"its last tick failed: {failed}", ticked_at
    since = max(filter(None, (ticked_at, _instant(_started(data)))), default=None)
    if not alive or since is None or automation.every is None:
        return None, ticked_at
    if now - since > freshness_window(automation.every):
        return f"has not ticked for {age_s(since, now):.0f} s", ticked_at
    return None, ticked_at


def _started(data: object) -> float | None:
    """When somebody, or the daemon, last switched it on (Unix seconds)."""
    of_sensor = getattr(data, "last_sensor_start_timestamp", None)
    return of_sensor or getattr(data, "start_timestamp", None)


def _start_command(automation: Automation) -> str:
    workspace = shlex.quote(told(WORKSPACE))
    return f"dagster {automation.kind} start {automation.name} -w {workspace}"


def _instant(seconds: float | None) -> datetime | None:
    return from_s(seconds) if seconds else None


def _row(
    channel: str,
    parts: Mapping[str, str],
    last_at: datetime | None,
    missing: str | None,
    now: datetime,
) -> Row:
    """A row of Dagster's; `missing` says that there never was such a thing, and why."""
    told = [f"{name}: {why}" for name, why in list(parts.items())[:_PARTS_SHOWN]]
    if len(parts) > _PARTS_SHOWN:
        told.append(f"and {len(parts) - _PARTS_SHOWN} more")
    return Row(
        source="dagster",
        channel=channel,
        status="missing" if missing else "failed" if parts else "ok",
        expected_cadence_s=HEARTBEAT.total_seconds(),
        stale_after_s=freshness_window(HEARTBEAT).total_seconds(),
        age_s=age_s(last_at, now) if last_at is not None else None,
        rows_written=None,
        last_error=missing or "; ".join(told) or None,
        parts=parts,
    )
