"""Completeness from a published file: where rows are counted, which days are counted again."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.derived.completeness import completeness_rows, days_to_count
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.published import Published
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    DATA_COMPLETENESS,
    GRID_SERIES,
    HYPERLIQUID_ASSETS,
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_FUNDING_RATES,
    HYPERLIQUID_MID_PRICES,
    INGESTION_GAPS,
    TableSpec,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = datetime(2026, 11, 20, tzinfo=UTC)
"""Midnight of the first day of which there are rows."""
SECOND = FIRST + DAY
FILLER: dict[str, Any] = {"VARCHAR": "x", "DOUBLE": 1.0, "BIGINT": 1, "BOOLEAN": False}
Counts = list[tuple[str, str | None, str, date, int, int]]


class Market:
    """A store and its published file, at an instant that a test moves."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "market.duckdb"
        self.clock = ManualClock(SECOND + 12 * HOUR)
        self.store = FileStore(self.path, clock=self.clock)

    def write(self, table: TableSpec, *rows: dict[str, Any], run: bool = False) -> None:
        """Rows of a table; what is not given is whatever the column may hold."""
        filler = {**FILLER, "TIMESTAMPTZ": self.clock.now()}
        default = {c.name: filler.get(c.type) if c.required else None for c in table.columns}
        attempt = IngestionRun(
            source="hyperliquid",
            channel="test",
            asset_key=table.name,
            started_at=self.clock.now(),
        )
        frame = pl.DataFrame([default | row for row in rows], table.schema)
        self.store.merge(table, frame, run=attempt if run else None)

    def candles(self, begin: datetime, count: int, *, symbol: str = "BTC", **more: Any) -> None:
        """Closed 1-minute candles in a row."""
        times = [begin + n * MINUTE for n in range(count)]
        rows = [
            {"symbol": symbol, "interval": "1m", "is_closed": True, "open_at": at} for at in times
        ]
        self.write(HYPERLIQUID_CANDLES, *rows, **more)

    def publish(self) -> None:
        """The published file shows all, as of now."""
        self.store.publish(force=True)
        at = self.clock.now().timestamp()
        os.utime(self.path, (at, at))

    def count(self) -> Counts:
        """Count as of now, and store it; what was counted."""
        self.publish()
        published = Published(self.path)
        with published.snapshot() as snapshot:
            found = completeness_rows(snapshot)
        published.close()
        self.store.merge(DATA_COMPLETENESS, found)
        counted = found.select(
            "table_name", "interval", "symbol", "day", "expected_rows", "present_rows"
        )
        return sorted(counted.rows(), key=str)

    def days(self) -> list[date]:
        """The days of which 1-minute candles would be counted now."""
        self.publish()
        published = Published(self.path)
        with published.snapshot() as snapshot:
            found = days_to_count(snapshot, GRID_SERIES[0], snapshot.version.at)
        published.close()
        return found

    def stored(self) -> list[tuple[Any, ...]]:
        """The whole table."""
        return self.store.read(
            "select symbol, day, expected_rows, present_rows, healed_rows, lost_rows, "
            "completeness_pct from data_completeness order by all"
        ).rows()


@pytest.fixture
def market(tmp_path: Path) -> Market:
    made = Market(tmp_path)
    made.write(
        HYPERLIQUID_ASSETS,
        {"symbol": "BTC", "first_seen_at": FIRST - DAY, "ingested_at": FIRST},
    )
    return made


def test_where_there_is_nothing_nothing_is_counted(market: Market) -> None:
    assert market.count() == []


def test_the_first_count_is_of_all_days_with_rows(market: Market) -> None:
    """Of today up to three minutes ago: 12:00 less those of 11:58 and 11:59."""
    market.candles(FIRST, 1440)
    market.candles(SECOND, 700)
    assert market.count() == [
        ("hyperliquid_candles", "1m", "BTC", FIRST.date(), 1440, 1440),
        ("hyperliquid_candles", "1m", "BTC", SECOND.date(), 718, 700),
    ]


def test_each_series_is_counted_on_its_own_grid(market: Market) -> None:
    hours = [FIRST + n * HOUR for n in range(20)]
    hourly = {"symbol": "BTC", "interval": "1h", "is_closed": True}
    market.write(HYPERLIQUID_CANDLES, *({**hourly, "open_at": at} for at in hours))
    market.write(HYPERLIQUID_CANDLES, {**hourly, "open_at": FIRST + 23 * HOUR, "is_closed": False})
    market.write(
        HYPERLIQUID_FUNDING_RATES, *({"symbol": "BTC", "funding_at": at} for at in hours[:10])
    )
    mids = [FIRST + n * timedelta(seconds=5) for n in range(100)]
    market.write(HYPERLIQUID_MID_PRICES, *({"symbol": "BTC", "bucket_at": at} for at in mids))
    day = FIRST.date()
    assert [row for row in market.count() if row[3] == day] == [
        ("hyperliquid_candles", "1h", "BTC", day, 24, 20),
        ("hyperliquid_funding_rates", None, "BTC", day, 24, 10),
        ("hyperliquid_mid_prices", None, "BTC", day, 17280, 100),
    ]


def test_counting_again_leaves_one_row_per_asset_and_day(market: Market) -> None:
    """Also where the interval is NULL."""
    market.write(HYPERLIQUID_FUNDING_RATES, {"symbol": "BTC", "funding_at": SECOND})
    market.count()
    market.clock.advance(3600)
    market.write(HYPERLIQUID_FUNDING_RATES, {"symbol": "BTC", "funding_at": SECOND + HOUR})
    market.count()
    assert market.stored() == [("BTC", SECOND.date(), 12, 2, 0, 0, pytest.approx(100 / 6))]


