"""The daemon, the schedules and the sensors: alive, stopped, late, failing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dagster import DagsterInstance

from market_assets.operations.health.automation import LOCATION, NEEDED, cadence_of
from market_assets_tests.operations.health.venue import SCHEDULE, SENSOR, beat, look, row_of, tick

DAEMON, SCHEDULES, SENSORS = "dagster/daemon", "dagster/schedules", "dagster/sensors"


def test_before_the_first_start_all_three_are_missing(instance: DagsterInstance) -> None:
    health = look(instance)
    assert {row_of(health, name).status for name in (DAEMON, SCHEDULES, SENSORS)} == {"missing"}


def test_all_three_are_ok_where_everything_ticks(instance: DagsterInstance) -> None:
    beat(instance)
    tick(instance, SCHEDULE)
    tick(instance, SENSOR)
    health = look(instance)
    assert {row_of(health, name).status for name in (DAEMON, SCHEDULES, SENSORS)} == {"ok"}


def test_a_daemon_without_heartbeat_has_failed(instance: DagsterInstance) -> None:
    beat(instance)
    late = row_of(look(instance, later=timedelta(minutes=6)), DAEMON)
    assert late.status == "failed"
    assert "no heartbeat" in (late.last_error or "")


def test_one_thread_that_hangs_is_as_bad_as_none(instance: DagsterInstance) -> None:
    beat(instance)
    beat(instance, ago=400, threads=("SCHEDULER",))
    row = row_of(look(instance), DAEMON)
    assert row.status == "failed"
    assert row.last_error == "SCHEDULER: not heard for 400 s"
    beat(instance, ago=4000, threads=("A_DAEMON_OF_A_FORMER_VERSION",))
    assert set(row_of(look(instance), DAEMON).parts) == {"SCHEDULER"} < set(NEEDED)


def test_what_is_stopped_says_how_it_is_started(instance: DagsterInstance) -> None:
    beat(instance)
    tick(instance, SENSOR, stopped=True)
    row = row_of(look(instance), SENSORS)
    assert row.status == "failed"
    assert row.last_error == (
        "keep_ticks_alive: stopped; "
        "`dagster sensor start keep_ticks_alive -w workspace.yaml` starts it"
    )


@pytest.mark.parametrize("other_first", [True, False])
def test_a_state_of_another_location_counts_for_nothing(
    instance: DagsterInstance, *, other_first: bool
) -> None:
    """`dagster sensor stop NAME -m …` stops nothing: the running location has another name."""
    beat(instance)
    for location_name in ("elsewhere", LOCATION) if other_first else (LOCATION, "elsewhere"):
        stopped = location_name == "elsewhere"
        tick(instance, SENSOR, stopped=stopped, location_name=location_name)
    assert row_of(look(instance), SENSORS).status == "ok"


@pytest.mark.parametrize("automation", [SCHEDULE, SENSOR], ids=["schedule", "sensor"])
def test_what_has_not_ticked_for_its_window_has_failed(
    instance: DagsterInstance, automation: object
) -> None:
    assert automation in (SCHEDULE, SENSOR)
    name = SCHEDULES if automation is SCHEDULE else SENSORS
    window = 360 if automation is SCHEDULE else 315
    beat(instance)
    tick(instance, SCHEDULE if automation is SCHEDULE else SENSOR, ago=window - 20)
    assert row_of(look(instance), name).status == "ok"
    late = row_of(look(instance, later=timedelta(seconds=40)), name)
    assert late.status == "failed"
    assert "has not ticked for" in (late.last_error or "")


def test_a_dead_daemon_is_told_once_and_not_by_everything_that_it_starts(
    instance: DagsterInstance,
) -> None:
    beat(instance, ago=3600)
    tick(instance, SCHEDULE, ago=3600)
    tick(instance, SENSOR, ago=3600)
    health = look(instance)
    assert row_of(health, DAEMON).status == "failed"
    assert {row_of(health, name).status for name in (SCHEDULES, SENSORS)} == {"ok"}


@pytest.mark.parametrize("automation", [SCHEDULE, SENSOR], ids=["schedule", "sensor"])
def test_a_tick_that_failed_shows_its_error_until_one_goes_well(
    instance: DagsterInstance, automation: object
) -> None:
    one, name = (SCHEDULE, SCHEDULES) if automation is SCHEDULE else (SENSOR, SENSORS)
    beat(instance)
    tick(instance, one, ago=30, error="ValueError: no\n such job, token=hush")
    row = row_of(look(instance), name)
    assert row.status == "failed"
    assert row.parts[one.name] == "its last tick failed: ValueError: no such job, token=…"
    tick(instance, one)
    assert row_of(look(instance), name).status == "ok"


@pytest.mark.parametrize(
    ("cron", "seconds"),
    [
        ("* * * * *", 60),
        ("3-59/5 * * * *", 300),
        ("41 * * * *", 3600),
        ("17 */6 * * *", 21600),
        ("5 4 * * *", 86400),
        ("5 4 * * 1", None),
        (["* * * * *", "1 * * * *"], None),
    ],
)
def test_the_cadence_of_a_cron_line(cron: str | list[str], seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert cadence_of(cron) == expected
