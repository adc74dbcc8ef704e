"""Assets materialized in this process against simulated venues and a real database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance

from market_assets.definitions import defs
from market_assets.defs import hyperliquid, operations
from market_assets.defs.operations import catch_up_late_channels
from market_assets.defs.resources import hyperliquid_api, market_store
from market_assets.settings import Settings, load
from market_assets.storage.files.store import FileStore
from market_assets_tests.simulated import Simulated, simulated

ASSETS = [
    value
    for module in (hyperliquid, operations)
    for value in vars(module).values()
    if isinstance(value, dg.AssetsDefinition)
]


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulated]:
    with simulated(main=6, builder=4, spot=3) as running:
        yield running
        running.clear()


@pytest.fixture
def settings(tmp_path: Path, venue: Simulated) -> Settings:
    venue.clear()
    env = {"MARKET_DB": str(tmp_path / "market.duckdb"), **venue.environment}
    return load(env, root=tmp_path)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with DagsterInstance.from_config(str(tmp_path / "home")) as found:
        yield found


def materialize(
    instance: DagsterInstance, settings: Settings, *keys: str, config: object = None
) -> dg.ExecuteInProcessResult:
    """As `dagster asset materialize --select` does, without a process."""
    return dg.materialize(
        ASSETS,
        selection=list(keys),
        instance=instance,
        resources={
            "settings": settings,
            "store": market_store(settings),
            "hyperliquid": hyperliquid_api(settings),
        },
        run_config=config,  # type: ignore[arg-type]
        raise_on_error=False,
    )


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, object]:
    (event,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


def rows(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    return FileStore(settings.market_db).read(sql).rows()


REGISTRY = (
    "hyperliquid_assets",
    "hyperliquid_asset_categories",
    "hyperliquid_asset_category_taxonomy",
)


def test_the_registry_with_categories(instance: DagsterInstance, settings: Settings) -> None:
    result = materialize(instance, settings, *REGISTRY)
    assert result.success
    said = metadata(result, "hyperliquid_assets")
    ((count,),) = rows(settings, "select count(*) from hyperliquid_assets")
    assert said["dagster/row_count"] == said["rows_written"] == count
    assert said["live"] < said["seen"]
    assert "unreadable" not in said
    homeless = rows(
        settings,
        "select category from hyperliquid_asset_categories"
        " anti join hyperliquid_asset_category_taxonomy using (category)",
    )
    assert homeless == []
    runs = rows(settings, "select asset_key, status from ingestion_runs order by 1")
    assert runs == [(name, "ok") for name in sorted(REGISTRY)]
    assert settings.market_db.exists(), "a run by hand publishes before it ends"


def test_a_dex_that_cannot_be_read_keeps_its_rows_and_is_named(
    instance: DagsterInstance, settings: Settings, venue: Simulated
) -> None:
    materialize(instance, settings, "hyperliquid_assets")
    before = rows(settings, "select symbol, dex from hyperliquid_assets order by 1")
    dexs = {dex for _, dex in before} - {""}
    # Every second answer is a bare null: dexs are asked one after the other, the first one first.
    venue.control(name="http_null", type="metaAndAssetCtxs", one_in=2)
    result = materialize(instance, settings, "hyperliquid_assets")
    assert result.success
    unreadable = metadata(result, "hyperliquid_assets")["unreadable"]
    assert isinstance(unreadable, dict)
    assert unreadable.keys()
    assert unreadable.keys() <= dexs
    assert rows(settings, "select symbol, dex from hyperliquid_assets order by 1") == before
    parts = metadata(result, "hyperliquid_assets")["parts_left_out"]
    assert isinstance(parts, dict)
    assert parts.keys() == {f"dex {dex}" for dex in unreadable}
    assert all(one["why"] == unreadable[part.removeprefix("dex ")] for part, one in parts.items())
    ((left_out,),) = rows(
        settings,
        "select left_out from ingestion_runs where asset_key = 'hyperliquid_assets'"
        " order by run_id desc limit 1",
    )
    assert left_out == [f"{part}: {one['why']}" for part, one in parts.items()]
    again = metadata(materialize(instance, settings, "hyperliquid_assets"), "hyperliquid_assets")
    still = again["parts_left_out"]
    assert isinstance(still, dict)
    lacked = still.keys() & parts.keys()
    assert {part: still[part]["since"] for part in lacked} == {
        part: parts[part]["since"] for part in lacked
    }
    venue.clear()
    whole = materialize(instance, settings, "hyperliquid_assets")
    assert "parts_left_out" not in metadata(whole, "hyperliquid_assets")


def test_prices_and_candles_by_hand(instance: DagsterInstance, settings: Settings) -> None:
    """A database without a stream gets the present from REST."""
    only = load(
        {"MARKET_DB": str(settings.market_db), "MARKET_SYMBOLS": "BTC,ETH"}
        | {
            "HYPERLIQUID_API_URL": settings.hyperliquid_api_url,
            "HYPERLIQUID_WS_URL": settings.hyperliquid_ws_url,
        },
        root=settings.market_db.parent,
    )
    result = materialize(instance, only, "hyperliquid_mid_prices", "hyperliquid_candles")
    assert result.success
    assert metadata(result, "hyperliquid_mid_prices")["symbols"] == 2
    found = rows(
        only,
        "select symbol, source, count(*) between 59 and 61, count(*) filter (not is_closed) <= 1"
        " from hyperliquid_candles group by all order by all",
    )
    assert found == [("BTC", "rest", True, True), ("ETH", "rest", True, True)]
    assert rows(only, "select symbol from hyperliquid_mid_prices order by 1") == [
        ("BTC",),
        ("ETH",),
    ]


def test_hours_by_hand_reach_back_a_week(instance: DagsterInstance, settings: Settings) -> None:
    only = load(
        {"MARKET_DB": str(settings.market_db), "MARKET_SYMBOLS": "BTC"}
        | {
            "HYPERLIQUID_API_URL": settings.hyperliquid_api_url,
            "HYPERLIQUID_WS_URL": settings.hyperliquid_ws_url,
        },
        root=settings.market_db.parent,
    )
    config = {"ops": {"hyperliquid_candles": {"config": {"hours": 168, "interval": "1h"}}}}
    result = materialize(instance, only, "hyperliquid_candles", config=config)
    assert result.success
    ((count,),) = rows(only, "select count(*) from hyperliquid_candles where interval = '1h'")
    assert count in (168, 169)


def test_maintenance_by_hand(instance: DagsterInstance, settings: Settings) -> None:
    result = materialize(instance, settings, "hyperliquid_maintenance")
    assert result.success
    assert metadata(result, "hyperliquid_maintenance")["rolled_up"] == 0


def _tick(instance: DagsterInstance) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(
        instance=instance,
        repository_def=defs().get_repository_def(),
        cursor=_tick.cursor,
        resources={"settings": load()},
    )
    answer = catch_up_late_channels(context)
    assert isinstance(answer, dg.SensorResult | dg.SkipReason)
    if isinstance(answer, dg.SensorResult):
        _tick.cursor = answer.cursor
    return answer


_tick.cursor = None


def test_what_is_missing_runs_once_and_is_tried_again_later(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an installation nobody waits an hour; what brought nothing is asked for again."""
    _tick.cursor = None
    first = _tick(instance)
    assert isinstance(first, dg.SensorResult)
    jobs = {request.job_name for request in first.run_requests or []}
    assert jobs == {
        "defillama_capital_refresh",
        "hyperliquid_registry_refresh",
        "polymarket_discovery_refresh",
        "polymarket_tags_refresh",
        "polymarket_trades_refresh",
    }, "all others are made from what these bring"
    assert set(json.loads(first.cursor or "")["asked"]) == jobs
    assert isinstance(_tick(instance), dg.SkipReason)

    class Later:
        def now(self) -> datetime:
            return datetime.now(tz=UTC) + timedelta(minutes=6)

    monkeypatch.setattr(operations, "SystemClock", Later)
    again = _tick(instance)
    assert isinstance(again, dg.SensorResult)
    assert {request.job_name for request in again.run_requests or []} == jobs


def test_what_is_on_time_is_left_alone(instance: DagsterInstance, settings: Settings) -> None:
    _tick.cursor = None
    materialize(instance, settings, *REGISTRY, "hyperliquid_maintenance")
    answer = _tick(instance)
    late = answer.run_requests or [] if isinstance(answer, dg.SensorResult) else []
    assert {r.job_name for r in late} & {
        "hyperliquid_registry_refresh",
        "hyperliquid_maintenance_run",
    } == set()
