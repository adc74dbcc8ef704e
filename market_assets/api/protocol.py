"""HTTP with bounds: how long an address and headers may be, how long a client may take, how many.

uvicorn's fast protocol (httptools) collects an address and headers of any length: ten megabytes
from each of two hundred clients would be two gigabytes. Here collecting ends at the bound, the
client gets its answer as JSON, and what it goes on sending is read and thrown away for a moment,
since a connection that is closed while the client sends is reset, and the answer lost.

uvicorn waits without end for the first request of a connection, for the rest of a request, and for
a client that does not take its answer. Here each has its time. Whoever is beyond the number of
connections is told so and closed: files that a process may open are few, and without one nobody
is served.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from market_assets.api.errors import CODES, error_body

if TYPE_CHECKING:
    import asyncio
    from asyncio import TimerHandle

MOST_ADDRESS: Final = 8 * 1024
MOST_HEAD: Final = 32 * 1024
"""Address and headers together; what one read brings beyond it is noticed after the fact."""
MOST_CONNECTIONS: Final = 1000
_LINGER_S: Final = 5.0
_BUSY: Final = 503
_BUSY_LINGER_S: Final = 1.0
_MOST_TOLD: Final = 100
"""Connections beyond the bound that are closed in order; more are cut off."""
_REASONS: Final = {
    400: "Bad Request",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Bounds:
    """What connections may do.

    Attributes:
        connections: how many there may be at a time.
        head_s: seconds within which a connection must have sent a request's address and headers,
            from its beginning or from the first byte after an answer.
        unread_s: seconds within which a client must take at least a part of what waits for it.
    """

    connections: int = MOST_CONNECTIONS
    head_s: float = 10.0
    unread_s: float = 30.0


def bounded(bounds: Bounds) -> type[HttpToolsProtocol]:
    """The protocol of connections with these bounds."""

    class Bounded(BoundedProtocol):
        limits = bounds

    return Bounded


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    limits: ClassVar[Bounds] = Bounds()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = False
        self._head_bytes = 0
        self._awaited: TimerHandle | None = None
        """Until when a head must be there."""
        self._unread: TimerHandle | None = None
        """Until when the client must have taken something."""
        self._lingering: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse("busy", f"{self.limits.connections} connections are open already")
        else:
            self._await_head()

    def data_received(self, data: bytes) -> None:
        if self._lingering is not None:
            return
        if self._awaited is None and (self.cycle is None or self.cycle.response_complete):
            self._await_head()
        super().data_received(data)
        if self._in_head and self._lingering is None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD:
                self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_is_there()
        head = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if len(self.url) > MOST_ADDRESS or head > MOST_HEAD:
            self._refuse_head()
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._lingering is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._lingering is None:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_head and self._awaited is None:  # it came while the one before was answered
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls where something is not HTTP."""
        if self._lingering is None:
            self._refuse("bad_request", msg)

    def pause_writing(self) -> None:
        """The client is slower than its answer."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def timeout_keep_alive_handler(self) -> None:
        """Nothing was asked for a while; closing waits for what the client has not taken."""
        super().timeout_keep_alive_handler()
        if self._unread is None and self.transport.get_write_buffer_size():
            self._watch_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._awaited, self._unread, self._lingering):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._awaited = self.loop.call_later(self.limits.head_s, self._close)

    def _head_is_there(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None

    def _watch_reader(self) -> None:
        """Break off unless less waits for the client after a while."""
        waiting = self.transport.get_write_buffer_size()

        def look() -> None:
            if self.transport.get_write_buffer_size() >= waiting:
                self.transport.abort()
            else:
                self._watch_reader()

        self._unread = self.loop.call_later(self.limits.unread_s, look)

    def _close(self) -> None:
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self._watch_reader()

    def _refuse_head(self) -> None:
        if len(self.url) > MOST_ADDRESS:
            self._refuse("uri_too_long", f"an address may have {MOST_ADDRESS} bytes")
        else:
            self._refuse("headers_too_large", f"address and headers may have {MOST_HEAD} bytes")

    def _refuse(self, code: str, message: str) -> None:
        """Answer, let the client finish, close."""
        self._in_head = False
        self._head_is_there()
        status, body = CODES[code][0], error_body(code, message)
        self.transport.write(
            f"HTTP/1.1 {status} {_REASONS[status]}\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
            f"{'retry-after: 1' if status == _BUSY else 'cache-control: no-store'}\r\n"
            "connection: close\r\n\r\n".encode()
            + body
        )
        linger_s = _LINGER_S
        if status == _BUSY:
            is_flood = len(self.connections) > self.limits.connections + _MOST_TOLD
            linger_s = 0.0 if is_flood else _BUSY_LINGER_S
        self._lingering = self.loop.call_later(linger_s, self.transport.abort)
