"""A Dagster instance on disk, for the tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance's databases, made once: making them takes a quarter of a second."""
    home = tmp_path_factory.mktemp("empty") / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs(limit=1)
        instance.all_asset_keys()
        instance.all_instigator_state()
    return home


@pytest.fixture
def instance(tmp_path: Path, empty_home: Path) -> Iterator[DagsterInstance]:
    """Real SQLite storage in a folder of its own."""
    home = tmp_path / "dagster"
    shutil.copytree(empty_home, home)
    with DagsterInstance.from_config(str(home)) as found:
        yield found
