"""What a Polymarket tells of its books as they change, which is what its channel is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from market_simulator.polymarket.rows import Row


@dataclass(eq=False)
class Followed:
    """A market whose books are followed.

    Attributes:
        condition_id: its name.
        tokens: of its two outcomes.
        until_ms: up to when it has been told.
        rows: the books of both tokens at that instant, as REST gives them; None: it has none.
    """

    condition_id: str
    tokens: tuple[str, str]
    until_ms: int
    rows: tuple[Row, Row] | None = None


class Fill(NamedTuple):
    """A trade as it is told; texts as sent."""

    token: str
    price: str
    size: str
    side: str
    transaction: str


class Happening(NamedTuple):
    """A change of a market's books.

    Attributes:
        before, after: the books of both tokens; None: there were none.
        fills: the trades that made it, oldest first; none where orders did.
    """

    before: tuple[Row, Row] | None
    after: tuple[Row, Row]
    fills: tuple[Fill, ...]


class News(NamedTuple):
    """Something that everybody is told: `new_market` or `market_resolved`, and what is said."""

    event_type: str
    body: Row


class Live(Protocol):
    """The books as they change."""

    def follow(self, token: str, now_ms: int) -> Followed | None:
        """Begin to follow the market of a token; None where nobody knows the token."""
        ...

    def advance(
        self, followed: Iterable[Followed], now_ms: int
    ) -> Iterator[tuple[Followed, Happening]]:
        """What has happened since to each of them, in time's order for each.

        Where the clock has leapt, or a book is new, one happening leads to the present.
        """
        ...

    def news(self, followed: Iterable[Followed], after_ms: int, now_ms: int) -> list[News]:
        """Which markets have opened since, and which have been resolved."""
        ...
