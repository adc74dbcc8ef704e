"""What a run wrote and could not publish: by hand the run fails, under the daemon it does not."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from dagster._cli import create_dagster_cli

from market_assets.cli.instance import open_instance
from market_assets.definitions import defs
from market_assets.defs import publishing, resources
from market_assets.operations.health.failures import failed_run
from market_assets.settings import ROOT, load
from market_assets.storage.files import copying
from market_assets.storage.files.publications import recall
from market_assets_tests.defs.running import Project, errors, metadata, project
from market_assets_tests.simulated import simulated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NO_ROOM = ("sh", "-c", 'echo "cp: error writing: No space left on device" >&2; exit 1')


@pytest.fixture(name="bench")
def make_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project whose disk has no room for a second copy of the database."""
    monkeypatch.setattr(copying, "_CLONE", NO_ROOM)
    monkeypatch.setattr(copying, "_COPY", NO_ROOM)
    with simulated(main=3, builder=1, spot=1) as venue:
        found = project(monkeypatch, tmp_path, dict(venue.environment))
        with found.instance:
            yield found


def test_every_asset_that_writes_publishes_what_it_wrote() -> None:
    """A step that is given the store is decorated."""
    for asset in defs().resolve_asset_graph().assets_defs:
        if not asset.is_executable or not asset.keys:
            continue
        step: Any = asset.op.compute_fn
        if "store" in inspect.signature(step.decorated_fn).parameters:
            assert inspect.unwrap(step.decorated_fn) is not step.decorated_fn, asset.key


def test_a_run_by_hand_fails_and_says_that_its_rows_are_written(bench: Project) -> None:
    """It has brought what it has: the asset is materialized, and no channel has failed."""
    result = bench.materialize("hyperliquid_assets")
    assert not result.success
    said = errors(result)["hyperliquid_assets"]
    assert f"what was written is in {bench.store.paths.live}, and not published: " in said
    assert "No space left on device" in said
    [(count,)] = bench.rows("select count(*) from hyperliquid_assets")
    assert metadata(result)["hyperliquid_assets"]["rows_written"] == count > 0
    failed = failed_run(bench.instance, result.run_id, "j")
    assert failed.errors == {}
    assert failed.error.kind == "NotPublished"
    retries = [event for event in result.all_events if event.is_step_up_for_retry]
    assert retries == [], "the venue is not asked again because the disk is full"


def test_upkeep_without_an_asset_fails_likewise(bench: Project) -> None:
    """What stands in for Hyperliquid's while that is off."""
    bench.store.prepare()
    (said,) = errors(bench.run("store_maintenance_run")).values()
    assert "not published: " in said


def test_a_run_of_the_daemon_brings_what_it_is_to_bring(
    bench: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk would fail every run of every minute; health and alert tell of it."""
    for module in (publishing, resources):
        monkeypatch.setattr(module, "is_by_hand", lambda _: False)
    assert bench.materialize("hyperliquid_assets").success
    assert "No space left" in (recall(bench.store.paths.publications).error or "")


@pytest.mark.filterwarnings("ignore:.*is superseded")
@pytest.mark.parametrize(
    "command",
    [
        "asset materialize -m market_assets.definitions --select hyperliquid_assets",
        "job execute -m market_assets.definitions -j hyperliquid_registry_refresh",
    ],
)
def test_the_command_says_so_and_ends_with_1(
    bench: Project, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """As typed: `dagster asset materialize`, `dagster job execute`."""
    monkeypatch.chdir(ROOT)
    with open_instance(load()):
        done = CliRunner().invoke(create_dagster_cli(), command.split())
    assert done.exit_code == 1, done.output
    assert bench.rows("select count(*) > 0 from hyperliquid_assets") == [(True,)]
