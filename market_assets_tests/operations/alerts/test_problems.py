"""What is wrong, in the words of an alert."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from market_assets.operations.alerts.problems import Problem, problems
from market_assets.operations.health.open_failures import FailedCheck, FailedJob
from market_assets.operations.health.statuses import Status
from market_assets_tests.operations.alerts.examples import NOW, row

OLD = NOW - timedelta(days=3)
RUNBOOK = Path(__file__).resolve().parents[3] / "docs" / "runbook.md"


def _of(*rows: object, **more: object) -> list[Problem]:
    return problems(rows, **{"deployed_at": OLD, "now": NOW, **more})  # type: ignore[arg-type]  # rows


@pytest.mark.parametrize(
    ("label", "status", "severity", "title"),
    [
        ("venue/things", "stale", "warning", "venue/things is stale"),
        ("venue/things", "failed", "error", "venue/things has failed"),
        ("venue/things", "missing", "error", "venue/things has never brought anything"),
        ("venue/stream", "failed", "error", "venue/stream is down"),
        ("dagster/daemon", "failed", "error", "dagster/daemon has failed"),
        ("storage/database", "failed", "critical", "the database cannot be reached"),
    ],
)
def test_severity_and_title(label: str, status: str, severity: str, title: str) -> None:
    (problem,) = _of(row(label, status, last_error="why", run_id="r"))
    assert (problem.severity, problem.title, problem.status) == (severity, title, status)
    assert (problem.error, problem.run_id, problem.key) == ("why", "r", label)


def test_what_is_well_is_no_problem() -> None:
    assert _of(row("venue/things"), row("venue/more", "running")) == []


@pytest.mark.parametrize(
    ("minutes", "is_set_up"), [(0, True), (59, True), (60, False), (-5, False)]
)
def test_missing_within_an_hour_of_a_fresh_deployment_is_about_the_set_up(
    minutes: int, *, is_set_up: bool
) -> None:
    deployed_at = NOW - timedelta(minutes=minutes)
    (problem,) = _of(row("venue/things", "missing"), deployed_at=deployed_at)
    assert problem.severity == "error"
    assert problem.title.startswith("set-up: ") is is_set_up


def test_a_channel_that_waits_for_one_that_is_on_its_way_is_no_problem() -> None:
    waiting = row("venue/features", "missing", waits_for="venue/things")
    assert _of(row("venue/things", "running"), waiting) == []
    missing, features = _of(row("venue/things", "missing"), waiting)
    assert features.cause == missing.key


def test_each_stopped_schedule_is_a_problem_of_its_own() -> None:
    parts = {"a_schedule": "stopped", "b_schedule": "its last tick failed: no"}
    one, other = _of(row("dagster/schedules", "failed", parts=parts))
    assert (one.key, one.title) == ("dagster/schedules#a_schedule", "a_schedule does not tick")
    assert (other.error, other.severity) == ("its last tick failed: no", "error")


def test_channels_of_one_job_in_the_same_state_are_told_under_the_first() -> None:
    first, second, third = _of(
        row("venue/a", "failed", job="j"),
        row("venue/b", "failed", job="j"),
        row("venue/c", "stale", job="j"),
    )
    assert (first.cause, second.cause, third.cause) == (None, "venue/a", None)


def test_checks_alert_by_their_severity() -> None:
    error = FailedCheck("venue", "things", "keys_are_unique", True, "3 rows break it", "r")
    warn = FailedCheck("venue", "things", "no_gap", False, "1 rows break it", "r")
    one, other = _of(checks=[error, warn])
    assert (one.severity, other.severity) == ("error", "warning")
    assert one.title == "things breaks the rule keys_are_unique"
    assert (one.source, one.channel, one.error) == ("venue", "things", "3 rows break it")


def test_a_failed_run_that_a_channel_tells_of_is_told_there() -> None:
    job = FailedJob("venue", "things_refresh", "r", "VenueDown: 502")
    (alone,) = _of(jobs=[job])
    assert (alone.cause, alone.source, alone.error) == (None, "venue", "VenueDown: 502")
    channel, same = _of(row("venue/things", "failed", run_id="r"), jobs=[job])
    assert same.cause == channel.key


@pytest.mark.parametrize(
    ("label", "status", "severity", "title"),
    [
        ("storage/published", "stale", "warning", "the published file is behind"),
        ("storage/published", "failed", "error", "the published file is behind"),
        ("storage/spool", "failed", "error", "received rows are in no table"),
    ],
)
def test_what_does_not_reach_readers_is_a_problem(
    label: str, status: Status, severity: str, title: str
) -> None:
    (problem,) = _of(row(label, status))
    assert (problem.key, problem.severity, problem.title) == (label, severity, title)
    assert problem.runbook == title.replace(" ", "-")


def test_every_alert_has_its_heading_in_the_runbook() -> None:
    every = _of(
        *(row("venue/things", status) for status in ("stale", "failed", "missing")),
        row("venue/stream", "failed"),
        row("dagster/daemon", "failed"),
        row("dagster/sensors", "failed", parts={"s": "stopped"}),
        row("dagster/sensors", "missing"),
        row("storage/database", "failed"),
        row("storage/published", "stale"),
        row("storage/spool", "failed"),
        checks=[FailedCheck("venue", "things", "x", True, "", "r")],
        jobs=[FailedJob("venue", "j", "r2", "no")],
    )
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text("utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", text.lower()).replace(" ", "-") for text in headings}
    assert {problem.runbook for problem in every} <= anchors
