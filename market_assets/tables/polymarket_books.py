"""Polymarket's order books: present ones with all their levels, and their tops over time."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from market_assets.tables.spec import INGESTED_AT, Column, Retention, TableSpec, key_column

_TOKEN_ID: Final = key_column("token_id", "The tradable token: one outcome of a market.")
_PRICE: Final = "USD a share"
_TOP: Final = (
    Column("best_bid", "DOUBLE", "Highest price that is bid; NULL without bids.", _PRICE),
    Column("best_bid_size", "DOUBLE", "What rests there.", "shares"),
    Column("best_ask", "DOUBLE", "Lowest price that is asked; NULL without asks.", _PRICE),
    Column("best_ask_size", "DOUBLE", "What rests there.", "shares"),
    Column("spread", "DOUBLE", "Best ask less best bid; NULL where a side is empty.", _PRICE),
    Column("mid", "DOUBLE", "Halfway between them; NULL where a side is empty.", _PRICE),
    Column(
        "bid_depth_5c_usd",
        "DOUBLE",
        "Price × size of the bids within 0.05 of the best bid, 0.05 included.",
        "USD",
        required=True,
    ),
    Column(
        "ask_depth_5c_usd",
        "DOUBLE",
        "Price × size of the asks within 0.05 of the best ask, 0.05 included.",
        "USD",
        required=True,
    ),
)
_IS_PROVEN: Final = Column(
    "is_proven",
    "BOOLEAN",
    "TRUE: the venue's hash is that of exactly this book. FALSE: it is not, or frames were lost "
    "since. NULL: the hash could not be formed.",
)
_BOOK_AT: Final = Column(
    "book_at", "TIMESTAMPTZ", "When the book last changed, by the venue's clock.", required=True
)
_BOOK_HASH: Final = Column("book_hash", "VARCHAR", "The venue's hash of the whole book.")
_SOURCE: Final = Column("source", "VARCHAR", "Who told it: stream or rest.", required=True)

POLYMARKET_BOOKS: Final = TableSpec(
    name="polymarket_books",
    grain="one row per tracked token that has a book: the head of its present book",
    columns=(
        _TOKEN_ID,
        Column("condition_id", "VARCHAR", "The token's market.", required=True),
        Column("outcome", "VARCHAR", "What the token pays for."),
        *_TOP,
        Column("levels", "BIGINT", "Prices of both sides together.", "count", required=True),
        Column("tick_size", "DOUBLE", "Smallest step of a price.", _PRICE),
        Column("neg_risk", "BOOLEAN", "One of a group of markets of which one wins."),
        Column("neg_risk_source", "VARCHAR", "Who says so: clob or gamma."),
        Column(
            "last_trade_price",
            "DOUBLE",
            "Of the market: both its tokens show the same, whichever was traded.",
            _PRICE,
        ),
        _BOOK_AT,
        _BOOK_HASH,
        _IS_PROVEN,
        _SOURCE,
        INGESTED_AT,
    ),
    key=("token_id",),
    time_column="book_at",
)

POLYMARKET_ORDERBOOK_LEVELS: Final = TableSpec(
    name="polymarket_orderbook_levels",
    grain="one row per price of a side of a present book: those of polymarket_books, no others",
    columns=(
        _TOKEN_ID,
        key_column("side", "bid or ask."),
        key_column("price", "The level.", "DOUBLE"),
        Column("size", "DOUBLE", "What rests there.", "shares", required=True),
        _BOOK_AT,
        _BOOK_HASH,
        _SOURCE,
        INGESTED_AT,
    ),
    key=("token_id", "side", "price"),
    time_column="book_at",
)

POLYMARKET_BOOK_TOPS: Final = TableSpec(
    name="polymarket_book_tops",
    grain="one row per token and instant of the 30-second grid: its book as it stood then",
    columns=(
        _TOKEN_ID,
        key_column("observed_at", "The instant of the grid.", "TIMESTAMPTZ"),
        *_TOP,
        _IS_PROVEN,
    ),
    key=("token_id", "observed_at"),
    time_column="observed_at",
    retention=(Retention(timedelta(days=7), "MARKET_KEEP_BOOK_TOPS_HOURS"),),
)
