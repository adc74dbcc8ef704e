"""The feed against a real WebSocket server that acknowledges, drops, sulks and talks nonsense."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidURI

from market_assets.sources.hyperliquid.feed import HyperliquidFeed

from .exchange import Sink, exchange, quick, running, until
from .payloads import MINUTE_MS, OPEN_MS, candle

if TYPE_CHECKING:
    from collections.abc import Coroutine


def play(story: Coroutine[Any, Any, None]) -> None:
    """Run a story on an event loop of its own."""
    asyncio.run(story)


def test_subscribes_and_delivers() -> None:
    """Mids and candles arrive at the sink as they came, late and doubled ones too."""

    async def story() -> None:
        sink = Sink()
        async with exchange() as venue, running(venue, sink) as feed:
            feed.want(dexs=["", "xyz"], symbols=["BTC", "xyz:TSLA", "@107"])
            await until(lambda: feed.stats().subscribed == 5)
            assert sink.acknowledged == ["BTC", "xyz:TSLA", "@107"]
            assert venue.mids_carrier() is not venue.carrier("BTC"), "mids have their own socket"
            before = datetime.now(UTC)
            await venue.mids_carrier().mids({"BTC": "1.5"})
            await venue.mids_carrier().mids({"xyz:TSLA": "381.4", "xyz:BAD": "NaN"}, dex="xyz")
            peer = venue.carrier("BTC")
            await peer.candle("BTC", n=2)
            await peer.candle("BTC", n=2)
            await peer.candle("BTC", t=OPEN_MS - MINUTE_MS, n=9)
            await peer.candle("xyz:TSLA", n=1)
            await until(lambda: len(sink.candles) == 4)
            assert sink.all_mids == [("", {"BTC": 1.5}), ("xyz", {"xyz:TSLA": 381.4})]
            assert [(c.symbol, c.open_ms, c.trades) for c in sink.candles] == [
                ("BTC", OPEN_MS, 2),
                ("BTC", OPEN_MS, 2),
                ("BTC", OPEN_MS - MINUTE_MS, 9),
                ("xyz:TSLA", OPEN_MS, 1),
            ]
            assert all(before <= at <= datetime.now(UTC) for at in sink.received_at)
            stats = feed.stats()
            assert stats.frames_by_channel["candle"] == 4
            assert stats.frames_by_channel["allMids"] == 2
            assert set(stats.rejected) == {"xyz:BAD"}
            assert stats.connected == 2
            assert stats.ages_s["candle"] < 5
        assert sink.losses == [], "a stop is no loss"

    play(story())


def test_a_change_of_mind_leaves_the_rest_alone() -> None:
    """New symbols are added and old ones ended without touching what stays."""

    async def story() -> None:
        sink = Sink()
        async with exchange() as venue, running(venue, sink) as feed:
            feed.want(dexs=[""], symbols=["BTC", "ETH"])
            await until(lambda: feed.stats().subscribed == 3)
            feed.want(dexs=[""], symbols=["NEW", "BTC"])
            await until(lambda: venue.coins == {"NEW", "BTC"} and feed.stats().subscribed == 3)
            said = [
                (request["method"], request["subscription"].get("coin"))
                for peer in venue.all_peers
                for request in peer.requests
            ]
            assert said.count(("subscribe", "BTC")) == 1
            assert ("unsubscribe", "ETH") in said
            assert sink.acknowledged == ["BTC", "ETH", "NEW"]
            assert len(venue.all_peers) == 2
            feed.want(dexs=[], symbols=["BTC"])
            await until(lambda: len(venue.peers) == 1)
            feed.want(dexs=["", "xyz"], symbols=["BTC"])
            await until(lambda: feed.stats().subscribed == 3)
        assert sink.losses == []

    play(story())


def test_wishes_before_the_start_and_from_another_thread() -> None:
    async def story() -> None:
        sink = Sink()
        async with exchange() as venue:
            feed = HyperliquidFeed(venue.url, sink, policy=quick())
            feed.want(dexs=[], symbols=["BTC"])
            task = asyncio.create_task(feed.run())
            await until(lambda: sink.acknowledged == ["BTC"])
            thread = threading.Thread(
                target=lambda: feed.want(dexs=[], symbols=["BTC", "ETH"]), daemon=True
            )
            thread.start()
            await until(lambda: sink.acknowledged == ["BTC", "ETH"])
            with pytest.raises(RuntimeError, match="running already"):
                await feed.run()
            task.cancel()
            await asyncio.wait([task])
            await until(lambda: not venue.peers)
            assert feed.stats().connected == 0

    play(story())


def test_candles_are_dealt_out_by_rank() -> None:
    """Each socket gets some of the most traded; more symbols open more sockets, up to the limit."""

    async def story() -> None:
        symbols = [f"S{n}" for n in range(30)]
        async with (
            exchange() as venue,
            running(venue, Sink(), max_connections=4, symbols_per_connection=5) as feed,
        ):
            feed.want(dexs=[""], symbols=symbols[:10])
            await until(lambda: feed.stats().subscribed == 11)
            assert sorted(len(peer.coins) for peer in venue.peers) == [0, 5, 5]
            assert venue.carrier("S0") is not venue.carrier("S1")
            before = venue.carrier("S0")
            feed.want(dexs=[""], symbols=symbols)
            await until(lambda: feed.stats().subscribed == 31)
            assert sorted(len(peer.coins) for peer in venue.peers) == [0, 10, 10, 10]
            assert venue.carrier("S0") is before
            assert len(venue.all_peers) == 4

    play(story())


@pytest.mark.parametrize("mids_first", [True, False])
def test_one_socket_may_carry_everything(*, mids_first: bool) -> None:
    async def story() -> None:
        async with exchange() as venue, running(venue, Sink(), max_connections=1) as feed:
            feed.want(dexs=[""] if mids_first else [], symbols=["BTC"])
            await until(lambda: feed.stats().subscribed == 1 + mids_first)
            feed.want(dexs=["", "xyz"], symbols=["BTC", "ETH"])
            await until(lambda: feed.stats().subscribed == 4)
            assert len(venue.all_peers) == 1

    play(story())


def test_what_is_beyond_the_limit_is_left_out_by_rank() -> None:
    """Mids come first, then candles by rank; the rest is named."""

    async def story() -> None:
        async with exchange() as venue, running(venue, Sink(), subscriptions=4) as feed:
            feed.want(dexs=["", "xyz"], symbols=["A", "B", "C", "D"])
            await until(lambda: feed.stats().subscribed == 4)
            assert feed.stats().left_out == ("C", "D")
            assert venue.coins == {"A", "B"}
            feed.want(dexs=[""], symbols=["D", "B", "C", "A"])
            await until(lambda: venue.coins == {"D", "B", "C"})
            assert feed.stats().left_out == ("A",)

    play(story())


def test_a_dropped_socket_comes_back_with_everything() -> None:
    """Its symbols are reported lost from its last candle on; the other socket notices nothing."""

    async def story() -> None:
        sink = Sink()
        async with exchange() as venue, running(venue, sink, max_connections=3) as feed:
            feed.want(dexs=[""], symbols=["BTC", "ETH", "SOL"])
            await until(lambda: feed.stats().subscribed == 4)
            peer = venue.carrier("BTC")
            await peer.candle("BTC")
            await until(lambda: sink.candles)
            lost = set(peer.coins)
            await peer.drop()
            await until(lambda: feed.stats().subscribed == 4 and feed.stats().reconnects == 1)
            assert sink.losses == [(lost, sink.received_at[-1], "reconnect")]
            assert venue.coins == {"BTC", "ETH", "SOL"}
            assert sorted(sink.acknowledged) == sorted(["BTC", "ETH", "SOL", *lost])
            assert feed.stats().reconnects_by_cause == {"reconnect": 1}

    play(story())


def test_a_socket_without_a_candle_is_lost_since_it_was_acknowledged() -> None:
    async def story() -> None:
        sink = Sink()
        async with exchange() as venue, running(venue, sink) as feed:
            start = datetime.now(UTC)
            feed.want(dexs=[], symbols=["BTC"])
            await until(lambda: sink.acknowledged)
            acknowledged = datetime.now(UTC)
            await venue.carrier("BTC").drop()
            await until(lambda: sink.losses)
            assert start <= sink.losses[0][1] <= acknowledged

    play(story())


def test_the_venue_is_away_and_comes_back() -> None:
    """It refuses connections for a while: tried again, without an end and without a storm."""

    async def story() -> None:
        sink = Sink()
        async with exchange(doors=False) as venue, running(venue, sink) as feed:
            feed.want(dexs=[""], symbols=["BTC"])
            await asyncio.sleep(0.1)
            assert feed.stats().connected == 0
            assert "503" in feed.stats().trouble
            assert sink.losses == []
            venue.doors = True
            await until(lambda: feed.stats().subscribed == 2)

    play(story())


def test_pings_are_sent_and_pongs_are_no_data() -> None:
    async def story() -> None:
        async with exchange() as venue, running(venue, Sink()) as feed:
            feed.want(dexs=[], symbols=["BTC"])
            await until(lambda: venue.peers and venue.peers[0].pings >= 3)
            await until(lambda: feed.stats().frames_by_channel.get("pong", 0) >= 3)
            assert "candle" not in feed.stats().ages_s
            assert feed.stats().reconnects == 0

    play(story())


def test_a_socket_that_says_nothing_at_all_is_renewed() -> None:
    """No data and no pongs: half-open, and only a clock can tell."""

    async def story() -> None:
        sink = Sink()
        async with exchange() as venue, running(venue, sink, silence=0.15) as feed:
            feed.want(dexs=[], symbols=["BTC"])
            await until(lambda: sink.acknowledged)
            venue.pongs = False
            await until(lambda: sink.losses)
            assert sink.losses[0][0] == {"BTC"}
            assert sink.losses[0][2] == "silence"
            venue.pongs = True
            await until(lambda: feed.stats().subscribed == 1)

    play(story())


def test_a_socket_that_only_answers_pings_is_renewed() -> None:
    """Candles stopped, pongs go on: the watchdog looks at the age of the data."""

    async def story() -> None:
        sink = Sink()
        async with exchange() as venue, running(venue, sink, candle_age=0.6) as feed:
            feed.want(dexs=[""], symbols=["BTC", "ETH"])
            await until(lambda: feed.stats().subscribed == 3)
            first = venue.carrier("BTC")
            for _ in range(10):
                await first.candle("BTC")
                await asyncio.sleep(0.03)
            assert feed.stats().reconnects == 0, "ETH is quiet, but its socket is not"
            mids = venue.mids_carrier()
            await until(lambda: sink.losses)
            assert sink.losses[0] == ({"BTC", "ETH"}, sink.received_at[-1], "silence")
            assert first.pings > 0
            await until(lambda: venue.coins == {"BTC", "ETH"})
            assert venue.mids_carrier() is mids, "the socket of the mids was not touched"

    play(story())


def test_mids_that_stop_renew_their_own_socket() -> None:
    """One dex's mids go on, the other's stop: no candle is lost over it."""

    async def story() -> None:
        sink = Sink()
        async with exchange() as venue, running(venue, sink, mids_age=0.5) as feed:
            feed.want(dexs=["", "xyz"], symbols=["BTC"])
            await until(lambda: feed.stats().subscribed == 3)
            first = venue.mids_carrier()

            for _ in range(40):
                await first.mids({"BTC": "1"})
                await first.mids({"xyz:TSLA": "1"}, dex="xyz")
                await asyncio.sleep(0.02)
            assert feed.stats().reconnects == 0, "both flow, for longer than the limit"
            with contextlib.suppress(ConnectionClosed):
                while first in venue.peers:
                    await first.mids({"BTC": "1"})
                    await asyncio.sleep(0.02)
            await until(lambda: feed.stats().subscribed == 3)
            assert feed.stats().reconnects_by_cause == {"silence": 1}
            assert "no mids of dex 'xyz'" in feed.stats().trouble
            assert sink.losses == []

    play(story())


def test_a_closed_market_does_not_cause_a_storm() -> None:
    """No data, however often the socket is renewed: each alarm takes twice as long."""

    async def story() -> None:
        async with exchange() as venue, running(venue, Sink(), candle_age=0.05) as feed:
            feed.want(dexs=[], symbols=["QUIET"])
            await until(lambda: feed.stats().reconnects == 3)
            started = asyncio.get_running_loop().time()
            await until(lambda: feed.stats().reconnects == 4)
            assert asyncio.get_running_loop().time() - started >= 0.05 * 2**3
            assert venue.url

    play(story())


def test_nonsense_is_counted_and_costs_nobody_else() -> None:
    """Text, cut JSON, unknown channels, wrong types, impossible prices: the others go on."""

    async def story() -> None:
        sink = Sink()
        async with (
            exchange(greeting="Websocket connection established.") as venue,
            running(venue, sink) as feed,
        ):
            feed.want(dexs=[], symbols=["BTC", "ETH"])
            await until(lambda: feed.stats().subscribed == 2)
            peer = venue.carrier("BTC")
            await peer.socket.send("what?")
            await peer.socket.send('{"channel":"candle","data":{"t":1')
            await peer.socket.send(b"\xff\xfe\x00")
            await peer.socket.send("[" * 5000)
            await peer.say("candle", None)
            await peer.say("candle", candle(s="ETH", o=None))
            await peer.say("webData4", {"anything": 1})
            await peer.candle("ETH", h="1.0")
            await peer.candle("ETH", c="NaN")
            await peer.say("error", "the moon is full " + "x" * 500)
            await peer.candle("BTC", extra={"new": "key"})
            await until(lambda: sink.candles)
            assert [update.symbol for update in sink.candles] == ["BTC"]
            stats = feed.stats()
            assert stats.undecodable == 6
            assert len(stats.undecodable_samples) == 5
            assert all(len(sample) <= 200 for sample in stats.undecodable_samples)
            assert stats.undecodable_samples[-1].startswith("the moon is full")
            assert stats.frames_by_channel["other"] == 2
            assert set(stats.rejected) == {"ETH"}
            assert stats.reconnects == 0

    play(story())


def test_an_unanswered_subscription_is_asked_for_again() -> None:
    async def story() -> None:
        sink = Sink()
        async with exchange(acks=False) as venue, running(venue, sink, ack_timeout=0.05) as feed:
            feed.want(dexs=[], symbols=["BTC"])
            await until(lambda: venue.peers and len(venue.peers[0].requests) >= 3)
            assert sink.acknowledged == []
            venue.acks = True
            await until(lambda: sink.acknowledged == ["BTC"])

    play(story())


def test_data_is_as_good_as_an_acknowledgement() -> None:
    """The exchange does not promise that the acknowledgement comes first, or at all."""

    async def story() -> None:
        sink = Sink()
        async with exchange(acks=False) as venue, running(venue, sink) as feed:
            feed.want(dexs=[""], symbols=["BTC"])
            await until(lambda: len(venue.subscriptions) == 2)
            await venue.carrier("BTC").candle("BTC")
            await venue.mids_carrier().mids({"BTC": "1"})
            await until(lambda: feed.stats().subscribed == 2)
            assert sink.acknowledged == ["BTC"]

    play(story())


def test_refusals() -> None:
    """One coin is refused: named with the exchange's text, and the others go on."""

    async def story() -> None:
        sink = Sink()
        refuse = {"BAD": "Invalid subscription {}", "HAVE": "Already subscribed: {}"}
        async with exchange(refuse=refuse) as venue, running(venue, sink) as feed:
            feed.want(dexs=[], symbols=["BAD", "HAVE", "BTC"])
            await until(lambda: set(sink.acknowledged) == {"HAVE", "BTC"})
            await until(lambda: feed.stats().refused)
            assert set(feed.stats().refused) == {"BAD"}
            assert feed.stats().refused["BAD"].startswith("Invalid subscription")
            assert venue.coins == {"BTC"}

    play(story())


