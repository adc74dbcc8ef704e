"""What the database has of books, held against the exchange."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import polars as pl

from market_assets.storage.files.store import FileStore
from market_assets.tables import POLYMARKET_TRACKED_UNIVERSE
from market_assets_tests.sources.polymarket.order_book.exchange import MARKET, NO, YES, Exchange

HEADS: Final = "select * from polymarket_books order by token_id"
LEVELS: Final = "select * from polymarket_orderbook_levels order by token_id, side, price"
OPEN_GAPS: Final = "select * from ingestion_gaps where channel = 'books' and healed_at is null"
GAPS: Final = "select * from ingestion_gaps where channel = 'books' order by gap_from_at"


def is_the_venues(store: FileStore, exchange: Exchange) -> bool:
    """Both books stand in the database as the venue has them, and are proved."""
    found = store.read_together({"heads": (HEADS, {}), "levels": (LEVELS, {})})
    heads, levels = found["heads"], found["levels"]
    proved = [row["token_id"] for row in heads.iter_rows(named=True) if row["is_proven"]]
    return proved == [YES, NO] and all(
        levels_of(levels, token) == truth(exchange, token) for token in (YES, NO)
    )


def levels_of(levels: pl.DataFrame, token: str) -> set[tuple[str, float, float]]:
    """Side, price and size of a token's levels."""
    own = levels.filter(pl.col("token_id") == token)
    return set(own.select("side", "price", "size").iter_rows())


def truth(exchange: Exchange, token: str) -> set[tuple[str, float, float]]:
    """The same of the exchange."""
    bids, asks = exchange.sides(token)
    return {
        (side, float(level.price), float(level.size))
        for side, levels in (("bid", bids), ("ask", asks))
        for level in levels
    }


def track(store: FileStore, tokens: list[str]) -> None:
    """The universe is one market with these tokens; none: it is empty."""
    row = {
        "condition_id": MARKET,
        "token_ids": tokens,
        "rank": 1,
        "reason": "manual",
        "selected_at": datetime.now(UTC),
    }
    frame = pl.DataFrame([row][: len(tokens)], schema=POLYMARKET_TRACKED_UNIVERSE.schema)
    store.replace(POLYMARKET_TRACKED_UNIVERSE, frame)
