"""The WebSocket: acknowledgements, errors, what comes first, and frames that agree with REST."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import websockets.sync.client
from websockets.exceptions import ConnectionClosed, InvalidStatus

from market_assets_tests.simulated import Simulated, simulated
from market_simulator.hyperliquid.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE_MS = 60_000


class Socket:
    """A client of the stream."""

    def __init__(self, socket: websockets.sync.client.ClientConnection) -> None:
        self.raw = socket

    def send(self, message: object) -> None:
        self.raw.send(message if isinstance(message, str) else json.dumps(message))

    def subscribe(self, method: str = "subscribe", **subscription: object) -> None:
        self.send({"method": method, "subscription": subscription})

    def next(self, timeout: float = 5) -> dict[str, Any]:
        return json.loads(self.raw.recv(timeout))

    def until(self, channel: str, timeout: float = 10) -> dict[str, Any]:
        """The next frame of a channel."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            frame = self.next(left)
            if frame["channel"] == channel:
                return frame
        raise AssertionError(f"no frame of {channel}")


@contextmanager
def connected(venue: Simulated, **more: Any) -> Iterator[Socket]:
    more = {
        "compression": None,
        "proxy": None,
        "max_queue": None,
    } | more  # a full queue delays close
    with websockets.sync.client.connect(venue.ws_url, **more) as socket:
        yield Socket(socket)


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulated]:
    with simulated() as running:
        yield running


def test_ping_is_answered_without_data(venue: Simulated) -> None:
    """`{"method":"ping"}` → `{"channel":"pong"}`."""
    with connected(venue) as ws:
        ws.send({"method": "ping"})
        assert ws.next() == {"channel": "pong"}


@pytest.mark.parametrize(
    ("asked", "echoed"),
    [
        (
            {"type": "candle", "coin": "BTC", "interval": "1m", "extra": 1},
            '{"type":"candle","interval":"1m","coin":"BTC"}',
        ),
        ({"type": "allMids"}, '{"type":"allMids"}'),
        ({"type": "allMids", "dex": "xyz"}, '{"type":"allMids","dex":"xyz"}'),
        (
            {"coin": "BTC", "type": "l2Book"},
            '{"type":"l2Book","coin":"BTC","nSigFigs":null,"mantissa":null,"fast":false}',
        ),
        ({"type": "bbo", "coin": "xyz:TSLA"}, '{"type":"bbo","coin":"xyz:TSLA"}'),
    ],
)
def test_acknowledgements_show_the_normal_form(
    venue: Simulated, asked: dict[str, object], echoed: str
) -> None:
    """The echo is normalised; unsubscribing is acknowledged the same way."""
    with connected(venue) as ws:
        for method in ("subscribe", "unsubscribe"):
            ws.subscribe(method, **asked)
            ack = ws.until("subscriptionResponse")
            assert ack["data"]["method"] == method
            assert json.dumps(ack["data"]["subscription"], separators=(",", ":")) == echoed


def test_errors_carry_the_venue_s_texts(venue: Simulated) -> None:
    """Not JSON, unknown type or interval, unknown coin, subscribed twice, not subscribed."""
    candle = '{"type":"candle","interval":"1m","coin":"BTC"}'
    with connected(venue) as ws:

        def error_of(message: object) -> str:
            ws.send(message)
            return ws.until("error")["data"]

        parse = "Error parsing JSON into valid websocket request: "
        assert error_of("hello") == parse + "hello"
        strange = '{"method":"subscribe","subscription":{"type":"nope"}}'
        assert error_of(strange) == parse + strange
        assert error_of('{"method":"dance"}') == parse + '{"method":"dance"}'
        bad = {"type": "candle", "coin": "BTC", "interval": "7m"}
        assert error_of({"method": "subscribe", "subscription": bad}).startswith(parse)
        unknown = {"type": "trades", "coin": "NOPE"}
        assert (
            error_of({"method": "subscribe", "subscription": unknown})
            == 'Invalid subscription {"type":"trades","coin":"NOPE"}'
        )
        ws.send(f'{{"method":"subscribe","subscription":{candle}}}')
        assert error_of(f'{{"method":"subscribe","subscription":{candle}}}') == (
            "Already subscribed: " + candle
        )
        eth = '{"type":"bbo","coin":"ETH"}'
        assert error_of(f'{{"method":"unsubscribe","subscription":{eth}}}') == (
            "Already unsubscribed: " + eth
        )


