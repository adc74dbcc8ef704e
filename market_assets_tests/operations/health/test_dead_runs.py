"""Runs whose process is gone are closed, others are not, whatever clocks say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import dagster as dg
import pytest
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus
from dagster._core.storage.dagster_run import DagsterRun

from market_assets.clock import ManualClock
from market_assets.operations.health.dead_runs import (
    DeadRuns,
    cancel_unwanted_runs,
    close_cut_off_runs,
)
from market_assets.process_identity import ProcessIdentity
from market_assets.switches import Switches
from market_assets_tests.operations.health.venue import damage, queued, speak, started

RUN_START = DagsterEventType.RUN_START


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 20, 12, tzinfo=UTC))


@pytest.fixture
def dead_runs(clock: ManualClock) -> DeadRuns:
    return DeadRuns(clock)


@pytest.fixture
def ended() -> int:
    """The number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def worker() -> Iterator[int]:
    """The number of a living process with the command line of a run's."""
    command = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", command, "dagster"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate()


@pytest.fixture
def stranger() -> Iterator[int]:
    """The number of a living process that is none of this project's."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")  # it has taken the place of the interpreter when it answers
        process.stdin.flush()
        process.stdout.readline()
        yield process.pid
        process.communicate()


def added(instance: DagsterInstance, run: DagsterRun) -> DagsterRun:
    instance.add_run(run)
    return run


def status(instance: DagsterInstance, run: DagsterRun) -> DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


@pytest.mark.parametrize("last_word", [RUN_START, DagsterEventType.STEP_START])
def test_a_run_whose_process_is_gone_is_closed_at_whichever_point_it_died(
    instance: DagsterInstance,
    dead_runs: DeadRuns,
    ended: int,
    worker: int,
    last_word: DagsterEventType,
) -> None:
    """Killed before its first step, or in it."""
    dead, alive = added(instance, started("a")), added(instance, started("a"))
    speak(instance, dead, ended, last_word)
    speak(instance, alive, worker, last_word)
    assert dead_runs.close(instance) == [dead.run_id]
    assert status(instance, dead) == DagsterRunStatus.FAILURE
    assert status(instance, alive) == DagsterRunStatus.STARTED
    assert dead_runs.close(instance) == []


def test_a_run_that_logged_much_before_it_died_is_closed(
    instance: DagsterInstance, dead_runs: DeadRuns, ended: int
) -> None:
    """A backfill logs four lines a minute; its step began days ago."""
    run = added(instance, started("a"))
    speak(instance, run, ended)
    for line in range(60):
        instance.handle_new_event(
            dg.EventLogEntry(
                error_info=None,
                user_message=f"page {line}",
                level=20,
                run_id=run.run_id,
                timestamp=1.0e9 + line,
                step_key="step",
                job_name="a",
                dagster_event=None,
            )
        )
    assert dead_runs.close(instance) == [run.run_id]


def test_a_clock_that_was_set_closes_no_living_run(
    instance: DagsterInstance,
    dead_runs: DeadRuns,
    clock: ManualClock,
    worker: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system's own idea of when a process started moves with the wall clock."""
    by_name = added(instance, started("a", ProcessIdentity.of()))
    by_number = added(instance, started("a"))
    speak(instance, by_number, worker)
    clock.jump(86400)
    monkeypatch.setattr("psutil.Process.create_time", lambda _: 4e9)
    assert dead_runs.close(instance) == []
    assert status(instance, by_name) == status(instance, by_number) == DagsterRunStatus.STARTED


def test_a_later_process_with_the_same_number_is_not_the_worker(
    instance: DagsterInstance, dead_runs: DeadRuns, stranger: int
) -> None:
    """Nor is one of another boot."""
    me = ProcessIdentity.of()
    assert me is not None
    earlier = added(instance, started("a", replace(me, started=me.started - 1)))
    rebooted = added(instance, started("a", replace(me, boot="another")))
    unnamed = added(instance, started("a"))
    speak(instance, unnamed, stranger)
    closed = dead_runs.close(instance)
    assert set(closed) == {earlier.run_id, rebooted.run_id, unnamed.run_id}


