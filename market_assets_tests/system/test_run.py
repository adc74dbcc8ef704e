"""`make run` from the outside, as its user sees it: up, fresh, killed, up again, stopped."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from market_assets.settings.project import LOCAL_SYMBOLS
from market_assets_tests.system.running import System, installed_system, until

TABLES = (
    "hyperliquid_assets",
    "hyperliquid_asset_categories",
    "hyperliquid_asset_category_taxonomy",
    "hyperliquid_mid_prices",
    "hyperliquid_candles",
    "hyperliquid_asset_contexts",
    "hyperliquid_funding_rates",
    "hyperliquid_technical_indicators",
    "hyperliquid_volatility_profiles",
    "hyperliquid_funding_pressure",
    "hyperliquid_liquidity_profiles",
    "hyperliquid_positioning_pressure",
    "polymarket_events",
    "polymarket_markets",
    "polymarket_market_asset_links",
    "polymarket_tags",
    "polymarket_immediate_markets",
    "polymarket_later_markets",
    "polymarket_tracked_universe",
    "polymarket_market_metrics",
    "polymarket_trades",
    "defillama_subjects",
    "defillama_capital_base",
    "defillama_capital_flows",
    "defillama_economic_throughput",
    "defillama_daily_history",
    "ingestion_runs",
)


def counts(database: Path) -> dict[str, int]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return {
            table: connection.execute(f"select count(*) from {table}").fetchall()[0][0]  # noqa: S608
            for table in TABLES
        }


def newest_mid(database: Path) -> datetime:
    """Asked of another process: DuckDB gives this one what the open notebook has."""
    ask = (
        "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).execute("
        "'select coalesce(epoch_ms(max(bucket_at)), 0) from hyperliquid_mid_prices')"
        ".fetchone()[0])"
    )
    command = [sys.executable, "-c", ask, str(database)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return datetime.fromtimestamp(int(said) / 1000, tz=UTC)


def streamed_symbols(database: Path) -> set[str]:
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute("select distinct symbol from hyperliquid_mid_prices").fetchall()
        return {symbol for (symbol,) in found}


def active_streams(running: System) -> list[str]:
    with DagsterInstance.from_config(str(running.home)) as instance:
        wanted = RunsFilter(job_name="hyperliquid_stream", statuses=[DagsterRunStatus.STARTED])
        return [run.run_id for run in instance.get_runs(wanted)]


@pytest.mark.timeout(900)
def test_a_day_in_the_life(tmp_path: Path) -> None:
    """From nothing to every channel ok; read, materialized beside; cut off; again; stopped.

    Installed from a wheel, in an empty folder: what runs from there, runs from a checkout too.
    """
    with installed_system(tmp_path) as running:
        running.start()
        until(running.is_well, "every channel ok", 420, every_s=5)
        assert streamed_symbols(running.database) <= set(LOCAL_SYMBOLS), "`.env` holds for all"
        assert (running.home / "dagster.yaml").resolve().is_relative_to(tmp_path / "package")

        # A notebook opens the published file and keeps it: nothing below may mind.
        until(lambda: all(counts(running.database).values()), "rows in every table", 120)
        notebook = duckdb.connect(str(running.database), read_only=True)
        seen = notebook.execute("select count(*) from hyperliquid_mid_prices").fetchall()

        # A second shell materializes an asset beside the running system.
        for asset in ("hyperliquid_technical_indicators", "polymarket_trades"):
            running.dagster(
                *("asset", "materialize", "-m", "market_assets.definitions", "--select", asset)
            )
        second = running.command("run", "--simulated", check=False)
        assert second.returncode == 1
        assert "already running" in second.stderr

        # The button "Reload": another code server, and the old one goes.
        old = running.code_servers()
        assert b'"RepositoryLocation"' in running.reload()
        until(
            lambda: len(running.code_servers()) == 1 and running.code_servers() != old,
            "one code server, another",
            60,
        )

        # The power goes, and comes back.
        before = active_streams(running)
        running.kill_everything()
        cut_at = datetime.now(tz=UTC)
        running.start()
        until(lambda: active_streams(running) not in ([], before), "a new stream", 150)
        until(
            lambda: newest_mid(running.database) > cut_at,
            "a mid from the new stream",
            150,
            every_s=2,
        )
        bad = {"failed", "missing", "stale"}
        until(
            lambda: not bad & set(running.statuses().values()), "nothing bad left", 120, every_s=5
        )
        assert len(active_streams(running)) == 1
        assert not set(before) & set(active_streams(running))

        assert notebook.execute("select count(*) from hyperliquid_mid_prices").fetchall() == seen
        notebook.close()

        # Ctrl-C: nothing is left running, and what was received is published.
        stopped_at = datetime.now(tz=UTC)
        assert running.stop() == 0
        assert running.processes() == []
        assert newest_mid(running.database) > stopped_at - timedelta(seconds=30)
        assert "UI        http://127.0.0.1" in running.log.read_text()
        assert "hyperliquid/mids" in running.log.read_text()
