"""Polymarket over time: prices of markets about an asset, the universe, open interest, trades."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from market_assets.tables.polymarket import CONDITION_ID, LIQUIDITY_USD, VOLUME_24H_USD
from market_assets.tables.spec import (
    FOR_EVER,
    INGESTED_AT,
    Column,
    Derived,
    Retention,
    TableSpec,
    key_column,
)

_WEEK: Final = timedelta(days=7)
_SYMBOL: Final = key_column("symbol", "A Hyperliquid symbol that the market is about.")
_QUESTION: Final = Column("question", "VARCHAR", "What people read.")


def _prices_of_linked_markets(name: str, which: str, setting: str) -> TableSpec:
    """Markets about an asset, with their prices at one instant."""
    return TableSpec(
        name=name,
        grain=f"one row per market about an asset, asset and instant: markets that {which}",
        columns=(
            CONDITION_ID,
            _SYMBOL,
            key_column("as_of", "When all of the row was known.", "TIMESTAMPTZ"),
            _QUESTION,
            Column(
                "yes_price",
                "DOUBLE",
                "Price of the first outcome: the midpoint where the spread is at most 0.10, else "
                "the last trade; NULL where there is neither.",
                "USD a share",
            ),
            Column("best_bid", "DOUBLE", "Best bid for the first outcome.", "USD a share"),
            Column("best_ask", "DOUBLE", "Best ask for the first outcome.", "USD a share"),
            Column("spread", "DOUBLE", "Best ask less best bid.", "USD a share"),
            Column(
                "quote_source",
                "VARCHAR",
                "Whose bid and ask these are: clob (the book), or gamma (the catalogue's, where "
                "the CLOB gave no book).",
            ),
            Column(
                "observed_at",
                "TIMESTAMPTZ",
                "When the answer with bid and ask came, at or before as_of. Gamma's can be five "
                "minutes old by then.",
            ),
            LIQUIDITY_USD,
            VOLUME_24H_USD,
            Column("hours_to_end", "DOUBLE", "From as_of to end_at; NULL without an end.", "hours"),
            Column("end_at", "TIMESTAMPTZ", "When its question is decided."),
            INGESTED_AT,
        ),
        key=("condition_id", "symbol", "as_of"),
        time_column="as_of",
        derived=Derived(),
        retention=(Retention(_WEEK, setting),),
    )


POLYMARKET_IMMEDIATE_MARKETS: Final = _prices_of_linked_markets(
    "polymarket_immediate_markets",
    "end within 7 days",
    "MARKET_KEEP_IMMEDIATE_MARKETS_HOURS",
)
POLYMARKET_LATER_MARKETS: Final = _prices_of_linked_markets(
    "polymarket_later_markets",
    "end later, or have no end",
    "MARKET_KEEP_LATER_MARKETS_HOURS",
)

POLYMARKET_RECENTLY_CLOSED_MARKETS: Final = TableSpec(
    name="polymarket_recently_closed_markets",
    grain="one row per market about an asset that closed within the last 7 days, and asset",
    columns=(
        CONDITION_ID,
        _SYMBOL,
        _QUESTION,
        Column(
            "closed_at",
            "TIMESTAMPTZ",
            "When it closed; where the venue does not say, when it was due to or was first seen "
            "closed, whichever is earlier.",
            required=True,
        ),
        Column("winning_outcome", "VARCHAR", "The outcome that paid; NULL until it is known."),
        Column("winner_source", "VARCHAR", "What says so: oracle or payout."),
        Column("final_yes_price", "DOUBLE", "Last price of the first outcome.", "USD a share"),
        Column("volume_usd", "DOUBLE", "Taker volume since it opened.", "USD"),
        INGESTED_AT,
    ),
    key=("condition_id", "symbol"),
    time_column="closed_at",
    version=("ingested_at",),
)

POLYMARKET_TRACKED_UNIVERSE: Final = TableSpec(
    name="polymarket_tracked_universe",
    grain="one row per open market that is followed closely",
    columns=(
        CONDITION_ID,
        Column("token_ids", "VARCHAR[]", "Tradable token of each outcome.", required=True),
        Column("rank", "BIGINT", "1 is followed first.", "rank", required=True),
        Column("reason", "VARCHAR", "liquidity, volume, open_interest or manual.", required=True),
        LIQUIDITY_USD,
        VOLUME_24H_USD,
        Column("open_interest_usd", "DOUBLE", "Collateral in it, as last asked.", "USD"),
        Column("selected_at", "TIMESTAMPTZ", "When it was last chosen.", required=True),
    ),
    key=("condition_id",),
    time_column="selected_at",
    version=("selected_at",),
)

POLYMARKET_MARKET_METRICS: Final = TableSpec(
    name="polymarket_market_metrics",
    grain="one row per tracked market and time at which its open interest was asked for",
    columns=(
        CONDITION_ID,
        key_column("observed_at", "When the answer was received.", "TIMESTAMPTZ"),
        Column("open_interest_usd", "DOUBLE", "Collateral in the market.", "USD", required=True),
        VOLUME_24H_USD,
        LIQUIDITY_USD,
        INGESTED_AT,
    ),
    key=("condition_id", "observed_at"),
    time_column="observed_at",
    version=("ingested_at",),
    retention=(Retention(timedelta(days=30), "MARKET_KEEP_MARKET_METRICS_HOURS"),),
)

POLYMARKET_TRADES: Final = TableSpec(
    name="polymarket_trades",
    grain="one row per fill of a taker's order",
    columns=(
        key_column(
            "trade_key",
            "Made from all that identifies a fill, and a number where several are alike.",
        ),
        Column("transaction_hash", "VARCHAR", "Several fills can share one; NULL if not given."),
        Column("wallet", "VARCHAR", "The taker's proxy wallet."),
        Column("condition_id", "VARCHAR", "The market.", required=True),
        Column("token_id", "VARCHAR", "The token that changed hands.", required=True),
        Column("outcome", "VARCHAR", "The outcome that the token pays on."),
        Column("side", "VARCHAR", "BUY or SELL, the taker's.", required=True),
        Column("price", "DOUBLE", "0 to 1.", "USD a share", required=True),
        Column("size", "DOUBLE", "Above 0.", "shares", required=True),
        Column("notional_usd", "DOUBLE", "price × size.", "USD", required=True),
        Column("traded_at", "TIMESTAMPTZ", "To the second.", required=True),
        INGESTED_AT,
    ),
    key=("trade_key",),
    time_column="traded_at",
    retention=(Retention(FOR_EVER, "MARKET_KEEP_POLYMARKET_TRADES_HOURS"),),
    # Every run reads the last minutes again: a fill that comes again leaves its row as it was.
    set_once=("ingested_at",),
)
