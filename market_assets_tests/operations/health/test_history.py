"""Dagster's own history is pruned, with the files and the rows that runs leave behind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from market_assets.operations.health.history import prune
from market_assets_tests.operations.health.venue import look, now, row_of, run


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


def test_of_failures_that_say_the_same_only_the_newest_are_kept(instance: DagsterInstance) -> None:
    """An outage of a weekend would leave thousands, 0.26 MB each."""
    bad = [run(instance, broken=True).run_id for _ in range(4)]
    pruned = prune(
        instance,
        now=now(),
        minute_jobs=(),
        keep_minute_runs=timedelta(hours=6),
        keep_runs=timedelta(days=3),
        keep_failed_runs=timedelta(days=30),
        jobs=("things_refresh", "another"),
        most_failed_runs=2,
    )
    assert pruned.runs == 2
    assert [instance.get_run_by_id(run_id) is None for run_id in bad] == [True, True, False, False]
    assert not _files(instance, bad[0])
    assert _files(instance, bad[3])


def test_a_clock_that_is_ahead_deletes_no_history(instance: DagsterInstance) -> None:
    """Nearly all of a kind is not deleted at once; in good order it is an hour's."""
    ids = [run(instance, broken=broken).run_id for broken in (False,) * 3 + (True,) * 3]
    for minute_jobs in ((), ("things_refresh",)):
        pruned = prune(
            instance,
            now=now(timedelta(days=40)),
            minute_jobs=minute_jobs,
            keep_minute_runs=timedelta(hours=6),
            keep_runs=timedelta(days=3),
            keep_failed_runs=timedelta(days=30),
            few=3,
        )
        assert (pruned.runs, pruned.refused) == (0, 6 + 3 * len(minute_jobs))
    assert all(instance.get_run_by_id(run_id) is not None for run_id in ids)


@dg.asset
def checked() -> None: ...


@dg.asset_check(asset=checked)
def is_fine() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def _evaluate(instance: DagsterInstance, times: int) -> list[str]:
    """Runs of a job that evaluates a check, with a tag each; their ids."""
    job = dg.define_asset_job("checked_refresh", selection=[checked])
    defined = dg.Definitions(assets=[checked], asset_checks=[is_fine], jobs=[job])
    resolved = defined.resolve_job_def("checked_refresh")
    done = [resolved.execute_in_process(instance=instance, tags={"a": "b"}) for _ in range(times)]
    return [one.run_id for one in done]


def _run_ids(instance: DagsterInstance, query: str, database: str) -> set[str]:
    path = Path(instance.root_directory, "history", database)
    with closing(sqlite3.connect(path)) as connection:
        return {run_id for (run_id,) in connection.execute(query)}


def _tagged(instance: DagsterInstance) -> set[str]:
    return _run_ids(instance, "select run_id from run_tags", "runs.db")


def _evaluated(instance: DagsterInstance) -> set[str]:
    return _run_ids(instance, "select run_id from asset_check_executions", "runs/index.db")


def test_no_rows_stay_of_deleted_runs_but_the_latest_evaluation(instance: DagsterInstance) -> None:
    """Dagster itself leaves tags and evaluations; the latest tells whether a check failed."""
    *old, last_old = _evaluate(instance, 3)
    assert _tagged(instance) == _evaluated(instance) == {*old, last_old}
    assert _prune(instance, timedelta(hours=7), {"checked_refresh"}) == 3
    assert _tagged(instance) == set()
    assert _evaluated(instance) == {last_old}
    (key,) = dg.Definitions(asset_checks=[is_fine]).resolve_asset_graph().asset_check_keys
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])
    assert latest[key].run_id == last_old

    [new] = _evaluate(instance, 1)
    assert _prune(instance, timedelta(0), {"checked_refresh"}) == 0
    assert _evaluated(instance) == {new}, "what was kept as the latest goes with the next one"
    assert _tagged(instance) == {new}


def test_an_evaluation_that_never_ended_does_not_take_the_last_one_s_place(
    instance: DagsterInstance,
) -> None:
    """A run that is going on has planned its checks: what they said last is not deleted for it."""
    [over] = _evaluate(instance, 1)
    path = Path(instance.root_directory, "history", "runs", "index.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "insert into asset_check_executions (asset_key, check_name, run_id, execution_status)"
            " select asset_key, check_name, 'planned', 'PLANNED' from asset_check_executions"
        )
    assert _prune(instance, timedelta(hours=7), {"checked_refresh"}) == 1
    assert _evaluated(instance) == {over, "planned"}


def test_old_changes_of_freshness_go_and_the_latest_stays(instance: DagsterInstance) -> None:
    """They belong to no run; Dagster reads how fresh an asset is from the latest."""
    things, ticks = dg.AssetKey("things"), dg.AssetKey("ticks")
    for key, state in (
        (things, FreshnessState.PASS),
        (things, FreshnessState.WARN),
        (ticks, FreshnessState.FAIL),
    ):
        instance._report_runless_asset_event(
            FreshnessStateChange(
                key=key,
                new_state=state,
                previous_state=FreshnessState.UNKNOWN,
                state_change_timestamp=now().timestamp(),
            )
        )
    changes = "select asset_key from event_logs where dagster_event_type like 'FRESHNESS%'"
    path = Path(instance.root_directory, "history", "runs", "index.db")

    def count() -> int:
        with closing(sqlite3.connect(path)) as connection:
            return len(connection.execute(changes).fetchall())

    _prune(instance, timedelta(days=29), set())
    assert count() == 3
    _prune(instance, timedelta(days=31), set())
    assert count() == 2
    records = instance.get_freshness_state_records([things, ticks])
    states = {key: record.freshness_state for key, record in records.items()}
    assert states == {things: FreshnessState.WARN, ticks: FreshnessState.FAIL}