def test_archived_rows_are_counted_where_a_view_has_them(market: Market) -> None:
    market.candles(SECOND, 10)
    market.publish()
    with duckdb.connect(market.path) as connection:
        connection.execute(
            "create or replace view hyperliquid_candles_all as from hyperliquid_candles union all "
            "select * replace (open_at - interval 1 day as open_at) from hyperliquid_candles"
        )
    at = market.clock.now().timestamp()
    os.utime(market.path, (at, at))
    published = Published(market.path)
    with published.snapshot() as snapshot:
        found = completeness_rows(snapshot)
    published.close()
    assert found.select("day", "present_rows").rows() == [
        (FIRST.date(), 10),
        (SECOND.date(), 10),
    ]


def test_a_day_that_is_over_is_counted_for_three_more_hours(market: Market) -> None:
    market.candles(FIRST, 2000)
    market.count()
    assert market.days() == [SECOND.date()]
    market.clock.instant = SECOND + DAY + 2 * HOUR
    assert market.days() == [SECOND.date(), (SECOND + DAY).date()]
    market.count()
    market.clock.advance(3600)
    assert market.days() == [SECOND.date(), (SECOND + DAY).date()]
    market.clock.advance(3600)
    market.count()
    market.clock.advance(60)
    assert market.days() == [(SECOND + DAY).date()]


def test_days_of_an_outage_are_counted_when_it_is_over(market: Market) -> None:
    market.candles(FIRST, 1440)
    market.count()
    market.clock.instant = SECOND + 3 * DAY + HOUR
    assert market.days() == [(SECOND + n * DAY).date() for n in range(4)]
    found = [(row[3], *row[4:]) for row in market.count()]
    assert found == [
        *(((SECOND + n * DAY).date(), 1440, 0) for n in range(3)),
        ((SECOND + 3 * DAY).date(), 58, 0),
    ]


def test_a_day_that_was_backfilled_is_counted_again(market: Market) -> None:
    market.candles(FIRST, 700)
    market.candles(SECOND, 700)
    market.count()
    market.clock.advance(86400)
    market.count()
    market.clock.advance(3600)
    market.candles(FIRST + 700 * MINUTE, 740)
    assert FIRST.date() not in market.days()
    market.candles(FIRST + 1439 * MINUTE, 1, run=True)
    market.candles(FIRST - 5 * DAY, 60, run=True)
    assert market.days()[:2] == [(FIRST - 5 * DAY).date(), (SECOND + DAY).date()]
    market.write(
        HYPERLIQUID_CANDLES,
        {
            "symbol": "ETH",
            "interval": "1m",
            "is_closed": True,
            "open_at": FIRST + 5 * MINUTE,
        },
        run=True,
    )
    assert FIRST.date() in market.days()
    found = [row[2:] for row in market.count() if row[3] in (FIRST.date(), FIRST.date() - 5 * DAY)]
    assert found == [
        ("BTC", FIRST.date() - 5 * DAY, 1440, 60),
        ("BTC", FIRST.date(), 1440, 1440),
        ("ETH", FIRST.date(), 1435, 1),
    ]


def test_what_the_ledger_learns_of_a_day_has_it_counted_again(market: Market) -> None:
    market.candles(FIRST, 1430)
    market.candles(SECOND, 700)
    market.count()
    market.clock.advance(86400)
    market.count()
    gap = {
        "source": "hyperliquid",
        "channel": "candles",
        "symbol": "BTC",
        "cause": "downtime",
        "gap_from_at": FIRST + 1430 * MINUTE,
        "gap_to_at": SECOND,
        "detected_at": SECOND,
    }
    market.write(INGESTION_GAPS, gap)
    market.clock.advance(3600)
    assert FIRST.date() not in market.days(), "the gap was known before the last count"
    market.write(INGESTION_GAPS, {**gap, "healed_at": market.clock.now(), "healed_rows": 0})
    assert FIRST.date() in market.days()
    market.count()
    assert market.stored()[0] == (
        "BTC",
        FIRST.date(),
        1440,
        1430,
        0,
        10,
        pytest.approx(99.306, abs=1e-3),
    )


def test_gaps_of_other_venues_and_channels_do_not_count(market: Market) -> None:
    market.candles(FIRST, 1430)
    market.count()
    for source, channel in (("polymarket", "candles"), ("hyperliquid", "candles_1h")):
        market.write(
            INGESTION_GAPS,
            {
                "source": source,
                "channel": channel,
                "symbol": "BTC",
                "gap_from_at": FIRST - 9 * DAY,
                "gap_to_at": FIRST - 8 * DAY,
            },
        )
    assert market.days() == [SECOND.date()]


@pytest.mark.parametrize(
    "change", [{"is_delisted": True}, {"is_listed": False, "missing_since": FIRST + 6 * HOUR}]
)
def test_a_delisted_asset_is_expected_until_the_registry_said_so(
    market: Market, change: dict[str, Any]
) -> None:
    market.candles(FIRST, 300)
    market.write(
        HYPERLIQUID_ASSETS,
        {
            "symbol": "BTC",
            "first_seen_at": FIRST - DAY,
            "updated_at": FIRST + 6 * HOUR,
            "ingested_at": FIRST + 7 * HOUR,
            **change,
        },
    )
    assert [row[3:] for row in market.count()] == [(FIRST.date(), 360, 300)]
