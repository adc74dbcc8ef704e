"""Every rule holds on good rows, and is broken by exactly the rows that break it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from market_assets.checks.rules import Rule, broken_by, rules
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    HYPERLIQUID_ASSET_CONTEXTS,
    HYPERLIQUID_ASSETS,
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_MID_PRICES,
    INGESTION_GAPS,
    TableSpec,
)
from market_assets_tests.features.rows import context, contexts

NOW = datetime(2026, 11, 20, 12, 30, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
THIS_MINUTE = NOW.replace(second=0)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def rule(name: str, table: TableSpec) -> Rule:
    return next(r for r in rules() if r.name == name and r.table.name == table.name)


def candle(symbol: str = "BTC", minutes_ago: int = 5, **changes: object) -> dict[str, object]:
    opened = THIS_MINUTE - minutes_ago * MINUTE
    good = {
        "symbol": symbol,
        "interval": "1m",
        "open_at": opened,
        "close_at": opened + MINUTE,
        "open": 10.0,
        "high": 11.0,
        "low": 9.0,
        "close": 10.5,
        "volume": 1.0,
        "trades": 3,
        "is_closed": True,
        "source": "stream",
        "ingested_at": NOW,
    }
    return good | changes


def asset(symbol: str = "BTC", *, dex: str = "", seen: bool = True) -> dict[str, object]:
    at = NOW if seen else NOW - timedelta(hours=1)
    return {
        "symbol": symbol,
        "kind": "perp",
        "dex": dex,
        "display_name": symbol,
        "sz_decimals": 2,
        "max_leverage": 10,
        "only_isolated": False,
        "is_delisted": False,
        "first_seen_at": NOW - timedelta(days=1),
        "updated_at": at,
        "ingested_at": at,
    }


def mid(symbol: str, price: float, seconds_ago: int = 5) -> dict[str, object]:
    return {
        "symbol": symbol,
        "bucket_at": NOW - timedelta(seconds=seconds_ago),
        "mid": price,
        "samples": 1,
        "ingested_at": NOW,
    }


def put(store: FileStore, table: TableSpec, *rows: dict[str, object]) -> None:
    store.merge(table, pl.DataFrame(list(rows), schema=table.schema))


def broken(store: FileStore, name: str, table: TableSpec) -> list[dict[str, object]]:
    return broken_by(store, rule(name, table), NOW).rows(named=True)


def test_every_rule_holds_in_an_empty_database(store: FileStore) -> None:
    broken_ones = [each.name for each in rules() if not broken_by(store, each, NOW).is_empty()]
    assert broken_ones == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> FileStore:
    """One store for tests that each have a table of their own in it."""
    store = FileStore(tmp_path_factory.mktemp("rules") / "market.duckdb")
    store.prepare()
    return store


@pytest.mark.parametrize(
    "table",
    sorted({r.table.name for r in rules() if r.name == "keys_are_unique"}),
)
def test_a_doubled_key_is_found(shared: FileStore, table: str) -> None:
    """Written around the store, which never would."""
    each = next(r for r in rules() if r.name == "keys_are_unique" and r.table.name == table)
    filler = {
        "VARCHAR": "'x'",
        "TIMESTAMPTZ": "timestamptz '2026-11-20 00:00:00+00'",
        "DOUBLE": "1.0",
        "BIGINT": "1",
        "BOOLEAN": "false",
        "DATE": "date '2026-11-20'",
        "VARCHAR[]": "['x']",
        "DOUBLE[]": "[1.0]",
    }
    values = ", ".join(filler[column.type] for column in each.table.columns)
    with duckdb.connect(str(shared.paths.live)) as connection:
        connection.execute(f"insert into {table} values ({values}), ({values})")  # noqa: S608
    found = broken_by(shared, each, NOW)
    assert found["rows"].to_list() == [2]


def test_a_row_from_the_future_is_found_and_a_skewed_clock_is_forgiven(store: FileStore) -> None:
    ahead = candle("A", -30)
    put(store, HYPERLIQUID_CANDLES, candle("B", 0), candle("C", -1), ahead)
    assert [r["symbol"] for r in broken(store, "no_future_times", HYPERLIQUID_CANDLES)] == ["A"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"low": 10.2},
        {"high": 10.4},
        {"low": 0.0},
        {"volume": -1.0},
        {"trades": -1},
        {"close_at": THIS_MINUTE - 6 * MINUTE},
    ],
    ids=str,
)
def test_a_candle_out_of_order_is_found(store: FileStore, wrong: dict[str, object]) -> None:
    put(store, HYPERLIQUID_CANDLES, candle("GOOD"), candle("BAD", **wrong))
    found = broken(store, "candles_are_in_order", HYPERLIQUID_CANDLES)
    assert [row["symbol"] for row in found] == ["BAD"]


def _hour(symbol: str, *, without: set[int] = frozenset()) -> list[dict[str, object]]:
    return [candle(symbol, ago) for ago in range(1, 65) if ago not in without]


def test_a_whole_hour_is_complete_whether_or_not_the_last_minute_is_there(store: FileStore) -> None:
    put(store, HYPERLIQUID_ASSETS, asset("BTC"), asset("ETH"))
    put(store, HYPERLIQUID_CANDLES, *_hour("BTC"), *_hour("ETH", without={1}))
    assert broken(store, "grid_is_complete_over_the_last_hour", HYPERLIQUID_CANDLES) == []


def test_a_missing_minute_and_one_that_never_closed_are_found(store: FileStore) -> None:
    put(store, HYPERLIQUID_ASSETS, asset("BTC"))
    rows = [*_hour("BTC", without={10, 20}), candle("BTC", 20, is_closed=False)]
    put(store, HYPERLIQUID_CANDLES, *rows)
    (found,) = broken(store, "grid_is_complete_over_the_last_hour", HYPERLIQUID_CANDLES)
    assert (found["symbol"], found["missing_minutes"]) == ("BTC", 2)
    assert found["first_missing_at"] == THIS_MINUTE - 20 * MINUTE


def test_a_series_that_stopped_is_found(store: FileStore) -> None:
    put(store, HYPERLIQUID_ASSETS, asset("BTC"))
    put(store, HYPERLIQUID_CANDLES, *(candle("BTC", ago) for ago in range(30, 90)))
    (found,) = broken(store, "grid_is_complete_over_the_last_hour", HYPERLIQUID_CANDLES)
    assert found["missing_minutes"] == 28


def test_known_holes_new_listings_and_delisted_assets_are_not_held_against_it(
    store: FileStore,
) -> None:
    put(
        store,
        HYPERLIQUID_ASSETS,
        asset("HOLE"),
        asset("NEW"),
        asset("GONE") | {"is_delisted": True},
    )
    new = [candle("NEW", ago) for ago in range(1, 20)]
    gone = [candle("GONE", ago) for ago in range(40, 90)]
    put(store, HYPERLIQUID_CANDLES, *_hour("HOLE", without={10, 11}), *new, *gone)
    gap = {
        "source": "hyperliquid",
        "channel": "candles",
        "symbol": "HOLE",
        "gap_from_at": THIS_MINUTE - 11 * MINUTE,
        "gap_to_at": THIS_MINUTE - 9 * MINUTE,
        "cause": "reconnect",
        "detected_at": NOW,
        "healed_at": None,
        "healed_rows": None,
    }
    put(store, INGESTION_GAPS, gap)
    assert broken(store, "grid_is_complete_over_the_last_hour", HYPERLIQUID_CANDLES) == []
    put(store, INGESTION_GAPS, gap | {"healed_at": NOW})
    (found,) = broken(store, "grid_is_complete_over_the_last_hour", HYPERLIQUID_CANDLES)
    assert (found["symbol"], found["missing_minutes"]) == ("HOLE", 2)


def test_a_mid_far_from_the_candle_is_found(store: FileStore) -> None:
    put(
        store,
        HYPERLIQUID_CANDLES,
        candle("NEAR", 1),
        candle("FAR", 1),
        candle("QUIET", 1, trades=0),
    )
    put(store, HYPERLIQUID_MID_PRICES, mid("NEAR", 10.9), mid("FAR", 11.1), mid("QUIET", 20.0))
    (found,) = broken(store, "mids_agree_with_candle_closes", HYPERLIQUID_MID_PRICES)
    assert found["symbol"] == "FAR"
    assert found["difference_rate"] == pytest.approx(11.1 / 10.5 - 1)


def marked(symbol: str, mark: float | None, minutes_ago: float) -> pl.DataFrame:
    """What the exchange said of an asset then."""
    return contexts(context(symbol, at=THIS_MINUTE - minutes_ago * MINUTE, mark_px=mark))


def test_a_price_that_jumps_and_is_back_at_once_is_found(store: FileStore) -> None:
    """One that stays is a move; where the exchange has said nothing, nothing is said here."""
    for symbol, close in (
        ("SPIKE", 120.0),
        ("CRASH", 89.0),
        ("MOVE", 120.0),
        ("EDGE", 110.0),
        ("SILENT", 120.0),
        ("UNMARKED", 120.0),
        ("HOLE", 120.0),
    ):
        ago = 20 if symbol == "HOLE" else 16
        put(store, HYPERLIQUID_CANDLES, candle(symbol, ago, close=100.0))
        put(store, HYPERLIQUID_CANDLES, candle(symbol, 15, close=close))
    for symbol, mark in (("SPIKE", 100.0), ("CRASH", 100.0), ("MOVE", 119.0), ("EDGE", 80.0)):
        store.merge(HYPERLIQUID_ASSET_CONTEXTS, marked(symbol, mark, 12))
        store.merge(HYPERLIQUID_ASSET_CONTEXTS, marked(symbol, 120.0, 7))
    store.merge(HYPERLIQUID_ASSET_CONTEXTS, marked("SILENT", 100.0, 3))
    store.merge(HYPERLIQUID_ASSET_CONTEXTS, marked("SILENT", 100.0, 18))
    store.merge(HYPERLIQUID_ASSET_CONTEXTS, marked("UNMARKED", None, 12))
    store.merge(HYPERLIQUID_ASSET_CONTEXTS, marked("HOLE", 100.0, 12))
    found = broken(store, "closes_do_not_jump", HYPERLIQUID_CANDLES)
    assert {row["symbol"]: row["move_rate"] for row in found} == {
        "SPIKE": pytest.approx(0.2),
        "CRASH": pytest.approx(-0.11),
    }


def test_a_registry_that_lost_more_than_a_fifth_is_found_by_dex(store: FileStore) -> None:
    four_of_five = [asset(f"A{n}", seen=n > 0) for n in range(5)]
    three_of_five = [asset(f"x:B{n}", dex="x", seen=n > 1) for n in range(5)]
    put(store, HYPERLIQUID_ASSETS, *four_of_five, *three_of_five)
    (found,) = broken(store, "registry_did_not_shrink", HYPERLIQUID_ASSETS)
    assert (found["dex"], found["known"], found["seen"]) == ("x", 5, 3)
