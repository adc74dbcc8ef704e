"""What a `run` started is known to the next one until it was seen to be gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from market_assets.cli import remembered
from market_assets.cli.errors import RunError
from market_assets.cli.processes import Group, start
from market_assets.cli.remembered import only_one, process_groups, recall, remember_started
from market_assets.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"MARKET_DB": str(tmp_path / "data" / "market.duckdb")}, root=tmp_path)


def sleeper(folder: Path) -> tuple[subprocess.Popen[str], Group]:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    return start("sleeper", command, env=os.environ, cwd=folder)


def test_a_group_that_does_not_end_is_stopped_by_the_next_run(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as powerless:
        powerless.setattr(remembered, "stop_all", lambda groups, _: groups)
        process = left_behind(settings, tmp_path)
    with only_one(settings):
        assert process.wait(timeout=20) != 0
        assert recall(settings.machine.run) == []


def left_behind(settings: Settings, folder: Path) -> subprocess.Popen[str]:
    """What a `run` could not stop, and the next one could not either."""
    with only_one(settings):
        process, group = sleeper(folder)
        running = process_groups(settings)
        running.__enter__().append(group)
        remember_started(settings, [group])
        with pytest.raises(RunError, match=r"still there .*: process \d+"):
            running.__exit__(None, None, None)
        assert recall(settings.machine.run) == [group]
    with pytest.raises(RunError, match=f"sleeper .* does not end: process {process.pid}"):
        only_one(settings).__enter__()
    return process


def test_nothing_is_remembered_of_what_has_ended(settings: Settings, tmp_path: Path) -> None:
    with only_one(settings), process_groups(settings) as groups:
        process, group = sleeper(tmp_path)
        groups.append(group)
        remember_started(settings, groups)
        process.kill()
    assert recall(settings.machine.run) == []
    process.wait()


def test_a_file_that_cannot_be_read_remembers_nothing(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    assert recall(file) == []
    for said in ("{", "[1]", '[{"name": "x"}]'):
        file.write_text(said)
        assert recall(file) == []
