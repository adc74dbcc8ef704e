"""One client's WebSocket: what it is subscribed to, and the frames on their way to it.

Frames pass the faults here: held back, doubled, with wrong types, or swallowed by a silent venue.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Final

import msgspec

from market_simulator.faults import with_wrong_types

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from market_simulator.faults import VenueFaults
    from market_simulator.hyperliquid.limits import Address
    from market_simulator.hyperliquid.subscriptions import Subscription
    from market_simulator.traffic import Traffic

LATE_BY: Final = 3
"""Data frames that overtake one that is held back."""

_NUMBERS: Final = itertools.count(1)


class Connection:
    """A connected client."""

    def __init__(
        self,
        socket: WebSocket,
        address: Address,
        *,
        backlog: int,
        faults: VenueFaults,
        traffic: Traffic,
    ) -> None:
        self.number = next(_NUMBERS)
        self.client = socket.client
        self.address = address
        self.subscriptions: set[Subscription] = set()
        self.last_sent = time.monotonic()
        self.frozen = False
        self.overflowed = False
        self.closing = asyncio.Event()
        self._socket = socket
        self._queue: asyncio.Queue[str] = asyncio.Queue(maxsize=backlog)
        self._held: list[tuple[int, str]] = []
        self._sent = 0
        self._faults = faults
        self._traffic = traffic

    def say(self, text: str) -> None:
        """Send a frame that is not data: an acknowledgement, a pong, an error."""
        if not self.frozen:
            self._put(text)

    def error(self, text: str) -> None:
        """Send an error frame."""
        self._traffic.errors[text[:60].partition("{")[0].rstrip(": ")] += 1
        self.say(msgspec.json.encode({"channel": "error", "data": text}).decode())

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
        if fault := _mangling(faults, channel, coin):
            text = msgspec.json.encode(with_wrong_types(msgspec.json.decode(text), fault)).decode()
        if faults.strike("late", **where):
            self._held.append((self._sent + LATE_BY, text))
            return
        self._put_data(channel, text)
        if faults.strike("duplicate", **where):
            self._put_data(channel, text)

    async def write(self) -> None:
        """Send what is queued, until the client is gone."""
        while True:
            await self._socket.send_text(await self._queue.get())

    def _put_data(self, channel: str, text: str) -> None:
        self._traffic.frames[channel] += 1
        self._sent += 1
        self._put(text)
        due = [held for held in self._held if held[0] <= self._sent]
        for held in due:
            self._held.remove(held)
            self._put(held[1])

    def _put(self, text: str) -> None:
        self.last_sent = time.monotonic()
        try:
            self._queue.put_nowait(text)
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
