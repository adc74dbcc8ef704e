"""Polymarket's order books: whole books of tokens, many at a time.

Documented at https://docs.polymarket.com/api-reference. What is known of it beyond that:

- `POST /books` leaves out tokens without a book; the limit is one of bytes, near 500 tokens;
- a book's best level is the last of each list, an old page of the documentation says the first:
  both orders are read right here;
- `last_trade_price` is the market's: both its tokens show the same.

Not here: shapes and what makes a book sound (`books.py`), what price follows from a book.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_assets.sources.polymarket import limits
from market_assets.sources.polymarket.books import decode_books
from market_assets.sources.polymarket.host import HostClient, merged
from market_assets.sources.polymarket.model import Books
from market_assets.sources.polymarket.order_book.exact import (
    ExactAnswer,
    ExactBooks,
    decode_exact_books,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOKENS_A_REQUEST: Final = 250
"""Half of what the venue takes: the limit is one of bytes, and token ids are 77 digits."""


class ClobClient(HostClient):
    """`https://clob.polymarket.com`, or another that speaks the same. Thread-safe."""

    def books(self, token_ids: Iterable[str]) -> Books:
        """Whole books of tokens; those without one are left out, unsound ones rejected.

        Raises:
            VenueError: a batch could not be had; the class says why.
        """
        asked = self._in_batches(token_ids, _TOKENS_A_REQUEST, self._books)
        books = {token: book for answer in asked.answers for token, book in answer.books.items()}
        rejected = merged("book", asked, (answer.rejected for answer in asked.answers))
        return Books(books, rejected, asked.unanswered)

    def exact_books(self, token_ids: Iterable[str]) -> ExactAnswer:
        """Whole books of tokens with every text as the venue wrote it; those without are left out.

        Raises:
            VenueError: a batch could not be had; the class says why.
        """
        asked = self._in_batches(token_ids, _TOKENS_A_REQUEST, self._exact_books)
        books = {token: book for answer in asked.answers for token, book in answer.books.items()}
        rejected = merged("book", asked, (answer.rejected for answer in asked.answers))
        return ExactAnswer(books, rejected, asked.unanswered)

    def _exact_books(self, token_ids: tuple[str, ...]) -> ExactBooks:
        question = [{"token_id": token} for token in token_ids]
        answer = self._post(
            "/books", question, limits.BOOKS, lambda body: decode_exact_books(body, token_ids)
        )
        self._note("/books", answer.rejected)
        return answer

    def _books(self, token_ids: tuple[str, ...]) -> Books:
        question = [{"token_id": token} for token in token_ids]
        answer = self._post(
            "/books", question, limits.BOOKS, lambda body: decode_books(body, token_ids)
        )
        self._note("/books", answer.rejected)
        return answer
