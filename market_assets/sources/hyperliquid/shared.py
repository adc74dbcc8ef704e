"""What the sockets of one feed share: the sink, the policy, the counts, the address's limits."""

from __future__ import annotations

import logging
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from market_assets.sources.stream import StreamPolicy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.proxies import Proxies
    from market_assets.sources.hyperliquid.ledger import Brake
    from market_assets.sources.hyperliquid.wire import CandleUpdate
    from market_assets.sources.stream import Pacer

_LOG = logging.getLogger(__name__)

_SAMPLE: Final = 200
_MOST_REJECTED: Final = 1000


class FeedSink(Protocol):
    """Where the feed puts what it hears. Called on the event loop, in order; must be cheap.

    An exception out of it ends the feed and is raised from `run`.
    """

    def mids(self, dex: str, mids: Mapping[str, float], received_at: datetime) -> None:
        """One `allMids` frame of a dex; it holds outcome markets and delisted perps too."""

    def candle(self, update: CandleUpdate, received_at: datetime) -> None:
        """One candle frame; may be late or a duplicate."""

    def subscribed(self, symbols: Collection[str], at: datetime) -> None:
        """Candle subscriptions that the exchange acknowledged."""

    def lost(self, symbols: Collection[str], since: datetime, cause: str) -> None:
        """Frames of these symbols may be missing from `since` on; cause: reconnect or silence."""


@dataclass(frozen=True, kw_only=True)
class FeedPolicy(StreamPolicy):
    """How the feed behaves; ages and pauses in seconds.

    Attributes:
        mids_age: no mids of a dex for so long: its socket is renewed. They come about every 5 s.
        candle_age: no candle frame on a socket for so long: it is renewed.
        ack_timeout: a subscription without an answer is asked for again.
        limit_pause: no new subscriptions after the exchange named a limit.
        refused_retry: a refused subscription is tried again.
        subscriptions: subscriptions in all; the exchange allows 1000 per address.
        symbols_per_connection: how many candles a socket gets before another one is opened.
        messages_per_minute: messages sent, over all sockets; the exchange allows 2000.
        connections_per_minute: new sockets; the exchange allows 30.
    """

    mids_age: float = 30.0
    candle_age: float = 120.0
    ack_timeout: float = 10.0
    limit_pause: float = 60.0
    refused_retry: float = 600.0
    subscriptions: int = 1000
    symbols_per_connection: int = 100
    messages_per_minute: int = 1600
    connections_per_minute: int = 24


@dataclass
class Tally:
    """What all sockets of a feed have seen."""

    by_channel: Counter[str] = field(default_factory=Counter)
    last_at: dict[str, float] = field(default_factory=dict)
    undecodable: int = 0
    samples: deque[str] = field(default_factory=lambda: deque(maxlen=5))
    rejected: dict[str, str] = field(default_factory=dict)
    reconnects: Counter[str] = field(default_factory=Counter)

    def frame(self, channel: str, now: float) -> None:
        """A frame of a channel came."""
        self.by_channel[channel] += 1
        self.last_at[channel] = now

    def garbage(self, raw: bytes | str) -> None:
        """A frame could not be used; keep the beginning of it."""
        text = raw if isinstance(raw, str) else raw[: 4 * _SAMPLE].decode("utf-8", "replace")
        self.samples.append(text[:_SAMPLE])

    def reject(self, symbol: str, reason: str) -> None:
        """A value made no sense: said once, then only kept."""
        if symbol not in self.rejected:
            if len(self.rejected) >= _MOST_REJECTED:
                return
            _LOG.warning("%s: %s; dropped", symbol, reason)
        self.rejected[symbol] = reason


@dataclass(frozen=True)
class Shared:
    """What the sockets of one feed share."""

    url: str
    sink: FeedSink
    clock: Clock
    policy: FeedPolicy
    tally: Tally
    brake: Brake
    connects: Pacer
    messages: Pacer
    proxies: Proxies | None = None
