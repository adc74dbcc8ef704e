"""WebSocket frames decoded: what is known, what is not, and what nobody can read."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.sources.hyperliquid.messages import (
    AckFrame,
    CandleFrame,
    ErrorFrame,
    GreetingFrame,
    MidsFrame,
    OtherFrame,
    PongFrame,
    Subscription,
    decode_frame,
    subscription_in,
)

from .payloads import OPEN_MS, candle, frame


def test_candle_frames_hold_an_object_or_a_list() -> None:
    """The exchange sends an object with strings; its documentation says a list with numbers."""
    one = decode_frame(frame("candle", candle()))
    many = decode_frame(frame("candle", [candle(), candle(o=64340.0, n="21")]))
    assert isinstance(one, CandleFrame)
    assert isinstance(many, CandleFrame)
    assert one.updates[0] == many.updates[0] == many.updates[1]
    update = one.updates[0]
    assert (update.symbol, update.interval, update.open_ms) == ("BTC", "1m", OPEN_MS)
    assert (update.open, update.high, update.low, update.close) == (64340, 64347, 64339, 64346)
    assert (update.volume, update.trades) == (0.15124, 21)


def test_mids_frames_name_their_dex() -> None:
    """Absent for the first dex; where a builder dex does not say, its coins' prefix does."""
    mids = {"mids": {"BTC": "1.5", "#12": "0.4"}}
    assert decode_frame(frame("allMids", mids)) == MidsFrame("", {"BTC": 1.5, "#12": 0.4}, {})
    said = decode_frame(frame("allMids", {"mids": {"xyz:A": "2"}, "dex": "xyz"}))
    told = decode_frame(frame("allMids", {"mids": {"xyz:A": "2"}}))
    assert said == told == MidsFrame("xyz", {"xyz:A": 2.0}, {})
    assert decode_frame(frame("allMids", {"mids": {}, "dex": None})) == MidsFrame("", {}, {})


def test_a_bad_mid_costs_itself_only() -> None:
    decoded = decode_frame(
        frame("allMids", {"mids": {"A": "1", "B": None, "C": "x", "D": "0", "E": "NaN", "F": "-1"}})
    )
    assert isinstance(decoded, MidsFrame)
    assert decoded.mids == {"A": 1.0}
    assert set(decoded.faults) == {"B", "C", "D", "E", "F"}


def test_the_rest() -> None:
    echo = {"type": "candle", "interval": "1m", "coin": "BTC", "fast": False, "nSigFigs": None}
    ack = decode_frame(frame("subscriptionResponse", {"method": "subscribe", "subscription": echo}))
    assert isinstance(ack, AckFrame)
    assert ack.data.subscription.subscription == Subscription("candle", "BTC", "1m")
    assert isinstance(decode_frame(b'{"channel":"pong"}'), PongFrame)
    error = decode_frame(frame("error", "Cannot subscribe to more than 1000 channels."))
    assert error == ErrorFrame("Cannot subscribe to more than 1000 channels.")
    assert decode_frame(frame("webData4", {"x": 1})) == OtherFrame("webData4")
    greeting = b"Websocket connection established."
    assert decode_frame(greeting) == GreetingFrame(greeting.decode())


def test_the_channel_may_come_last() -> None:
    raw = json.dumps({"data": candle(), "channel": "candle"}).encode()
    assert isinstance(decode_frame(raw), CandleFrame)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"{",
        b"null",
        b"[]",
        b'{"data":{}}',
        frame("candle", None),
        frame("candle", candle(t="soon")),
        frame("allMids", {}),
        frame("error", {"code": 1}),
        frame("subscriptionResponse", None),
        b'{"channel":"candle","data":"\xff\xfe"}',
    ],
)
def test_the_unreadable_is_an_error(raw: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        decode_frame(raw)


@given(st.binary(max_size=200))
def test_garbage_is_never_worse_than_unreadable(raw: bytes) -> None:
    try:
        decode_frame(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return


def test_requests_leave_out_what_does_not_apply() -> None:
    assert json.loads(Subscription("allMids").request("subscribe")) == {
        "method": "subscribe",
        "subscription": {"type": "allMids"},
    }
    assert json.loads(Subscription("candle", "xyz:TSLA", "1m").request("unsubscribe")) == {
        "method": "unsubscribe",
        "subscription": {"type": "candle", "coin": "xyz:TSLA", "interval": "1m"},
    }
    assert '"dex":"xyz"' in Subscription("allMids", dex="xyz").request("subscribe")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (
            'Already subscribed: {"type":"candle","coin":"BTC","interval":"1m"}',
            Subscription("candle", "BTC", "1m"),
        ),
        (
            (
                "Error parsing JSON into valid websocket request: "
                '{"method":"subscribe","subscription":{"type":"candle","coin":"X","interval":"1m"}}'
            ),
            Subscription("candle", "X", "1m"),
        ),
        ('Invalid subscription {"type":"allMids","dex":"xyz"}', Subscription("allMids", dex="xyz")),
        ("Cannot subscribe to more than 1000 channels.", None),
        ("Invalid subscription {not json}", None),
        ('Invalid {"coin":"BTC"}', None),
        ("} backwards {", None),
    ],
)
def test_errors_quote_the_subscription_they_mean(text: str, meant: Subscription | None) -> None:
    assert subscription_in(text) == meant
