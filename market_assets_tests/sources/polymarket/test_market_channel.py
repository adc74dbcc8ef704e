"""Frames of the market channel: single, many, binary, unknown, broken."""

from __future__ import annotations

import json

import pytest

from market_assets.sources.polymarket.market_channel import (
    decode_frame,
    first_message,
    subscribe,
    unsubscribe,
)

BOOK = {
    "market": "0xm",
    "asset_id": "1",
    "timestamp": "1800000000000",
    "hash": "h",
    "bids": [{"price": "0.4", "size": "10"}],
    "asks": [],
    "event_type": "book",
}


def test_the_first_books_come_as_an_array() -> None:
    frame = decode_frame(json.dumps([BOOK, BOOK | {"asset_id": "2"}]).encode())
    assert [event.asset_id for event in frame.events] == ["1", "2"]
    assert frame.events[0].bids is not None
    assert frame.events[0].bids[0].price == "0.4"


def test_texts_stay_as_they_were_sent() -> None:
    """A hash covers them: 0.40 is not 0.4."""
    book = BOOK | {"bids": [{"price": "0.40", "size": "10.0"}]}
    [event] = decode_frame(json.dumps(book).encode()).events
    assert event.bids is not None
    assert (event.bids[0].price, event.bids[0].size) == ("0.40", "10.0")


@pytest.mark.parametrize("raw", [b"PONG", b" PONG\n"])
def test_an_answer_to_a_ping_is_nothing_else(raw: bytes) -> None:
    frame = decode_frame(raw)
    assert frame.is_pong
    assert list(frame.events) == []


@pytest.mark.parametrize("raw", [b'{"metadataGameId":"id1","live":true}', b'{"event_type":"new"}'])
def test_what_has_another_type_or_none_is_read_all_the_same(raw: bytes) -> None:
    [event] = decode_frame(raw).events
    assert event.event_type in (None, "new")


@pytest.mark.parametrize(
    "raw", [b"hello", b"", b'{"event_type":"book","bids":"none"}', b"\xff", b"[" * 10_000]
)
def test_what_cannot_be_read_is_told(raw: bytes) -> None:
    frame = decode_frame(raw)
    assert list(frame.events) == []
    assert list(frame.unreadable) == [raw]


def test_an_object_of_an_array_that_cannot_be_read_costs_itself() -> None:
    raw = json.dumps([BOOK, BOOK | {"bids": [{"price": 0.4, "size": "10"}]}]).encode()
    frame = decode_frame(raw)
    assert [event.asset_id for event in frame.events] == ["1"]
    assert len(frame.unreadable) == 1


def test_what_is_sent() -> None:
    assert json.loads(first_message(["1", "2"])) == {
        "type": "market",
        "assets_ids": ["1", "2"],
        "custom_feature_enabled": True,
    }
    assert json.loads(subscribe(["3"])) == {"operation": "subscribe", "assets_ids": ["3"]}
    assert json.loads(unsubscribe(["3"])) == {"operation": "unsubscribe", "assets_ids": ["3"]}
