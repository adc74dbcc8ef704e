"""Whole books from REST, with every text as the venue wrote it: what a hash can be held against.

`books.py` reads the same answers as numbers, for those who only want prices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from market_assets.sources.decoding import UNREADABLE
from market_assets.sources.polymarket.order_book.hashing import Facts, Level

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


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


class _WireLevel(msgspec.Struct):
    price: str
    size: str


class _WireBook(msgspec.Struct):
    asset_id: str
    timestamp: str
    bids: list[_WireLevel]
    asks: list[_WireLevel]
    hash: str | None = None
    min_order_size: str | None = None
    tick_size: str | None = None
    neg_risk: bool | None = None
    last_trade_price: str | None = None


_pieces: Final = msgspec.json.Decoder(list[msgspec.Raw])
_book: Final = msgspec.json.Decoder(_WireBook)


def decode_exact_books(body: bytes, asked: Collection[str]) -> ExactBooks:
    """`POST /books`, for the tokens that were asked for.

    Raises:
        UNREADABLE: it is no list.
    """
    wanted = frozenset(asked)
    books: dict[str, ExactBook] = {}
    rejected: dict[str, str] = {}
    for position, piece in enumerate(_pieces.decode(body)):
        try:
            wire = _book.decode(piece)
        except UNREADABLE as error:
            rejected[f"book [{position}]"] = str(error)
            continue
        if wire.asset_id not in wanted:
            rejected[f"book [{position}]"] = f"of {wire.asset_id[:90]!r}, which nobody asked for"
            continue
        books[wire.asset_id] = _exact(wire)
    return ExactBooks(books, rejected)


def _exact(wire: _WireBook) -> ExactBook:
    facts = None
    if wire.min_order_size and wire.tick_size and wire.neg_risk is not None:
        facts = Facts(wire.min_order_size, wire.tick_size, wire.neg_risk)
    return ExactBook(
        bids=tuple(Level(one.price, one.size) for one in wire.bids),
        asks=tuple(Level(one.price, one.size) for one in wire.asks),
        timestamp=wire.timestamp,
        hash=wire.hash or "",
        facts=facts,
        last_trade_price=wire.last_trade_price or "",
    )
