"""One client of the exchange: its address, and what it is subscribed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from market_simulator.connections import Connection

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from market_simulator.faults import VenueFaults
    from market_simulator.hyperliquid.limits import Address
    from market_simulator.hyperliquid.subscriptions import Subscription
    from market_simulator.traffic import Traffic


class Client(Connection):
    """A connected client of Hyperliquid."""

    def __init__(
        self,
        socket: WebSocket,
        address: Address,
        *,
        backlog: int,
        faults: VenueFaults,
        traffic: Traffic,
    ) -> None:
        super().__init__(socket, backlog=backlog, faults=faults, traffic=traffic)
        self.address = address
        self.subscriptions: set[Subscription] = set()

    def error(self, text: str) -> None:
        """Send an error frame."""
        self._traffic.errors[text[:60].partition("{")[0].rstrip(": ")] += 1
        self.say(msgspec.json.encode({"channel": "error", "data": text}).decode())
