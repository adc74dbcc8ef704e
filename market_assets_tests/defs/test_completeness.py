"""The asset `data_completeness` in a run of its job, over a database with known holes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.clock import floor
from market_assets.tables import HYPERLIQUID_ASSETS, HYPERLIQUID_CANDLES
from market_assets_tests.defs.running import Project, errors, metadata, project

HOUR = timedelta(hours=1)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Project]:
    made = project(monkeypatch, tmp_path, {})
    with made.instance:
        yield made


def _fill(store: Project, symbol: str, hours: list[datetime]) -> None:
    """Closed 1-hour candles of an asset that has been known for weeks."""
    asset = {
        "symbol": symbol,
        "kind": "perp",
        "dex": "",
        "display_name": symbol,
        "sz_decimals": 2,
        "only_isolated": False,
        "is_delisted": False,
        "first_seen_at": hours[0] - timedelta(days=20),
        "ingested_at": hours[0],
    }
    store.store.merge(HYPERLIQUID_ASSETS, pl.DataFrame([asset], HYPERLIQUID_ASSETS.schema))
    candles = [
        {
            "symbol": symbol,
            "interval": "1h",
            "open_at": at,
            "close_at": at + HOUR,
            **dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0),
            "trades": 1,
            "is_closed": True,
            "source": "rollup",
            "ingested_at": at + HOUR,
        }
        for at in hours
    ]
    store.store.merge(HYPERLIQUID_CANDLES, pl.DataFrame(candles, HYPERLIQUID_CANDLES.schema))


def _of_day(store: Project, day: datetime) -> list[tuple[object, ...]]:
    """What is stored of a day, by symbol."""
    return [
        row[1:]
        for row in store.rows(
            "select day, symbol, expected_rows, present_rows, completeness_pct "
            "from data_completeness order by symbol"
        )
        if row[0] == day.date()
    ]


def test_a_run_counts_stores_and_tells_the_worst(found: Project) -> None:
    """Six hours of a whole day are missing for one of two assets."""
    day = floor(datetime.now(tz=UTC), timedelta(days=1)) - timedelta(days=2)
    hours = [day + n * HOUR for n in range(24)]
    _fill(found, "BTC", hours)
    _fill(found, "ETH", hours[:9] + hours[15:])
    result = found.run("data_completeness_refresh")
    assert result.success, errors(result)
    assert _of_day(found, day) == [("BTC", 24, 24, 100.0), ("ETH", 24, 18, 75.0)]
    said = metadata(result)["data_completeness"]
    assert said["days_counted"] >= 2
    assert 0 < said["whole_days_pct"] < 50
    assert 0 < said["hyperliquid_candles_1h_pct"] < 100
    assert "hyperliquid_candles_1m_pct" not in said
    assert "|1h|ETH|" in said["worst"]
    assert said["rows_written"] == said["dagster/row_count"]
    runs = found.rows(
        "select source, channel, status, rows_written from ingestion_runs "
        "where asset_key = 'data_completeness'"
    )
    assert runs == [("history", "completeness", "ok", said["rows_written"])]


def test_a_second_run_changes_rows_and_adds_none(found: Project) -> None:
    day = floor(datetime.now(tz=UTC), timedelta(days=1)) - timedelta(days=1)
    _fill(found, "BTC", [day + n * HOUR for n in range(24)])
    for _ in range(2):
        result = found.run("data_completeness_refresh")
        assert result.success, errors(result)
        assert _of_day(found, day) == [("BTC", 24, 24, 100.0)]


def test_a_database_without_rows_is_no_failure(found: Project) -> None:
    """A fresh installation counts nothing, and says nothing of shares."""
    result = found.run("data_completeness_refresh")
    assert result.success, errors(result)
    said = metadata(result)["data_completeness"]
    assert (said["days_counted"], said["dagster/row_count"]) == (0, 0)
    assert "whole_days_pct" not in said
