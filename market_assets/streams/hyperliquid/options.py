"""How Hyperliquid is streamed, beside what every session is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from market_assets.streams.core.options import StreamOptions


@dataclass(frozen=True, kw_only=True)
class HyperliquidOptions(StreamOptions):
    """How a session streams Hyperliquid.

    Attributes:
        restrict: symbols to restrict to; empty: all live ones.
        keep_minutes: how far back 1-minute candles are healed.
        keep_hours: how far back 1-hour candles are healed.
        keep_mids: how long mids are kept in memory while there is nowhere to put them.
        reread_weight: request weight an hour that may go into reading minutes again that are there:
            0.2 of what the project may use by default (`rounds.SHARE`).
        universe_interval: how often the venue's lists are read.
    """

    restrict: tuple[str, ...] = ()
    keep_minutes: timedelta = timedelta(hours=24)
    keep_hours: timedelta = timedelta(days=7)
    keep_mids: timedelta = timedelta(minutes=30)
    reread_weight: float = 11_520.0
    universe_interval: timedelta = timedelta(minutes=10)
