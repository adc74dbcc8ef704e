"""A part that is lacking under a fresh channel is seen, with its cause, once it lacks for long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterInstance

from market_assets.operations.alerts.problems import problems
from market_assets.operations.health.left_out import (
    METADATA,
    LeftOut,
    as_metadata,
    from_metadata,
    in_a_line,
)
from market_assets.operations.health.statuses import AssetFacts, channel_row
from market_assets_tests.operations.health.venue import look, now, row_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=10)
FRESH = AssetFacts("a", WINDOW, NOW - timedelta(minutes=1), "run-1")


def lacking(minutes: float, part: str = "dex xyz") -> LeftOut:
    return LeftOut(part, "exchange: POST /info: 502", NOW - timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (replace(FRESH, left_out=(lacking(9),)), "ok"),
        (replace(FRESH, left_out=(lacking(11),)), "stale"),
        (replace(FRESH, left_out=(lacking(1), lacking(11, "spot"))), "stale"),
        (replace(FRESH, left_out=(lacking(11),), in_progress=True), "stale"),
        (replace(FRESH, left_out=(lacking(9),), in_progress=True), "running"),
    ],
)
def test_a_channel_is_stale_once_a_part_lacks_for_longer_than_its_window(
    facts: AssetFacts, status: str
) -> None:
    row = channel_row("venue", "contexts", timedelta(minutes=5), [facts], NOW)
    assert row.status == status
    assert row.last_error is not None, "it is named from the first run on"
    assert "dex xyz since 11-20 11:" in row.last_error
    assert "exchange: POST /info: 502" in row.last_error
    assert not row.is_late, "another run would not bring it either"


def test_the_alert_says_it_in_the_same_words() -> None:
    row = channel_row(
        "venue", "contexts", timedelta(minutes=5), [replace(FRESH, left_out=(lacking(11),))], NOW
    )
    (problem,) = problems([row], deployed_at=NOW - timedelta(days=1), now=NOW)
    assert problem.error == row.last_error
    assert problem.error == "without dex xyz since 11-20 11:49 UTC: exchange: POST /info: 502"


def test_since_when_a_part_lacks_outlives_the_runs_that_lack_it() -> None:
    first = as_metadata({"books": "502", "spot": "502"}, (), NOW - timedelta(minutes=20))
    said = from_metadata(dg.AssetMaterialization("a", metadata={METADATA: first}))
    second = as_metadata({"books": "503", "dex xyz": "429"}, said, NOW)
    found = from_metadata(dg.AssetMaterialization("a", metadata={METADATA: second}))
    assert [(one.part, one.why, (NOW - one.since) / timedelta(minutes=1)) for one in found] == [
        ("books", "503", 20),
        ("dex xyz", "429", 0),
    ]
    assert from_metadata(dg.AssetMaterialization("a")) == ()
    assert from_metadata(dg.AssetMaterialization("a", metadata={METADATA: 3})) == ()


def test_many_parts_are_told_in_one_line_the_longest_lacking_first() -> None:
    line = in_a_line([lacking(n, f"dex {n}") for n in range(1, 6)])
    assert line is not None
    assert line.startswith("without dex 5 since")
    assert line.endswith("; and 2 more")
    assert in_a_line([]) is None


def test_health_reads_the_mark_of_the_latest_materialization(instance: DagsterInstance) -> None:
    mark = as_metadata({"books": "token=hush 502"}, (), now(timedelta(hours=-1)))
    instance.report_runless_asset_event(
        dg.AssetMaterialization("things", metadata={METADATA: mark})
    )
    row = row_of(look(instance), "venue/things")
    assert row.status == "stale"
    assert row.last_error is not None
    assert row.last_error.startswith("without books since")
    assert "hush" not in row.last_error
    instance.report_runless_asset_event(dg.AssetMaterialization("things"))
    assert row_of(look(instance), "venue/things").status == "ok"
