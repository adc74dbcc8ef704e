"""Hyperliquid's values as frames of their tables (`tables.py`), ready to be merged or replaced.

The stream's own frames are made where its state is kept (`streams/`). Every function takes the
instant that counts as the time of receipt.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.clock import floor, interval_length
from market_assets.frames import conform, empty, listed
from market_assets.sources.hyperliquid.categories import files as kept
from market_assets.sources.hyperliquid.model import AssetContext
from market_assets.tables import (
    BOOK_LEVELS,
    HYPERLIQUID_ASSET_CATEGORIES,
    HYPERLIQUID_ASSET_CATEGORY_TAXONOMY,
    HYPERLIQUID_ASSET_CONTEXTS,
    HYPERLIQUID_ASSETS,
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_FUNDING_RATES,
    HYPERLIQUID_MID_PRICES,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from market_assets.sources.hyperliquid.market_wire import Book
    from market_assets.sources.hyperliquid.model import Candle, FundingRate, Universe

MID_BUCKET: Final = timedelta(seconds=5)


def assets(universe: Universe, now: datetime) -> pl.DataFrame:
    """The registry: one row per asset that is listed now. Storage keeps `first_seen_at`."""
    listings = universe.listings
    columns = {
        name: [getattr(listing, name) for listing in listings]
        for name in (
            "symbol",
            "kind",
            "dex",
            "display_name",
            "sz_decimals",
            "max_leverage",
            "only_isolated",
            "is_delisted",
        )
    }
    schema = {name: HYPERLIQUID_ASSETS.schema[name] for name in columns}
    frame = pl.DataFrame(columns, schema=schema).with_columns(
        *listed(now), _at("first_seen_at", now), _at("updated_at", now), _at("ingested_at", now)
    )
    return conform(HYPERLIQUID_ASSETS, frame)


def categories(
    symbols: Collection[str], exchange_categories: Iterable[tuple[str, str]], now: datetime
) -> pl.DataFrame:
    """One row per registered asset and category: the exchange's word, then the curated list.

    Args:
        symbols: the registry; others are left out.
        exchange_categories: (symbol, category) in the deployers' own words.
        now: when they were read.
    """
    sources: dict[tuple[str, str], str] = {}
    for symbol, text in exchange_categories:
        category = kept.short_name(text)
        if category:
            sources.setdefault((symbol, category), "exchange")
    for symbol, category in kept.curated():
        sources.setdefault((symbol, category), "curated")
    registered = set(symbols)
    rows = sorted((*key, source) for key, source in sources.items() if key[0] in registered)
    frame = pl.DataFrame(
        rows,
        schema={"symbol": pl.String, "category": pl.String, "source": pl.String},
        orient="row",
    ).with_columns(_at("updated_at", now))
    return conform(HYPERLIQUID_ASSET_CATEGORIES, frame)


def taxonomy(in_use: Iterable[str], now: datetime) -> pl.DataFrame:
    """One row per category: those of `taxonomy.csv`, and whatever else is in use.

    Args:
        in_use: categories by short name, as `categories` makes them.
        now: when that was found.
    """
    rows = {entry.category: entry for entry in kept.taxonomy()}
    for category in sorted(set(in_use) - rows.keys()):
        rows[category] = kept.Category(category, kept.label_of(category), kept.EXCHANGE, None)
    frame = pl.DataFrame(
        list(rows.values()),
        schema=dict.fromkeys(kept.Category._fields, pl.String),
        orient="row",
    ).with_columns(_at("updated_at", now))
    return conform(HYPERLIQUID_ASSET_CATEGORY_TAXONOMY, frame)


def mids(prices: Mapping[str, float], now: datetime) -> pl.DataFrame:
    """One answer of `allMids`: a sample per asset in the 5-second bucket of its receipt."""
    frame = pl.DataFrame(
        {"symbol": list(prices), "mid": list(prices.values())},
        schema={"symbol": pl.String, "mid": pl.Float64},
    ).with_columns(
        _at("bucket_at", floor(now, MID_BUCKET)),
        pl.lit(1, pl.Int64).alias("samples"),
        _at("ingested_at", now),
    )
    return conform(HYPERLIQUID_MID_PRICES, frame)


def candles(rows: Sequence[Candle], source: str, now: datetime) -> pl.DataFrame:
    """One row per candle.

    Args:
        rows: of any symbols and intervals.
        source: where they come from: rest or stream.
        now: when they were received.
    """
    if not rows:
        return empty(HYPERLIQUID_CANDLES)
    schema = {
        "symbol": pl.String,
        "interval": pl.String,
        "open_ms": pl.Int64,
        "open": pl.Float64,
        "high": pl.Float64,
        "low": pl.Float64,
        "close": pl.Float64,
        "volume": pl.Float64,
        "trades": pl.Int64,
        "is_closed": pl.Boolean,
    }
    columns = dict(zip(schema, zip(*rows, strict=True), strict=True))
    frame = pl.DataFrame(columns, schema=schema)
    lengths = {name: interval_length(name) for name in frame["interval"].unique()}
    length = pl.col("interval").replace_strict(lengths, return_dtype=pl.Duration("us"))
    frame = frame.with_columns(
        pl.col("open_ms").cast(_milliseconds()).cast(_instant()).alias("open_at"),
        pl.lit(source).alias("source"),
        _at("ingested_at", now),
    ).with_columns((pl.col("open_at") + length).alias("close_at"))
    return conform(HYPERLIQUID_CANDLES, frame.drop("open_ms"))


def asset_contexts(rows: Sequence[AssetContext], now: datetime) -> pl.DataFrame:
    """One row per asset and answer; figures in dollars by the price of the quote token.

    Args:
        rows: contexts, each with the time of its answer.
        now: when they are put away.
    """
    schema = {
        name: _instant() if name == "received_at" else HYPERLIQUID_ASSET_CONTEXTS.schema[name]
        for name in AssetContext._fields
    }
    usd = pl.col("quote_usd")
    frame = (
        pl.DataFrame(list(rows), schema=schema, orient="row")
        .rename({"received_at": "observed_at"})
        .with_columns(
            (pl.col("open_interest") * pl.col("mark_px") * usd).alias("open_interest_usd"),
            (pl.col("volume_24h_quote") * usd).alias("volume_24h_usd"),
            _at("ingested_at", now),
        )
    )
    return conform(HYPERLIQUID_ASSET_CONTEXTS, frame)


def funding_rates(rows: Sequence[FundingRate], now: datetime) -> pl.DataFrame:
    """One row per perp and payment."""
    schema = {
        "symbol": pl.String,
        "hour_ms": pl.Int64,
        "funding_rate": pl.Float64,
        "premium": pl.Float64,
        "interval_hours": pl.Int64,
    }
    frame = pl.DataFrame(list(rows), schema=schema, orient="row").with_columns(
        pl.col("hour_ms").cast(_milliseconds()).cast(_instant()).alias("funding_at"),
        _at("ingested_at", now),
    )
    return conform(HYPERLIQUID_FUNDING_RATES, frame.drop("hour_ms"))


def book_levels(books: Iterable[Book]) -> pl.DataFrame:
    """One row per asset, side and price level (`BOOK_LEVELS`); an empty side has none."""
    rows = [
        (book.coin, side, level, one.px, one.sz, one.n, book.time)
        for book in books
        for side, levels in zip(("bid", "ask"), book.levels, strict=True)
        for level, one in enumerate(levels)
    ]
    schema = {**BOOK_LEVELS.schema, "book_at": pl.Int64()}
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("book_at").cast(_milliseconds()).cast(_instant())
    )
    return conform(BOOK_LEVELS, frame)


def _at(name: str, instant: datetime) -> pl.Expr:
    return pl.lit(instant, _instant()).alias(name)


def _milliseconds() -> pl.Datetime:
    # No constants: importing this module must not look inside Polars (launcher/deferred.py).
    return pl.Datetime("ms", "UTC")


def _instant() -> pl.Datetime:
    return pl.Datetime("us", "UTC")
