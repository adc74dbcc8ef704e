"""The rule of completeness: a hole that nobody recorded is worth a look."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from market_assets.checks.rules import broken_by, rules
from market_assets.storage.files.store import FileStore
from market_assets.tables import DATA_COMPLETENESS, INGESTION_GAPS, TableSpec

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = date(2026, 11, 19)
MIDNIGHT = datetime(2026, 11, 19, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def put(store: FileStore, table: TableSpec, row: dict[str, Any]) -> None:
    full = {name: row.get(name) for name in table.column_names}
    store.merge(table, pl.DataFrame([full], schema=table.schema))


def counted(store: FileStore, present: int, **more: Any) -> None:
    """A day of 1000 rows of 1-minute candles."""
    row = {
        "table_name": "hyperliquid_candles",
        "interval": "1m",
        "symbol": "BTC",
        "day": DAY,
        "expected_rows": 1000,
        "present_rows": present,
        "healed_rows": 0,
        "lost_rows": 0,
        "completeness_pct": present / 10,
        "updated_at": NOW,
    }
    put(store, DATA_COMPLETENESS, row | more)


def gap(store: FileStore, **more: Any) -> None:
    """An hour's gap in the middle of the day."""
    row = {
        "source": "hyperliquid",
        "channel": "candles",
        "symbol": "BTC",
        "gap_from_at": MIDNIGHT + timedelta(hours=12),
        "gap_to_at": MIDNIGHT + timedelta(hours=13),
        "cause": "downtime",
        "detected_at": NOW,
    }
    put(store, INGESTION_GAPS, row | more)


def broken(store: FileStore) -> list[tuple[Any, ...]]:
    (rule,) = (one for one in rules() if one.name == "holes_are_in_the_ledger")
    assert not rule.is_error
    found = broken_by(store, rule, NOW)
    return found.select("table_name", "interval", "symbol", "day", "present_rows").rows()


def test_a_hole_that_the_ledger_does_not_have_is_found(store: FileStore) -> None:
    counted(store, 989)
    counted(store, 990, symbol="ETH")
    counted(store, 5, table_name="hyperliquid_funding_rates", interval=None)
    assert broken(store) == [
        ("hyperliquid_funding_rates", None, "BTC", DAY, 5),
        ("hyperliquid_candles", "1m", "BTC", DAY, 989),
    ]


def test_a_hole_that_it_has_is_known(store: FileStore) -> None:
    counted(store, 900)
    gap(store)
    assert broken(store) == []


@pytest.mark.parametrize(
    "other",
    [
        {"symbol": "ETH"},
        {"channel": "candles_1h"},
        {"source": "polymarket"},
        {"gap_to_at": MIDNIGHT, "gap_from_at": MIDNIGHT - timedelta(hours=1)},
        {
            "gap_from_at": MIDNIGHT + timedelta(days=1),
            "gap_to_at": MIDNIGHT + timedelta(days=1, hours=1),
        },
    ],
    ids=str,
)
def test_a_gap_of_something_else_explains_nothing(store: FileStore, other: dict[str, Any]) -> None:
    counted(store, 900)
    gap(store, **other)
    assert len(broken(store)) == 1


@pytest.mark.parametrize("days_ago", [0, 8])
def test_today_and_what_the_ledger_has_forgotten_are_not_judged(
    store: FileStore, days_ago: int
) -> None:
    counted(store, 900, day=NOW.date() - timedelta(days=days_ago))
    assert broken(store) == []


def test_mids_have_no_ledger(store: FileStore) -> None:
    counted(store, 900, table_name="hyperliquid_mid_prices", interval=None)
    assert broken(store) == []
