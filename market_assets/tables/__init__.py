"""The tables: one `TableSpec` each, the contract between sources, storage, features and readers.

Normalisers promise these columns, storage creates and checks them, features read them; asset
checks, the UI's column schemas and `docs/tables.md` are made from them. Nothing here opens a file.

This is where they are imported from; each source has a module of its own beside it.

Rules for every table: instants are `TIMESTAMPTZ` in UTC; amounts are `DOUBLE`; a value that the
venue did not give is `NULL`; the unit stands in a column's name or in its `unit`.
"""

from __future__ import annotations

from typing import Final

from market_assets.tables.defillama import (
    DEFILLAMA_CAPITAL_BASE,
    DEFILLAMA_CAPITAL_FLOWS,
    DEFILLAMA_DAILY_HISTORY,
    DEFILLAMA_ECONOMIC_THROUGHPUT,
    DEFILLAMA_SERIES_READS,
    DEFILLAMA_SUBJECTS,
)
from market_assets.tables.history import (
    DATA_COMPLETENESS,
    GRID_SERIES,
    HYPERLIQUID_CANDLE_AUDITS,
    GridSeries,
)
from market_assets.tables.hyperliquid import (
    HYPERLIQUID_ASSET_CATEGORIES,
    HYPERLIQUID_ASSET_CATEGORY_TAXONOMY,
    HYPERLIQUID_ASSETS,
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_MID_PRICES,
)
from market_assets.tables.hyperliquid_derived import (
    BOOK_LEVELS,
    HYPERLIQUID_ASSET_CONTEXTS,
    HYPERLIQUID_FUNDING_PRESSURE,
    HYPERLIQUID_FUNDING_RATES,
    HYPERLIQUID_LIQUIDITY_PROFILES,
    HYPERLIQUID_POSITIONING_PRESSURE,
    HYPERLIQUID_TECHNICAL_INDICATORS,
    HYPERLIQUID_VOLATILITY_PROFILES,
)
from market_assets.tables.operations import INGESTION_GAPS, INGESTION_LISTS, INGESTION_RUNS
from market_assets.tables.polymarket import (
    POLYMARKET_EVENTS,
    POLYMARKET_MARKET_ASSET_LINKS,
    POLYMARKET_MARKETS,
    POLYMARKET_TAGS,
)
from market_assets.tables.polymarket_books import (
    POLYMARKET_BOOK_TOPS,
    POLYMARKET_BOOKS,
    POLYMARKET_ORDERBOOK_LEVELS,
)
from market_assets.tables.polymarket_markets import (
    POLYMARKET_IMMEDIATE_MARKETS,
    POLYMARKET_LATER_MARKETS,
    POLYMARKET_MARKET_METRICS,
    POLYMARKET_RECENTLY_CLOSED_MARKETS,
    POLYMARKET_TRACKED_UNIVERSE,
    POLYMARKET_TRADES,
)
from market_assets.tables.polymarket_signals import POLYMARKET_SIGNAL_EVENTS
from market_assets.tables.spec import FOR_EVER, Column, Derived, Retention, TableSpec
from market_assets.tables.sql_types import SqlType

