"""Polymarket's signals: what stands out in its trades, open interest, books and prices."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from market_assets.tables.spec import Column, Retention, TableSpec, key_column

SIGNAL_KINDS: Final = (
    "large_trade",
    "volume_spike",
    "open_interest_jump",
    "spread_blowout",
    "book_imbalance",
    "price_jump",
    "complement_arbitrage",
    "negative_risk_arbitrage",
    "asset_divergence",
)
"""What can stand out."""

POLYMARKET_SIGNAL_EVENTS: Final = TableSpec(
    name="polymarket_signal_events",
    grain="one row per case in which something stood out in a market",
    columns=(
        key_column(
            "signal_id",
            "Made from kind, market, token and the instant of the rows that made it: the same rows "
            "give the same id.",
        ),
        Column(
            "kind",
            "VARCHAR",
            f"What stood out: {', '.join(SIGNAL_KINDS[:-1])} or {SIGNAL_KINDS[-1]}.",
            required=True,
        ),
        Column("condition_id", "VARCHAR", "The market; of a group, one of them.", required=True),
        Column("token_id", "VARCHAR", "The token; NULL where the signal is the market's."),
        Column(
            "symbol", "VARCHAR", "The Hyperliquid symbol that the market is about; NULL if none."
        ),
        Column(
            "as_of",
            "TIMESTAMPTZ",
            "The instant of the newest row that made it; of a large trade, the trade's.",
            required=True,
        ),
        Column("score", "DOUBLE", "What was measured, by kind.", "the threshold's", required=True),
        Column("threshold", "DOUBLE", "What it was held against.", "by kind", required=True),
        Column(
            "found_at",
            "TIMESTAMPTZ",
            "When it was looked for and found: at or after as_of, and later where its rows came "
            "late.",
            required=True,
        ),
        Column("detail", "VARCHAR", "The figures behind the score: a JSON object.", required=True),
    ),
    key=("signal_id",),
    time_column="as_of",
    # The same rows give the same signal: what is stored stays.
    version=("as_of",),
    retention=(Retention(timedelta(days=30), "MARKET_KEEP_SIGNAL_EVENTS_HOURS"),),
)
