"""Runs whose process is gone are closed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.storage.dagster_run import DagsterRun

from market_assets.health.dead_runs import close_cut_off_runs, close_dead_runs
from market_assets_tests.health.venue import damage, now, speak, started


def test_a_started_run_whose_process_is_gone_is_closed(instance: DagsterInstance) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, alive = started("a"), started("a")
    for run, pid in ((dead, ended.pid), (alive, os.getpid())):
        instance.add_run(run)
        speak(instance, run, pid)
    assert close_dead_runs(instance, now()) == []  # too young to judge
    assert close_dead_runs(instance, now(timedelta(seconds=61))) == [dead.run_id]
    assert instance.get_run_by_id(dead.run_id).status == DagsterRunStatus.FAILURE
    assert instance.get_run_by_id(alive.run_id).status == DagsterRunStatus.STARTED
    assert close_dead_runs(instance, now(timedelta(seconds=61))) == []


def test_a_later_process_with_the_same_number_is_not_the_worker(instance: DagsterInstance) -> None:
    """After a reboot some other program may have the worker's process id."""
    run = started("a")
    instance.add_run(run)
    event_time = time.time() - 10 * 365 * 86400
    speak(instance, run, os.getpid())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "market_assets.health.dead_runs._worker_of", lambda *_: (os.getpid(), event_time)
        )
        assert close_dead_runs(instance, now(timedelta(seconds=61))) == [run.run_id]


def test_a_run_that_never_started_is_closed_after_five_minutes(instance: DagsterInstance) -> None:
    run = DagsterRun(job_name="a", run_id=str(uuid4()), status=DagsterRunStatus.STARTING)
    instance.add_run(run)
    assert close_dead_runs(instance, now(timedelta(seconds=200))) == []
    assert close_dead_runs(instance, now(timedelta(seconds=301))) == [run.run_id]
    assert instance.get_run_by_id(run.run_id).status == DagsterRunStatus.FAILURE


def test_what_was_cut_off_is_canceled_before_anything_is_up(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not failed: its channel is judged by its age. What lives or is by hand is left."""
    of_the_daemon = {"remote_job_origin": object()}
    begun, alive, by_hand = started("a"), started("a"), started("a")
    starting = DagsterRun(job_name="a", run_id=str(uuid4()), status=DagsterRunStatus.STARTING)
    for run in (begun, alive, by_hand, starting):
        instance.add_run(run)
    speak(instance, alive, os.getpid())
    launched = {begun.run_id, alive.run_id, starting.run_id}
    monkeypatch.setattr(
        DagsterRun,
        "remote_job_origin",
        property(lambda run: of_the_daemon if run.run_id in launched else None),
    )
    assert set(close_cut_off_runs(instance)) == {begun.run_id, starting.run_id}
    found = {run.run_id: run.status for run in instance.get_runs()}
    assert found[begun.run_id] == found[starting.run_id] == DagsterRunStatus.CANCELED
    assert found[alive.run_id] == found[by_hand.run_id] == DagsterRunStatus.STARTED


def test_a_run_that_cannot_be_read_does_not_keep_the_others_open(
    instance: DagsterInstance,
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, damaged = started("a"), started("a")
    for run in (dead, damaged):
        instance.add_run(run)
        speak(instance, run, ended.pid)
    damage(
        instance,
        "history/runs.db",
        "update runs set run_body = '{' where run_id = ?",
        damaged.run_id,
    )
    assert close_dead_runs(instance, now(timedelta(seconds=61))) == [dead.run_id]


def test_a_run_whose_events_cannot_be_read_does_not_keep_the_others_open(
    instance: DagsterInstance,
) -> None:
    """Nobody knows its process; the run beside it is closed all the same."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    damaged, dead = started("a"), started("a")
    for run in (damaged, dead):
        instance.add_run(run)
        speak(instance, run, ended.pid)
    damage(instance, f"history/runs/{damaged.run_id}.db", "update event_logs set event = '{'")
    assert close_dead_runs(instance, now(timedelta(seconds=61))) == [dead.run_id]
