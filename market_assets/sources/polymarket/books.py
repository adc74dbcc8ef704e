"""Books of the CLOB as they come, and what a sound book is.

Documented at https://docs.polymarket.com/api-reference. Prices and sizes are strings; a book's
time is a string of milliseconds. A book is sound if every level has a price between 0 and 1 and a
size, no price stands twice on a side, and the best bid is below the best ask. One that is not is
kept out as a whole: depth without the bad level would be wrong.

Not here: requests (`clob.py`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import msgspec

from market_assets.clock import from_ms
from market_assets.sources.decoding import Decoder
from market_assets.sources.faults import EXACT, NEEDED, Naming
from market_assets.sources.polymarket import values
from market_assets.sources.polymarket.model import Book, Books
from market_assets.sources.polymarket.values import Reader
from market_assets.sources.polymarket.wire import NeededId, Number, named

if TYPE_CHECKING:
    from collections.abc import Collection

_FIRST_MS: Final = 1_577_836_800_000
"""2020-01-01: the venue is younger than that."""
_LAST_MS: Final = 4_102_444_800_000
"""2100-01-01."""


class WireLevel(msgspec.Struct):
    """One price of one side."""

    price: float | str
    size: float | str


class WireBook(msgspec.Struct):
    """A book, from `/book` or an element of `/books`."""

    ROW: ClassVar = Naming("book", ("asset_id",))

    asset_id: NeededId = None
    market: Annotated[str | None, EXACT] = None
    timestamp: Annotated[Number, NEEDED] = None
    hash: Annotated[str | None, EXACT] = None
    bids: Annotated[list[WireLevel] | None, NEEDED] = None
    asks: Annotated[list[WireLevel] | None, NEEDED] = None
    tick_size: Number = None
    min_order_size: Number = None
    neg_risk: bool | None = None
    last_trade_price: Number = None


_books: Final = Decoder[list[WireBook | None]](list[WireBook | None])


def wire_books(body: bytes) -> tuple[list[WireBook | None], dict[str, str]]:
    """`/books` as it came, texts as texts; None for what cannot be read, which is named.

    Raises:
        UNREADABLE: it is no list.
    """
    rows, faults = _books.read(body)
    return rows, named(faults)


def decode_books(body: bytes, asked: Collection[str]) -> Books:
    """`/books`, for the tokens that were asked for.

    Raises:
        UNREADABLE: it is no list.
    """
    rows, faults = _books.read(body)
    wanted = frozenset(asked)
    rejected = named(faults)
    books: dict[str, Book] = {}
    for position, row in enumerate(rows):
        if row is None:
            continue
        token_id = values.identifier(row.asset_id)
        if token_id not in wanted:
            rejected[f"book [{position}]"] = f"of {row.asset_id!r}, which nobody asked for"
            continue
        try:
            books[token_id] = read_book(row, token_id, rejected)
        except ValueError as error:
            rejected[f"book {token_id}"] = str(error)
    return Books(books, rejected)


def read_book(wire: WireBook, token_id: str, rejected: dict[str, str]) -> Book:
    """The book, best levels first.

    Args:
        wire: as it came, in either order.
        token_id: whose it is.
        rejected: is given the values beside the levels that cannot be.

    Raises:
        ValueError: it is not sound.
    """
    read = Reader(f"book {token_id}", rejected).read
    if wire.bids is None or wire.asks is None:
        raise ValueError("a side is missing")
    bids = _levels(wire.bids, best=-1)
    asks = _levels(wire.asks, best=1)
    if bids and asks and bids[0][0] >= asks[0][0]:
        raise ValueError(f"it is crossed: bid {bids[0][0]:g}, ask {asks[0][0]:g}")
    milliseconds = values.number("" if wire.timestamp is None else wire.timestamp)
    if not _FIRST_MS <= milliseconds <= _LAST_MS:
        raise ValueError(f"timestamp {milliseconds:.0f} is no time")
    return Book(
        token_id=token_id,
        condition_id=values.text(wire.market),
        bids=bids,
        asks=asks,
        at=from_ms(int(milliseconds)),
        hash=values.text(wire.hash),
        tick_size=read("tick_size", values.traded_price, wire.tick_size),
        min_order_size=read("min_order_size", values.amount, wire.min_order_size),
        neg_risk=wire.neg_risk,
        last_trade_price=read("last_trade_price", values.price, wire.last_trade_price) or None,
    )


def _levels(wire: list[WireLevel], best: int) -> tuple[tuple[float, float], ...]:
    """(price, size) sorted so that the best is first: the highest bid (-1), the lowest ask (1)."""
    levels = sorted(
        ((values.price(level.price), values.size(level.size)) for level in wire),
        key=lambda level: best * level[0],
    )
    for price, _ in levels:
        if not 0.0 < price < 1.0:
            raise ValueError(f"a level at {price:g}")
    for (price, _), (following, _) in pairwise(levels):
        if price == following:
            raise ValueError(f"price {price:g} stands twice on one side")
    return tuple(levels)
