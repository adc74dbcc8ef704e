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

from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from market_assets.sources.decoding import UNREADABLE

_T = TypeVar("_T")

Number = float | str | None
Id = str | int | None
Texts = list[str | None] | str | None
Numbers = list[float | str | None] | str | None
Ids = list[str | int | None] | str | None


class Rows(NamedTuple, Generic[_T]):
    """A list decoded row by row.

    Attributes:
        items: as long as the list; None where it holds null, or a row that could not be read.
        faults: those rows by id or position, and why.
    """

    items: list[_T | None]
    faults: dict[str, str]


class WireTag(msgspec.Struct):
    """A tag, in an event or in `/tags`."""

    id: Id = None
    label: str | None = None
    slug: str | None = None


class WireSport(msgspec.Struct):
    """A row of `/sports`; `tags` is a comma-separated string."""

    sport: str | None = None
    tags: list[str | int | None] | str | None = None


class EventReference(msgspec.Struct):
    """The event of a market that was looked up by itself."""

    id: Id = None


class WireMarket(msgspec.Struct, rename="camel"):
    """A market, in an event or in `/markets`."""

    id: Id = None
    version: str | None = None
    condition_id: str | None = None
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
    end_date: Number = None
    end_date_iso: Number = None
    closed_time: Number = None
    created_at: Number = None
    uma_resolution_status: str | None = None
    resolution_status: str | None = None


class WireEvent(msgspec.Struct, rename="camel"):
    """An event without its markets."""

    id: Id = None
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


class _EventInPieces(WireEvent):
    markets: list[msgspec.Raw] | None = None


class _WholeEventPage(msgspec.Struct):
    events: list[_WholeEvent | None]
    next_cursor: str | None = None


class _EventPageInPieces(msgspec.Struct):
    events: list[msgspec.Raw]
    next_cursor: str | None = None


class _MarketPage(msgspec.Struct):
    markets: list[msgspec.Raw]
    next_cursor: str | None = None


class _Named(msgspec.Struct, rename="camel"):
    """What a row that cannot be read is called by."""

    condition_id: str | None = None
    id: Id = None


class DecodedEvent(NamedTuple):
    """An event, and its markets."""

    event: WireEvent
    markets: Rows[WireMarket]


class Page(NamedTuple, Generic[_T]):
    """A page of a list that is walked by key; `next_cursor` is None on the last one."""

    rows: Rows[_T]
    next_cursor: str | None


_whole_events: Final = msgspec.json.Decoder(list[_WholeEvent | None])
_whole_event_page: Final = msgspec.json.Decoder(_WholeEventPage)
_event_page_in_pieces: Final = msgspec.json.Decoder(_EventPageInPieces)
_event_in_pieces: Final = msgspec.json.Decoder(_EventInPieces)
_market_page: Final = msgspec.json.Decoder(_MarketPage)
_market: Final = msgspec.json.Decoder(WireMarket)
_tag: Final = msgspec.json.Decoder(WireTag)
_sport: Final = msgspec.json.Decoder(WireSport)
_raw_list: Final = msgspec.json.Decoder(list[msgspec.Raw])
_named: Final = msgspec.json.Decoder(_Named)


def decode_event_page(body: bytes) -> Page[DecodedEvent]:
    """`/events/keyset`."""
    try:
        whole = _whole_event_page.decode(body)
    except UNREADABLE:
        pieces = _event_page_in_pieces.decode(body)
        return Page(_events_in_pieces(pieces.events), pieces.next_cursor or None)
    return Page(_whole(whole.events), whole.next_cursor or None)


def decode_events(body: bytes) -> Page[DecodedEvent]:
    """`/events`: the events alone."""
    try:
        return Page(_whole(_whole_events.decode(body)), None)
    except UNREADABLE:
        return Page(_events_in_pieces(_raw_list.decode(body)), None)


def decode_market_page(body: bytes) -> Page[WireMarket]:
    """`/markets/keyset`."""
    page = _market_page.decode(body)
    return Page(read_rows(page.markets, _market, "market"), page.next_cursor or None)


def decode_markets(body: bytes) -> Page[WireMarket]:
    """`/markets`: the markets alone."""
    return Page(read_rows(_raw_list.decode(body), _market, "market"), None)


def decode_tags(body: bytes) -> Rows[WireTag]:
    """`/tags`."""
    return read_rows(_raw_list.decode(body), _tag, "tag")


def decode_sports(body: bytes) -> Rows[WireSport]:
    """`/sports`."""
    return read_rows(_raw_list.decode(body), _sport, "sport")


def read_rows(
    raws: list[msgspec.Raw], decoder: msgspec.json.Decoder[_T], what: str, where: str = ""
) -> Rows[_T]:
    """The rows one by one; a bad one costs only itself, and is named by its id or position."""
    items: list[_T | None] = []
    faults: dict[str, str] = {}
    for position, raw in enumerate(raws):
        item: _T | None = None
        try:
            if bytes(raw) != b"null":
                item = decoder.decode(raw)
        except UNREADABLE as error:
            faults[f"{what} {_name(raw) or f'[{position}{where}]'}"] = str(error)
        items.append(item)
    return Rows(items, faults)


def _whole(events: list[_WholeEvent | None]) -> Rows[DecodedEvent]:
    decoded = [
        None if event is None else DecodedEvent(event, Rows(event.markets or [], {}))
        for event in events
    ]
    return Rows(decoded, {})


def _events_in_pieces(raws: list[msgspec.Raw]) -> Rows[DecodedEvent]:
    rows = read_rows(raws, _event_in_pieces, "event")
    decoded = [
        None
        if event is None
        else DecodedEvent(
            event, read_rows(event.markets or [], _market, "market", f" of event {event.id}")
        )
        for event in rows.items
    ]
    return Rows(decoded, rows.faults)


def _name(raw: Any) -> str | None:
    """The id of a row that cannot be read, if that much of it can."""
    try:
        named = _named.decode(raw)
    except UNREADABLE:
        return None
    return named.condition_id or (None if named.id is None else str(named.id)) or None
