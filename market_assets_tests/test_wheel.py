"""What others install is whole: it works in an empty folder, where nothing of the checkout is."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import duckdb
import pytest
from dagster import DagsterInstance, DagsterRunStatus

from market_assets_tests import wheel
from market_assets_tests.simulated import simulated
from market_assets_tests.wheel import ROOT

DEPLOYED = ("dagster.yaml", "workspace.yaml", "docs/runbook.md")
"""What a checkout has outside the package."""
ASK = """
import json
from pathlib import Path
import market_assets
from market_assets import project_files, settings
from market_assets.operations.alerts import message
from market_assets.definitions import defs
from market_assets.operations.health import automation

repository = defs().get_repository_def()
schedule = automation.Automation(name="some_schedule", kind="schedule", every=None, jobs=())
print(json.dumps({
    "package": str(Path(market_assets.__file__).parent),
    "root": str(settings.ROOT),
    "told": [project_files.told(name) for name in %r],
    "hint": automation._start_command(schedule),
    "assets": len(repository.asset_graph.materializable_asset_keys),
}))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def package(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.install(built, tmp_path_factory.mktemp("installed"))


def _typed(*arguments: str, folder: Path, env: dict[str, str]) -> str:
    """What the interpreter prints for these arguments, in the folder."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    files = {
        str(path.relative_to(ROOT))
        for package in ("market_assets", "market_simulator")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    deployed = {f"market_assets/deployment/{name}" for name in DEPLOYED}
    with zipfile.ZipFile(built) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert held == files | deployed
        for name in DEPLOYED:
            text = archive.read(f"market_assets/deployment/{name}")
            assert text == (ROOT / name).read_bytes(), name


def test_the_wheel_says_what_it_is(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        names = {Path(name).name: name for name in archive.namelist() if ".dist-info/" in name}
        said = HeaderParser().parsestr(archive.read(names["METADATA"]).decode())
        commands = archive.read(names["entry_points.txt"]).decode()
        assert "LICENSE" in names
    assert said["Requires-Python"] == ">=3.11"
    assert said["License-Expression"] == "Apache-2.0"
    assert set(said.get_all("Provides-Extra", [])) == {"dev", "dg"}
    assert "market-assets = market_assets.cli.main:main" in commands
    served = {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)}
    systems = {"Operating System :: MacOS", "Operating System :: POSIX :: Linux"}
    assert served | systems <= set(said.get_all("Classifier", []))


def test_what_it_needs_is_found_where_it_is_installed(package: Path, tmp_path: Path) -> None:
    """Without `pyproject.toml`; what people are told to open or to type is there."""
    ask = tmp_path / "ask.py"
    ask.write_text(ASK % (DEPLOYED,))
    folder = tmp_path / "empty"
    folder.mkdir()
    said = json.loads(_typed(str(ask), folder=folder, env=wheel.environment(package)))
    assert said["package"] == str(package / "market_assets")
    assert said["root"] == str(folder)
    for name, told in zip(DEPLOYED, said["told"], strict=True):
        assert Path(told).read_bytes() == (ROOT / name).read_bytes()
    assert Path(said["hint"].partition(" -w ")[2]).is_file()
    assert said["assets"] > 20
    assert list(folder.iterdir()) == []


def test_an_asset_is_brought_by_either_command_of_dagster(package: Path, tmp_path: Path) -> None:
    """`dagster asset materialize` and its successor, into the instance that `setup` has made."""
    folder, home = tmp_path / "empty", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    defined = ("-m", "market_assets.definitions")
    with simulated(main=3, builder=1, spot=1) as venue:
        # Without DAGSTER_HOME, which both read from the `.env` that `setup` writes.
        env = wheel.environment(package, **venue.environment, HOME=str(home))
        _typed("-m", "market_assets.cli.main", "setup", folder=folder, env=env)
        instance = folder / "data" / "dagster"
        assert (instance / "dagster.yaml").resolve().is_relative_to(package)
        command = ("-m", "dagster", "asset", "materialize", "--select", "hyperliquid_assets")
        _typed(*command, *defined, folder=folder, env=env)
        # `dg` asks DAGSTER_HOME in the shell whether it may report its use: the instance says no.
        env["DAGSTER_HOME"] = str(instance)
        command = ("-m", "dagster_dg_cli.cli", "launch", "--assets", "hyperliquid_asset_categories")
        _typed(*command, *defined, folder=folder, env=env)
    with DagsterInstance.from_config(str(instance)) as opened:
        statuses = [run.status for run in opened.get_runs()]
    assert statuses == [DagsterRunStatus.SUCCESS] * 2
    with duckdb.connect(str(folder / "data" / "market.duckdb"), read_only=True) as connection:
        for table in ("hyperliquid_assets", "hyperliquid_asset_categories"):
            assert connection.table(table).fetchone() is not None
    assert sorted(path.name for path in folder.iterdir()) == [".env", "data"]
    assert list(home.iterdir()) == []
