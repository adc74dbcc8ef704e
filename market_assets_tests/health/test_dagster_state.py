"""Health read from a real Dagster instance with real runs in it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.events import DagsterEvent, DagsterEventType, EngineEventData
from dagster._core.storage.dagster_run import DagsterRun
from dagster._daemon.types import DaemonHeartbeat

from market_assets.channels import Channel
from market_assets.health import dagster_state
from market_assets.health.dead_runs import close_dead_runs
from market_assets.health.history import prune

NOW = timedelta(0)
CHANNEL = Channel("venue", "things", timedelta(minutes=1), ("things",), "things_refresh")
STREAM = Channel("venue", "ticks", timedelta(minutes=1), ("ticks",), "ticks_stream", "stream")


class VenueDownError(Exception):
    """What an asset raises here."""


class Switch(dg.ConfigurableResource):
    """Makes the asset fail."""

    broken: bool = False


@dg.asset(freshness_policy=dg.FreshnessPolicy.time_window(fail_window=CHANNEL.freshness_window))
def things(switch: Switch) -> dg.MaterializeResult:
    if switch.broken:
        raise VenueDownError("the venue said\n 502")
    return dg.MaterializeResult(metadata={"rows_written": 7})


@dg.asset(freshness_policy=dg.FreshnessPolicy.time_window(fail_window=STREAM.freshness_window))
def ticks() -> None: ...


WINDOWS = dagster_state.freshness_windows([*things.specs, *ticks.specs])


def _defs(*, broken: bool) -> dg.Definitions:
    return dg.Definitions(
        assets=[things, ticks],
        jobs=[dg.define_asset_job("things_refresh", selection=["things"])],
        resources={"switch": Switch(broken=broken)},
        executor=dg.in_process_executor,
    )


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with DagsterInstance.from_config(str(tmp_path)) as found:
        yield found


def _run(instance: DagsterInstance, *, broken: bool = False) -> dg.ExecuteInProcessResult:
    job = _defs(broken=broken).resolve_job_def("things_refresh")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def _row(instance: DagsterInstance, later: timedelta = NOW, **kwargs: object) -> object:
    found = dagster_state.health(
        instance,
        channels=[kwargs.get("channel", CHANNEL)],  # type: ignore[list-item]
        windows=WINDOWS,
        streams_alive=kwargs.get("alive", {}),  # type: ignore[arg-type]
        now=datetime.now(tz=UTC) + later,
    )
    return found.rows[0]


def test_windows_come_from_the_policies_on_the_assets() -> None:
    assert {"things": timedelta(minutes=6), "ticks": timedelta(minutes=6)} == WINDOWS


def test_a_channel_without_a_run_is_missing(instance: DagsterInstance) -> None:
    row = _row(instance)
    assert (row.status, row.age_s, row.rows_written) == ("missing", None, None)


def test_a_materialized_channel_is_ok_and_then_stale(instance: DagsterInstance) -> None:
    assert _run(instance).success
    row = _row(instance)
    assert (row.status, row.rows_written, row.last_error) == ("ok", 7, None)
    assert 0 <= row.age_s < 60
    assert _row(instance, timedelta(minutes=7)).status == "stale"


def test_a_failure_after_the_success_shows_with_its_cause_in_one_line(
    instance: DagsterInstance,
) -> None:
    _run(instance)
    _run(instance, broken=True)
    row = _row(instance)
    assert row.status == "failed"
    assert "VenueDownError: the venue said 502" in row.last_error
    assert "\n" not in row.last_error


def test_a_success_after_the_failure_mends_it(instance: DagsterInstance) -> None:
    _run(instance, broken=True)
    _run(instance)
    assert _row(instance).status == "ok"


def test_a_run_from_the_shell_counts_as_much_as_one_of_the_job(instance: DagsterInstance) -> None:
    """`dagster asset materialize` runs under a job name of Dagster's own."""
    assert dg.materialize([things], instance=instance, resources={"switch": Switch()}).success
    assert _row(instance).status == "ok"
    failed = dg.materialize(
        [things], instance=instance, resources={"switch": Switch(broken=True)}, raise_on_error=False
    )
    assert not failed.success
    assert _row(instance).status == "failed"


def test_a_run_in_progress_shows(instance: DagsterInstance) -> None:
    instance.add_run(_started("things_refresh"))
    assert _row(instance).status == "running"


def test_a_stream_runs_while_its_lock_is_held_whatever_its_run_says(
    instance: DagsterInstance,
) -> None:
    instance.add_run(_started("ticks_stream"))
    dead = _row(instance, channel=STREAM, alive={"ticks_stream": False})
    assert dead.status == "missing"
    alive = _row(instance, channel=STREAM, alive={"ticks_stream": True})
    assert alive.status == "running"


