"""Backfills of Hyperliquid's past, as the UI's button and the command line start them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from market_assets_tests.defs.running import Project, errors, metadata, project
from market_assets_tests.simulated import simulated

CANDLES = "hyperliquid_candles_history"


@pytest.fixture(name="running", scope="module")
def make_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose registry is filled."""
    with pytest.MonkeyPatch.context() as patch, simulated(main=2, builder=0, spot=1) as venue:
        made = project(patch, tmp_path_factory.mktemp("history"), venue.environment)
        with made.instance:
            assert made.materialize("hyperliquid_assets").success
            yield made


def backfilled(
    running: Project, asset: str, partition: str, **config: Any
) -> dg.ExecuteInProcessResult:
    """One partition, as `dagster asset materialize --partition` reads it."""
    job = running.definitions.resolve_implicit_job_def_def_for_assets([dg.AssetKey(asset)])
    assert job is not None
    return job.execute_in_process(
        instance=running.instance,
        asset_selection=[dg.AssetKey(asset)],
        partition_key=partition,
        run_config={"ops": {asset: {"config": config}}} if config else {},
        raise_on_error=False,
    )


def days_ago(days: int) -> str:
    return f"{datetime.now(tz=UTC) - timedelta(days=days):%Y-%m-%d}"


def test_a_day_of_minutes_is_in_the_published_view(running: Project) -> None:
    result = backfilled(running, CANDLES, days_ago(2))
    assert result.success, errors(result)
    said = metadata(result)[CANDLES]
    assert said["interval"] == "1m"
    file = Path(str(running.store.paths.published))
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute(
            "select symbol, count(*) from hyperliquid_candles_all where interval = '1m'"
            " and open_at::date = ?::date group by 1",
            [days_ago(2)],
        ).fetchall()
    assert {count for _, count in found} == {1440}
    assert len(found) == said["symbols"] > 1


def test_another_interval_is_told_by_the_configuration(running: Project) -> None:
    result = backfilled(running, CANDLES, days_ago(3), interval="1h")
    assert result.success, errors(result)
    assert metadata(result)[CANDLES]["interval"] == "1h"
    with pytest.raises(dg.DagsterInvalidConfigError, match=r"'1d'\] got 7m"):
        backfilled(running, CANDLES, days_ago(3), interval="7m")


def test_a_day_that_is_gone_fails_in_a_line_that_says_which_are_there(running: Project) -> None:
    result = backfilled(running, CANDLES, days_ago(60))
    [said] = errors(result).values()
    assert f"the exchange no longer has 1m candles of {days_ago(60)}" in said
    assert "days that it has whole are" in said
    assert "\n" not in said.strip()


def test_a_month_of_funding(running: Project) -> None:
    month = f"{datetime.now(tz=UTC):%Y-%m}-01"
    result = backfilled(running, "hyperliquid_funding_history", month)
    assert result.success, errors(result)
    assert metadata(result)["hyperliquid_funding_history"]["perpetuals"] > 0


def test_without_a_registry_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project(monkeypatch, tmp_path, {})
    with made.instance:
        result = backfilled(made, CANDLES, days_ago(2))
    assert "materialize hyperliquid_assets first" in str(errors(result))
