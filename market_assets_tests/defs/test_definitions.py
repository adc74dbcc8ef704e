"""The definitions: what there is, and that each thing says what it should about itself."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from market_assets.channels import BACKFILLS, CHANNELS, channel_of, source_of
from market_assets.definitions import defs
from market_assets.defs.jobs import cron_of
from market_assets.operations.health.dagster_state import freshness_windows
from market_assets.tables import TABLES

FEATURES = {
    "hyperliquid_technical_indicators",
    "hyperliquid_volatility_profiles",
    "hyperliquid_funding_pressure",
    "hyperliquid_liquidity_profiles",
    "hyperliquid_positioning_pressure",
}

BACKFILLED = {backfill.asset for backfill in BACKFILLS}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return defs()


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {s.key.to_user_string(): s for s in definitions.resolve_all_asset_specs()}


def test_assets_are_those_of_the_channels_and_backfills(specs: dict[str, dg.AssetSpec]) -> None:
    channels = {asset for channel in CHANNELS for asset in channel.assets}
    assert set(specs) == channels | BACKFILLED


def test_they_are_built_once_and_again_when_a_setting_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = defs()
    assert defs() is before
    assert defs().get_repository_def() is before.get_repository_def()
    monkeypatch.setenv("MARKET_SOURCES", "defillama")
    after = defs()
    assert after is not before
    assert any("polymarket" in one.name for one in before.schedules or ())
    assert not any("polymarket" in one.name for one in after.schedules or ())


def test_jobs_schedules_and_sensors(definitions: dg.Definitions) -> None:
    """A name that changes here changes for everybody who uses it from the shell."""
    repository = definitions.get_repository_def()
    refreshed = {
        "data_completeness_refresh",
        "defillama_capital_refresh",
        "defillama_history_refresh",
        "hyperliquid_candle_audits_refresh",
        "hyperliquid_contexts_refresh",
        "hyperliquid_features_refresh",
        "hyperliquid_funding_rates_refresh",
        "hyperliquid_maintenance_run",
        "hyperliquid_registry_refresh",
        "ingestion_gaps_refresh",
        "hyperliquid_stream_checks",
        "hyperliquid_tables_check",
        "polymarket_closed_markets_refresh",
        "polymarket_discovery_refresh",
        "polymarket_later_markets_refresh",
        "polymarket_prices_refresh",
        "polymarket_signals_refresh",
        "polymarket_stream_checks",
        "polymarket_tables_check",
        "polymarket_tags_refresh",
        "polymarket_trades_refresh",
        "polymarket_universe_refresh",
        "run_history_prune",
    }
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert jobs == refreshed | {
        "hyperliquid_stream",
        "polymarket_books_poll",
        "polymarket_stream",
        "store_maintenance_run",
    }
    assert {one.name for one in repository.schedule_defs} == {f"{j}_schedule" for j in refreshed}
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "alert_on_problems",
        "alert_on_signals",
        "catch_up_late_channels",
        "close_runs_without_process",
        "keep_hyperliquid_stream_alive",
        "keep_polymarket_stream_alive",
        "record_failed_runs",
    }


def test_every_schedule_and_sensor_is_on_without_a_click(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    for schedule in repository.schedule_defs:
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING, schedule.name
    for sensor in repository.sensor_defs:
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING, sensor.name


def test_every_job_says_what_it_does_and_runs_in_one_process(definitions: dg.Definitions) -> None:
    for job in definitions.get_repository_def().get_all_jobs():
        assert job.executor_def is dg.in_process_executor, job.name
        assert job.name.startswith("__") or job.description, job.name


def test_every_asset_says_what_a_row_is_whose_it_is_and_when_it_is_stale(
    specs: dict[str, dg.AssetSpec],
) -> None:
    windows = freshness_windows(specs.values())
    for name, spec in specs.items():
        assert (spec.description or "").startswith("One "), name
        assert spec.owners == ["team:market-data"], name
        assert spec.group_name == ("features" if name in FEATURES else source_of(name)), name
        (reference,) = spec.metadata["dagster/code_references"].code_references
        line = Path(reference.file_path).read_text("utf-8").splitlines()[reference.line_number - 1]
        assert line.startswith("@dg."), f"{name} is not at {reference}"
        assert spec.kinds, name
        if name in BACKFILLED:
            assert name not in windows, "the past is never stale"
        else:
            assert windows[name] == channel_of(name).freshness_window, name


def test_every_table_shows_its_columns_and_units(specs: dict[str, dg.AssetSpec]) -> None:
    for table in TABLES:
        if table.name not in specs:
            continue
        metadata = specs[table.name].metadata
        schema = metadata["dagster/column_schema"]
        assert tuple(column.name for column in schema.columns) == table.column_names
        assert metadata["dagster/table_name"] == table.name


def test_retention_is_shown_as_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKET_KEEP_CANDLES_1M_HOURS", "36")
    monkeypatch.setenv("MARKET_KEEP_MIDS_HOURS", "0.25")
    shown = {
        spec.key.to_user_string(): spec.metadata.get("retention")
        for spec in defs().resolve_all_asset_specs()
    }
    assert shown["hyperliquid_candles"] == "1m: 36 hours; 1h: 168 hours"
    assert shown["hyperliquid_mid_prices"] == "15 minutes"
    assert shown["polymarket_trades"] == shown["polymarket_trades_history"] == "kept"


def test_every_rule_is_a_check(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    found = {f"{key.asset_key.to_user_string()}:{key.name}" for key in graph.asset_check_keys}
    streamed = ("hyperliquid_candles", "hyperliquid_mid_prices")
    assert {
        "hyperliquid_asset_contexts:contexts_move_with_mids",
        "hyperliquid_asset_contexts:funding_is_within_the_cap",
        "hyperliquid_asset_contexts:open_interest_did_not_halve",
        "hyperliquid_assets:registry_did_not_shrink",
        "hyperliquid_funding_rates:payments_are_within_the_cap",
        "hyperliquid_liquidity_profiles:books_are_not_crossed",
        "hyperliquid_technical_indicators:candle_series_are_whole",
        "hyperliquid_volatility_profiles:candle_series_are_whole",
        "hyperliquid_candles:candles_are_in_order",
        "hyperliquid_candles:grid_is_complete_over_the_last_hour",
        "hyperliquid_candles:closes_do_not_jump",
        "hyperliquid_mid_prices:mids_agree_with_candle_closes",
        *(
            f"{name}:{rule}"
            for name in (*streamed, *FEATURES)
            for rule in ("keys_are_unique", "no_future_times")
        ),
    } <= found


@pytest.mark.parametrize(
    ("minutes", "offset", "cron"),
    [
        (1, 3, "* * * * *"),
        (5, 7, "2-59/5 * * * *"),
        (60, 7, "7 * * * *"),
        (360, 61, "1 */6 * * *"),
    ],
)
def test_a_cadence_becomes_a_cron_line(minutes: int, offset: int, cron: str) -> None:
    assert cron_of(timedelta(minutes=minutes), offset) == cron


def test_a_cadence_without_a_cron_line_is_an_error() -> None:
    with pytest.raises(ValueError, match="0:07:00"):
        cron_of(timedelta(minutes=7))


def test_loading_pays_for_nothing_that_runs_do_not_need() -> None:
    """Each run is a process that imports all this: the simulator's web server is not part of it."""
    code = (
        "import sys; from market_assets.definitions import defs; defs();"
        "print([m for m in ('uvicorn', 'websockets', 'pandas', 'market_simulator',"
        " 'market_assets.cli') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
