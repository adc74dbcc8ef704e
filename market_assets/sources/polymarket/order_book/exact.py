"""Whole books from REST, with every text as the venue wrote it: what a hash can be held against.

`books.py` reads the same answers as numbers, for those who only want prices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from market_assets.sources.polymarket import values
from market_assets.sources.polymarket.books import wire_books
from market_assets.sources.polymarket.order_book.hashing import Facts, Level

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from market_assets.sources.polymarket.books import WireBook


class ExactBook(NamedTuple):
    """A token's book.

    Attributes:
        bids: lowest price first.
        asks: highest price first: the best is the last.
        timestamp: in ms.
        hash: the venue's; empty: it told none.
        facts: what the hash covers beside the levels; None where one of them is missing.
        last_trade_price: of the market; empty: it was never traded.
    """

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    timestamp: str
    hash: str
    facts: Facts | None
    last_trade_price: str


class ExactBooks(NamedTuple):
    """Books by token.

    Attributes:
        books: those that could be read; a token without a book is not here.
        rejected: what could not be read, and why.
    """

    books: Mapping[str, ExactBook]
    rejected: Mapping[str, str]


class ExactAnswer(NamedTuple):
    """Books by token; of tokens in `unanswered` nothing is known."""

    books: Mapping[str, ExactBook]
    rejected: Mapping[str, str]
    unanswered: Mapping[str, str]


def decode_exact_books(body: bytes, asked: Collection[str]) -> ExactBooks:
    """`POST /books`, for the tokens that were asked for.

    Raises:
        UNREADABLE: it is no list.
    """
    wanted = frozenset(asked)
    books: dict[str, ExactBook] = {}
    rows, rejected = wire_books(body)
    for position, row in enumerate(rows):
        if row is None:
            continue
        token_id = values.identifier(row.asset_id)
        if token_id not in wanted:
            rejected[f"book [{position}]"] = f"of {row.asset_id!r}, which nobody asked for"
            continue
        try:
            books[token_id] = _exact(row)
        except ValueError as error:
            rejected[f"book {token_id}"] = str(error)
    return ExactBooks(books, rejected)


def _exact(wire: WireBook) -> ExactBook:
    """The book with its texts.

    Raises:
        ValueError: a side is missing, or something is no text, so that no hash can be formed.
    """
    if wire.bids is None or wire.asks is None:
        raise ValueError("a side is missing")
    facts = None
    if wire.min_order_size and wire.tick_size and wire.neg_risk is not None:
        facts = Facts(_text(wire.min_order_size), _text(wire.tick_size), wire.neg_risk)
    return ExactBook(
        bids=tuple(Level(_text(one.price), _text(one.size)) for one in wire.bids),
        asks=tuple(Level(_text(one.price), _text(one.size)) for one in wire.asks),
        timestamp=_text(wire.timestamp),
        hash=wire.hash or "",
        facts=facts,
        last_trade_price=_text(wire.last_trade_price or ""),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text: its hash cannot be formed")  # noqa: TRY004 - callers know one error
    return value
