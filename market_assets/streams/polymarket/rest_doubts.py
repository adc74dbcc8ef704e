"""Books that REST has newer than the stream: they may be on their way, or lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from market_assets.sources.polymarket.order_book.exact import ExactBook

GRACE_S: Final = 5.0
"""How long the stream may take to bring what REST has already told."""


class Doubts:
    """Newer books by token, until they are due to be held against the stream's."""

    def __init__(self) -> None:
        """Nothing is in doubt."""
        self._found: dict[str, tuple[ExactBook, float]] = {}

    def add(self, token_id: str, book: ExactBook, elapsed: float) -> None:
        """REST has this book, and the stream has not brought it yet.

        Args:
            token_id: whose.
            book: the newer one.
            elapsed: monotonic reading when REST was heard.
        """
        self._found[token_id] = (book, elapsed)

    def due(self, elapsed: float) -> Iterator[tuple[str, ExactBook]]:
        """Those that have waited for `GRACE_S`, each once."""
        for token_id, (book, since) in list(self._found.items()):
            if elapsed - since >= GRACE_S:
                del self._found[token_id]
                yield token_id, book
