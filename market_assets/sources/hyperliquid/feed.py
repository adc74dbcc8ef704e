"""Hyperliquid's WebSocket as calls on a sink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from market_assets.clock import Clock


class CandleUpdate(msgspec.Struct):
    """The state of one candle at the moment of a frame; volume in base units."""

    symbol: str
    interval: str
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int


class FeedSink(Protocol):
    """Where the feed puts what it hears. Called on the event loop, in order; must be cheap."""

    def mids(self, dex: str, mids: Mapping[str, float], received_at: datetime) -> None:
        """One `allMids` frame of a dex."""

    def candle(self, update: CandleUpdate, received_at: datetime) -> None:
        """One candle frame; may be late or a duplicate."""

    def subscribed(self, symbols: Collection[str], at: datetime) -> None:
        """Candle subscriptions that the exchange acknowledged."""

    def lost(self, symbols: Collection[str], since: datetime, cause: str) -> None:
        """Frames of these symbols may be missing from `since` on; cause: reconnect or silence."""


@dataclass(frozen=True)
class FeedStats:
    """What the feed did since it started, and how it is now.

    Attributes:
        connected: open sockets.
        subscribed: acknowledged subscriptions.
        refused: symbols that the exchange refuses, with its text.
        left_out: wanted symbols without a subscription because a limit bites, by rank.
        frames: frames received, all channels.
        frames_by_channel: the same by channel; `other` for channels that nobody asked for.
        undecodable: frames that could not be decoded.
        undecodable_samples: the last five of them, cut to 200 characters.
        rejected: symbols of which a value was dropped because it made no sense, with the reason.
        reconnects: connections lost, for whatever cause.
        ages_s: seconds since the last frame by channel; a channel is there once it has had one.
    """

    connected: int
    subscribed: int
    refused: Mapping[str, str]
    left_out: tuple[str, ...]
    frames: int
    frames_by_channel: Mapping[str, int]
    undecodable: int
    undecodable_samples: tuple[str, ...]
    rejected: Mapping[str, str]
    reconnects: int
    ages_s: Mapping[str, float]


class HyperliquidFeed:
    """The exchange's stream over a few sockets that are kept alive."""

    def __init__(
        self, url: str, sink: FeedSink, *, clock: Clock | None = None, max_connections: int = 4
    ) -> None:
        raise NotImplementedError

    def want(self, *, dexs: Sequence[str], symbols: Sequence[str]) -> None:
        """Subscribe to the mids of these dexs and the 1m candles of these symbols, by rank."""
        raise NotImplementedError

    async def run(self) -> None:
        """Stream until cancelled."""
        raise NotImplementedError

    def stats(self) -> FeedStats:
        """What the feed did, and how it is now."""
        raise NotImplementedError
