"""Polymarket's order books: whole books and best prices of tokens, many at a time.

Documented at https://docs.polymarket.com/api-reference. What is known of it beyond that:

- `POST /books` and `/prices` leave out tokens without a book; the limit is one of bytes, near 500
  tokens;
- a book's best level is the last of each list, an old page of the documentation says the first:
  both orders are read right here;
- `last_trade_price` is the market's: both its tokens show the same;
- in `/prices` BUY is the best bid and SELL the best ask; an empty side is "0" or "1".

Not here: shapes and what makes a book sound (`books.py`), what price follows from a book.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_assets.sources.polymarket.host import HostClient

if TYPE_CHECKING:
    from collections.abc import Iterable

    from market_assets.sources.polymarket.model import Books, Quotes


class ClobClient(HostClient):
    """`https://clob.polymarket.com`, or another that speaks the same. Thread-safe."""

    def books(self, token_ids: Iterable[str]) -> Books:
        """Whole books of tokens; those without one are left out, unsound ones rejected.

        Raises:
            VenueError: a batch could not be had; the class says why. So for every method here.
        """
        raise NotImplementedError

    def prices(self, token_ids: Iterable[str]) -> Quotes:
        """Best bid and ask of tokens; those without a book are left out."""
        raise NotImplementedError
