"""A real WebSocket server that speaks as Hyperliquid does and misbehaves on demand; and a sink.

It lives in the test's own event loop, so a test sees every message in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from market_assets.sources.hyperliquid.feed import FeedPolicy, HyperliquidFeed

from .payloads import candle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping
    from datetime import datetime

    from market_assets.sources.hyperliquid.feed import CandleUpdate

DEADLINE_S = 10.0


def quick(**changes: Any) -> FeedPolicy:
    """A policy of milliseconds: no test waits for seconds to pass."""
    return FeedPolicy(
        **{
            "tick": 0.01,
            "ping_every": 0.05,
            "silence": 5.0,
            "first_delay": 0.01,
            "longest_delay": 0.05,
            "close_timeout": 0.1,
            "mids_age": 60.0,
            "candle_age": 60.0,
            "ack_timeout": 60.0,
            "limit_pause": 0.2,
            **changes,
        }
    )


async def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition; fail where it does not come true."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - the conditions are of many kinds
            await asyncio.sleep(0.005)


@dataclass(eq=False)
class Peer:
    """One connection as the server sees it."""

    socket: ServerConnection
    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    pings: int = 0

    @property
    def coins(self) -> list[str]:
        return [s["coin"] for s in self.subscriptions if s["type"] == "candle"]

    async def say(self, channel: str, data: Any) -> None:
        await self.socket.send(json.dumps({"channel": channel, "data": data}))

    async def candle(self, coin: str, **changes: Any) -> None:
        await self.say("candle", candle(s=coin, **changes))

    async def mids(self, mids: dict[str, Any], dex: str = "") -> None:
        await self.say("allMids", {"mids": mids} | ({"dex": dex} if dex else {}))

    async def drop(self) -> None:
        """Cut the connection without a word."""
        self.socket.transport.abort()
        await self.socket.wait_closed()


@dataclass
class Exchange:
    """The server.

    Attributes:
        peers: open connections; `all_peers` has the closed ones too.
        acks: acknowledge requests.
        pongs: answer pings.
        limit: subscriptions in all; beyond it the exchange's error is sent.
        refuse: text of an error by coin, with `{}` for the request's JSON.
        greeting: plain text that is sent first.
        doors: whether a new connection is let in.
    """

    url: str = ""
    peers: list[Peer] = field(default_factory=list)
    all_peers: list[Peer] = field(default_factory=list)
    acks: bool = True
    pongs: bool = True
    limit: int = 1000
    refuse: dict[str, str] = field(default_factory=dict)
    greeting: str = ""
    doors: bool = True
    server: Server | None = None

    @property
    def subscriptions(self) -> list[dict[str, Any]]:
        return [s for peer in self.peers for s in peer.subscriptions]

    @property
    def coins(self) -> set[str]:
        return {coin for peer in self.peers for coin in peer.coins}

    def carrier(self, coin: str) -> Peer:
        """The connection that is subscribed to a coin's candles."""
        return next(peer for peer in self.peers if coin in peer.coins)

    def mids_carrier(self) -> Peer:
        """The connection that is subscribed to mids."""
        return next(
            peer for peer in self.peers if any(s["type"] == "allMids" for s in peer.subscriptions)
        )

    async def _serve(self, socket: ServerConnection) -> None:
        peer = Peer(socket)
        self.peers.append(peer)
        self.all_peers.append(peer)
        try:
            if self.greeting:
                await socket.send(self.greeting)
            async for raw in socket:
                await self._answer(peer, json.loads(raw))
        except ConnectionClosed:
            pass
        finally:
            self.peers.remove(peer)

    async def _answer(self, peer: Peer, message: dict[str, Any]) -> None:
        if message == {"method": "ping"}:
            peer.pings += 1
            if self.pongs:
                await peer.socket.send('{"channel":"pong"}')
            return
        peer.requests.append(message)
        subscription = message["subscription"]
        if message["method"] == "unsubscribe":
            peer.subscriptions.remove(subscription)
        else:
            refusal = self.refuse.get(subscription.get("coin", ""))
            if refusal is None and len(self.subscriptions) >= self.limit:
                refusal = f"Cannot subscribe to more than {self.limit} channels."
            if refusal is not None:
                await peer.say("error", refusal.replace("{}", json.dumps(message)))
                return
            if subscription not in peer.subscriptions:
                peer.subscriptions.append(subscription)
        if self.acks:
            echo = dict(reversed(subscription.items())) | {"fast": False, "nSigFigs": None}
            await peer.say(
                "subscriptionResponse", {"method": message["method"], "subscription": echo}
            )


@contextlib.asynccontextmanager
async def exchange(**options: Any) -> AsyncIterator[Exchange]:
    """A server for the time of a test."""
    made = Exchange(**options)

    async def door(_connection: ServerConnection, _request: Any) -> Any:
        return None if made.doors else _connection.respond(503, "closed\n")

    async with serve(made._serve, "127.0.0.1", 0, process_request=door) as server:
        made.server = server
        made.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
        yield made


@dataclass
class Sink:
    """Keeps what it is told."""

    all_mids: list[tuple[str, dict[str, float]]] = field(default_factory=list)
    candles: list[CandleUpdate] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    losses: list[tuple[set[str], datetime, str]] = field(default_factory=list)
    received_at: list[datetime] = field(default_factory=list)

    def mids(self, dex: str, mids: Mapping[str, float], received_at: datetime) -> None:
        self.received_at.append(received_at)
        self.all_mids.append((dex, dict(mids)))

    def candle(self, update: CandleUpdate, received_at: datetime) -> None:
        self.received_at.append(received_at)
        self.candles.append(update)

    def subscribed(self, symbols: Collection[str], at: datetime) -> None:
        assert at.tzinfo is not None
        self.acknowledged += symbols

    def lost(self, symbols: Collection[str], since: datetime, cause: str) -> None:
        self.losses.append((set(symbols), since, cause))


@contextlib.asynccontextmanager
async def running(
    venue: Exchange, sink: Any, *, max_connections: int = 2, **changes: Any
) -> AsyncIterator[HyperliquidFeed]:
    """A feed on that exchange for the time of a test; stopped as a session stops it."""
    feed = HyperliquidFeed(
        venue.url, sink, max_connections=max_connections, policy=quick(**changes)
    )
    task = asyncio.create_task(feed.run())
    await asyncio.sleep(0)
    try:
        yield feed
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
