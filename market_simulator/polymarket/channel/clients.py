"""One client of the market channel, and what it is subscribed to."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from market_simulator.connections import Connection

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from market_simulator.faults import VenueFaults
    from market_simulator.traffic import Traffic

PREFIX: Final = "polymarket "
"""What the names of the channel's counts begin with."""
_KEPT_INJECTED: Final = 1_000


@dataclass(eq=False)
class Subscription:
    """One asset of one client.

    Attributes:
        market: its condition id; empty until it is known.
        live: whether its first book was sent, or left out; changes are sent from then on.
    """

    market: str = ""
    live: bool = False


class Injected:
    """Which faults struck which frames: the newest thousand, and how many of each."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.newest: deque[dict[str, Any]] = deque(maxlen=_KEPT_INJECTED)

    def note(self, fault: str, event_type: str, **more: object) -> None:
        """Count one."""
        self.counts[fault] = self.counts.get(fault, 0) + 1
        self.newest.append({"fault": fault, "event_type": event_type, **more})


class Client(Connection):
    """A connected client.

    Attributes:
        assets: what it is subscribed to, tokens that nobody knows included.
        begun: whether its first message has come.
        custom: whether it asked for `best_bid_ask`, `new_market` and `market_resolved`.
        last_heard: when it last sent something, in seconds of the monotonic clock.
    """

    named_by = ("market", "asset_id")

    def __init__(
        self,
        socket: WebSocket,
        *,
        backlog: int,
        faults: VenueFaults,
        traffic: Traffic,
        noted: Injected,
    ) -> None:
        super().__init__(socket, backlog=backlog, faults=faults, traffic=traffic, prefix=PREFIX)
        self.assets: dict[str, Subscription] = {}
        self.begun = False
        self.custom = False
        self.last_heard = time.monotonic()
        self._noted = noted

    def injected(self, fault: str, channel: str, text: str) -> None:
        self._noted.note(fault, channel, connection=self.number, frame=text)

    def live(self, asset: str) -> bool:
        """Whether it is to be told of changes of that asset."""
        subscription = self.assets.get(asset)
        return subscription is not None and subscription.live
