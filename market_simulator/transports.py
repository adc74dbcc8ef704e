"""Access to the TCP connections under the server, for faults that happen below HTTP.

Requests and sockets are known by their peer's address and port, which names one connection.
"""

from __future__ import annotations

import socket
import struct
import weakref
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio


class Transports:
    """The open connections by peer."""

    def __init__(self) -> None:
        self._open: weakref.WeakValueDictionary[Any, asyncio.Transport] = (
            weakref.WeakValueDictionary()
        )

    def protocol(self) -> type[H11Protocol]:
        """The server's protocol class, which also notes each connection here."""
        seen = self._open

        class Noting(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base has it
                seen[transport.get_extra_info("peername")] = transport
                _send_at_once(transport)
                super().connection_made(transport)

        return Noting

    def find(self, client: object) -> asyncio.Transport | None:
        """The connection of a peer, while it is open."""
        return self._open.get(tuple(client) if isinstance(client, list | tuple) else client)

    def reset(self, client: object) -> None:
        """End a connection abruptly: the peer gets a reset, not a close."""
        transport = self.find(client)
        if transport is not None and not transport.is_closing():
            _linger_off(transport)
            transport.abort()

    def reset_all(self) -> int:
        """`reset` for all of them; how many there were."""
        peers = list(self._open)
        for peer in peers:
            self.reset(peer)
        return len(peers)


def _send_at_once(transport: asyncio.Transport) -> None:
    """No waiting for an acknowledgement between a head and its body: that costs 40 ms an answer.

    asyncio asks for it itself only where the listening socket names its protocol.
    """
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _linger_off(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