def test_a_dead_daemon_is_a_row_of_its_own(instance: DagsterInstance) -> None:
    def daemon(later: timedelta = NOW) -> object:
        now = datetime.now(tz=UTC) + later
        found = dagster_state.health(
            instance, channels=[], windows=WINDOWS, streams_alive={}, now=now
        )
        return found.rows[-1]

    assert (daemon().source, daemon().channel, daemon().status) == ("dagster", "daemon", "missing")
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "id", []))
    assert daemon().status == "ok"
    late = daemon(timedelta(minutes=6))
    assert late.status == "failed"
    assert "no heartbeat" in late.last_error


def _started(job: str) -> DagsterRun:
    return DagsterRun(job_name=job, run_id=str(uuid4()), status=DagsterRunStatus.STARTED)


def _speak(instance: DagsterInstance, run: DagsterRun, pid: int) -> None:
    """Have the run's worker say something, as each step's start does."""
    event = DagsterEvent(
        event_type_value=DagsterEventType.ENGINE_EVENT.value,
        job_name=run.job_name,
        step_key="step",
        event_specific_data=EngineEventData(),
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


def _later(seconds: float) -> datetime:
    return datetime.now(tz=UTC) + timedelta(seconds=seconds)


def test_a_started_run_whose_process_is_gone_is_closed(instance: DagsterInstance) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, alive = _started("a"), _started("a")
    for run, pid in ((dead, ended.pid), (alive, os.getpid())):
        instance.add_run(run)
        _speak(instance, run, pid)
    assert close_dead_runs(instance, _later(0)) == []  # too young to judge
    assert close_dead_runs(instance, _later(61)) == [dead.run_id]
    assert instance.get_run_by_id(dead.run_id).status == DagsterRunStatus.FAILURE
    assert instance.get_run_by_id(alive.run_id).status == DagsterRunStatus.STARTED
    assert close_dead_runs(instance, _later(61)) == []


def test_a_later_process_with_the_same_number_is_not_the_worker(instance: DagsterInstance) -> None:
    """After a reboot some other program may have the worker's process id."""
    run = _started("a")
    instance.add_run(run)
    event_time = time.time() - 10 * 365 * 86400
    _speak(instance, run, os.getpid())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "market_assets.health.dead_runs._worker_of", lambda *_: (os.getpid(), event_time)
        )
        assert close_dead_runs(instance, _later(61)) == [run.run_id]


def test_a_run_that_never_started_is_closed_after_five_minutes(instance: DagsterInstance) -> None:
    run = DagsterRun(job_name="a", run_id=str(uuid4()), status=DagsterRunStatus.STARTING)
    instance.add_run(run)
    assert close_dead_runs(instance, _later(200)) == []
    assert close_dead_runs(instance, _later(301)) == [run.run_id]
    assert instance.get_run_by_id(run.run_id).status == DagsterRunStatus.FAILURE


def _files(instance: DagsterInstance, run_id: str) -> list[Path]:
    root = Path(instance.root_directory)
    return [*root.glob(f"history/runs/{run_id}*"), *root.glob(f"storage/{run_id}/**/*")]


def _prune(instance: DagsterInstance, age: timedelta, minute_jobs: set[str]) -> int:
    return prune(
        instance,
        now=datetime.now(tz=UTC) + age,
        minute_jobs=minute_jobs,
        keep_minute_runs=timedelta(hours=6),
        keep_runs=timedelta(days=3),
        keep_failed_runs=timedelta(days=30),
    ).runs


def test_pruning_takes_the_files_too_and_leaves_the_materialization(
    instance: DagsterInstance,
) -> None:
    run_id = _run(instance).run_id
    assert _files(instance, run_id)
    assert _prune(instance, timedelta(hours=5), {"things_refresh"}) == 0
    assert _prune(instance, timedelta(hours=7), {"things_refresh"}) == 1
    assert _files(instance, run_id) == []
    assert instance.get_run_by_id(run_id) is None
    assert _row(instance).status == "ok"


def test_runs_of_other_jobs_and_failures_are_kept_longer(instance: DagsterInstance) -> None:
    good, bad = _run(instance).run_id, _run(instance, broken=True).run_id
    assert _prune(instance, timedelta(days=2), set()) == 0
    assert _prune(instance, timedelta(days=4), {"things_refresh"}) == 1
    assert instance.get_run_by_id(good) is None
    assert _prune(instance, timedelta(days=29), {"things_refresh"}) == 0
    assert _prune(instance, timedelta(days=31), set()) == 1
    assert instance.get_run_by_id(bad) is None
