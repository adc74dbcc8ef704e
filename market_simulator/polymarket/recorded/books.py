"""Recorded books as the channel tells them: each stands still, so nothing follows the first one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_simulator.polymarket.live import Followed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from market_simulator.polymarket.live import Happening, News
    from market_simulator.polymarket.rows import Row


class RecordedBooks:
    """Books that do not change; see `live.Live`.

    Args:
        books: by token.
    """

    def __init__(self, books: Mapping[str, Row]) -> None:
        self._books = books

    def follow(self, token: str, now_ms: int) -> Followed | None:
        """The market of a token, if the books of both of its tokens were recorded."""
        if token not in self._books:
            return None
        condition = str(self._books[token]["market"])
        pair = [name for name, row in self._books.items() if row["market"] == condition]
        if len(pair) != 2:  # noqa: PLR2004 - the two outcomes
            return None
        first, second = pair
        rows = (self._books[first], self._books[second])
        return Followed(condition, (first, second), now_ms, rows)

    def advance(
        self, followed: Iterable[Followed], now_ms: int
    ) -> Iterator[tuple[Followed, Happening]]:
        """Nothing ever happens."""
        del followed, now_ms
        return iter(())

    def news(self, followed: Iterable[Followed], after_ms: int, now_ms: int) -> list[News]:
        """None."""
        del followed, after_ms, now_ms
        return []
