"""`/ws/market`: what clients of the market channel may say, and what they are answered.

The first message has a `type`, every later one an `operation`; whatever else comes is passed over
in silence, as unknown assets are.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from market_simulator.polymarket.channel.clients import PREFIX, Client
from market_simulator.sockets import Sockets

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from market_simulator.faults import VenueFaults
    from market_simulator.polymarket.channel.feed import Feed
    from market_simulator.polymarket.size import PolymarketLimits
    from market_simulator.venue import Surroundings

PING: Final = "PING"
PONG: Final = "PONG"


class MarketSockets(Sockets[Client]):
    """All sockets of the channel."""

    odd_frames = {  # noqa: RUF012 - declared as a ClassVar by its base
        "not_json": "INVALID OPERATION",
        "unknown_channel": '{"gameId":1,"score":"1-0","event_type":"brand_new_type"}',
        "untyped": '{"gameId":1,"leagueAbbreviation":"nba","score":"101-99","live":true}',
    }

    def __init__(
        self, feed: Feed, around: Surroundings, faults: VenueFaults, limits: PolymarketLimits
    ) -> None:
        super().__init__(
            faults=faults, traffic=around.traffic, transports=around.transports, prefix=PREFIX
        )
        self._feed = feed
        self._limits = limits

    def connected(self, socket: WebSocket) -> Client:
        client = Client(
            socket,
            backlog=self._limits.backlog,
            faults=self._faults,
            traffic=self._traffic,
            noted=self._feed.injected,
        )
        self._feed.clients.add(client)
        return client

    def forget(self, connection: Client) -> None:
        self._feed.leave(connection)

    def silent(self, connection: Client) -> bool:
        """It has said nothing for too long; then it is reset."""
        silent = time.monotonic() - connection.last_heard >= self._limits.silence_s
        if silent:
            self._transports.reset(connection.client)
        return silent

    async def read(self, socket: WebSocket, connection: Client) -> None:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await self.thawed.wait()
            connection.last_heard = time.monotonic()
            text = message.get("text") or (message.get("bytes") or b"").decode(errors="replace")
            if text == PING:
                self._count("ping")
                connection.say(PONG)
            else:
                self._handle(connection, text)

    def _handle(self, client: Client, text: str) -> None:
        try:
            message = msgspec.json.decode(text)
        except msgspec.DecodeError:
            message = None
        assets = _assets(message)
        if assets is None:
            self._count("?")
        elif not client.begun and message.get("type") == "market":
            self._count("market")
            client.begun = True
            client.custom = message.get("custom_feature_enabled") is True
            self._feed.subscribe(client, assets, dump=message.get("initial_dump") is not False)
        elif client.begun and message.get("operation") == "subscribe":
            self._count("subscribe")
            self._feed.subscribe(client, assets)
        elif client.begun and message.get("operation") == "unsubscribe":
            self._count("unsubscribe")
            self._feed.unsubscribe(client, assets)
        else:
            self._count("?")

    def _count(self, message: str) -> None:
        self._traffic.messages[f"{PREFIX}{message}"] += 1


def _assets(message: Any) -> list[str] | None:
    """The assets that a message names; None where it cannot be read."""
    if not isinstance(message, dict):
        return None
    assets = message.get("assets_ids")
    if not isinstance(assets, list) or not all(isinstance(asset, str) for asset in assets):
        return None
    return assets
