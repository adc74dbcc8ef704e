"""The exchange's limits per address, over a sliding minute of the venue's clock."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from market_simulator.windows import Window

_MINUTE_S: Final = 60.0


@dataclass(frozen=True)
class Limits:
    """What one address may do.

    Attributes:
        weight_per_minute: weight of requests.
        connections: open WebSocket connections.
        connects_per_minute: new WebSocket connections.
        subscriptions: subscriptions over all its connections.
        messages_per_minute: messages sent over WebSockets.
        silence_s: wall seconds without anything to send after which a connection is closed.
        backlog: frames that may wait for a slow reader before its connection is reset.
    """

    weight_per_minute: int = 1200
    connections: int = 10
    connects_per_minute: int = 30
    subscriptions: int = 1000
    messages_per_minute: int = 2000
    silence_s: float = 60.0
    backlog: int = 20_000


class Address:
    """What one address used of its limits."""

    def __init__(self) -> None:
        self.weight = Window(_MINUTE_S)
        self.connects = Window(_MINUTE_S)
        self.messages = Window(_MINUTE_S)
        self.connections = 0
        self.subscriptions = 0


class Addresses:
    """All addresses seen."""

    def __init__(self) -> None:
        self._known: defaultdict[str, Address] = defaultdict(Address)

    def of(self, host: str) -> Address:
        return self._known[host]

    def weights(self, now_s: float) -> dict[str, int]:
        """Weight used in the last minute, by address."""
        return {host: address.weight.total(now_s) for host, address in self._known.items()}
