"""The last day, ages and spans of answers are counted by the clock, whatever day it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from market_assets.clock import ManualClock, floor
from market_assets.tables import INGESTION_GAPS, INGESTION_RUNS
from market_assets_tests.api.database import SPECS, frame, publish, run
from market_assets_tests.api.serving import served

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def test_the_last_day_and_the_newest_candles(any_day: datetime, tmp_path: Path) -> None:
    """What lies a minute within the day counts, what lies a minute without does not."""
    minute = floor(any_day, MINUTE)
    within, without = minute - 24 * HOUR + MINUTE, minute - 24 * HOUR - MINUTE
    gap = {"source": "hyperliquid", "channel": "candles", "healed_rows": 60}
    candles = SPECS["hyperliquid_candles"]
    path = tmp_path / "market.duckdb"
    publish(
        path,
        {
            "ingestion_runs": frame(
                INGESTION_RUNS,
                *(run("hyperliquid", "mids", started=at, ms=5, rows=7) for at in (within, without)),
            ),
            "ingestion_gaps": frame(
                INGESTION_GAPS,
                *(
                    gap | {"gap_from_at": at - HOUR, "gap_to_at": at, "healed_at": at}
                    for at in (within, without)
                ),
            ),
            "hyperliquid_candles": frame(
                candles,
                *(
                    {
                        "symbol": "BTC",
                        "interval": "1m",
                        "open_at": minute - n * MINUTE,
                        "close_at": minute - (n - 1) * MINUTE,
                        "ingested_at": any_day,
                    }
                    for n in range(70)
                ),
            ),
        },
    )
    with served(path, clock=ManualClock(any_day)) as client:
        source = hyperliquid(client)
        newest = client.get("/api/v1/assets/BTC/candles?limit=3").json()
    [mids] = source["runs"]
    assert (mids["ok"], mids["rows_written"]) == (1, 7)
    assert (source["gaps"]["healed_24h"], source["gaps"]["healed_rows_24h"]) == (1, 60)
    opened = [datetime.fromisoformat(row["open_at"]) for row in newest["candles"]]
    assert opened == [minute - 2 * MINUTE, minute - MINUTE, minute]


def test_a_day_that_begins_while_the_file_stays(tmp_path: Path) -> None:
    """The window moves on with the clock; the file need not be published again."""
    path, clock = tmp_path / "market.duckdb", ManualClock(datetime(2027, 1, 1, tzinfo=UTC))
    attempt = run("hyperliquid", "mids", started=clock.instant - 23 * HOUR, ms=5, rows=7)
    publish(path, {"ingestion_runs": frame(INGESTION_RUNS, attempt)})
    with served(path, clock=clock) as client:
        before = hyperliquid(client)
        clock.advance(2 * 3600)
        after = hyperliquid(client)
    assert [one["ok"] for one in before["runs"]] == [1]
    assert after["runs"] == []


def hyperliquid(client: httpx.Client) -> dict[str, Any]:
    """What the dashboard tells of that source."""
    sources: list[dict[str, Any]] = client.get("/api/v1/ingestion/dashboard").json()["sources"]
    return next(one for one in sources if one["source"] == "hyperliquid")
