"""The exchange's limits per address, over a sliding minute of the venue's clock."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Final

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


class Window:
    """A sum over the last minute."""

    def __init__(self) -> None:
        self._entries: deque[tuple[float, int]] = deque()
        self._sum = 0

    def total(self, now_s: float) -> int:
        while self._entries and self._entries[0][0] <= now_s - _MINUTE_S:
            self._sum -= self._entries.popleft()[1]
        return self._sum

    def add(self, now_s: float, amount: int) -> None:
        self._entries.append((now_s, amount))
        self._sum += amount

    def admit(self, now_s: float, amount: int, most: int) -> bool:
        """Add the amount unless that would exceed `most`."""
        if self.total(now_s) + amount > most:
            return False
        self.add(now_s, amount)
        return True


class Address:
    """What one address used of its limits."""

    def __init__(self) -> None:
        self.weight = Window()
        self.connects = Window()
        self.messages = Window()
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
