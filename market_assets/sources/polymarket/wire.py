"""Gamma's answers as they come: typed structs and prebuilt decoders, tolerant row by row.

Documented at https://docs.polymarket.com/api-reference. What the structs put up with: numbers as
strings, ids as numbers, lists as strings that hold JSON, keys that nobody here knows, null where
an object of a list belongs. A page is decoded in one go; only where that fails, piece by piece, so
that an event or a market that cannot be read costs only itself.

Decoders raise one of `decoding.UNREADABLE`.

Not here: what the values mean and may be (`markets.py`), trades and books (`data_wire.py`,
`book_wire.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Generic, NamedTuple, TypeVar

import msgspec

from market_assets.sources.decoding import Decoder, Fault, Rows
from market_assets.sources.faults import EXACT, NEEDED, Naming

if TYPE_CHECKING:
    from collections.abc import Iterable

    from market_assets.sources.decoding import Read

_T = TypeVar("_T")

Number = float | str | None
Id = Annotated[str | int | None, EXACT]
NeededId = Annotated[str | int | None, EXACT, NEEDED]
Key = Annotated[str | None, EXACT, NEEDED]
Ids = Annotated[Any, EXACT]
"""A list of ids, or a string that holds one; `markets.py` says whether it is."""
Texts = Any
Numbers = list[float | str | None] | str | None


class WireTag(msgspec.Struct):
    """A tag, in an event or in `/tags`."""

    ROW: ClassVar = Naming("tag", ("id",))

    id: NeededId = None
    label: str | None = None
    slug: str | None = None


class WireSport(msgspec.Struct):
    """A row of `/sports`; `tags` is a comma-separated string."""

    ROW: ClassVar = Naming("sport", ("sport",))

    sport: Key = None
    tags: list[str | int | None] | str | None = None


class EventReference(msgspec.Struct):
    """The event of a market that was looked up by itself."""

    id: Id = None


class FeeSchedule(msgspec.Struct):
    """What a market charges."""

    rate: Number = None


class WireMarket(msgspec.Struct, rename="camel"):
    """A market, in an event or in `/markets`."""

    ROW: ClassVar = Naming("market", ("conditionId", "id"))

    id: Id = None
    version: Key = None
    condition_id: Key = None
    question_id: str | None = msgspec.field(default=None, name="questionID")
    events: list[EventReference | None] | None = None
    slug: str | None = None
    question: str | None = None
    outcomes: Texts = None
    outcome_prices: Numbers = None
    clob_token_ids: Ids = None
    position_ids: Ids = None
    active: bool | None = None
    closed: bool | None = None
    accepting_orders: bool | None = None
    enable_order_book: bool | None = None
    neg_risk: bool | None = None
    liquidity_num: Number = None
    liquidity: Number = None
    volume_num: Number = None
    volume: Number = None
    volume_24hr: Number = msgspec.field(default=None, name="volume24hr")
    best_bid: Number = None
    best_ask: Number = None
    last_trade_price: Number = None
    order_price_min_tick_size: Number = None
    order_min_size: Number = None
    fees_enabled: bool | None = None
    fee_schedule: FeeSchedule | None = None
    end_date: Number = None
    end_date_iso: Number = None
    closed_time: Number = None
    created_at: Number = None
    uma_resolution_status: str | None = None
    resolution_status: str | None = None


class WireEvent(msgspec.Struct, rename="camel"):
    """An event without its markets."""

    ROW: ClassVar = Naming("event", ("id",))

    id: NeededId = None
    slug: str | None = None
    title: str | None = None
    category: str | None = None
    tags: list[WireTag | None] | None = None
    start_date: Number = None
    end_date: Number = None
    closed_time: Number = None
    active: bool | None = None
    closed: bool | None = None
    neg_risk: bool | None = None
    enable_neg_risk: bool | None = None
    liquidity: Number = None
    volume: Number = None
    volume_24hr: Number = msgspec.field(default=None, name="volume24hr")
    open_interest: Number = None


class _WholeEvent(WireEvent):
    markets: list[WireMarket | None] | None = None


class _EventPage(msgspec.Struct):
    events: list[_WholeEvent | None]
    next_cursor: Key = None


class _MarketPage(msgspec.Struct):
    markets: list[WireMarket | None]
    next_cursor: Key = None


class DecodedEvent(NamedTuple):
    """An event, and its markets."""

    event: WireEvent
    markets: list[WireMarket | None]


class Page(NamedTuple, Generic[_T]):
    """A page of a list that is walked by key; `next_cursor` is None on the last one."""

    rows: Rows[_T]
    next_cursor: str | None


_event_page: Final = Decoder[_EventPage](_EventPage)
_events: Final = Decoder[list[_WholeEvent | None]](list[_WholeEvent | None])
_market_page: Final = Decoder[_MarketPage](_MarketPage)
_markets: Final = Decoder[list[WireMarket | None]](list[WireMarket | None])
_tags: Final = Decoder[list[WireTag | None]](list[WireTag | None])
_sports: Final = Decoder[list[WireSport | None]](list[WireSport | None])


def decode_event_page(body: bytes) -> Page[DecodedEvent]:
    """`/events/keyset`."""
    read = _event_page.read(body)
    return Page(_with_markets(read, read.value.events, "events"), read.value.next_cursor or None)


def decode_events(body: bytes) -> Page[DecodedEvent]:
    """`/events`: the events alone."""
    read = _events.read(body)
    return Page(_with_markets(read, read.value), None)


def decode_market_page(body: bytes) -> Page[WireMarket]:
    """`/markets/keyset`."""
    read = _market_page.read(body)
    rows = read.rows(read.value.markets, "markets", may_be_null=True)
    return Page(rows, read.value.next_cursor or None)


def decode_markets(body: bytes) -> Page[WireMarket]:
    """`/markets`: the markets alone."""
    return Page(_all_rows(_markets.read(body)), None)


def decode_tags(body: bytes) -> Rows[WireTag]:
    """`/tags`."""
    return _all_rows(_tags.read(body))


def decode_sports(body: bytes) -> Rows[WireSport]:
    """`/sports`."""
    return _all_rows(_sports.read(body))


def named(faults: Iterable[Fault]) -> dict[str, str]:
    """What is left out of an answer, by row and value, with the reason."""
    return {fault.name: fault.reason for fault in faults}


def _all_rows(read: Read[list[_T | None]]) -> Rows[_T]:
    return read.rows(read.value, may_be_null=True)


def _with_markets(
    read: Read[Any], events: list[_WholeEvent | None], *path: str
) -> Rows[DecodedEvent]:
    decoded = [
        None if event is None else DecodedEvent(event, event.markets or []) for event in events
    ]
    return Rows(decoded, read.rows(events, *path, may_be_null=True).faults)
