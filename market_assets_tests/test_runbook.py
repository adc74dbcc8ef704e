"""Every command of the runbook works; those of `market-assets` run in `test_docs.py`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from dagster import DagsterInstance
from dagster._cli import create_dagster_cli

from market_assets.cli.instance import open_instance
from market_assets.clock import SystemClock
from market_assets.definitions import defs
from market_assets.operations.health.report import Watched, report, watched
from market_assets.settings import ROOT, Settings, load
from market_assets_tests.operations.health.venue import tick
from market_assets_tests.simulated import simulated

RUNBOOK = ROOT / "docs" / "runbook.md"
COMMANDS = {
    line.strip()
    for block in re.findall(r"```sh\n(.*?)```", RUNBOOK.read_text("utf-8"), re.DOTALL)
    for line in block.splitlines()
    if line.strip()
}
MATERIALIZE = "asset materialize -m market_assets.definitions --select hyperliquid_assets"
LIST = "run list --limit 5"
SCHEDULE = "schedule start hyperliquid_registry_refresh_schedule -w workspace.yaml"
SENSOR = "sensor start keep_hyperliquid_stream_alive -w workspace.yaml"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A project in a folder of its own, with the environment of somebody who types."""
    with simulated(main=3, builder=1, spot=1) as venue:
        env = {
            **venue.environment,
            "MARKET_DB": str(tmp_path / "market.duckdb"),
            "DAGSTER_HOME": str(tmp_path / "dagster"),
            "NO_PROXY": "127.0.0.1",
        }
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(ROOT)
        yield load()


def _type(command: str) -> str:
    done = CliRunner().invoke(create_dagster_cli(), shlex.split(command))
    assert done.exit_code == 0, done.output
    return done.output


def test_every_command_is_run_by_a_test() -> None:
    ours = {f".venv/bin/dagster {one}" for one in (MATERIALIZE, LIST, SCHEDULE, SENSOR)}
    others = {command for command in COMMANDS if command.startswith(".venv/bin/market-assets ")}
    assert ours | others == COMMANDS


@pytest.mark.filterwarnings("ignore:.*is superseded")
def test_an_asset_is_brought_by_hand_and_its_run_is_listed(settings: Settings) -> None:
    with open_instance(settings):
        _type(MATERIALIZE)
        assert "Job: __ASSET_JOB" in _type(LIST)


def test_what_is_stopped_is_named_with_the_command_that_starts_it(settings: Settings) -> None:
    """The reason in the health report is the runbook's command, and the command mends it."""
    expected = watched(defs().get_repository_def(), settings.sources.channels)
    commands = {
        "hyperliquid_registry_refresh_schedule": SCHEDULE,
        "keep_hyperliquid_stream_alive": SENSOR,
    }
    with open_instance(settings) as instance:
        for automation in expected.automations:
            if automation.name in commands:
                tick(instance, automation, stopped=True)
        assert _stopped(instance, expected) == {
            name: f"stopped; `dagster {command}` starts it" for name, command in commands.items()
        }
        for command in commands.values():
            assert "Started" in _type(command)
        assert _stopped(instance, expected) == {}


def _stopped(instance: DagsterInstance, expected: Watched) -> dict[str, str]:
    health = report(instance, watched=expected, machine=None, now=SystemClock().now())
    rows = {row.label: row for row in health.rows}
    return {**rows["dagster/schedules"].parts, **rows["dagster/sensors"].parts}
