"""One client's WebSocket, and the frames on their way to it.

Frames pass the faults here: lost, held back, doubled, as binary, with wrong types, or swallowed by
a silent venue. What a client is subscribed to is the venue's business.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from market_simulator.faults import COIN_KEYS, with_wrong_types

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from market_simulator.faults import VenueFaults
    from market_simulator.traffic import Traffic

LATE_BY: Final = 3
"""Data frames that overtake one that is held back."""

_NUMBERS: Final = itertools.count(1)


class Connection:
    """A connected client.

    Args:
        socket: accepted.
        backlog: frames that may wait for a slow reader before its connection is reset.
        faults: of the venue.
        traffic: where frames are counted.
        prefix: what the names of channels begin with there.
    """

    named_by: ClassVar[tuple[str, ...]] = COIN_KEYS
    """Under which keys a frame carries the name that a fault's `coin` means."""

    def __init__(
        self,
        socket: WebSocket,
        *,
        backlog: int,
        faults: VenueFaults,
        traffic: Traffic,
        prefix: str = "",
    ) -> None:
        self.number = next(_NUMBERS)
        self.client = socket.client
        self.last_sent = time.monotonic()
        self.frozen = False
        self.overflowed = False
        self.closing = asyncio.Event()
        self._socket = socket
        self._queue: asyncio.Queue[str | bytes] = asyncio.Queue(maxsize=backlog)
        self._held: list[tuple[int, str | bytes]] = []
        self._sent = 0
        self._faults = faults
        self._traffic = traffic
        self._prefix = prefix

    def say(self, text: str) -> None:
        """Send a frame that is not data: an acknowledgement, a pong, an error."""
        if not self.frozen:
            self._put(text)

    def data(self, channel: str, coin: str, text: str) -> None:
        """Send a data frame, unless a fault says otherwise."""
        faults = self._faults
        if self.frozen:
            return
        if not faults.in_force:
            self._put_data(channel, text)
            return
        where = {"channel": channel, "coin": coin or None}
        if faults.active("silent_but_pong", **where):
            return
        if faults.strike("lost", **where):
            self.injected("lost", channel, text)
            return
        if fault := _mangling(faults, channel, coin):
            tree = with_wrong_types(msgspec.json.decode(text), fault, self.named_by)
            text = msgspec.json.encode(tree).decode()
            self.injected("wrong_types", channel, text)
        frame: str | bytes = text
        if faults.strike("binary", **where):
            frame = text.encode()
            self.injected("binary", channel, text)
        if faults.strike("late", **where):
            self.injected("late", channel, text)
            self._held.append((self._sent + LATE_BY, frame))
            return
        self._put_data(channel, frame)
        if faults.strike("duplicate", **where):
            self.injected("duplicate", channel, text)
            self._put_data(channel, frame)

    def injected(self, fault: str, channel: str, text: str) -> None:
        """A fault has struck a data frame; for venues that tell which ones."""

    async def write(self) -> None:
        """Send what is queued, until the client is gone."""
        while True:
            frame = await self._queue.get()
            if isinstance(frame, str):
                await self._socket.send_text(frame)
            else:
                await self._socket.send_bytes(frame)

    def _put_data(self, channel: str, frame: str | bytes) -> None:
        self._traffic.frames[self._prefix + channel] += 1
        self._sent += 1
        self._put(frame)
        due = [held for held in self._held if held[0] <= self._sent]
        for held in due:
            self._held.remove(held)
            self._put(held[1])

    def _put(self, frame: str | bytes) -> None:
        self.last_sent = time.monotonic()
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.overflowed = True


def _mangling(faults: VenueFaults, channel: str, coin: str) -> str | None:
    """The coin whose values in this frame are to have wrong types."""
    if coin:
        fault = faults.strike("wrong_types", channel=channel, coin=coin, type=None, path=None)
        return coin if fault else None
    for fault in list(faults.in_force):
        if fault.name == "wrong_types" and fault.coin and fault.channel in (None, channel):
            struck = faults.strike("wrong_types", channel=channel, coin=fault.coin)
            return fault.coin if struck else None
    return None
