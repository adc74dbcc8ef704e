"""Bars as rows of `hyperliquid_candles`, on their way to disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.clock import to_ms
from market_assets.streams.candles.bars import MINUTE_MS
from market_assets.tables import HYPERLIQUID_CANDLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_assets.streams.candles.bars import Bar
    from market_assets.streams.core.venue_clock import VenueClock

_US: Final = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class CandleBatch:
    """Rows to be put on disk, and the bars that they are made of."""

    frame: pl.DataFrame
    bars: tuple[Bar, ...]


def candle_rows(bars: Sequence[Bar], clock: VenueClock) -> pl.DataFrame:
    """Rows of `hyperliquid_candles`; the spool checks them against the table."""
    states = [bar.state for bar in bars]
    zero_ms = to_ms(clock.at(0.0))
    opened = pl.Series([c.open_ms for c in states], dtype=pl.Int64)
    received = pl.Series([zero_ms + round(bar.changed * 1000) for bar in bars], dtype=pl.Int64)
    return pl.DataFrame(
        {
            "symbol": [c.symbol for c in states],
            "interval": ["1m"] * len(states),
            "open_at": (opened * 1000).cast(_US),
            "close_at": ((opened + MINUTE_MS) * 1000).cast(_US),
            "open": [c.open for c in states],
            "high": [c.high for c in states],
            "low": [c.low for c in states],
            "close": [c.close for c in states],
            "volume": [c.volume for c in states],
            "trades": [c.trades for c in states],
            "is_closed": [bar.closed for bar in bars],
            "source": ["stream"] * len(states),
            "ingested_at": (received * 1000).cast(_US),
        },
        schema=HYPERLIQUID_CANDLES.schema,
    )
