"""Health read from a real Dagster instance with real runs in it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance

from market_assets.channels import CHANNELS
from market_assets.definitions import defs
from market_assets.machine_paths import MachinePaths
from market_assets.operations.health.report import report, watched
from market_assets.streams.core.lease import Lease
from market_assets_tests.operations.health.venue import (
    SCHEDULE,
    SENSOR,
    WATCHED,
    Switch,
    account,
    beat,
    damage,
    look,
    now,
    row_of,
    run,
    started,
    things,
    tick,
)

THINGS, TICKS = "venue/things", "venue/ticks"


def test_windows_come_from_the_policies_on_the_assets() -> None:
    assert {"things": timedelta(minutes=6), "ticks": timedelta(minutes=6)} == WATCHED.windows


def test_the_project_s_definitions_say_what_is_to_be_alive() -> None:
    """Every channel of theirs has its window, and every schedule a cadence."""
    expected = watched(defs().get_repository_def(), CHANNELS)
    names = {one.name for one in expected.automations}
    assert {"keep_hyperliquid_stream_alive", "hyperliquid_registry_refresh_schedule"} <= names
    assert [one.name for one in expected.automations if one.every is None] == []
    assert expected.windows["hyperliquid_candles"] == timedelta(minutes=6)
    assert "hyperliquid_assets" in expected.parents["hyperliquid_asset_categories"]


def test_a_channel_without_a_run_is_missing(instance: DagsterInstance) -> None:
    row = row_of(look(instance), THINGS)
    assert (row.status, row.age_s, row.rows_written) == ("missing", None, None)


def test_a_materialized_channel_is_ok_and_then_stale(instance: DagsterInstance) -> None:
    assert run(instance).success
    row = row_of(look(instance), THINGS)
    assert (row.status, row.rows_written, row.last_error) == ("ok", 7, None)
    assert row.age_s is not None
    assert 0 <= row.age_s < 60
    assert row_of(look(instance, later=timedelta(minutes=7)), THINGS).status == "stale"


def test_a_failure_after_the_success_shows_with_its_cause_in_one_line(
    instance: DagsterInstance,
) -> None:
    run(instance)
    failed = run(instance, broken=True)
    row = row_of(look(instance), THINGS)
    assert (row.status, row.run_id) == ("failed", failed.run_id)
    assert row.last_error == "VenueDownError: the venue said 502"


def test_an_error_is_shown_without_the_secrets_in_it(instance: DagsterInstance) -> None:
    run(instance, broken=True, said="GET https://u:pw@v.example/x?apikey=hush: token=hush")
    said = row_of(look(instance), THINGS).last_error
    assert said == "VenueDownError: GET https://v.example/x token=…"


def test_a_success_after_the_failure_mends_it(instance: DagsterInstance) -> None:
    run(instance, broken=True)
    run(instance)
    assert row_of(look(instance), THINGS).status == "ok"


def test_a_run_from_the_shell_counts_as_much_as_one_of_the_job(instance: DagsterInstance) -> None:
    """`dagster asset materialize` runs under a job name of Dagster's own."""
    assert dg.materialize([things], instance=instance, resources={"switch": Switch()}).success
    assert row_of(look(instance), THINGS).status == "ok"
    failed = dg.materialize(
        [things], instance=instance, resources={"switch": Switch(broken=True)}, raise_on_error=False
    )
    assert not failed.success
    assert row_of(look(instance), THINGS).status == "failed"


def test_a_run_in_progress_shows_until_it_has_taken_too_long(instance: DagsterInstance) -> None:
    """A first run that hangs is not on its way for ever."""
    instance.add_run(started("things_refresh"))
    assert row_of(look(instance), THINGS).status == "running"
    assert row_of(look(instance, later=timedelta(minutes=7)), THINGS).status == "missing"


def test_the_failure_before_the_run_in_progress_is_not_forgotten(
    instance: DagsterInstance,
) -> None:
    """Late, and trying again after a failure: that is failed, not merely stale."""
    run(instance)
    run(instance, broken=True)
    instance.create_run_for_job(
        _job("things_refresh"), status=dg.DagsterRunStatus.STARTED, asset_selection=None
    )
    row = row_of(look(instance, later=timedelta(minutes=7)), THINGS)
    assert row.status == "failed"


