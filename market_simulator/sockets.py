"""The WebSockets of a venue, from the handshake to the last frame, with what can happen to them.

A venue says in a subclass who is let in, what it answers to messages, and what the odd frames of
the faults look like in its protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from market_simulator.connections import Connection
from market_simulator.faults import SOCKET
from market_simulator.http_faults import BAD_GATEWAY

if TYPE_CHECKING:
    from market_simulator.faults import VenueFaults
    from market_simulator.traffic import Traffic
    from market_simulator.transports import Transports

C = TypeVar("C", bound=Connection)
_CHECK_S: Final = 0.05
_STRIKE_S: Final = 0.02


class Sockets(ABC, Generic[C]):
    """All WebSockets of one venue.

    Args:
        faults: of the venue.
        traffic: where handshakes are counted.
        transports: the connections below.
        prefix: what the names of the venue's counts begin with.
    """

    odd_frames: ClassVar[dict[str, str]]
    """The frames of the faults that send one."""

    def __init__(
        self, *, faults: VenueFaults, traffic: Traffic, transports: Transports, prefix: str = ""
    ) -> None:
        self.open: set[C] = set()
        self.thawed = asyncio.Event()
        self.thawed.set()
        self._faults = faults
        self._traffic = traffic
        self._transports = transports
        self._prefix = prefix
        faults.has_sockets()

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from handshake to end."""
        await self.thawed.wait()
        refusal = self._refusal(socket)
        if refusal is not None:
            status, text = refusal
            self._traffic.handshakes[f"{self._prefix}{status}"] += 1
            await socket.send_denial_response(PlainTextResponse(text, status))
            return
        await socket.accept()
        self._traffic.handshakes[f"{self._prefix}accepted"] += 1
        connection = self.connected(socket)
        self.open.add(connection)
        tasks = {
            asyncio.create_task(connection.write()),
            asyncio.create_task(self.read(socket, connection)),
            asyncio.create_task(self._watch(connection)),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.open.discard(connection)
            self.forget(connection)
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception) and not _gone(outcome):
                    raise outcome
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close()

    async def strike_on(self) -> None:
        """`strike` until cancelled."""
        while True:
            self.strike()
            await asyncio.sleep(_STRIKE_S)

    def strike(self) -> None:
        """Let the socket faults that are due happen, and freeze or thaw connections."""
        for fault in self._faults.due(SOCKET):
            struck = sorted(self.open, key=lambda c: c.number)[: fault.count]
            for connection in struck:
                self._strike_one(fault.name, connection)
        if self._faults.active("unavailable"):
            for connection in self.open:
                self._transports.reset(connection.client)
        frozen = self._faults.active("freeze")
        (self.thawed.clear if frozen else self.thawed.set)()
        for connection in self.open:
            if frozen != connection.frozen:
                connection.frozen = frozen
                transport = self._transports.find(connection.client)
                if transport is not None:
                    (transport.pause_reading if frozen else transport.resume_reading)()

    def refused(self, socket: WebSocket) -> tuple[int, str] | None:
        """Status and text with which the venue refuses a handshake; None: it does not."""
        del socket
        return None

    @abstractmethod
    def connected(self, socket: WebSocket) -> C:
        """The client behind a socket that was accepted."""

    @abstractmethod
    async def read(self, socket: WebSocket, connection: C) -> None:
        """Answer what the client sends, until it is gone; wait for `thawed` before each answer."""

    @abstractmethod
    def forget(self, connection: C) -> None:
        """A client is gone."""

    @abstractmethod
    def silent(self, connection: C) -> bool:
        """Whether it has been too quiet on a connection for it to be kept."""

    def _refusal(self, socket: WebSocket) -> tuple[int, str] | None:
        if self._faults.strike("unavailable", path=socket.url.path):
            return 502, BAD_GATEWAY
        return self.refused(socket)

    def _strike_one(self, name: str, connection: C) -> None:
        if name == "drop":
            self._transports.reset(connection.client)
        elif name == "close":
            connection.closing.set()
        else:
            connection.say(self.odd_frames[name])

    async def _watch(self, connection: C) -> None:
        """Ends when the connection is to be closed: silence, a slow reader, or a fault."""
        while connection.frozen or not self.silent(connection):
            if connection.overflowed:
                self._transports.reset(connection.client)
            if connection.closing.is_set():
                return
            await asyncio.sleep(_CHECK_S)


def host_of(socket: WebSocket) -> str:
    """The address at the other end."""
    return socket.client.host if socket.client else "?"


def _gone(error: Exception) -> bool:
    """Whether an error only says that the client is no longer there."""
    return isinstance(error, WebSocketDisconnect | OSError | RuntimeError)
