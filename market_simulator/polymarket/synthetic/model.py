"""What an event and a market are for all their life: ids, texts, what their prices depend on."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from market_simulator.polymarket.synthetic.drafts import Draft, Question
    from market_simulator.polymarket.synthetic.life import Life

MIN_ORDER: Final = 5
"""The smallest order, in shares."""
FIRST_ID: Final = 10_000
"""The venue's number of the first event, and of its first market."""


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """A market.

    Attributes:
        number: `event.number · 64 + place`.
        key: what its prices, sizes and traps depend on.
        life: its stages.
        traits: begin and end in ms, base log-odds, swing, outcome (+1, 0, −1 for the first one),
            spread and tick in units: what `prices.quotes` wants.
        version: `v1`, `v2`, or something that readers do not know.
        orders: whether it has an order book at all.
        one_winner: whether it is one of a group of which exactly one wins.
        broken: which of its fields cannot be decoded; None: all can.
        size: how busy it is beside the other markets of its event, and how deep its book is.
    """

    number: int
    event_number: int
    place: int
    key: int
    question: Question
    outcomes: tuple[str, str]
    slug: str
    condition_id: str
    token_ids: tuple[str, str]
    life: Life
    traits: tuple[float, float, float, float, float, float, float]
    version: str | None
    orders: bool
    one_winner: bool
    broken: str | None
    size: float

    @property
    def id(self) -> int:
        return self.number + FIRST_ID

    @property
    def winner(self) -> str | None:
        """The outcome that wins; None where it ends in a draw."""
        index = {1.0: 0, 0.0: 1}.get(self.question.wins)
        return None if index is None else self.outcomes[index]

    def final(self) -> tuple[float, float]:
        """What the outcomes pay."""
        return self.question.wins, 1 - self.question.wins


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """An event; `parts` are the running sums of how its markets share the trading."""

    number: int
    key: int
    draft: Draft
    slug: str
    opened_ms: int
    begins_ms: int
    ends_ms: int
    closed_ms: int
    markets: tuple[Market, ...]
    parts: tuple[float, ...]

    @property
    def id(self) -> int:
        return self.number + FIRST_ID

    def traded(self, draw: float, at_ms: int) -> Market | None:
        """The market that a taker in [0, 1) trades; None where that one does not trade."""
        place = min(bisect.bisect(self.parts, draw * self.parts[-1]), len(self.markets) - 1)
        market = self.markets[place]
        open_then = market.life.opened <= at_ms < min(market.life.known, market.life.orders_until)
        return market if market.orders and open_then else None
