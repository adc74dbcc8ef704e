"""The rules of contexts, funding and books: each finds what breaks it, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.checks.rules import broken_by, rules
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    HYPERLIQUID_ASSET_CONTEXTS,
    HYPERLIQUID_ASSETS,
    HYPERLIQUID_FUNDING_RATES,
    HYPERLIQUID_LIQUIDITY_PROFILES,
    HYPERLIQUID_MID_PRICES,
    TableSpec,
)
from market_assets_tests.features.rows import context, contexts, rates

NOW = datetime(2026, 11, 20, 12, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def broken(store: FileStore, name: str) -> list[dict[str, object]]:
    (rule,) = (one for one in rules() if one.name == name)
    return broken_by(store, rule, NOW).rows(named=True)


def put(store: FileStore, table: TableSpec, *rows: dict[str, object]) -> None:
    full = [{name: row.get(name) for name in table.column_names} for row in rows]
    store.merge(table, pl.DataFrame(full, schema=table.schema))


def listed(store: FileStore, **dexs: str) -> None:
    """Perps by name, with their dex."""
    put(
        store,
        HYPERLIQUID_ASSETS,
        *(
            {
                "symbol": symbol,
                "kind": "perp",
                "dex": dex,
                "display_name": symbol,
                "sz_decimals": 1,
                "only_isolated": False,
                "is_delisted": False,
                "first_seen_at": NOW,
                "updated_at": NOW,
                "ingested_at": NOW,
            }
            for symbol, dex in dexs.items()
        ),
    )


def mids(store: FileStore, symbol: str, *prices: float) -> None:
    """Mids between the last two contexts, one minute apart."""
    put(
        store,
        HYPERLIQUID_MID_PRICES,
        *(
            {
                "symbol": symbol,
                "bucket_at": NOW - 5 * MINUTE + nth * MINUTE,
                "mid": mid,
                "samples": 1,
                "ingested_at": NOW,
            }
            for nth, mid in enumerate(prices)
        ),
    )


def twice(symbol: str, **then: object) -> list[dict[str, object]]:
    """A context of now, and the one of five minutes before, which differed in `then`."""
    now = {"mark_px": 100.0, "open_interest": 10.0}
    return [
        context(symbol, at=NOW, **now),  # type: ignore[arg-type]
        context(symbol, at=NOW - 5 * MINUTE, **{**now, **then}),  # type: ignore[arg-type]
    ]


def test_contexts_that_all_stand_still_while_mids_move_are_found_by_dex(store: FileStore) -> None:
    listed(store, A="", B="", C="x", D="x", E="y")
    rows = [*twice("A"), *twice("B"), *twice("C"), *twice("D", mark_px=99.0), *twice("E")]
    store.merge(HYPERLIQUID_ASSET_CONTEXTS, contexts(*rows))
    assert broken(store, "contexts_move_with_mids") == [], "no mids prove nothing"
    for symbol in "ABCD":
        mids(store, symbol, 10.0, 11.0)
    mids(store, "E", 10.0, 10.0)
    (found,) = broken(store, "contexts_move_with_mids")
    assert (found["dex"], found["contexts"], found["mids_moved"]) == ("", 2, 2)


def test_contexts_of_delisted_assets_and_a_single_poll_are_not_held_against_it(
    store: FileStore,
) -> None:
    listed(store, A="", B="")
    one = context("A", at=NOW)
    gone = [row | {"is_delisted": True} for row in twice("B")]
    store.merge(HYPERLIQUID_ASSET_CONTEXTS, contexts(one, *gone))
    for symbol in "AB":
        mids(store, symbol, 10.0, 11.0)
    assert broken(store, "contexts_move_with_mids") == []


def in_turn(symbol: str, *open_interest: float | None, **more: object) -> list[dict[str, object]]:
    """A context every five minutes, the last one of now; a unit is worth 100,000 USD."""
    last = len(open_interest) - 1
    return [
        context(
            symbol,
            at=NOW - 5 * (last - nth) * MINUTE,
            open_interest=units,
            oracle_px=100_000.0,
            **more,  # type: ignore[arg-type]
        )
        for nth, units in enumerate(open_interest)
    ]


def test_open_interest_that_fell_by_more_than_half_and_stayed_there_is_found(
    store: FileStore,
) -> None:
    rows = [
        *in_turn("HALF", 20.0, 10.0, 10.0),
        *in_turn("MORE", 20.1, 9.0, 10.0),
        *in_turn("ONCE", 20.1, 9.0, 20.1),
        *in_turn("LAST", 20.1, 20.1, 9.0),
        *in_turn("BEFORE", 50.0, 20.1, 9.0, 9.0),
        *in_turn("SMALL", 9.9, 1.0, 1.0),
        *in_turn("ROSE", 20.0, 50.0, 90.0),
        *in_turn("NONE", None, 10.0, 10.0),
        *in_turn("GONE", 99.0, 10.0, 10.0, is_delisted=True),
    ]
    store.merge(HYPERLIQUID_ASSET_CONTEXTS, contexts(*rows))
    found = broken(store, "open_interest_did_not_halve")
    assert [(row["symbol"], row["open_interest_before"]) for row in found] == [
        ("BEFORE", 20.1),
        ("MORE", 20.1),
    ]


def test_a_dex_without_contexts_for_ten_minutes_is_found(store: FileStore) -> None:
    """Others go on; one that is delisted as a whole, or had none for a day, is not expected."""
    ages = {"MAIN": 0, "LATE": 10, "SILENT": 11, "GONE": 60, "LONG_AGO": 1500}
    listed(store, **{symbol: symbol.lower() for symbol in ages})
    put(store, HYPERLIQUID_ASSETS, *(delisted(store, "GONE"),))
    rows = [context(symbol, at=NOW - age * MINUTE) for symbol, age in ages.items()]
    store.merge(HYPERLIQUID_ASSET_CONTEXTS, contexts(*rows))
    found = broken(store, "every_live_dex_has_fresh_contexts")
    assert [row["dex"] for row in found] == ["silent"]


def delisted(store: FileStore, symbol: str) -> dict[str, object]:
    """The registry's row of an asset as of a minute later, delisted."""
    (row,) = store.read(
        "select * from hyperliquid_assets where symbol = $symbol", {"symbol": symbol}
    ).rows(named=True)
    return {**row, "is_delisted": True, "ingested_at": NOW + MINUTE, "updated_at": NOW + MINUTE}