def test_a_stream_runs_while_its_lock_is_held_whatever_its_run_says(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    instance.add_run(started("ticks_stream"))
    machine = MachinePaths(tmp_path / "live")
    assert row_of(look(instance, machine), TICKS).status == "missing"
    lease = Lease(machine.stream("venue").folder)
    lease.acquire(run_id="r", started_at=now().isoformat(), code_version="1")
    try:
        assert row_of(look(instance, machine), TICKS).status == "running"
    finally:
        lease.release()


def test_the_channel_of_a_stopped_schedule_names_it_while_it_is_still_ok(
    instance: DagsterInstance,
) -> None:
    run(instance)
    beat(instance)
    tick(instance, SCHEDULE, stopped=True)
    health = look(instance)
    row = row_of(health, THINGS)
    assert row.status == "ok"
    assert row.last_error is not None
    assert row.last_error.startswith("things_refresh_schedule: stopped; `dagster schedule start")
    assert row.cause == "dagster/schedules#things_refresh_schedule"
    assert row_of(health, "dagster/schedules").status == "failed"
    assert not health.ok


def test_the_schedule_explains_a_channel_though_a_sensor_starts_only_that_job_too(
    instance: DagsterInstance,
) -> None:
    """Where one source of one job is on, that is all that the sensor which catches up starts."""
    catching_up = dataclasses.replace(SENSOR, name="catch_up", jobs=("things_refresh",))
    expected = dataclasses.replace(WATCHED, automations=(SCHEDULE, catching_up))
    run(instance)
    beat(instance)
    tick(instance, SCHEDULE, stopped=True)
    tick(instance, catching_up)
    health = report(instance, watched=expected, machine=None, now=now())
    assert row_of(health, THINGS).cause == "dagster/schedules#things_refresh_schedule"


def test_a_stopped_sensor_explains_its_stream_and_the_stream_its_channels(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    beat(instance)
    account(MachinePaths(tmp_path), written_at=now(timedelta(minutes=-9)).isoformat())
    health = look(instance, MachinePaths(tmp_path))
    assert row_of(health, "venue/stream").status == "failed"
    assert row_of(health, TICKS).cause == "venue/stream"
    tick(instance, SENSOR, stopped=True)
    health = look(instance, MachinePaths(tmp_path))
    assert row_of(health, "venue/stream").cause == "dagster/sensors#keep_ticks_alive"
    assert row_of(health, TICKS).cause == "dagster/sensors#keep_ticks_alive"


def test_a_dead_daemon_explains_what_is_late(instance: DagsterInstance) -> None:
    run(instance)
    beat(instance, ago=600)
    assert row_of(look(instance), THINGS).cause is None
    late = look(instance, later=timedelta(minutes=7))
    assert row_of(late, THINGS).cause == "dagster/daemon"


def test_a_channel_that_has_nothing_to_start_from_says_what_it_waits_for(
    instance: DagsterInstance,
) -> None:
    from market_assets_tests.operations.health.venue import CHANNEL, STREAM  # noqa: PLC0415 - only here

    parents = {"ticks": frozenset({"things"})}
    expected = dataclasses.replace(WATCHED, channels=[CHANNEL, STREAM], parents=parents)
    first = report(instance, watched=expected, machine=None, now=now())
    assert row_of(first, TICKS).waits_for == THINGS
    run(instance)
    second = report(instance, watched=expected, machine=None, now=now())
    assert row_of(second, TICKS).waits_for is None


def test_a_damaged_run_costs_its_own_channel_only(instance: DagsterInstance) -> None:
    """Nobody can say how that run went, and what nobody can say is not ok."""
    run(instance)
    damaged = run(instance, broken=True).run_id
    beat(instance)
    damage(instance, "history/runs.db", "update runs set run_body = '{' where run_id = ?", damaged)
    health = look(instance)
    row = row_of(health, THINGS)
    assert row.status == "failed"
    assert row.last_error is not None
    assert f"run {damaged} cannot be read" in row.last_error
    assert row_of(health, "dagster/daemon").status == "ok"
    run(instance)
    assert row_of(look(instance), THINGS).status == "ok", "a later run makes up for it"


def test_a_damaged_run_in_progress_does_not_hide_the_others(instance: DagsterInstance) -> None:
    odd = started("something_else")
    instance.add_run(odd)
    instance.add_run(started("things_refresh"))
    damage(
        instance, "history/runs.db", "update runs set run_body = '' where run_id = ?", odd.run_id
    )
    assert row_of(look(instance), THINGS).status == "running"


def test_a_damaged_materialization_costs_its_own_channel_only(instance: DagsterInstance) -> None:
    run(instance)
    damage(
        instance,
        "history/runs/index.db",
        "update asset_keys set last_materialization = ? where asset_key = ?",
        "{",
        '["things"]',
    )
    health = look(instance)
    row = row_of(health, THINGS)
    assert row.status == "failed"
    assert row.last_error is not None
    assert "Dagster's record of the asset cannot be read" in row.last_error
    assert row_of(health, TICKS).status == "missing"


def test_a_clock_that_jumps_makes_no_age_negative_and_nothing_fresh(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    """What a clock that was ahead has dated is no proof of the present."""
    run(instance)
    beat(instance)
    tick(instance, SCHEDULE)
    tick(instance, SENSOR)
    account(MachinePaths(tmp_path))
    for minutes in (-600_000, -1440, -8, -5, 0, 5, 8, 1440, 600_000):
        health = look(instance, MachinePaths(tmp_path), later=timedelta(minutes=minutes))
        assert all(row.age_s is None or row.age_s >= 0 for row in health.rows)
        assert row_of(health, THINGS).is_good is (abs(minutes) < 6)


def _job(name: str) -> dg.JobDefinition:
    from market_assets_tests.operations.health.venue import project  # noqa: PLC0415 - only here

    return project(broken=False).resolve_job_def(name)