def test_a_run_that_ends_while_it_is_looked_for_stays_as_it_ended(
    instance: DagsterInstance, dead_runs: DeadRuns, ended: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = added(instance, started("a"))
    speak(instance, run, ended)

    def and_then_it_ended(_worker: object) -> bool:
        instance.report_run_canceled(run, message="by hand")
        return False

    monkeypatch.setattr("market_assets.operations.health.dead_runs._is_alive", and_then_it_ended)
    assert dead_runs.close(instance) == []
    assert status(instance, run) == DagsterRunStatus.CANCELED


def test_a_run_that_never_started_is_closed_after_five_minutes(
    instance: DagsterInstance, dead_runs: DeadRuns, clock: ManualClock
) -> None:
    """Of time that has passed; the wall clock may say what it likes."""
    run = DagsterRun(job_name="a", run_id=str(uuid4()), status=DagsterRunStatus.STARTING)
    instance.add_run(run)
    assert dead_runs.close(instance) == []
    clock.jump(86400)
    assert dead_runs.close(instance) == []
    clock.advance(301)
    assert dead_runs.close(instance, job="other") == []
    assert dead_runs.close(instance) == [run.run_id]
    assert status(instance, run) == DagsterRunStatus.FAILURE


def test_what_was_cut_off_is_canceled_before_anything_is_up(
    instance: DagsterInstance, ended: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not failed: its channel is judged by its age. What lives is left, by hand or not."""
    begun, alive = started("a"), started("a", ProcessIdentity.of())
    starting = DagsterRun(job_name="a", run_id=str(uuid4()), status=DagsterRunStatus.STARTING)
    by_hand, by_hand_dead, by_hand_unknown = (
        started("a", ProcessIdentity.of()),
        started("a"),
        started("a"),
    )
    for run in (begun, alive, starting, by_hand, by_hand_dead, by_hand_unknown):
        instance.add_run(run)
    speak(instance, by_hand_dead, ended, RUN_START)
    launched = {begun.run_id, alive.run_id, starting.run_id}
    monkeypatch.setattr(
        DagsterRun,
        "remote_job_origin",
        property(lambda run: object() if run.run_id in launched else None),
    )
    closed = {begun.run_id, starting.run_id, by_hand_dead.run_id}
    assert set(close_cut_off_runs(instance)) == closed
    for run in (begun, starting, by_hand_dead):
        assert status(instance, run) == DagsterRunStatus.CANCELED
    for run in (alive, by_hand, by_hand_unknown):
        assert status(instance, run) == DagsterRunStatus.STARTED


def test_what_waits_of_a_source_that_was_turned_off_is_canceled(
    instance: DagsterInstance,
) -> None:
    """A stream above all: once begun it would go on. What somebody asked for by hand is left."""
    by_sensor, by_schedule = {"dagster/sensor_name": "any"}, {"dagster/schedule_name": "any"}
    stream = added(instance, queued("hyperliquid_stream", by_sensor))
    ticked = added(instance, queued("polymarket_tags_refresh", by_schedule))
    left = (
        added(instance, queued("hyperliquid_stream", {})),
        added(instance, queued("defillama_capital_refresh", by_schedule)),
        added(instance, queued("run_history_prune", by_schedule)),
    )
    switches = Switches(frozenset({"defillama"}))
    canceled = {stream.run_id, ticked.run_id}
    assert set(cancel_unwanted_runs(instance, switches.has)) == canceled
    assert {status(instance, run) for run in (stream, ticked)} == {DagsterRunStatus.CANCELED}
    assert {status(instance, run) for run in left} == {DagsterRunStatus.QUEUED}


@pytest.mark.parametrize("what", ["run", "events"])
def test_what_cannot_be_read_does_not_keep_the_others_open(
    instance: DagsterInstance, dead_runs: DeadRuns, ended: int, what: str
) -> None:
    damaged, dead = added(instance, started("a")), added(instance, started("a"))
    for run in (damaged, dead):
        speak(instance, run, ended)
    if what == "run":
        statement = "update runs set run_body = '{' where run_id = ?"
        damage(instance, "history/runs.db", statement, damaged.run_id)
    else:
        damage(instance, f"history/runs/{damaged.run_id}.db", "update event_logs set event = '{'")
    assert dead_runs.close(instance) == [dead.run_id]


def test_a_run_from_a_shell_names_its_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    """So that a later process of its number is not taken for it."""
    from market_assets_tests.defs.running import project  # noqa: PLC0415 - only here

    made = project(monkeypatch, tmp_path, {})  # type: ignore[arg-type]
    with made.instance:
        result = made.materialize("hyperliquid_maintenance")
        (run,) = made.instance.get_runs()
        assert run.run_id == result.run_id
        assert ProcessIdentity.parse(run.tags["market_assets/worker"]) == ProcessIdentity.of()
