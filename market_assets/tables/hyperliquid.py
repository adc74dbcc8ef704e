"""Hyperliquid's tables as the venue feeds them: the registry, prices, candles."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from market_assets.tables.spec import (
    INGESTED_AT,
    LISTED,
    MISSED,
    Column,
    Retention,
    TableSpec,
    key_column,
)

SYMBOL: Final = key_column(
    "symbol", "The exchange's own coin name: BTC, kPEPE, PURR/USDC, @107, xyz:TSLA."
)

HYPERLIQUID_ASSETS: Final = TableSpec(
    name="hyperliquid_assets",
    grain="one row per asset that the exchange lists or has listed",
    columns=(
        SYMBOL,
        Column("kind", "VARCHAR", "perp or spot.", required=True),
        Column("dex", "VARCHAR", "The builder-deployed dex; '' for the first.", required=True),
        Column("display_name", "VARCHAR", "The name that people know it by.", required=True),
        Column("sz_decimals", "BIGINT", "Decimals of an order size.", "decimals", required=True),
        Column("max_leverage", "BIGINT", "Greatest leverage; NULL for spot.", "times"),
        Column("only_isolated", "BOOLEAN", "Only isolated margin is allowed.", required=True),
        Column("is_delisted", "BOOLEAN", "Not trading now; may come back.", required=True),
        *LISTED,
        Column("first_seen_at", "TIMESTAMPTZ", "When this project first saw it.", required=True),
        Column("updated_at", "TIMESTAMPTZ", "When one of the columns above last changed."),
        INGESTED_AT,
    ),
    key=("symbol",),
    time_column="ingested_at",
    version=("ingested_at",),
    set_once=("first_seen_at",),
    changed_at="updated_at",
    about_row=MISSED,
)

HYPERLIQUID_ASSET_CATEGORY_TAXONOMY: Final = TableSpec(
    name="hyperliquid_asset_category_taxonomy",
    grain="one row per category that an asset can be in",
    columns=(
        key_column("category", "Short name: layer_1, meme, stocks."),
        Column("label", "VARCHAR", "What people read.", required=True),
        Column("parent", "VARCHAR", "The wider category; NULL at the top."),
        Column("description", "VARCHAR", "What belongs in it."),
        Column("updated_at", "TIMESTAMPTZ", "When the row last changed.", required=True),
    ),
    key=("category",),
    time_column="updated_at",
    version=("updated_at",),
    changed_at="updated_at",
)

HYPERLIQUID_ASSET_CATEGORIES: Final = TableSpec(
    name="hyperliquid_asset_categories",
    grain="one row per asset and category that it is in",
    columns=(
        SYMBOL,
        key_column("category", "A category of the taxonomy."),
        Column("source", "VARCHAR", "exchange (the deployer says so) or curated.", required=True),
        Column("updated_at", "TIMESTAMPTZ", "When the row last changed.", required=True),
    ),
    key=("symbol", "category"),
    time_column="updated_at",
    version=("updated_at",),
    changed_at="updated_at",
)

HYPERLIQUID_MID_PRICES: Final = TableSpec(
    name="hyperliquid_mid_prices",
    grain="one row per asset and 5-second bucket in which the exchange sent its mid",
    columns=(
        SYMBOL,
        key_column("bucket_at", "Start of the 5-second bucket on the UTC grid.", "TIMESTAMPTZ"),
        Column("mid", "DOUBLE", "Mid price, the last seen in the bucket.", "quote", required=True),
        Column("samples", "BIGINT", "Mids seen in the bucket.", "count", required=True),
        INGESTED_AT,
    ),
    key=("symbol", "bucket_at"),
    time_column="bucket_at",
    version=("ingested_at",),
    retention=(Retention(timedelta(minutes=30), "MARKET_KEEP_MIDS_HOURS"),),
)

HYPERLIQUID_CANDLES: Final = TableSpec(
    name="hyperliquid_candles",
    grain="one row per asset, interval and opening time",
    columns=(
        SYMBOL,
        key_column("interval", "1m from the stream and REST; 1h rolled up from 1m, or from REST."),
        key_column("open_at", "Start of the candle, inclusive.", "TIMESTAMPTZ"),
        Column("close_at", "TIMESTAMPTZ", "End of the candle, exclusive.", required=True),
        Column("open", "DOUBLE", "First traded price; the last close if none.", "quote", True),
        Column("high", "DOUBLE", "Highest traded price.", "quote", True),
        Column("low", "DOUBLE", "Lowest traded price.", "quote", True),
        Column("close", "DOUBLE", "Last traded price.", "quote", True),
        Column("volume", "DOUBLE", "Traded size; 0 in a minute without trades.", "base", True),
        Column("trades", "BIGINT", "Number of trades.", "count", True),
        Column("is_closed", "BOOLEAN", "The candle is over.", required=True),
        Column("source", "VARCHAR", "stream, rest or rollup.", required=True),
        INGESTED_AT,
    ),
    key=("symbol", "interval", "open_at"),
    time_column="open_at",
    # A candle only grows, so more trades is later, whatever order the messages came in; a closed
    # one beats the same one still forming; REST, fetched afterwards, confirms an equal one.
    version=("trades", "is_closed", "ingested_at"),
    retention=(
        Retention(
            timedelta(hours=24),
            "MARKET_KEEP_CANDLES_1M_HOURS",
            ("interval", "1m"),
            slack=timedelta(minutes=10),
        ),
        Retention(timedelta(days=7), "MARKET_KEEP_CANDLES_1H_HOURS", ("interval", "1h")),
    ),
)
