"""The CLOB's public reads: books, best prices and midpoints of tokens."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from market_simulator.polymarket.parameters import bad

if TYPE_CHECKING:
    from market_simulator.polymarket.removal import Removals
    from market_simulator.polymarket.rows import Row
    from market_simulator.polymarket.world import World
    from market_simulator.rest import Asked

MOST_TOKENS: Final = 500
_SIDES: Final = {"BUY": ("bids", "0"), "SELL": ("asks", "1")}
"""Which end of the book a side means, and what stands for it where that is empty."""


class Clob:
    """The answers of the CLOB."""

    def __init__(self, world: World, removals: Removals) -> None:
        self._world = world
        self._removals = removals

    def health(self, _asked: Asked) -> str:
        return "OK"

    def book(self, asked: Asked) -> Row:
        """`/book?token_id=`."""
        return self._book(asked)

    def books(self, asked: Asked) -> list[Row]:
        """`POST /books`: in the order of the request, unknown tokens left out."""
        found = (self._of(item["token_id"], asked.now_ms) for item in _items(asked))
        return [book for book in found if book is not None]

    def midpoint(self, asked: Asked) -> dict[str, str]:
        return {"mid": _mid(self._book(asked))}

    def midpoints(self, asked: Asked) -> dict[str, str]:
        """`POST /midpoints`."""
        return {book["asset_id"]: _mid(book) for book in self.books(asked)}

    def price(self, asked: Asked) -> dict[str, str]:
        """`/price?token_id=&side=`: BUY is the best bid, SELL the best ask."""
        side = asked.one("side").upper()
        if side not in _SIDES:
            raise bad("Invalid side")
        return {"price": _best(self._book(asked), side)}

    def prices(self, asked: Asked) -> dict[str, dict[str, str]]:
        """`POST /prices`: by token and side."""
        made: dict[str, dict[str, str]] = {}
        for item in _items(asked):
            side = str(item.get("side", "")).upper()
            if side not in _SIDES:
                raise bad("Invalid side")
            book = self._of(item["token_id"], asked.now_ms)
            if book is not None:
                made.setdefault(item["token_id"], {})[side] = _best(book, side)
        return made

    def _book(self, asked: Asked) -> Row:
        token = asked.one("token_id")
        if not token:
            raise bad("Invalid token id")
        book = self._of(token, asked.now_ms)
        if book is None:
            raise bad("No orderbook exists for the requested token id", 404)
        return book

    def _of(self, token: str, now_ms: int) -> Row | None:
        """A token's book; None where there is none, or its market was taken back."""
        book = self._world.book(token, now_ms)
        return book if book is not None and self._removals.trading([book]) else None


def _items(asked: Asked) -> list[dict[str, Any]]:
    """The objects of a request's body.

    Raises:
        Refused: it is not a list of objects with a `token_id`, or too long.
    """
    try:
        items = msgspec.json.decode(asked.body)
    except msgspec.DecodeError:
        raise bad("Invalid payload") from None
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and isinstance(item.get("token_id"), str) for item in items
    ):
        raise bad("Invalid payload")
    if len(items) > MOST_TOKENS:
        raise bad("Payload exceeds the limit")
    return items


def _best(book: Row, side: str) -> str:
    name, empty = _SIDES[side]
    return book[name][-1]["price"] if book[name] else empty


def _mid(book: Row) -> str:
    """The middle of the best prices; an empty side counts as 0 or 1."""
    middle = (Decimal(_best(book, "BUY")) + Decimal(_best(book, "SELL"))) / 2
    return f"{middle:f}"
