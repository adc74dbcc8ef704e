"""What an event is about, before it has ids and prices: titles, tags, outcomes, who wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from market_simulator.randomness import hash_of, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Draw:
    """A sequence of independent draws that depends on nothing but its key."""

    def __init__(self, key: int) -> None:
        self.key = key
        self._drawn = 0

    def unit(self) -> float:
        """In [0, 1)."""
        self._drawn += 1
        return unit(self.key, self._drawn)

    def below(self, most: int) -> int:
        """0 … most − 1."""
        self._drawn += 1
        return (hash_of(self.key, self._drawn) >> 11) % most

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.unit()

    def pick(self, things: Sequence[T]) -> T:
        return things[self.below(len(things))]

    def some(self, things: Sequence[T], count: int) -> list[T]:
        """Different ones, in drawn order."""
        left = list(things)
        return [left.pop(self.below(len(left))) for _ in range(min(count, len(left)))]


@dataclass(frozen=True)
class Ask:
    """What a draft is made for: one generation of a slot.

    Attributes:
        draw: its randomness.
        subject: the slot's subject.
        begins_ms, ends_ms: its own time.
    """

    draw: Draw
    subject: str
    begins_ms: int
    ends_ms: int


@dataclass(frozen=True)
class Question:
    """One market of a draft.

    Attributes:
        text: the question.
        odds: log-odds of the first outcome at the beginning.
        wins: 1 where the first outcome will win, 0 where the second, 0.5 where it ends in a draw.
        group: its title within the event, `groupItemTitle`.
        slug: its slug; made from the text if empty.
        outcomes: its own, where they are not those of the draft.
        symbol: the ticker of the asset it is about, where that is not the draft's; empty: none.
    """

    text: str
    odds: float
    wins: float
    group: str = ""
    slug: str = ""
    outcomes: tuple[str, str] | None = None
    symbol: str | None = None


@dataclass(frozen=True)
class Draft:
    """An event to be.

    Attributes:
        title: its title.
        tags: slugs of its tags.
        questions: its markets.
        slug: its slug; made from the title, with the event's number behind it, if empty.
        outcomes: of every market.
        category: the venue's category of fees.
        symbol: the ticker of the asset it is about, if any: the truth for links.
        one_winner: whether exactly one market can win.
        game: whether it is a game between two teams.
        recurs: the step of an up/down series: `5m`.
        endless: whether nobody knows when it ends; it has no date of an end then.
        swing: how far prices wander.
    """

    title: str
    tags: tuple[str, ...]
    questions: tuple[Question, ...]
    slug: str = ""
    outcomes: tuple[str, str] = ("Yes", "No")
    category: str = "culture"
    symbol: str = ""
    one_winner: bool = False
    game: bool = False
    recurs: str = ""
    endless: bool = False
    swing: float = 1.0
