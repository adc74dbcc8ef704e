"""`/ws`: the exchange's WebSocket, from the handshake to the last frame.

Reads what clients send and answers as the exchange does, within its limits per address; what is
sent to subscribers is the feed's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from market_simulator.faults import SOCKET
from market_simulator.hyperliquid.connections import Connection
from market_simulator.hyperliquid.subscriptions import Subscription, exists, normalised

if TYPE_CHECKING:
    from market_simulator.hyperliquid.exchange import Exchange

PONG: Final = '{"channel":"pong"}'
_CHECK_S: Final = 0.05


class Sockets:
    """All WebSockets of the venue."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.open: set[Connection] = set()
        self._thawed = asyncio.Event()
        self._thawed.set()

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from handshake to end."""
        exchange = self._exchange
        await self._thawed.wait()
        refusal = self._refusal(socket)
        if refusal is not None:
            status, text = refusal
            exchange.traffic.handshakes[str(status)] += 1
            await socket.send_denial_response(PlainTextResponse(text, status))
            return
        await socket.accept()
        exchange.traffic.handshakes["accepted"] += 1
        connection = Connection(
            socket,
            exchange.addresses.of(_host(socket)),
            backlog=exchange.limits.backlog,
            faults=exchange.faults,
            traffic=exchange.traffic,
        )
        connection.address.connections += 1
        self.open.add(connection)
        tasks = {
            asyncio.create_task(connection.write()),
            asyncio.create_task(self._read(socket, connection)),
            asyncio.create_task(self._watch(connection)),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._forget(connection)
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception) and not _gone(outcome):
                    raise outcome
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close()

    def strike(self) -> None:
        """Let the socket faults that are due happen, and freeze or thaw connections."""
        faults = self._exchange.faults
        for fault in faults.due(SOCKET):
            struck = sorted(self.open, key=lambda c: c.number)[: fault.count]
            for connection in struck:
                self._strike_one(fault.name, connection)
        if faults.active("unavailable"):
            for connection in self.open:
                self._exchange.transports.reset(connection.client)
        frozen = faults.active("freeze")
        (self._thawed.clear if frozen else self._thawed.set)()
        for connection in self.open:
            if frozen != connection.frozen:
                connection.frozen = frozen
                transport = self._exchange.transports.find(connection.client)
                if transport is not None:
                    (transport.pause_reading if frozen else transport.resume_reading)()

    def _strike_one(self, name: str, connection: Connection) -> None:
        if name == "drop":
            self._exchange.transports.reset(connection.client)
        elif name == "close":
            connection.closing.set()
        elif name == "not_json":
            connection.say("Websocket connection established.")
        else:
            connection.say('{"channel":"brandNewChannel","data":{"hello":"world"}}')

    def _refusal(self, socket: WebSocket) -> tuple[int, str] | None:
        exchange = self._exchange
        if exchange.faults.strike("unavailable", path=socket.url.path):
            return 502, "<html><body><h1>502 Bad Gateway</h1></body></html>"
        address, now_s = exchange.addresses.of(_host(socket)), exchange.clock.seconds()
        if address.connections >= exchange.limits.connections:
            return 429, "Too many connections"
        if not address.connects.admit(now_s, 1, exchange.limits.connects_per_minute):
            return 429, "Too many new connections"
        return None

    def _forget(self, connection: Connection) -> None:
        self.open.discard(connection)
        for subscription in connection.subscriptions:
            self._exchange.feed.leave(subscription, connection)
        connection.address.subscriptions -= len(connection.subscriptions)
        connection.address.connections -= 1

    async def _watch(self, connection: Connection) -> None:
        """Ends when the connection is to be closed: silence, a slow reader, or a fault."""
        silence = self._exchange.limits.silence_s
        while time.monotonic() - connection.last_sent < silence or connection.frozen:
            if connection.overflowed:
                self._exchange.transports.reset(connection.client)
            if connection.closing.is_set():
                return
            await asyncio.sleep(_CHECK_S)

    async def _read(self, socket: WebSocket, connection: Connection) -> None:
        exchange = self._exchange
        while True:
            text = await socket.receive_text()
            await self._thawed.wait()
            address = connection.address
            if not address.messages.admit(
                exchange.clock.seconds(), 1, exchange.limits.messages_per_minute
            ):
                connection.error("Cannot send more than 2000 messages per minute.")
                continue
            await self._handle(connection, text)

    async def _handle(self, connection: Connection, text: str) -> None:
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

    def _subscribe(self, connection: Connection, subscription: Subscription) -> None:
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

    def _unsubscribe(self, connection: Connection, subscription: Subscription) -> None:
        if subscription not in connection.subscriptions:
            connection.error(f"Already unsubscribed: {subscription.text}")
            return
        connection.address.subscriptions -= 1
        connection.subscriptions.discard(subscription)
        self._exchange.feed.leave(subscription, connection)
        connection.say(_acknowledged("unsubscribe", subscription))

    async def _post(self, connection: Connection, message: dict[str, Any]) -> None:
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


def _host(socket: WebSocket) -> str:
    return socket.client.host if socket.client else "?"


def _gone(error: Exception) -> bool:
    """Whether an error only says that the client is no longer there."""
    return isinstance(error, WebSocketDisconnect | OSError | RuntimeError)
