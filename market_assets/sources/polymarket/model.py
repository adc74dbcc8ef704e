"""What Polymarket lists and trades, in the project's own terms: plain values, no wire names.

Made by the clients (`gamma.py`, `data_api.py`, `clob.py`), put into tables by `frames.py`. Times
are UTC. None is what the venue did not give, or gave as something that it cannot be: the latter is
named in the `rejected` of the answer, under the id of the thing and the name of the value.
"""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

WinnerSource = Literal["oracle", "payout"]


class Market(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A question with outcomes that are traded.

    Attributes:
        condition_id: its id on the chain.
        market_id: the venue's number of it.
        question_id: the oracle's id of the question.
        event_id: the event that it belongs to.
        slug: its name in addresses.
        question: what people read.
        outcomes: their names, mostly Yes and No.
        outcome_prices: price of each outcome, 0 to 1; empty where none were given. They say who
            won only together with `closed` and `resolution_status`.
        token_ids: the tradable token of each outcome; empty where it has none (yet).
        active: the venue shows it; closed markets stay active.
        closed: no more trading.
        accepting_orders: orders are taken; some closed markets say so too.
        order_book_enabled: it has a book.
        neg_risk: one of a group of which one wins.
        liquidity_usd: resting orders, as the venue sums them.
        volume_usd: taker volume since it opened, in share pairs at 1 USD.
        volume_24h_usd: the same of the last day.
        best_bid: for the first outcome; None (the venue may also say 0) where nobody bids.
        best_ask: for the first outcome; 1, as the venue says it, where nobody asks.
        last_trade_price: of whichever outcome; None before the first trade.
        tick_size: smallest step of a price.
        min_order_size: smallest order, in shares.
        taker_fee_rate: a taker pays this × price × (1 − price) a share; 0 where fees are off.
        end_at: when its question is decided.
        closed_at: when it closed.
        created_at: when it was made.
        resolution_status: the oracle's word, lower case: proposed, disputed, resolved, settled.
        winning_outcome: the one outcome that pays 1 while all others pay 0, of a market that is
            closed; None where none won alone, or nobody says yet who won.
        winner_source: what says so: `oracle` (its word is the last one) or `payout` (the oracle
            says nothing, and the market was closed at prices of 1 and 0); None without a winner.
    """

    condition_id: str
    market_id: str | None = None
    question_id: str | None = None
    event_id: str | None = None
    slug: str | None = None
    question: str | None = None
    outcomes: tuple[str, ...] = ()
    outcome_prices: tuple[float | None, ...] = ()
    token_ids: tuple[str, ...] = ()
    active: bool | None = None
    closed: bool | None = None
    accepting_orders: bool | None = None
    order_book_enabled: bool | None = None
    neg_risk: bool | None = None
    liquidity_usd: float | None = None
    volume_usd: float | None = None
    volume_24h_usd: float | None = None
    best_bid: float | None = None
    best_ask: float | None = None
    last_trade_price: float | None = None
    tick_size: float | None = None
    min_order_size: float | None = None
    taker_fee_rate: float | None = None
    end_at: datetime | None = None
    closed_at: datetime | None = None
    created_at: datetime | None = None
    resolution_status: str | None = None
    winning_outcome: str | None = None
    winner_source: WinnerSource | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A question or a group of questions that belong together, with its markets.

    Attributes:
        event_id: the venue's number of it.
        slug: its name in addresses.
        title: what people read.
        category: the venue's old single category.
        tag_ids: its tags; markets have none of their own.
        tag_slugs: the same tags, in the same order; '' for one without a slug.
        tag_labels: the same tags, in the same order; '' for one without a label.
        start_at: when it opens.
        end_at: when it is decided.
        closed_at: when it closed.
        active: the venue shows it; closed events stay active.
        closed: no more trading.
        neg_risk: exactly one of its markets can win.
        liquidity_usd: resting orders, as the venue sums them.
        volume_usd: taker volume since it opened, in share pairs at 1 USD.
        volume_24h_usd: the same of the last day.
        open_interest_usd: collateral in its markets.
        markets: those of its markets that could be decoded.
    """

    event_id: str
    slug: str | None = None
    title: str | None = None
    category: str | None = None
    tag_ids: tuple[str, ...] = ()
    tag_slugs: tuple[str, ...] = ()
    tag_labels: tuple[str, ...] = ()
    start_at: datetime | None = None
    end_at: datetime | None = None
    closed_at: datetime | None = None
    active: bool | None = None
    closed: bool | None = None
    neg_risk: bool | None = None
    liquidity_usd: float | None = None
    volume_usd: float | None = None
    volume_24h_usd: float | None = None
    open_interest_usd: float | None = None
    markets: tuple[Market, ...] = ()


class EventPage(NamedTuple):
    """One answer with events.

    Attributes:
        events: those that could be decoded, in the venue's order.
        next_cursor: what the next page is asked for with; None on the last one.
        rejected: what was kept out, and why: events and markets that could not be decoded, by id
            or position, and single values, as `market 0x12… bestBid`.
        unanswered: ids that were asked for and of which nothing is known, with the reason.
    """

    events: tuple[Event, ...]
    next_cursor: str | None
    rejected: dict[str, str]
    unanswered: Mapping[str, str] = MappingProxyType({})


class Markets(NamedTuple):
    """Markets that were asked for by id; those that the venue does not know are simply not here.

    Of those in `unanswered` nothing is known: the venue gave no answer to any question with them.
    """

    markets: tuple[Market, ...]
    rejected: dict[str, str]
    unanswered: Mapping[str, str] = MappingProxyType({})


class Tag(NamedTuple):
    """A label that events carry."""

    tag_id: str
    label: str | None
    slug: str | None


class Tags(NamedTuple):
    """All tags, each once, and what could not be decoded."""

    tags: tuple[Tag, ...]
    rejected: dict[str, str]


class Sport(NamedTuple):
    """A sport of the venue's, and the ids of the tags that its events carry."""

    sport: str
    tag_ids: tuple[str, ...]


class Trade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One fill of a taker's order. It has no id: a transaction holds several fills.

    Attributes:
        transaction_hash: lower case; None where the venue does not tell it.
        wallet: the taker's, lower case.
        condition_id: the market; combos have a zero-padded one of 62 digits, kept as it is.
        token_id: what was traded.
        outcome: the token's name.
        side: what the taker did.
        price: of a share, above 0, at most 1.
        size: shares.
        traded_at: to the second.
    """

    transaction_hash: str | None = None
    wallet: str | None = None
    condition_id: str
    token_id: str
    outcome: str | None = None
    side: Literal["BUY", "SELL"]
    price: float
    size: float
    traded_at: datetime


class TradePage(NamedTuple):
    """One page of the feed of trades, newest first as the venue has it.

    Attributes:
        trades: those that make sense, in the feed's order.
        rows: rows in the answer, rejected ones too; 0 is the end of the feed.
        newest_at: of the trades here.
        oldest_at: of the trades here.
        rejected: the others, by position and hash, and why.
    """

    trades: tuple[Trade, ...]
    rows: int
    newest_at: datetime | None
    oldest_at: datetime | None
    rejected: dict[str, str]


class OpenInterest(NamedTuple):
    """Open interest in USD by condition id; a market that the venue left out is not here.

    Of those in `unanswered` nothing is known.
    """

    values: dict[str, float]
    rejected: dict[str, str]
    unanswered: Mapping[str, str] = MappingProxyType({})


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """The whole order book of one token at one instant.

    Attributes:
        token_id: whose book.
        condition_id: the token's market.
        bids: (price, size in shares), best first.
        asks: the same.
        at: by the venue's clock.
        hash: the venue's checksum of the book.
        tick_size: smallest step of a price.
        min_order_size: smallest order, in shares.
        neg_risk: one of a group of which one wins.
        last_trade_price: of the market, whichever of its tokens was traded.
    """

    token_id: str
    condition_id: str | None
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    at: datetime
    hash: str | None = None
    tick_size: float | None = None
    min_order_size: float | None = None
    neg_risk: bool | None = None
    last_trade_price: float | None = None


class Books(NamedTuple):
    """Books by token id; a token without one is not here.

    Of those in `unanswered` nothing is known.
    """

    books: dict[str, Book]
    rejected: dict[str, str]
    unanswered: Mapping[str, str] = MappingProxyType({})
