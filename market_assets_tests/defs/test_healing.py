"""The ledger of holes as an asset: what it does, and what it does while the source is off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.tables import INGESTION_GAPS
from market_assets_tests.defs.running import Project, errors, metadata, project
from market_assets_tests.simulated import simulated


def hole(made: Project, ago: timedelta) -> None:
    now = datetime.now(tz=UTC).replace(second=0, microsecond=0)
    row = {
        "source": "hyperliquid",
        "channel": "candles",
        "symbol": "BTC",
        "gap_from_at": now - ago,
        "gap_to_at": now - ago + timedelta(minutes=3),
        "cause": "downtime",
        "detected_at": now - timedelta(hours=3),
    }
    made.store.merge(INGESTION_GAPS, pl.DataFrame([row], schema=INGESTION_GAPS.schema))


def test_holes_are_filled_or_closed_as_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulated(main=2, builder=0, spot=1) as venue:
        made = project(monkeypatch, tmp_path, venue.environment)
        hole(made, timedelta(hours=5))
        hole(made, timedelta(days=9))
        with made.instance:
            result = made.materialize("ingestion_gaps")
    assert result.success, errors(result)
    said = metadata(result)["ingestion_gaps"]
    assert (said["healed_now"], said["healed_rows"], said["lost_now"]) == (1, 3, 1)
    assert (said["open"], said["lost_for_good"], said["left"]) == (0, 1, 0)
    assert made.rows("select count(*) from hyperliquid_candles") == [(3,)]


def test_while_the_source_is_off_nothing_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = {"HYPERLIQUID_API_URL": "http://127.0.0.1:9", "MARKET_SOURCES": "defillama"}
    made = project(monkeypatch, tmp_path, nobody)
    hole(made, timedelta(hours=5))
    with made.instance:
        result = made.materialize("ingestion_gaps")
    assert result.success, errors(result)
    assert metadata(result)["ingestion_gaps"]["open"] == 1