def test_the_first_trades_frame_replays_old_trades(venue: Simulated) -> None:
    """Thirty trades, oldest first, with no mark; then only newer ones."""
    with connected(venue) as ws:
        ws.subscribe(type="trades", coin="BTC")
        old = ws.until("trades")["data"]
        assert len(old) == 30
        assert [x["time"] for x in old] == sorted(x["time"] for x in old)
        new = ws.until("trades")["data"]
        assert new[0]["time"] > old[-1]["time"]


def test_states_come_at_once(venue: Simulated) -> None:
    """Mids, books, quotes and contexts are sent right after the acknowledgement."""
    wanted = {
        "allMids": {"type": "allMids"},
        "l2Book": {"type": "l2Book", "coin": "ETH", "fast": True},
        "bbo": {"type": "bbo", "coin": "ETH"},
        "activeAssetCtx": {"type": "activeAssetCtx", "coin": "ETH"},
        "activeSpotAssetCtx": {"type": "activeAssetCtx", "coin": "@107"},
        "allDexsAssetCtxs": {"type": "allDexsAssetCtxs"},
    }
    for channel, subscription in wanted.items():
        with connected(venue) as ws:
            ws.subscribe(**subscription)
            assert ws.next()["channel"] == "subscriptionResponse"
            frame = ws.next()
            assert frame["channel"] == channel
            if channel == "l2Book":
                assert [len(side) for side in frame["data"]["levels"]] == [5, 5]
            if channel == "allDexsAssetCtxs":
                counts = {dex: len(rows) for dex, rows in frame["data"]["ctxs"]}
                for dex, count in counts.items():
                    assert count == len(venue.info(type="meta", dex=dex)["universe"])


def test_live_candles_end_as_rest_has_them() -> None:
    """At 120 × the wall clock: bars only grow, and the last frame of each is REST's row."""
    with simulated(speed=120, main=4, builder=1, spot=2) as venue, connected(venue) as ws:
        wanted = [("BTC", "1m"), ("BTC", "1h"), ("@107", "1m"), ("ETH", "3m")]
        for coin, interval in wanted:
            ws.subscribe(type="candle", coin=coin, interval=interval)
        seen: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            frame = ws.next()
            if frame["channel"] == "candle":
                row = frame["data"]
                seen.setdefault((row["s"], row["i"], row["t"]), []).append(row)
        now = venue.now_ms()
        closed = 0
        for (coin, interval, t), rows in seen.items():
            for before, after in pairwise(rows):
                assert before["n"] < after["n"]
                assert float(before["h"]) <= float(after["h"])
                assert float(before["l"]) >= float(after["l"])
                assert before["o"] == after["o"]
            if rows[-1]["T"] < now - 2 * MINUTE_MS:
                answer = venue.info(
                    type="candleSnapshot",
                    req={"coin": coin, "interval": interval, "startTime": t, "endTime": t},
                )
                assert rows[-1] == answer[0] == venue.truth(coin, interval, t, t)[0]
                closed += 1
        assert closed >= 3
        assert {(c, i) for c, i, _ in seen} == set(wanted)


@pytest.mark.parametrize("others", [0, 1])
def test_live_trades_are_complete_and_single(others: int) -> None:
    """Every trade of the tape arrives once, apart from the replay; others who listen or not."""
    with simulated(speed=60, main=2, builder=0, spot=1) as venue, ExitStack() as stack:
        for _ in range(others):
            earlier = stack.enter_context(connected(venue))
            earlier.subscribe(type="trades", coin="ETH")
            earlier.until("trades")
        ws = stack.enter_context(connected(venue))
        ws.subscribe(type="trades", coin="ETH")
        replayed = ws.until("trades")["data"]
        after = replayed[-1]["time"]
        seen: list[dict[str, Any]] = []
        while not seen or seen[-1]["time"] < after + 90_000:
            seen += ws.until("trades")["data"]
        assert venue.simulator is not None
        assert seen == venue.simulator.venue.market.trades("ETH", after, seen[-1]["time"])