def test_a_payment_that_cannot_change_any_more_is_told_for_a_day(store: FileStore) -> None:
    for symbol, age in (("NEW", timedelta(hours=23)), ("OLD", timedelta(hours=25))):
        frame = rates([0.05], symbol=symbol, until=NOW - age)
        store.merge(
            HYPERLIQUID_FUNDING_RATES,
            frame.with_columns(
                pl.lit(NOW - age).cast(frame["ingested_at"].dtype).alias("ingested_at")
            ),
        )
    assert [row["symbol"] for row in broken(store, "payments_are_within_the_cap")] == ["NEW"]


@pytest.mark.parametrize("rate", [0.0401, -0.0401])
def test_a_running_rate_beyond_the_cap_is_found(store: FileStore, rate: float) -> None:
    rows = [
        context("OVER", at=NOW, funding_rate=rate),
        context("AT", at=NOW, funding_rate=0.04),
        context("SPOT", at=NOW, funding_rate=None),
    ]
    store.merge(HYPERLIQUID_ASSET_CONTEXTS, contexts(*rows))
    assert [row["symbol"] for row in broken(store, "funding_is_within_the_cap")] == ["OVER"]


def test_a_payment_beyond_the_cap_of_its_interval_is_found(store: FileStore) -> None:
    for symbol, rate, hours in (("OVER", -0.05, 1), ("LONG", 0.05, 8), ("AT", 0.04, 1)):
        store.merge(
            HYPERLIQUID_FUNDING_RATES, rates([rate], symbol=symbol, until=NOW, interval_hours=hours)
        )
    assert [row["symbol"] for row in broken(store, "payments_are_within_the_cap")] == ["OVER"]


def test_a_crossed_or_locked_book_is_found_for_an_hour(store: FileStore) -> None:
    touches = {
        "GOOD": (99.0, 101.0, 0),
        "CROSSED": (101.0, 99.0, 0),
        "LOCKED": (100.0, 100.0, 59),
        "OLD": (101.0, 99.0, 61),
        "ONE": (101.0, None, 0),
    }
    put(
        store,
        HYPERLIQUID_LIQUIDITY_PROFILES,
        *(
            {"symbol": symbol, "as_of": NOW - ago * MINUTE, "best_bid": bid, "best_ask": ask}
            for symbol, (bid, ask, ago) in touches.items()
        ),
    )
    found = [row["symbol"] for row in broken(store, "books_are_not_crossed")]
    assert found == ["CROSSED", "LOCKED"]
