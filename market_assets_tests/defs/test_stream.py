"""The sensor that keeps the stream alive, against real locks and a real instance."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from market_assets.clock import ManualClock
from market_assets.code_version import code_version
from market_assets.defs import stream
from market_assets.defs.stream import keep_hyperliquid_stream_alive
from market_assets.operations.health.dead_runs import DeadRuns
from market_assets.settings import Settings, load
from market_assets.streams.core.lease import Lease, LeaseHeldError
from market_assets_tests.operations.health.venue import beat, damage

Answer = dg.RunRequest | dg.SkipReason

JOB = stream.HYPERLIQUID.job


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"MARKET_DB": str(tmp_path / "market.duckdb")}, root=tmp_path)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with DagsterInstance.from_config(str(tmp_path / "home")) as found:
        yield found


@pytest.fixture
def session(settings: Settings) -> Iterator[Lease]:
    """A session of this process that leads; its run is `leading`."""
    lease = Lease(settings.machine.folder)
    lease.acquire(run_id="leading", started_at="now", code_version=code_version())
    yield lease
    lease.release()


def tick(instance: DagsterInstance, settings: Settings) -> Answer:
    context = dg.build_sensor_context(instance=instance, resources={"settings": settings})
    answer = keep_hyperliquid_stream_alive(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


def add_run(
    instance: DagsterInstance, status: DagsterRunStatus, run_id: str | None = None
) -> dg.DagsterRun:
    run = dg.DagsterRun(job_name=JOB, run_id=run_id or str(uuid4()), status=status)
    instance.add_run(run)
    return run


def test_no_session_means_a_new_one(instance: DagsterInstance, settings: Settings) -> None:
    assert isinstance(tick(instance, settings), dg.RunRequest)


@pytest.mark.usefixtures("session")
def test_a_living_session_is_left_alone(instance: DagsterInstance, settings: Settings) -> None:
    answer = tick(instance, settings)
    assert isinstance(answer, dg.SkipReason)
    assert f"alive: process {os.getpid()}, run leading" in str(answer.skip_message)


def test_a_run_on_its_way_is_waited_for(instance: DagsterInstance, settings: Settings) -> None:
    run = add_run(instance, DagsterRunStatus.STARTING)
    answer = tick(instance, settings)
    assert isinstance(answer, dg.SkipReason)
    assert run.run_id in str(answer.skip_message)


def test_a_run_that_cannot_be_read_is_not_waited_for(
    instance: DagsterInstance, settings: Settings
) -> None:
    """Nobody could ever end it, and the stream would stay off."""
    run = add_run(instance, DagsterRunStatus.STARTED)
    damage(
        instance, "history/runs.db", "update runs set run_body = '{' where run_id = ?", run.run_id
    )
    assert isinstance(tick(instance, settings), dg.RunRequest)


def test_a_run_that_never_came_up_is_closed_and_replaced(
    instance: DagsterInstance, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add_run(instance, DagsterRunStatus.STARTING)
    clock = ManualClock(datetime.now(tz=UTC))
    monkeypatch.setattr(stream, "_DEAD_RUNS", DeadRuns(clock))
    assert isinstance(tick(instance, settings), dg.SkipReason)
    clock.advance(301)
    monkeypatch.setattr(stream, "_LOADED_AT", clock.monotonic() + 1e9)
    assert isinstance(tick(instance, settings), dg.RunRequest)
    closed = instance.get_run_by_id(run.run_id)
    assert closed is not None
    assert closed.status == DagsterRunStatus.FAILURE


def test_a_session_that_wants_to_be_relieved_gets_a_successor_once(
    instance: DagsterInstance, settings: Settings, session: Lease
) -> None:
    add_run(instance, DagsterRunStatus.STARTED, run_id="leading")
    session.begin_handover()
    assert isinstance(tick(instance, settings), dg.RunRequest)
    successor = add_run(instance, DagsterRunStatus.STARTING)
    answer = tick(instance, settings)
    assert isinstance(answer, dg.SkipReason)
    assert successor.run_id in str(answer.skip_message)


def test_new_code_asks_the_session_on_the_old_one_to_be_relieved(
    instance: DagsterInstance,
    settings: Settings,
    session: Lease,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("code_version", "code_version_on_disk"):
        monkeypatch.setattr(stream, name, lambda: "reloaded")
    tick(instance, settings)
    assert session.handover_requested() == "the code has changed"


def test_a_file_that_is_edited_but_not_reloaded_changes_nothing(
    instance: DagsterInstance,
    settings: Settings,
    session: Lease,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else each session would start from the disk, differ from what is loaded, and be relieved."""
    monkeypatch.setattr(stream, "code_version", lambda: "loaded")
    monkeypatch.setattr(stream, "code_version_on_disk", lambda: "being edited")
    tick(instance, settings)
    assert session.handover_requested() is None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """The sensor's clock; its process has been up for a day."""
    clock = ManualClock(datetime.now(tz=UTC), elapsed=86400.0)
    monkeypatch.setattr(stream, "SystemClock", lambda: clock)
    monkeypatch.setattr(stream, "_LOADED_AT", 0.0)
    return clock


