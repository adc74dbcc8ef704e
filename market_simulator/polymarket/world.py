"""What must be known of a Polymarket for its APIs and its channel to be served from it.

Two exist: `synthetic` makes everything up from a seed, `recorded` serves recordings. The routes
(`gamma.py`, `data_api.py`, `clob.py`) and the channel know no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from market_simulator.polymarket.live import Live
    from market_simulator.polymarket.rows import Row


@dataclass(frozen=True)
class Selection:
    """Which events or markets are wanted; what is None or empty does not narrow.

    Attributes:
        closed: closed ones or open ones only.
        end_min_ms, end_max_ms: when they end, both included.
        ids, slugs, conditions, tokens: the identifiers that a request named, if any; an event
            has the first two kinds only.
    """

    closed: bool | None = None
    end_min_ms: int | None = None
    end_max_ms: int | None = None
    ids: tuple[str, ...] = ()
    slugs: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether single ones are asked for by name."""
        return bool(self.ids or self.slugs or self.conditions or self.tokens)


@dataclass(frozen=True)
class TradeQuery:
    """Which fills are wanted, newest first; None does not narrow.

    Attributes:
        limit, offset: the page; None: all.
        start_s, end_s: seconds, both included.
        min_cash: price × size at least.
        min_size: shares at least.
        side: `BUY` or `SELL`.
        conditions, events: ids of markets, or of events.
        user: a wallet.
        taker_only: without the makers' rows of the same fills.
        sound: without rows whose values cannot be.
    """

    limit: int | None = None
    offset: int = 0
    start_s: int | None = None
    end_s: int | None = None
    min_cash: float = 0.0
    min_size: float = 0.0
    side: str | None = None
    conditions: frozenset[str] | None = None
    events: frozenset[str] | None = None
    user: str | None = None
    taker_only: bool = True
    sound: bool = False


class World(Protocol):
    """The source of all answers. Every method is a function of its arguments."""

    notes: tuple[str, ...]

    @property
    def live(self) -> Live:
        """The same books as `book` gives, as they change."""
        ...

    def event_keys(self, wanted: Selection, now_ms: int) -> Sequence[int]:
        """The keys of events, ascending; newer ones of a kind come later."""
        ...

    def event_bodies(
        self, keys: Sequence[int], now_ms: int, *, with_markets: bool = True
    ) -> list[Row]: ...

    def market_keys(self, wanted: Selection, after: int, now_ms: int) -> Iterator[int]:
        """The keys of markets above `after`, ascending."""
        ...

    def market_bodies(self, keys: Sequence[int], now_ms: int) -> list[Row]:
        """Markets as they stand alone: with their event in `events`, and its `tags`."""
        ...

    def tags(self) -> list[Row]:
        """Every tag, by id."""
        ...

    def sports(self) -> list[Row]: ...

    def trades(self, query: TradeQuery, now_ms: int) -> list[Row]: ...

    def interest(self, conditions: Iterable[str], now_ms: int) -> list[Row]:
        """Rows of `/oi`; markets without any are left out."""
        ...

    def book(self, token: str, now_ms: int) -> Row | None:
        """A token's book; None where there is none."""
        ...

    def truth_of_markets(self, conditions: Sequence[str], now_ms: int) -> list[Row] | None:
        """How markets really are, all open ones if none is named; None where nobody knows."""
        ...

    def change_tick(self, condition: str, tick: str, now_ms: int) -> int:
        """Give a market a finer tick from the next step of prices on; the instant of that.

        Raises:
            ValueError: there is no such market, or that tick is none for it.
        """
        ...

    def resolve(self, condition: str, now_ms: int) -> None:
        """Let a market be closed and resolved from this instant on.

        Raises:
            ValueError: there is no such market, or it is closed already.
        """
        ...