def test_the_exchanges_own_limit() -> None:
    """It takes fewer than we think, as during a handover of sessions: the rest waits its turn."""

    async def story() -> None:
        sink = Sink()
        async with exchange(limit=3) as venue, running(venue, sink, max_connections=1) as feed:
            feed.want(dexs=[], symbols=["A", "B", "C", "D", "E"])
            await until(lambda: feed.stats().refused)
            assert sink.acknowledged == ["A", "B", "C"]
            missing = {*feed.stats().refused, *feed.stats().left_out}
            assert missing == {"D", "E"}, "every one of them is named"
            asked = len(venue.peers[0].requests)
            await asyncio.sleep(0.05)
            assert len(venue.peers[0].requests) == asked, "no new ones while the pause lasts"
            venue.limit = 1000
            await until(lambda: venue.coins == {"A", "B", "C", "D", "E"})
            await until(lambda: feed.stats().subscribed == 5)
            assert feed.stats().refused == {}
            assert feed.stats().left_out == ()

    play(story())


def test_messages_and_connections_are_paced() -> None:
    """More is wanted than may be said in a minute: what is above waits."""

    async def story() -> None:
        async with (
            exchange() as venue,
            running(
                venue,
                Sink(),
                messages_per_minute=5,
                connections_per_minute=2,
                max_connections=4,
                symbols_per_connection=5,
                ping_every=60,
            ) as feed,
        ):
            feed.want(dexs=[], symbols=[f"S{n}" for n in range(20)])
            await until(lambda: feed.stats().subscribed == 5)
            await asyncio.sleep(0.1)
            assert len(venue.subscriptions) == 5
            assert len(venue.all_peers) == 2

    play(story())