def end_run(
    instance: DagsterInstance, *, lived_s: float = 1.0, failed: bool = True
) -> dg.DagsterRun:
    """A session that has just ended; it began so long before."""
    run = add_run(instance, DagsterRunStatus.NOT_STARTED)
    instance.report_dagster_event(
        dg.DagsterEvent("PIPELINE_START", JOB, message="began"),
        run.run_id,
        timestamp=time.time() - lived_s,
    )
    started = instance.get_run_by_id(run.run_id)
    assert started is not None
    if failed:
        instance.report_run_failed(started, message="no such database")
    else:
        instance.report_run_canceled(started, message="Terminate")
    return run


def ended_at(instance: DagsterInstance, run: dg.DagsterRun) -> datetime:
    (record,) = instance.get_run_records(RunsFilter(run_ids=[run.run_id]))
    assert record.end_time is not None
    return datetime.fromtimestamp(record.end_time, tz=UTC)


def waits_s(instance: DagsterInstance, settings: Settings, clock: ManualClock) -> float:
    """After how many seconds the sensor asks for a session."""
    began = clock.monotonic()
    while not isinstance(tick(instance, settings), dg.RunRequest):
        clock.advance(5)
        assert clock.monotonic() - began < 1000
    return clock.monotonic() - began


def test_sessions_that_fail_as_they_begin_come_after_ever_longer_pauses(
    instance: DagsterInstance, settings: Settings, clock: ManualClock
) -> None:
    """15 s, doubling to five minutes; the reason says so."""
    pauses = []
    for _ in range(7):
        clock.instant = ended_at(instance, end_run(instance))
        pauses.append(waits_s(instance, settings, clock))
    assert pauses == [15, 30, 60, 120, 240, 300, 300]
    clock.advance(-300)
    said = tick(instance, settings)
    assert isinstance(said, dg.SkipReason)
    assert "7 sessions in a row failed as they began; the next begins in 300 s" in str(
        said.skip_message
    )


def test_a_session_that_lived_makes_the_next_begin_at_once(
    instance: DagsterInstance, settings: Settings, clock: ManualClock
) -> None:
    """So does one that somebody ended, and a restart of the process that looks."""
    for _ in range(3):
        end_run(instance)
    clock.instant = ended_at(instance, end_run(instance, lived_s=3600))
    assert waits_s(instance, settings, clock) == 0
    end_run(instance)
    end_run(instance, failed=False)
    assert waits_s(instance, settings, clock) == 0


def test_failures_of_before_a_restart_do_not_count(
    instance: DagsterInstance,
    settings: Settings,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(5):
        clock.instant = ended_at(instance, end_run(instance))
    clock.advance(10)
    monkeypatch.setattr(stream, "_LOADED_AT", clock.monotonic() - 5)
    assert isinstance(tick(instance, settings), dg.RunRequest)


def test_a_session_that_finds_another_one_has_nothing_to_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody pressed Launch. The job has not failed: an alert would stand for hours."""

    class Second:
        def run(self, *_: object, **__: object) -> None:
            raise LeaseHeldError("process 1 streams already and holds lock")

    monkeypatch.setattr(
        "market_assets.streams.hyperliquid.assembly.hyperliquid_session", lambda *_, **__: Second()
    )
    resources = {"settings": settings, "store": dg.ResourceDefinition.none_resource()}
    with dg.DagsterInstance.ephemeral() as instance:
        result = stream.hyperliquid_stream.execute_in_process(
            instance=instance, resources=resources
        )
        assert result.success


def test_the_daemons_silence_is_time_that_has_passed_here(instance: DagsterInstance) -> None:
    """After a sleep, or a clock that was set, its last heartbeat only looks old."""
    clock = ManualClock(datetime.now(tz=UTC))
    beat(instance, ago=3600)
    lives = stream.DagsterLives(instance, supervised=True, clock=clock)
    assert lives()
    clock.jump(86400)
    assert lives()
    clock.advance(149)
    assert lives()
    beat(instance, ago=3000)
    clock.advance(149)
    assert lives(), "it has been heard since"
    clock.advance(151)
    assert not lives()
    assert stream.DagsterLives(instance, supervised=False, clock=clock)()


def test_a_session_stays_where_nobody_can_say_whether_the_daemon_lives(
    instance: DagsterInstance,
) -> None:
    clock = ManualClock(datetime.now(tz=UTC))
    lives = stream.DagsterLives(instance, supervised=True, clock=clock)
    clock.advance(1000)
    heartbeats = Path(instance.root_directory) / "history" / "runs.db"
    heartbeats.write_bytes(b"this is no database")
    assert lives()
