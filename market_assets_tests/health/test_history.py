"""Dagster's own history is pruned, files included."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from dagster import DagsterInstance

from market_assets.health.history import prune
from market_assets_tests.health.venue import look, now, row_of, run


def _files(instance: DagsterInstance, run_id: str) -> list[Path]:
    root = Path(instance.root_directory)
    return [*root.glob(f"history/runs/{run_id}*"), *root.glob(f"storage/{run_id}/**/*")]


def _prune(instance: DagsterInstance, age: timedelta, minute_jobs: set[str]) -> int:
    return prune(
        instance,
        now=now(age),
        minute_jobs=minute_jobs,
        keep_minute_runs=timedelta(hours=6),
        keep_runs=timedelta(days=3),
        keep_failed_runs=timedelta(days=30),
    ).runs


def test_pruning_takes_the_files_too_and_leaves_the_materialization(
    instance: DagsterInstance,
) -> None:
    run_id = run(instance).run_id
    assert _files(instance, run_id)
    assert _prune(instance, timedelta(hours=5), {"things_refresh"}) == 0
    assert _prune(instance, timedelta(hours=7), {"things_refresh"}) == 1
    assert _files(instance, run_id) == []
    assert instance.get_run_by_id(run_id) is None
    assert row_of(look(instance), "venue/things").status == "ok"


def test_runs_of_other_jobs_and_failures_are_kept_longer(instance: DagsterInstance) -> None:
    good, bad = run(instance).run_id, run(instance, broken=True).run_id
    assert _prune(instance, timedelta(days=2), set()) == 0
    assert _prune(instance, timedelta(days=4), {"things_refresh"}) == 1
    assert instance.get_run_by_id(good) is None
    assert _prune(instance, timedelta(days=29), {"things_refresh"}) == 0
    assert _prune(instance, timedelta(days=31), set()) == 1
    assert instance.get_run_by_id(bad) is None
