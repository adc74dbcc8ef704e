"""Slots for runs, given out by Dagster's own queue from the project's `dagster.yaml`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import (
    QueuedRunCoordinatorDaemon,
)

from market_assets.defs.jobs import jobs
from market_assets.defs.stream import hyperliquid_stream, polymarket_stream

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEDULED = dict(jobs[0].tags or {})
STREAMS = [dict(job.tags) for job in (hyperliquid_stream, polymarket_stream)]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    config = yaml.safe_load((ROOT / "dagster.yaml").read_text("utf-8"))
    config.pop("run_launcher")
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    with DagsterInstance.from_config(str(tmp_path)) as found:
        yield found


def queue(instance: DagsterInstance, count: int, tags: dict[str, str]) -> None:
    target = LoadableTargetOrigin(module_name="market_assets.definitions")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, "market_assets")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "a")
    for _ in range(count):
        run = DagsterRun(
            job_name="a",
            run_id=str(uuid4()),
            status=DagsterRunStatus.QUEUED,
            tags=tags,
            remote_job_origin=origin,
        )
        instance.add_run(run)


def start_all_that_may(instance: DagsterInstance) -> list[dict[str, str]]:
    """Start what Dagster takes from the queue, as long as it takes any; their tags."""
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=5)
    started: list[dict[str, str]] = []
    config = instance.get_concurrency_config()
    while runs := daemon._get_runs_to_dequeue(instance, config, None):
        for run in runs:
            instance.run_storage.delete_run(run.run_id)
            instance.add_run(run.with_status(DagsterRunStatus.STARTED))
            started.append(dict(run.tags))
    return started


def test_no_stream_waits_however_many_long_runs_there_are(instance: DagsterInstance) -> None:
    queue(instance, 9, SCHEDULED)
    queue(instance, 9, {"dagster/backfill": "one"})
    queue(instance, 9, {"dagster/partition": "2026-11-20"})
    assert len(start_all_that_may(instance)) == 9
    for stream in STREAMS:
        queue(instance, 3, stream)
    taken = sorted(tags["market_assets/stream"] for tags in start_all_that_may(instance))
    both = "of each the one that is on, and the one that takes over"
    assert taken == ["hyperliquid", "hyperliquid", "polymarket", "polymarket"], both
    queue(instance, 2, {})
    assert len(start_all_that_may(instance)) == 2, "what a person starts does not wait either"


def test_whatever_a_schedule_starts_is_tagged() -> None:
    from market_assets.definitions import defs  # noqa: PLC0415 - loads everything

    repository = defs().get_repository_def()
    scheduled = {schedule.job_name for schedule in repository.schedule_defs}
    assert len(scheduled) > 10
    for name in scheduled:
        assert repository.get_job(name).tags.get("market_assets/slot") == "scheduled", name
