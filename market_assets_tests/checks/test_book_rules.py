"""The rules of Polymarket's order books: each finds what breaks it, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from market_assets.checks.rules import broken_by, rules
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    POLYMARKET_BOOK_TOPS,
    POLYMARKET_BOOKS,
    POLYMARKET_ORDERBOOK_LEVELS,
    TableSpec,
)

NOW = datetime(2026, 11, 20, 12, 1, tzinfo=UTC)
COMMON = {"book_at": NOW, "book_hash": "h", "source": "stream", "ingested_at": NOW}
HEAD = COMMON | {
    "condition_id": "0xm",
    "best_bid": 0.4,
    "best_ask": 0.42,
    "bid_depth_5c_usd": 4.0,
    "ask_depth_5c_usd": 4.2,
    "levels": 3,
    "tick_size": 0.01,
}
LEVELS = (("bid", 0.4), ("bid", 0.39), ("ask", 0.42))


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def put(store: FileStore, table: TableSpec, *rows: dict[str, Any]) -> None:
    full = [{name: row.get(name) for name in table.column_names} for row in rows]
    store.merge(table, pl.DataFrame(full, schema=table.schema))


def book(
    store: FileStore, token: str, sides: tuple[tuple[str, float], ...] = LEVELS, **head: Any
) -> None:
    put(store, POLYMARKET_BOOKS, HEAD | {"token_id": token} | head)
    rows = [{"side": side, "price": price, "size": 10.0} for side, price in sides]
    if rows:
        all_rows = [COMMON | {"token_id": token} | row for row in rows]
        put(store, POLYMARKET_ORDERBOOK_LEVELS, *all_rows)


def broken(store: FileStore, name: str) -> list[object]:
    """The first column of the rows that break a rule."""
    (rule,) = (one for one in rules() if one.name == name)
    return broken_by(store, rule, NOW).to_series(0).to_list()


@pytest.mark.parametrize(
    ("rule", "head", "levels"),
    [
        ("order_books_are_not_crossed", {"best_bid": 0.42}, LEVELS),
        ("order_books_are_not_crossed", {"best_bid": 0.5}, LEVELS),
        ("book_levels_agree_with_heads", {"best_bid": 0.41}, LEVELS),
        ("book_levels_agree_with_heads", {"best_ask": None}, LEVELS),
        ("book_levels_agree_with_heads", {}, LEVELS[:2]),
        ("book_levels_agree_with_heads", {}, ()),
        ("book_levels_agree_with_heads", {}, (*LEVELS, ("ask", 0.5))),
        ("book_levels_agree_with_heads", {"book_hash": "another"}, LEVELS),
        ("book_prices_are_on_the_tick", {"levels": 4}, (*LEVELS, ("ask", 0.425))),
        ("book_prices_are_on_the_tick", {"levels": 4}, (*LEVELS, ("ask", 1.0))),
    ],
    ids=str,
)
def test_what_breaks_a_rule_is_found(
    store: FileStore, rule: str, head: dict[str, Any], levels: tuple[tuple[str, float], ...]
) -> None:
    """And the good book beside it is not."""
    book(store, "good")
    assert broken(store, rule) == []
    book(store, "bad", levels, **head)
    assert broken(store, rule) == ["bad"]


def test_levels_of_a_book_that_is_gone_are_found(store: FileStore) -> None:
    book(store, "good")
    put(
        store,
        POLYMARKET_ORDERBOOK_LEVELS,
        COMMON | {"token_id": "gone", "side": "bid", "price": 0.1, "size": 1.0},
    )
    assert broken(store, "book_levels_agree_with_heads") == ["gone"]


def test_a_book_without_a_level_and_one_with_an_empty_side_are_fine(store: FileStore) -> None:
    empty = {"best_bid": None, "best_ask": None, "levels": 0}
    book(store, "empty", (), **empty)
    book(store, "half", LEVELS[2:], best_bid=None, levels=1)
    for rule in ("order_books_are_not_crossed", "book_levels_agree_with_heads"):
        assert broken(store, rule) == []


@pytest.mark.parametrize("tick", [0.1, 0.01, 0.005, 0.0025, 0.001, 0.0001])
def test_every_price_of_a_tick_is_on_it(store: FileStore, tick: float) -> None:
    """Floats of prices are not exact multiples of floats of ticks."""
    count = min(99, round(1 / tick) - 1)
    levels = tuple(("bid", round(tick * n, 6)) for n in range(1, count + 1))
    book(store, "all", levels, tick_size=tick)
    assert broken(store, "book_prices_are_on_the_tick") == []


@pytest.mark.parametrize(("unproven", "breaks"), [(1, False), (2, True)])
def test_less_than_99_of_100_books_proved_within_the_hour_is_worth_a_look(
    store: FileStore, unproven: int, *, breaks: bool
) -> None:
    """NULL is not proved; what stood longer ago does not count."""
    tops = [
        {
            "token_id": str(number),
            "observed_at": NOW - timedelta(minutes=1),
            "bid_depth_5c_usd": 1.0,
            "ask_depth_5c_usd": 1.0,
            "is_proven": (None if number else False) if number < unproven else True,
        }
        for number in range(100)
    ]
    old = [top | {"observed_at": NOW - timedelta(hours=2), "is_proven": False} for top in tops]
    put(store, POLYMARKET_BOOK_TOPS, *tops, *old)
    assert broken(store, "books_are_proven") == ([100] if breaks else [])