def test_a_fault_of_the_sink_is_raised() -> None:
    """A full disk must not look like a bad connection."""

    class FullError(OSError):
        pass

    class Full(Sink):
        def candle(self, update: Any, received_at: datetime) -> None:
            raise FullError(update, received_at)

    async def story() -> None:
        async with exchange() as venue:
            feed = HyperliquidFeed(venue.url, Full(), policy=quick())
            feed.want(dexs=[], symbols=["BTC"])
            task = asyncio.create_task(feed.run())
            await until(lambda: venue.coins)
            await venue.carrier("BTC").candle("BTC")
            with pytest.raises(FullError):
                await asyncio.wait_for(task, 5)
            await until(lambda: not venue.peers)

    play(story())


def test_an_address_that_is_none_is_raised() -> None:
    async def story() -> None:
        feed = HyperliquidFeed("http://venue.invalid", Sink(), policy=quick())
        feed.want(dexs=[""], symbols=[])
        with pytest.raises(InvalidURI):
            await asyncio.wait_for(feed.run(), 5)

    play(story())
    with pytest.raises(ValueError, match="at least 1"):
        HyperliquidFeed("ws://venue.invalid", Sink(), max_connections=0)


def test_a_storm_of_drops_ends_in_order() -> None:
    """Sockets cut at random under load: in the end everything is subscribed once, and every
    symbol that was lost was said to be lost.
    """

    async def story() -> None:
        sink = Sink()
        symbols = [f"S{n}" for n in range(40)]
        async with (
            exchange() as venue,
            running(
                venue,
                sink,
                max_connections=4,
                symbols_per_connection=10,
                connections_per_minute=1000,
                messages_per_minute=10**6,
            ) as feed,
        ):
            feed.want(dexs=[""], symbols=symbols)
            for turn in range(20):
                await until(lambda: feed.stats().subscribed >= 20 and venue.peers)
                peer = venue.peers[turn % len(venue.peers)]
                for coin in peer.coins[:5]:
                    await peer.candle(coin)
                await peer.drop()
            await until(lambda: feed.stats().subscribed == len(venue.subscriptions) == 41)
            assert sorted(s.get("coin", "") for s in venue.subscriptions) == sorted(["", *symbols])
            acknowledged = {s: sink.acknowledged.count(s) for s in symbols}
            losses = {s: sum(s in lost for lost, _, _ in sink.losses) for s in symbols}
            assert all(acknowledged[s] == losses[s] + 1 for s in symbols)

    play(story())