__all__ = [
    "BOOK_LEVELS",
    "DATA_COMPLETENESS",
    "DEFILLAMA_CAPITAL_BASE",
    "DEFILLAMA_CAPITAL_FLOWS",
    "DEFILLAMA_DAILY_HISTORY",
    "DEFILLAMA_ECONOMIC_THROUGHPUT",
    "DEFILLAMA_SERIES_READS",
    "DEFILLAMA_SUBJECTS",
    "FOR_EVER",
    "GRID_SERIES",
    "HYPERLIQUID_ASSETS",
    "HYPERLIQUID_ASSET_CATEGORIES",
    "HYPERLIQUID_ASSET_CATEGORY_TAXONOMY",
    "HYPERLIQUID_ASSET_CONTEXTS",
    "HYPERLIQUID_CANDLES",
    "HYPERLIQUID_CANDLE_AUDITS",
    "HYPERLIQUID_FUNDING_PRESSURE",
    "HYPERLIQUID_FUNDING_RATES",
    "HYPERLIQUID_LIQUIDITY_PROFILES",
    "HYPERLIQUID_MID_PRICES",
    "HYPERLIQUID_POSITIONING_PRESSURE",
    "HYPERLIQUID_TECHNICAL_INDICATORS",
    "HYPERLIQUID_VOLATILITY_PROFILES",
    "INGESTION_GAPS",
    "INGESTION_LISTS",
    "INGESTION_RUNS",
    "POLYMARKET_BOOKS",
    "POLYMARKET_BOOK_TOPS",
    "POLYMARKET_EVENTS",
    "POLYMARKET_IMMEDIATE_MARKETS",
    "POLYMARKET_LATER_MARKETS",
    "POLYMARKET_MARKETS",
    "POLYMARKET_MARKET_ASSET_LINKS",
    "POLYMARKET_MARKET_METRICS",
    "POLYMARKET_ORDERBOOK_LEVELS",
    "POLYMARKET_RECENTLY_CLOSED_MARKETS",
    "POLYMARKET_SIGNAL_EVENTS",
    "POLYMARKET_TAGS",
    "POLYMARKET_TRACKED_UNIVERSE",
    "POLYMARKET_TRADES",
    "TABLES",
    "Column",
    "Derived",
    "GridSeries",
    "Retention",
    "SqlType",
    "TableSpec",
    "table",
]

TABLES: Final[tuple[TableSpec, ...]] = (
    HYPERLIQUID_ASSETS,
    HYPERLIQUID_ASSET_CATEGORY_TAXONOMY,
    HYPERLIQUID_ASSET_CATEGORIES,
    HYPERLIQUID_MID_PRICES,
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_ASSET_CONTEXTS,
    HYPERLIQUID_FUNDING_RATES,
    HYPERLIQUID_TECHNICAL_INDICATORS,
    HYPERLIQUID_VOLATILITY_PROFILES,
    HYPERLIQUID_FUNDING_PRESSURE,
    HYPERLIQUID_LIQUIDITY_PROFILES,
    HYPERLIQUID_POSITIONING_PRESSURE,
    POLYMARKET_EVENTS,
    POLYMARKET_MARKETS,
    POLYMARKET_TAGS,
    POLYMARKET_MARKET_ASSET_LINKS,
    POLYMARKET_IMMEDIATE_MARKETS,
    POLYMARKET_LATER_MARKETS,
    POLYMARKET_RECENTLY_CLOSED_MARKETS,
    POLYMARKET_TRACKED_UNIVERSE,
    POLYMARKET_MARKET_METRICS,
    POLYMARKET_TRADES,
    POLYMARKET_BOOKS,
    POLYMARKET_ORDERBOOK_LEVELS,
    POLYMARKET_BOOK_TOPS,
    POLYMARKET_SIGNAL_EVENTS,
    DEFILLAMA_SUBJECTS,
    DEFILLAMA_CAPITAL_BASE,
    DEFILLAMA_CAPITAL_FLOWS,
    DEFILLAMA_ECONOMIC_THROUGHPUT,
    DEFILLAMA_DAILY_HISTORY,
    DEFILLAMA_SERIES_READS,
    DATA_COMPLETENESS,
    HYPERLIQUID_CANDLE_AUDITS,
    INGESTION_RUNS,
    INGESTION_GAPS,
    INGESTION_LISTS,
)


def table(name: str) -> TableSpec:
    """The table of that name.

    Raises:
        KeyError: there is none.
    """
    for spec in TABLES:
        if spec.name == name:
            return spec
    raise KeyError(f"no table {name!r}; one of {', '.join(spec.name for spec in TABLES)}")
