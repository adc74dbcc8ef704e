"""A market channel and the CLOB's `/books` over real sockets, of one made-up market.

Steered by a test: what it sends, loses, repeats, and when it is silent. The whole simulated venue
is in `market_simulator`; here a test says frame by frame what happens.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from websockets.asyncio.server import ServerConnection, serve

from market_assets_tests.sources.polymarket.order_book.exchange import NO, YES, Exchange


class Channel:
    """The channel. `exchange` is the truth."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.is_mute = False
        """No first books: subscriptions are taken, and nothing follows."""
        self.is_frozen = False
        """Pings are answered, and nothing else is sent."""
        self.heard: list[str] = []
        self.rest_requests = 0
        self.rest_is_down = False
        self._open: dict[ServerConnection, set[str]] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http_thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._http_thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/ws/market"

    @property
    def clob_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def subscribed(self) -> list[set[str]]:
        """What each connection listens to."""
        return [set(tokens) for tokens in self._open.values()]

    def send(self, frames: Iterable[dict[str, Any] | str | bytes]) -> None:
        """Send frames to whoever listens, in this order."""
        asyncio.run_coroutine_threadsafe(self._send(list(frames)), self._loop).result(10)

    def cut(self) -> None:
        """End all connections without a word."""
        for connection in list(self._open):
            self._loop.call_soon_threadsafe(connection.transport.abort)

    async def _send(self, frames: list[dict[str, Any] | str | bytes]) -> None:
        for frame in frames:
            text = json.dumps(frame) if isinstance(frame, dict) else frame
            for connection in list(self._open):
                with suppress(Exception):
                    await connection.send(text)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with serve(self._speak, "127.0.0.1", 0) as server:
            self._port = next(iter(server.sockets)).getsockname()[1]
            self._ready.set()
            await self._stop.wait()

    async def _speak(self, connection: ServerConnection) -> None:
        self._open[connection] = set()
        try:
            async for text in connection:
                assert isinstance(text, str)
                self.heard.append(text)
                await self._answer(connection, text)
        finally:
            del self._open[connection]

    async def _answer(self, connection: ServerConnection, text: str) -> None:
        if text == "PING":
            await connection.send("PONG")
            return
        said = json.loads(text)
        own = self._open[connection]
        if said.get("operation") == "unsubscribe":
            own.difference_update(said["assets_ids"])
            return
        new = [token for token in said["assets_ids"] if token not in own]
        own.update(new)
        known = [token for token in new if token in (YES, NO)]
        if known and not self.is_mute and not self.is_frozen:
            books = [self.exchange.book(token, first=True) for token in known]
            await connection.send(json.dumps(books))

    def _handler(channel: Self) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - two selves
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                asked = [one["token_id"] for one in json.loads(self.rfile.read(length))]
                channel.rest_requests += 1
                if channel.rest_is_down:
                    self.send_response(503)
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                rows = [channel.exchange.rest(one) for one in asked if one in (YES, NO)]
                body = json.dumps(rows).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Tests say what matters."""

        return Handler
