"""A project of two channels, one scheduled and one streamed, and what Dagster may know of it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.events import DagsterEvent, DagsterEventType, EngineEventData
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat
from dagster._utils.error import SerializableErrorInfo

from market_assets.channels import Channel
from market_assets.machine_paths import MachinePaths
from market_assets.operations.health.automation import LOCATION, NEEDED, Automation
from market_assets.operations.health.dagster_state import freshness_windows
from market_assets.operations.health.report import Watched, report
from market_assets.operations.health.statuses import Health, Row
from market_assets.process_identity import WORKER_TAG, ProcessIdentity

CHANNEL = Channel("venue", "things", timedelta(minutes=1), ("things",), "things_refresh")
STREAM = Channel("venue", "ticks", timedelta(minutes=1), ("ticks",), "ticks_stream", "stream")
SCHEDULE = Automation(
    "things_refresh_schedule", "schedule", timedelta(minutes=1), ("things_refresh",)
)
SENSOR = Automation("keep_ticks_alive", "sensor", timedelta(seconds=15), ("ticks_stream",))


class VenueDownError(Exception):
    """What an asset raises here."""


class Switch(dg.ConfigurableResource):
    """Makes the asset fail."""

    broken: bool = False
    said: str = "the venue said\n 502"


@dg.asset(freshness_policy=dg.FreshnessPolicy.time_window(fail_window=CHANNEL.freshness_window))
def things(switch: Switch) -> dg.MaterializeResult:
    if switch.broken:
        raise VenueDownError(switch.said)
    return dg.MaterializeResult(metadata={"rows_written": 7})


@dg.asset(freshness_policy=dg.FreshnessPolicy.time_window(fail_window=STREAM.freshness_window))
def ticks() -> None: ...


WATCHED = Watched(
    [CHANNEL, STREAM],
    freshness_windows([*things.specs, *ticks.specs]),
    automations=(SCHEDULE, SENSOR),
)


def project(*, broken: bool, said: str = "the venue said\n 502") -> dg.Definitions:
    """The definitions; broken ones fail with what the venue said."""
    return dg.Definitions(
        assets=[things, ticks],
        jobs=[dg.define_asset_job("things_refresh", selection=["things"])],
        resources={"switch": Switch(broken=broken, said=said)},
        executor=dg.in_process_executor,
    )


def run(
    instance: DagsterInstance, *, broken: bool = False, said: str = "the venue said\n 502"
) -> dg.ExecuteInProcessResult:
    """One run of the scheduled job."""
    job = project(broken=broken, said=said).resolve_job_def("things_refresh")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def now(later: timedelta = timedelta(0)) -> datetime:
    """The present, or some time after it."""
    return datetime.now(tz=UTC) + later


def look(
    instance: DagsterInstance,
    machine: MachinePaths | None = None,
    *,
    later: timedelta = timedelta(0),
) -> Health:
    """The report, as of now or later."""
    return report(instance, watched=WATCHED, machine=machine, now=now(later))


def row_of(health: Health, label: str) -> Row:
    """One row of it."""
    return next(row for row in health.rows if row.label == label)


def started(job: str, worker: ProcessIdentity | None = None) -> DagsterRun:
    """A run in progress, to be added to an instance; `worker` is the process that it names."""
    return DagsterRun(
        job_name=job,
        run_id=str(uuid4()),
        status=DagsterRunStatus.STARTED,
        tags={WORKER_TAG: str(worker)} if worker is not None else {},
    )


def queued(job: str, tags: Mapping[str, str]) -> DagsterRun:
    """A run that waits for a slot, to be added to an instance."""
    return DagsterRun(
        job_name=job,
        run_id=str(uuid4()),
        status=DagsterRunStatus.QUEUED,
        tags=tags,
        remote_job_origin=RemoteJobOrigin(_repository(LOCATION), job),
    )


def beat(instance: DagsterInstance, *, ago: float = 0.0, threads: tuple[str, ...] = NEEDED) -> None:
    """The daemon's threads say that they are alive."""
    for thread in threads:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - ago, thread, "id", []))


def tick(
    instance: DagsterInstance,
    automation: Automation,
    *,
    ago: float = 0.0,
    stopped: bool = False,
    error: str | None = None,
    location_name: str = LOCATION,
) -> None:
    """Dagster's state of a schedule or a sensor after a tick, as its daemon leaves it."""
    origin = RemoteInstigatorOrigin(_repository(location_name), automation.name)
    at = time.time() - ago
    schedule = automation.kind == "schedule"
    kind = InstigatorType.SCHEDULE if schedule else InstigatorType.SENSOR
    state = InstigatorState(
        origin,
        kind,
        InstigatorStatus.STOPPED if stopped else InstigatorStatus.DECLARED_IN_CODE,
        ScheduleInstigatorData("* * * * *", start_timestamp=at)
        if schedule
        else SensorInstigatorData(
            last_tick_timestamp=at, last_tick_success_timestamp=None if error else at
        ),
    )
    if instance.get_instigator_state(state.instigator_origin_id, state.selector_id):
        instance.update_instigator_state(state)
    else:
        instance.add_instigator_state(state)
    instance.create_tick(
        TickData(
            instigator_origin_id=state.instigator_origin_id,
            instigator_name=automation.name,
            instigator_type=kind,
            status=TickStatus.FAILURE if error else TickStatus.SUCCESS,
            run_ids=[],
            timestamp=at,
            selector_id=state.selector_id,
            error=SerializableErrorInfo(error, [], "ValueError") if error else None,
        )
    )


def _repository(location_name: str) -> RemoteRepositoryOrigin:
    target = LoadableTargetOrigin(module_name="market_assets.definitions")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, location_name)
    return RemoteRepositoryOrigin(location, "__repository__")


def speak(
    instance: DagsterInstance,
    run: DagsterRun,
    pid: int,
    what: DagsterEventType = DagsterEventType.STEP_START,
) -> None:
    """Have the run's worker say something, by default that a step begins."""
    event = DagsterEvent(
        event_type_value=what.value,
        job_name=run.job_name,
        step_key=None if what == DagsterEventType.RUN_START else "step",
        event_specific_data=EngineEventData() if what == DagsterEventType.ENGINE_EVENT else None,
        message="hello",
        pid=pid,
    )
    instance.handle_new_event(
        dg.EventLogEntry(
            error_info=None,
            user_message="",
            level=10,
            run_id=run.run_id,
            timestamp=time.time(),
            step_key="step",
            job_name=run.job_name,
            dagster_event=event,
        )
    )


def damage(instance: DagsterInstance, database: str, statement: str, *values: str) -> None:
    """Write nonsense into one of the instance's SQLite files."""
    path = Path(instance.root_directory) / database
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement, values).rowcount == 1


def account(machine: MachinePaths, **said: object) -> None:
    """What a stream's session says of itself."""
    folder = machine.stream("venue").folder
    folder.mkdir(parents=True, exist_ok=True)
    moment = now().isoformat()
    whole = {
        "phase": "streaming",
        "pid": os.getpid(),
        "since": now(timedelta(hours=-1)).isoformat(),
        "written_at": moment,
        "sockets": 4,
        "lag_s": {"ticks": 2.0},
        "ages_s": {"mids": 1.0},
        "last_error": None,
        **said,
    }
    (folder / "stream.json").write_text(json.dumps(whole), "utf-8")
