"""Frames of Polymarket's market channel: what comes over the socket, and what is sent.

Documented at https://docs.polymarket.com/developers/CLOB/websocket/market-channel. What is known
beyond that, from captures:

- a frame is an object or an array of objects; the first books come as an array;
- numbers are strings; `event_type` may stand anywhere in the object;
- `price_change` names no asset on the envelope: one frame tells of both tokens of a market;
- there are types that nobody documents, and frames without a type: they are counted;
- text frames may come as binary ones; the answer to `PING` is the text `PONG`.

Not here: sockets (`market_feed.py`), and what follows from a frame (`streams/polymarket`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from market_assets.sources.decoding import UNREADABLE

PING: Final = "PING"
_PONG: Final = b"PONG"
_encode = msgspec.json.Encoder().encode


class WireChange(msgspec.Struct):
    """A level of one token's book; texts as sent."""

    asset_id: str
    price: str
    size: str
    side: str
    hash: str = ""
    best_bid: str = ""
    best_ask: str = ""


class WireLevel(msgspec.Struct):
    """One price of one side."""

    price: str
    size: str


class MarketEvent(msgspec.Struct):
    """One object of a frame. What it holds depends on the type; absent is None.

    Attributes:
        event_type: `book`, `price_change`, `tick_size_change`, `last_trade_price`, and others.
        asset_id: the token; None for `price_change` and what speaks of whole markets.
        market: the condition id.
        timestamp: of the venue, in ms.
        hash: of the whole book, with a `book`.
        bids: with a `book`: prices ascending.
        asks: with a `book`: prices descending.
        price_changes: with a `price_change`.
        tick_size: with the first `book` after a subscription.
        last_trade_price: the same.
        new_tick_size: with a `tick_size_change`.
        price: with a `last_trade_price`: what was paid.
    """

    event_type: str | None = None
    asset_id: str | None = None
    market: str | None = None
    timestamp: str | None = None
    hash: str | None = None
    bids: list[WireLevel] | None = None
    asks: list[WireLevel] | None = None
    price_changes: list[WireChange] | None = None
    tick_size: str | None = None
    last_trade_price: str | None = None
    new_tick_size: str | None = None
    price: str | None = None


_frame: Final = msgspec.json.Decoder(list[MarketEvent] | MarketEvent)
_pieces: Final = msgspec.json.Decoder(list[msgspec.Raw])
_object: Final = msgspec.json.Decoder(MarketEvent)


class Frame(msgspec.Struct):
    """What came in one frame.

    Attributes:
        events: the objects that could be read.
        unreadable: the beginnings of those that could not.
        is_pong: it is the answer to a ping, and nothing else.
    """

    events: Sequence[MarketEvent] = ()
    unreadable: Sequence[bytes] = ()
    is_pong: bool = False


def decode_frame(raw: bytes) -> Frame:
    """A frame, whatever it holds: what cannot be read is left out and told."""
    if raw.strip() == _PONG:
        return Frame(is_pong=True)
    try:
        found = _frame.decode(raw)
    except UNREADABLE:
        return _piecewise(raw)
    return Frame(found if isinstance(found, list) else [found])


def _piecewise(raw: bytes) -> Frame:
    """The objects of a frame one by one: one that cannot be read costs itself."""
    try:
        pieces = _pieces.decode(raw)
    except UNREADABLE:
        return Frame(unreadable=[raw])
    events: list[MarketEvent] = []
    unreadable: list[bytes] = []
    for piece in pieces:
        try:
            events.append(_object.decode(piece))
        except UNREADABLE:
            unreadable.append(bytes(piece))
    return Frame(events, unreadable)


def first_message(tokens: Sequence[str]) -> str:
    """What a new connection begins with: the books of these tokens, and all that changes them."""
    return _text({"type": "market", "assets_ids": list(tokens), "custom_feature_enabled": True})


def subscribe(tokens: Sequence[str]) -> str:
    """These tokens too: each gets its book anew, unless it is subscribed to already."""
    return _text({"operation": "subscribe", "assets_ids": list(tokens)})


def unsubscribe(tokens: Sequence[str]) -> str:
    """These tokens no more."""
    return _text({"operation": "unsubscribe", "assets_ids": list(tokens)})


def _text(message: dict[str, object]) -> str:
    return _encode(message).decode()
