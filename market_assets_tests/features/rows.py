"""Rows of tables as features read them, from as few words as a test needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from market_assets.clock import interval_length
from market_assets.tables import (
    BOOK_LEVELS,
    HYPERLIQUID_ASSET_CONTEXTS,
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_FUNDING_RATES,
    TableSpec,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
Bar = tuple[float, float, float, float]
"""Open, high, low, close."""


def candles(
    bars: Sequence[Bar | None],
    *,
    symbol: str = "BTC",
    interval: str = "1m",
    start: datetime = NOW,
    untraded: Sequence[int] = (),
) -> pl.DataFrame:
    """Closed candles that follow each other from `start` on; None is one that is missing."""
    length = interval_length(interval)
    return _frame(
        HYPERLIQUID_CANDLES,
        [
            {
                "symbol": symbol,
                "interval": interval,
                "open_at": start + i * length,
                "close_at": start + (i + 1) * length,
                "open": bar[0],
                "high": bar[1],
                "low": bar[2],
                "close": bar[3],
                "volume": 0.0 if i in untraded else 1.0,
                "trades": 0 if i in untraded else 1,
                "is_closed": True,
                "source": "rest",
                "ingested_at": NOW,
            }
            for i, bar in enumerate(bars)
            if bar is not None
        ],
    )


def flat(price: float, count: int) -> list[Bar]:
    """Bars in which the price does not move."""
    return [(price, price, price, price)] * count


def context(
    symbol: str = "BTC", *, at: datetime = NOW, **columns: float | str | bool | None
) -> dict[str, object]:
    """A row of `hyperliquid_asset_contexts`: a perpetual quoted in USDC, unless columns say not."""
    return {
        "symbol": symbol,
        "observed_at": at,
        "mark_px": 100.0,
        "oracle_px": 100.0,
        "funding_rate": 0.0000125,
        "premium": 0.0,
        "open_interest": 1000.0,
        "open_interest_usd": 100_000.0,
        "quote_token": "USDC",
        "quote_usd": 1.0,
        "volume_24h_usd": 50_000.0,
        "volume_24h_quote": 50_000.0,
        "is_delisted": False,
        "ingested_at": at,
        **columns,
    }


def contexts(*rows: Mapping[str, object]) -> pl.DataFrame:
    """A frame of `hyperliquid_asset_contexts`."""
    return _frame(HYPERLIQUID_ASSET_CONTEXTS, rows)


def rates(
    hourly: Sequence[float | None],
    *,
    symbol: str = "BTC",
    until: datetime = NOW,
    premiums: Sequence[float | None] = (),
    interval_hours: int = 1,
) -> pl.DataFrame:
    """Funding rates of which the last was paid at `until`; None is one that is missing."""
    count = len(hourly)
    return _frame(
        HYPERLIQUID_FUNDING_RATES,
        [
            {
                "symbol": symbol,
                "funding_at": until - timedelta(hours=interval_hours * (count - 1 - i)),
                "funding_rate": rate,
                "premium": premiums[i] if premiums else None,
                "interval_hours": interval_hours,
                "ingested_at": NOW,
            }
            for i, rate in enumerate(hourly)
            if rate is not None
        ],
    )


def book(
    bids: Sequence[tuple[float, float]],
    asks: Sequence[tuple[float, float]],
    *,
    symbol: str = "BTC",
    at: datetime = NOW,
) -> pl.DataFrame:
    """Book levels from (price, size), best first."""
    return _frame(
        BOOK_LEVELS,
        [
            {
                "symbol": symbol,
                "side": side,
                "level": level,
                "px": px,
                "sz": sz,
                "n": 1,
                "book_at": at,
            }
            for side, levels in (("bid", bids), ("ask", asks))
            for level, (px, sz) in enumerate(levels)
        ],
    )


def _frame(table: TableSpec, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in table.column_names},
        schema=table.schema,
        strict=False,
    )
