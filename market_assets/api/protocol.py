"""HTTP with bounds: how long an address and the headers of a request may be.

uvicorn's fast protocol (httptools) collects an address and headers of any length: ten megabytes
from each of two hundred clients would be two gigabytes. Here collecting ends at the bound, the
client gets its answer as JSON, and what it goes on sending is read and thrown away for a moment,
since a connection that is closed while the client sends is reset, and the answer lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from market_assets.api.errors import CODES, error_body

if TYPE_CHECKING:
    from asyncio import TimerHandle

MOST_ADDRESS: Final = 8 * 1024
MOST_HEAD: Final = 32 * 1024
"""Address and headers together; what one read brings beyond it is noticed after the fact."""
_LINGER_S: Final = 5.0
_REASONS: Final = {400: "Bad Request", 414: "URI Too Long", 431: "Request Header Fields Too Large"}


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = False
        self._head_bytes = 0
        self._lingering: TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        if self._lingering is not None:
            return
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

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls where something is not HTTP."""
        if self._lingering is None:
            self._refuse("bad_request", msg)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
        super().connection_lost(exc)

    def _refuse_head(self) -> None:
        if len(self.url) > MOST_ADDRESS:
            self._refuse("uri_too_long", f"an address may have {MOST_ADDRESS} bytes")
        else:
            self._refuse("headers_too_large", f"address and headers may have {MOST_HEAD} bytes")

    def _refuse(self, code: str, message: str) -> None:
        """Answer, let the client finish, close."""
        self._in_head = False
        status, body = CODES[code][0], error_body(code, message)
        self.transport.write(
            f"HTTP/1.1 {status} {_REASONS[status]}\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
            "connection: close\r\n\r\n".encode()
            + body
        )
        self._lingering = self.loop.call_later(_LINGER_S, self.transport.close)
