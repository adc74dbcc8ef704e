"""Books as rows: exact sums, empty sides, and which prices are near."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.frames import conform
from market_assets.sources.polymarket.order_book.hashing import Level
from market_assets.sources.polymarket.order_book.rows import (
    Shown,
    Standing,
    Token,
    heads,
    levels,
    top_of,
    tops,
)
from market_assets.sources.polymarket.order_book.token_book import Settled
from market_assets.tables import (
    POLYMARKET_BOOK_TOPS,
    POLYMARKET_BOOKS,
    POLYMARKET_ORDERBOOK_LEVELS,
)

AT = datetime(2026, 2, 28, 23, 59, 30, tzinfo=UTC)
AT_MS = 1_772_323_170_123


def settled(bids: dict[str, str] | None = None, asks: dict[str, str] | None = None) -> Settled:
    return Settled(
        [Level(*one) for one in sorted((bids or {}).items())],
        [Level(*one) for one in sorted((asks or {}).items())],
        AT_MS,
        "h",
        True,
    )


def shown(state: Settled, **other: object) -> Shown:
    told = {
        "token": Token("7", "0xm", "Yes", neg_risk=True, tick_size=0.01),
        "settled": state,
        "proven": state.proven,
        "source": "stream",
        "received_at": AT,
        "neg_risk": None,
        "tick_size": None,
        "last_trade": "",
    }
    return Shown(**{**told, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bid", "ask", "spread", "mid"),
    [
        ("0.041", "0.043", 0.002, 0.042),
        ("0.001", "0.999", 0.998, 0.5),
        ("0.57", "0.58", 0.01, 0.575),
        ("0.1234", "0.1235", 0.0001, 0.12345),
    ],
)
def test_spreads_and_mids_are_decimals_of_the_tick(
    bid: str, ask: str, spread: float, mid: float
) -> None:
    """0.043 - 0.041 is 0.0020000000000000018 in floats."""
    top = top_of(settled({bid: "1"}, {ask: "1"}))
    assert (top.spread, top.mid) == (spread, mid)


def test_depth_is_that_of_levels_within_five_cents_of_the_own_best_price() -> None:
    """0.05 away exactly counts."""
    bids = {"0.5": "10", "0.45": "100", "0.449": "1000"}
    asks = {"0.52": "3.33", "0.57": "0.01", "0.571": "1000"}
    top = top_of(settled(bids, asks))
    assert top.bid_depth_5c_usd == 0.5 * 10 + 0.45 * 100
    assert top.ask_depth_5c_usd == float(
        Decimal("0.52") * Decimal("3.33") + Decimal("0.57") * Decimal("0.01")
    )


@given(
    st.dictionaries(
        st.integers(1, 999).map(lambda n: f"0.{n:03d}".rstrip("0")),
        st.decimals("0.01", "1000000", places=2).map(str),
        max_size=20,
    )
)
def test_depth_is_exact_whatever_the_levels(asks: dict[str, str]) -> None:
    top = top_of(settled({}, asks))
    best = min(map(Decimal, asks), default=Decimal(0))
    near = [
        (Decimal(p), Decimal(s)) for p, s in asks.items() if Decimal(p) - best <= Decimal("0.05")
    ]
    assert top.ask_depth_5c_usd == float(sum((p * s for p, s in near), Decimal(0)))


def test_an_empty_side_has_no_best_price_and_no_depth() -> None:
    top = top_of(settled({"0.5": "10"}))
    assert (top.best_bid, top.best_bid_size, top.best_ask, top.best_ask_size) == (
        0.5,
        10.0,
        None,
        None,
    )
    assert (top.spread, top.mid, top.ask_depth_5c_usd) == (None, None, 0.0)


def test_rows_are_what_their_tables_take() -> None:
    book = shown(settled({"0.5": "10"}, {"0.52": "1", "0.6": "2"}), last_trade="0.510")
    [head] = conform(POLYMARKET_BOOKS, heads([book])).iter_rows(named=True)
    assert (head["token_id"], head["levels"], head["last_trade_price"]) == ("7", 3, 0.51)
    assert (head["neg_risk"], head["neg_risk_source"], head["tick_size"]) == (True, "gamma", 0.01)
    assert head["book_at"] == datetime.fromtimestamp(AT_MS / 1000, UTC)
    found = conform(POLYMARKET_ORDERBOOK_LEVELS, levels([book]))
    assert found.select("side", "price", "size").rows() == [
        ("bid", 0.5, 10.0),
        ("ask", 0.52, 1.0),
        ("ask", 0.6, 2.0),
    ]
    standing = Standing("7", AT, top_of(book.settled), proven=None)
    [top] = conform(POLYMARKET_BOOK_TOPS, tops([standing])).iter_rows(named=True)
    assert (top["observed_at"], top["best_ask"], top["is_proven"]) == (AT, 0.52, None)
    for make, table in (
        (heads, POLYMARKET_BOOKS),
        (levels, POLYMARKET_ORDERBOOK_LEVELS),
        (tops, POLYMARKET_BOOK_TOPS),
    ):
        assert conform(table, make([])).is_empty()


def test_the_word_of_the_clob_counts_where_it_has_one() -> None:
    [head] = heads([shown(settled(), neg_risk=False, tick_size="0.001")]).iter_rows(named=True)
    assert (head["neg_risk"], head["neg_risk_source"], head["tick_size"]) == (False, "clob", 0.001)
    unknown = shown(settled(), token=Token("7", "0xm"))
    [head] = heads([unknown]).iter_rows(named=True)
    assert (head["neg_risk"], head["neg_risk_source"], head["outcome"]) == (None, None, None)
