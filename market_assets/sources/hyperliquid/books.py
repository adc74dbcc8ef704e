"""One order book: asked for, and refused if a level in it is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from market_assets.sources.errors import VenueNonsense, VenueRejected
from market_assets.sources.hyperliquid import weights
from market_assets.sources.hyperliquid.endpoint import VENUE
from market_assets.sources.hyperliquid.market_wire import Book, decode_book

if TYPE_CHECKING:
    from market_assets.sources.hyperliquid.endpoint import InfoEndpoint

LEVELS: Final = 20
"""Levels that the exchange shows of each side."""
_FIRST_MS: Final = 1_500_000_000_000
_LAST_MS: Final = 4_000_000_000_000


def read_book(info: InfoEndpoint, symbol: str, n_sig_figs: int | None) -> Book:
    """The book of a symbol, whole or not at all.

    Raises:
        VenueRejected: the symbol is not known: the answer is a bare null.
        VenueNonsense: it is another coin's, or has a level without a price or a size. A crossed
            book is none of these: it is for a check to find.
    """
    request: dict[str, object] = {"type": "l2Book", "coin": symbol}
    if n_sig_figs is not None:
        request["nSigFigs"] = n_sig_figs
    book = info.ask(request, weights.BOOK, decode_book)
    if book is None:
        raise VenueRejected(VENUE, f"l2Book: no book of {symbol}")
    if book.coin != symbol:
        raise VenueNonsense(VENUE, f"l2Book of {symbol}: the book of {book.coin}")
    if not _FIRST_MS < book.time < _LAST_MS:
        raise VenueNonsense(VENUE, f"l2Book of {symbol}: time {book.time} is no time")
    for level in (*book.levels[0], *book.levels[1]):
        if not (0.0 < level.px < math.inf and 0.0 < level.sz < math.inf):
            raise VenueNonsense(VENUE, f"l2Book of {symbol}: level {level.px} {level.sz}")
    return book
