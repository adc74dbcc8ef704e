"""A catalogue, books and open interest in memory, with the clients' signatures, for these tests.

Not a simulator: what the venue does over HTTP is tried with that one, in `defs/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from market_assets.sources.errors import VenueError
from market_assets.sources.polymarket.model import (
    Book,
    Books,
    Event,
    EventPage,
    Market,
    Markets,
    OpenInterest,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def market(condition_id: str, **changes: object) -> Market:
    """An open market with two tokens."""
    values: dict[str, object] = {
        "event_id": "1",
        "slug": f"slug-{condition_id}",
        "question": f"Will {condition_id} happen?",
        "outcomes": ("Yes", "No"),
        "outcome_prices": (0.4, 0.6),
        "token_ids": (f"{condition_id}-yes", f"{condition_id}-no"),
        "active": True,
        "closed": False,
        "neg_risk": False,
        "liquidity_usd": 1_000.0,
        "volume_24h_usd": 2_000.0,
        "best_bid": 0.39,
        "best_ask": 0.41,
        "last_trade_price": 0.42,
        "end_at": NOW + DAY,
    }
    return Market(condition_id=condition_id, **{**values, **changes})  # type: ignore[arg-type]


def closed(condition_id: str, **changes: object) -> Market:
    """The same market closed an hour ago, resolved to Yes."""
    values: dict[str, object] = {
        "closed": True,
        "closed_at": NOW - timedelta(hours=1),
        "end_at": NOW - timedelta(hours=1),
        "resolution_status": "resolved",
        "winning_outcome": "Yes",
        "outcome_prices": (1.0, 0.0),
        "volume_usd": 9_000.0,
    }
    return market(condition_id, **{**values, **changes})


def event(event_id: str, *markets: Market, **changes: object) -> Event:
    """An open event with these markets."""
    values: dict[str, object] = {
        "slug": f"event-{event_id}",
        "title": f"Event {event_id}",
        "tag_ids": ("21",),
        "tag_slugs": ("crypto",),
        "active": True,
        "closed": False,
        "open_interest_usd": 50_000.0,
        "markets": markets,
    }
    return Event(event_id=event_id, **{**values, **changes})  # type: ignore[arg-type]


@dataclass
class FakeGamma:
    """The catalogue: pages of open events, and everything by id.

    Attributes:
        pages: the open list.
        known_events: what a look-up by id finds.
        known_markets: the same for markets.
        breaks_at: the page before which the walk breaks off; None if it does not.
        rejected: what the first page kept out.
        unread: what a look-up of markets kept out.
        asked: ids that were looked up, by call.
    """

    pages: list[list[Event]] = field(default_factory=list)
    known_events: dict[str, Event] = field(default_factory=dict)
    known_markets: dict[str, Market] = field(default_factory=dict)
    breaks_at: int | None = None
    rejected: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def event_pages(self, **_: object) -> Iterator[EventPage]:
        for nth, page in enumerate(self.pages):
            if nth == self.breaks_at:
                raise VenueError("polymarket", "the venue went away")
            last = nth == len(self.pages) - 1
            yield EventPage(
                tuple(page), None if last else f"c{nth}", self.rejected if not nth else {}
            )

    def events(self, event_ids: Iterable[str]) -> EventPage:
        self.asked.append(tuple(event_ids))
        found = tuple(self.known_events[i] for i in self.asked[-1] if i in self.known_events)
        return EventPage(found, None, {})

    def markets(self, condition_ids: Iterable[str]) -> Markets:
        self.asked.append(tuple(condition_ids))
        return Markets(
            tuple(self.known_markets[i] for i in self.asked[-1] if i in self.known_markets),
            self.unread,
        )


@dataclass
class FakeClob:
    """Books by token; `fails` is what asking for them raises."""

    known: dict[str, Book] = field(default_factory=dict)
    fails: VenueError | None = None

    def books(self, token_ids: Iterable[str]) -> Books:
        if self.fails is not None:
            raise self.fails
        return Books({t: self.known[t] for t in token_ids if t in self.known}, {})


@dataclass
class FakeData:
    """Open interest by condition id; `fails` is what asking for it raises."""

    held: dict[str, float] = field(default_factory=dict)
    fails: VenueError | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def open_interest(self, condition_ids: Iterable[str]) -> OpenInterest:
        self.asked.append(tuple(condition_ids))
        if self.fails is not None:
            raise self.fails
        return OpenInterest({i: self.held[i] for i in self.asked[-1] if i in self.held}, {})


def book(token_id: str, bid: float | None, ask: float | None, **changes: object) -> Book:
    """A book with one level a side."""
    values: dict[str, object] = {
        "condition_id": token_id.partition("-")[0],
        "bids": () if bid is None else ((bid, 100.0),),
        "asks": () if ask is None else ((ask, 100.0),),
        "at": NOW,
    }
    return Book(token_id=token_id, **{**values, **changes})  # type: ignore[arg-type]
