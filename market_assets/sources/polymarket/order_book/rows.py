"""Books as rows: heads, levels and tops, with sums that are exact until they become a row.

Prices are millionths and sizes are scaled to whole numbers, so a spread of 0.002 is 0.002 and not
the difference of two floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from market_assets.clock import from_ms
from market_assets.sources.polymarket.order_book.side import ONE, millionths
from market_assets.tables import (
    POLYMARKET_BOOK_TOPS,
    POLYMARKET_BOOKS,
    POLYMARKET_ORDERBOOK_LEVELS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from typing import Literal

    from market_assets.sources.polymarket.order_book.hashing import Level
    from market_assets.sources.polymarket.order_book.token_book import Settled

NEAR: Final = 50_000
"""Depth is that of levels within 0.05 of the own best price, 0.05 included; in millionths."""
_SIZE_DECIMALS: Final = 12
_SIZE_ONE: Final = 10**_SIZE_DECIMALS


@dataclass(frozen=True)
class Token:
    """A token whose book is kept.

    Attributes:
        token_id: the venue's id.
        condition_id: its market.
        outcome: what it pays for, `Yes`.
        neg_risk: what the catalogue says; the CLOB's word counts where it is known.
        tick_size: the same.
    """

    token_id: str
    condition_id: str
    outcome: str | None = None
    neg_risk: bool | None = None
    tick_size: float | None = None


class Shown(NamedTuple):
    """A book as it is to be shown.

    Attributes:
        token: whose.
        settled: the state.
        proven: of the state; False where it is not the present book any more.
        source: who told it.
        received_at: when.
        neg_risk: as the CLOB says; None: it has not said.
        tick_size: the same, as text.
        last_trade: of the market, as text; empty: none.
    """

    token: Token
    settled: Settled
    proven: bool | None
    source: Literal["stream", "rest"]
    received_at: datetime
    neg_risk: bool | None
    tick_size: str | None
    last_trade: str


class Top(NamedTuple):
    """Best prices and what rests near them."""

    best_bid: float | None
    best_bid_size: float | None
    best_ask: float | None
    best_ask_size: float | None
    spread: float | None
    mid: float | None
    bid_depth_5c_usd: float
    ask_depth_5c_usd: float


def top_of(settled: Settled) -> Top:
    """Best prices, spread, mid and depth of a state.

    Depth is the sum of price × size over the levels within 0.05 of the own best price, in USD.
    """
    bids, asks = settled.bids, settled.asks
    bid = millionths(bids[-1].price) if bids else None
    ask = millionths(asks[0].price) if asks else None
    both = bid is not None and ask is not None
    return Top(
        best_bid=None if bid is None else bid / ONE,
        best_bid_size=float(bids[-1].size) if bids else None,
        best_ask=None if ask is None else ask / ONE,
        best_ask_size=float(asks[0].size) if asks else None,
        spread=(ask - bid) / ONE if both else None,  # type: ignore[operator]
        mid=(ask + bid) / (2 * ONE) if both else None,  # type: ignore[operator]
        bid_depth_5c_usd=_depth(reversed(bids), bid),
        ask_depth_5c_usd=_depth(asks, ask),
    )


def _depth(best_first: Iterable[Level], best: int | None) -> float:
    total = 0
    for level in best_first:
        price = millionths(level.price)
        if best is None or abs(price - best) > NEAR:
            break
        total += price * _scaled(level.size)
    return total / (ONE * _SIZE_ONE)


def _scaled(size: str) -> int:
    whole, _, fraction = size.partition(".")
    return int((whole or "0") + fraction[:_SIZE_DECIMALS].ljust(_SIZE_DECIMALS, "0"))


def heads(books: Sequence[Shown]) -> pl.DataFrame:
    """Rows of `polymarket_books`."""
    return _frame([_head(book) for book in books], POLYMARKET_BOOKS.schema)


def _head(book: Shown) -> dict[str, Any]:
    token, settled = book.token, book.settled
    knows = book.neg_risk is not None
    return {
        "token_id": token.token_id,
        "condition_id": token.condition_id,
        "outcome": token.outcome,
        **top_of(settled)._asdict(),
        "levels": len(settled.bids) + len(settled.asks),
        "tick_size": token.tick_size if book.tick_size is None else float(book.tick_size),
        "neg_risk": book.neg_risk if knows else token.neg_risk,
        "neg_risk_source": "clob" if knows else None if token.neg_risk is None else "gamma",
        "last_trade_price": float(book.last_trade) if book.last_trade else None,
        "book_at": from_ms(settled.at_ms),
        "book_hash": settled.hash or None,
        "is_proven": book.proven,
        "source": book.source,
        "ingested_at": book.received_at,
    }


def levels(books: Sequence[Shown]) -> pl.DataFrame:
    """Rows of `polymarket_orderbook_levels`."""
    rows: dict[str, list[Any]] = {name: [] for name in POLYMARKET_ORDERBOOK_LEVELS.column_names}
    for token, settled, _, source, received_at, *_ in books:
        count = len(settled.bids) + len(settled.asks)
        rows["token_id"] += [token.token_id] * count
        rows["side"] += ["bid"] * len(settled.bids) + ["ask"] * len(settled.asks)
        for side in (settled.bids, settled.asks):
            rows["price"] += [float(level.price) for level in side]
            rows["size"] += [float(level.size) for level in side]
        rows["book_at"] += [from_ms(settled.at_ms)] * count
        rows["book_hash"] += [settled.hash or None] * count
        rows["source"] += [source] * count
        rows["ingested_at"] += [received_at] * count
    return pl.DataFrame(rows, schema=POLYMARKET_ORDERBOOK_LEVELS.schema)


class Standing(NamedTuple):
    """A book's top at an instant of the grid."""

    token_id: str
    observed_at: datetime
    top: Top
    proven: bool | None


def tops(standings: Sequence[Standing]) -> pl.DataFrame:
    """Rows of `polymarket_book_tops`."""
    rows = [
        {
            "token_id": one.token_id,
            "observed_at": one.observed_at,
            **one.top._asdict(),
            "is_proven": one.proven,
        }
        for one in standings
    ]
    return _frame(rows, POLYMARKET_BOOK_TOPS.schema)


def _frame(rows: Sequence[dict[str, Any]], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")
