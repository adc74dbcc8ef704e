"""`/ws`: what the exchange answers on its WebSocket.

Reads what clients send and answers as the exchange does, within its limits per address; what is
sent to subscribers is the feed's business.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from market_simulator.hyperliquid.connections import Client
from market_simulator.hyperliquid.subscriptions import Subscription, exists, normalised
from market_simulator.sockets import Sockets, host_of

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from market_simulator.hyperliquid.exchange import Exchange

PONG: Final = '{"channel":"pong"}'


class ExchangeSockets(Sockets[Client]):
    """All WebSockets of the exchange."""

    odd_frames = {  # noqa: RUF012 - declared as a ClassVar by its base
        "not_json": "Websocket connection established.",
        "unknown_channel": '{"channel":"brandNewChannel","data":{"hello":"world"}}',
        "untyped": '{"data":{"hello":"world"}}',
    }

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(
            faults=exchange.faults, traffic=exchange.traffic, transports=exchange.transports
        )
        self._exchange = exchange

    def refused(self, socket: WebSocket) -> tuple[int, str] | None:
        exchange = self._exchange
        address, now_s = exchange.addresses.of(host_of(socket)), exchange.clock.seconds()
        if address.connections >= exchange.limits.connections:
            return 429, "Too many connections"
        if not address.connects.admit(now_s, 1, exchange.limits.connects_per_minute):
            return 429, "Too many new connections"
        return None

    def connected(self, socket: WebSocket) -> Client:
        exchange = self._exchange
        client = Client(
            socket,
            exchange.addresses.of(host_of(socket)),
            backlog=exchange.limits.backlog,
            faults=exchange.faults,
            traffic=exchange.traffic,
        )
        client.address.connections += 1
        return client

    def forget(self, connection: Client) -> None:
        for subscription in connection.subscriptions:
            self._exchange.feed.leave(subscription, connection)
        connection.address.subscriptions -= len(connection.subscriptions)
        connection.address.connections -= 1

    def silent(self, connection: Client) -> bool:
        """Nothing was sent to it for too long."""
        return time.monotonic() - connection.last_sent >= self._exchange.limits.silence_s

    async def read(self, socket: WebSocket, connection: Client) -> None:
        exchange = self._exchange
        while True:
            text = await socket.receive_text()
            await self.thawed.wait()
            address = connection.address
            if not address.messages.admit(
                exchange.clock.seconds(), 1, exchange.limits.messages_per_minute
            ):
                connection.error("Cannot send more than 2000 messages per minute.")
                continue
            await self._handle(connection, text)

    async def _handle(self, connection: Client, text: str) -> None:
        try:
            message = msgspec.json.decode(text)
        except msgspec.DecodeError:
            message = None
        method = message.get("method") if isinstance(message, dict) else None
        self._exchange.traffic.messages[str(method)] += 1
        if method == "ping":
            connection.say(PONG)
        elif method == "post" and isinstance(message.get("id"), int):
            await self._post(connection, message)
        elif method in ("subscribe", "unsubscribe"):
            subscription = normalised(message.get("subscription"))
            if subscription is None:
                connection.error(_unreadable(text))
            elif method == "subscribe":
                self._subscribe(connection, subscription)
            else:
                self._unsubscribe(connection, subscription)
        else:
            connection.error(_unreadable(text))

    def _subscribe(self, connection: Client, subscription: Subscription) -> None:
        exchange, address = self._exchange, connection.address
        if subscription in connection.subscriptions:
            connection.error(f"Already subscribed: {subscription.text}")
        elif not exists(subscription, exchange.market):
            connection.error(f"Invalid subscription {subscription.text}")
        elif address.subscriptions >= exchange.limits.subscriptions:
            connection.error("Cannot subscribe to more than 1000 channels.")
        else:
            address.subscriptions += 1
            connection.subscriptions.add(subscription)
            connection.say(_acknowledged("subscribe", subscription))
            exchange.feed.join(subscription, connection)

    def _unsubscribe(self, connection: Client, subscription: Subscription) -> None:
        if subscription not in connection.subscriptions:
            connection.error(f"Already unsubscribed: {subscription.text}")
            return
        connection.address.subscriptions -= 1
        connection.subscriptions.discard(subscription)
        self._exchange.feed.leave(subscription, connection)
        connection.say(_acknowledged("unsubscribe", subscription))

    async def _post(self, connection: Client, message: dict[str, Any]) -> None:
        """An info request over the socket; it weighs the same."""
        request = message.get("request")
        payload = request.get("payload") if isinstance(request, dict) else None
        body, refused = await self._exchange.asked(connection.address, payload)
        kind = payload.get("type") if isinstance(payload, dict) else None
        response = (
            {"type": "info", "payload": {"type": kind, "data": body}}
            if refused is None
            else {"type": "error", "payload": str(refused)}
        )
        reply = {"channel": "post", "data": {"id": message["id"], "response": response}}
        connection.say(msgspec.json.encode(reply).decode())


def _acknowledged(method: str, subscription: Subscription) -> str:
    return (
        '{"channel":"subscriptionResponse","data":{"method":"'
        f'{method}","subscription":{subscription.text}}}}}'
    )


def _unreadable(text: str) -> str:
    return f"Error parsing JSON into valid websocket request: {text}"
