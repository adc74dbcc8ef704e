"""The sensor that keeps the stream alive, against real locks and a real instance."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus

from market_assets.code_version import code_version
from market_assets.defs import stream
from market_assets.defs.stream import keep_hyperliquid_stream_alive
from market_assets.settings import Settings, load
from market_assets.sidecar.lease import Lease
from market_assets_tests.health.venue import damage

Answer = dg.RunRequest | dg.SkipReason


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
    lease = Lease(settings.state_dir)
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
    run = dg.DagsterRun(job_name=stream.JOB, run_id=run_id or str(uuid4()), status=status)
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

    class Later:
        def now(self) -> datetime:
            return datetime.now(tz=UTC) + timedelta(minutes=6)

    monkeypatch.setattr(stream, "SystemClock", Later)
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