def test_mids_of_each_dex_carry_its_name(venue: Simulated) -> None:
    """The main dex has spot and outcomes too and no `dex`; a builder dex only its own."""
    with connected(venue) as ws:
        ws.subscribe(type="allMids")
        main = ws.until("allMids")["data"]
        assert "dex" not in main
        assert {"BTC", "MATIC", "@107", "PURR/USDC", "#10"} <= set(main["mids"])
        ws.subscribe(type="allMids", dex="xyz")
        frame = ws.until("allMids")["data"]
        while frame.get("dex") != "xyz":
            frame = ws.until("allMids")["data"]
        assert all(coin.startswith("xyz:") for coin in frame["mids"])


def test_info_over_the_socket_weighs_and_answers(venue: Simulated) -> None:
    """A post request gives REST's body under its id; a bad one an error."""
    with connected(venue) as ws:
        payload = {"type": "perpDexs"}
        ws.send({"method": "post", "id": 5, "request": {"type": "info", "payload": payload}})
        data = ws.until("post")["data"]
        assert data["id"] == 5
        assert data["response"]["payload"]["data"] == venue.info(**payload)
        ws.send({"method": "post", "id": 6, "request": {"type": "info", "payload": {"type": "x"}}})
        assert ws.until("post")["data"]["response"]["type"] == "error"


def test_a_silent_connection_is_closed() -> None:
    """Nothing to send for the limit: the venue closes; a ping in time keeps it open."""
    with simulated(limits=Limits(silence_s=1.0)) as venue, connected(venue) as ws:
        for _ in range(4):
            time.sleep(0.3)  # the client's ping interval, below the limit
            ws.send({"method": "ping"})
            assert ws.next()["channel"] == "pong"
        with pytest.raises(ConnectionClosed):
            ws.next()


def test_subscriptions_are_limited_per_address() -> None:
    """The 1001st is refused, whichever connection asks; leaving makes room."""
    limits = Limits(subscriptions=3)
    with simulated(limits=limits) as venue, connected(venue) as one, connected(venue) as two:
        for coin in ("BTC", "ETH"):
            one.subscribe(type="candle", coin=coin, interval="1h")
            one.until("subscriptionResponse")
        two.subscribe(type="candle", coin="BTC", interval="1h")
        two.until("subscriptionResponse")
        two.subscribe(type="candle", coin="ETH", interval="1h")
        assert two.until("error")["data"] == "Cannot subscribe to more than 1000 channels."
        one.subscribe("unsubscribe", type="candle", coin="BTC", interval="1h")
        one.until("subscriptionResponse")
        two.subscribe(type="candle", coin="ETH", interval="1h")
        two.until("subscriptionResponse")


def test_the_1001st_subscription_is_refused() -> None:
    """The exchange's own limit, reached with real coins and intervals."""
    limits = Limits(weight_per_minute=10**9)
    with simulated(main=190, builder=20, spot=60, limits=limits) as venue, connected(venue) as ws:
        coins = venue.info(type="allMids")
        wanted = [(c, i) for c in coins if "#" not in c for i in ("1m", "3m", "5m", "15m")][:1001]
        assert len(wanted) == 1001
        for coin, interval in wanted:
            ws.subscribe(type="candle", coin=coin, interval=interval)
        assert ws.until("error", 60)["data"] == "Cannot subscribe to more than 1000 channels."
        assert venue.stats()["subscriptions"] == {"candle": 1000}


def test_messages_are_limited() -> None:
    """More than the limit in a minute: an error, and the message is not obeyed."""
    with simulated(limits=Limits(messages_per_minute=3)) as venue, connected(venue) as ws:
        for _ in range(4):
            ws.send({"method": "ping"})
        assert [ws.next()["channel"] for _ in range(4)] == ["pong", "pong", "pong", "error"]


@pytest.mark.parametrize("limits", [Limits(connections=2), Limits(connects_per_minute=2)])
def test_connections_are_limited(limits: Limits) -> None:
    """The third open, or the third new one in a minute, is refused at the handshake."""
    with simulated(limits=limits) as venue, connected(venue), connected(venue):
        with pytest.raises(InvalidStatus), connected(venue):
            pass
        assert venue.stats()["handshakes"] == {"accepted": 2, "429": 1}
