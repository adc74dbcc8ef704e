"""Polymarket's catalogue: events, their markets, tags, and which assets a market is about."""

from __future__ import annotations

from typing import Final

from market_assets.tables.spec import (
    FOR_EVER,
    INGESTED_AT,
    LISTED,
    MISSED,
    Column,
    Retention,
    TableSpec,
    key_column,
)

CONDITION_ID: Final = key_column(
    "condition_id", "The market's id on the chain: 0x and 64 hex digits; combos have 62."
)
LIQUIDITY_USD: Final = Column(
    "liquidity_usd", "DOUBLE", "Resting orders near the touch, as the venue sums them.", "USD"
)
VOLUME_24H_USD: Final = Column(
    "volume_24h_usd", "DOUBLE", "Taker volume of the rolling day; a share pair counts 1.", "USD"
)
_VOLUME_USD: Final = Column(
    "volume_usd", "DOUBLE", "Taker volume since it opened; a share pair counts 1.", "USD"
)
_FIRST_SEEN_AT: Final = Column(
    "first_seen_at", "TIMESTAMPTZ", "When this project first saw it.", required=True
)
_UPDATED_AT: Final = Column(
    "updated_at", "TIMESTAMPTZ", "When one of the columns above last changed.", required=True
)
_CLOSED: Final = Retention(FOR_EVER, "MARKET_KEEP_CLOSED_MARKETS_HOURS", column="closed_at")
"""Markets that are open, and those of which nobody knows when they closed, are kept for ever."""

POLYMARKET_EVENTS: Final = TableSpec(
    name="polymarket_events",
    grain="one row per event: a question or a group of questions that belong together",
    columns=(
        key_column("event_id", "The venue's number of the event."),
        Column("slug", "VARCHAR", "Its name in addresses."),
        Column("title", "VARCHAR", "What people read."),
        Column("category", "VARCHAR", "The venue's old single category; mostly NULL by now."),
        Column("tag_ids", "VARCHAR[]", "Tags of the event; markets have none of their own."),
        Column("tag_slugs", "VARCHAR[]", "The same tags by slug, in the same order."),
        Column("start_at", "TIMESTAMPTZ", "When it starts."),
        Column("end_at", "TIMESTAMPTZ", "When its question is decided; NULL where it has no end."),
        Column("closed_at", "TIMESTAMPTZ", "When it closed; NULL while open."),
        Column("active", "BOOLEAN", "The venue shows it; closed events stay active."),
        Column("closed", "BOOLEAN", "No more trading."),
        Column("neg_risk", "BOOLEAN", "Exactly one of its markets can win."),
        LIQUIDITY_USD,
        _VOLUME_USD,
        VOLUME_24H_USD,
        Column(
            "open_interest_usd", "DOUBLE", "Collateral in its markets; not to be summed.", "USD"
        ),
        Column("market_count", "BIGINT", "Markets that came with it.", "count", required=True),
        *LISTED,
        _FIRST_SEEN_AT,
        _UPDATED_AT,
        INGESTED_AT,
    ),
    key=("event_id",),
    time_column="ingested_at",
    retention=(_CLOSED,),
    version=("ingested_at",),
    set_once=("first_seen_at",),
    changed_at="updated_at",
    about_row=MISSED,
)

POLYMARKET_MARKETS: Final = TableSpec(
    name="polymarket_markets",
    grain="one row per market: a question with two outcomes that are traded",
    columns=(
        CONDITION_ID,
        Column("market_id", "VARCHAR", "The venue's number of the market."),
        Column("question_id", "VARCHAR", "The oracle's id of the question."),
        Column("event_id", "VARCHAR", "The event that it came in."),
        Column("slug", "VARCHAR", "Its name in addresses."),
        Column("question", "VARCHAR", "What people read."),
        Column("outcomes", "VARCHAR[]", "Names of the outcomes, mostly Yes and No."),
        Column("outcome_prices", "DOUBLE[]", "Price of each outcome, 0 to 1.", "USD a share"),
        Column("token_ids", "VARCHAR[]", "Tradable token of each outcome, in the same order."),
        Column("active", "BOOLEAN", "The venue shows it; closed markets stay active."),
        Column("closed", "BOOLEAN", "No more trading."),
        Column("accepting_orders", "BOOLEAN", "Orders are taken; some closed ones say so too."),
        Column("order_book_enabled", "BOOLEAN", "It has a book."),
        Column("neg_risk", "BOOLEAN", "One of a group of which exactly one can win."),
        Column("neg_risk_source", "VARCHAR", "Who said so: clob or gamma; NULL if nobody."),
        LIQUIDITY_USD,
        _VOLUME_USD,
        VOLUME_24H_USD,
        Column("best_bid", "DOUBLE", "Best bid for the first outcome.", "USD a share"),
        Column("best_ask", "DOUBLE", "Best ask for the first outcome.", "USD a share"),
        Column("last_trade_price", "DOUBLE", "Last trade, of whichever outcome.", "USD a share"),
        Column("tick_size", "DOUBLE", "Smallest step of a price.", "USD a share"),
        Column("min_order_size", "DOUBLE", "Smallest order.", "shares"),
        Column(
            "taker_fee_rate",
            "DOUBLE",
            "What a taker pays for a share is this × price × (1 − price), by the market's own fee "
            "schedule; 0 where the venue says that fees are off, NULL where it gives no schedule.",
            "rate",
        ),
        Column("end_at", "TIMESTAMPTZ", "When its question is decided; NULL where it has no end."),
        Column("closed_at", "TIMESTAMPTZ", "When it closed; NULL while open."),
        Column("resolution_status", "VARCHAR", "The oracle's word: proposed, disputed, resolved."),
        Column(
            "winning_outcome",
            "VARCHAR",
            "The outcome that paid 1 while all others paid 0. NULL while open or in dispute, where "
            "it was split (50/50, scalar, void), and where the venue names neither a result nor "
            "when it closed, as for part of the markets of before 2023.",
        ),
        Column(
            "winner_source",
            "VARCHAR",
            "What says so: oracle (resolved), or payout (closed at prices of 1 and 0, within "
            "0.00001, without a word of the oracle); NULL without a winner.",
        ),
        *LISTED,
        _FIRST_SEEN_AT,
        _UPDATED_AT,
        INGESTED_AT,
    ),
    key=("condition_id",),
    time_column="ingested_at",
    retention=(_CLOSED,),
    version=("ingested_at",),
    set_once=("first_seen_at",),
    changed_at="updated_at",
    about_row=MISSED,
)

POLYMARKET_TAGS: Final = TableSpec(
    name="polymarket_tags",
    grain="one row per tag that the venue knows",
    columns=(
        key_column("tag_id", "The venue's number of the tag."),
        Column("label", "VARCHAR", "What people read."),
        Column("slug", "VARCHAR", "Its name in addresses."),
        Column("is_sport", "BOOLEAN", "A sport of the venue names it.", required=True),
        INGESTED_AT,
    ),
    key=("tag_id",),
    time_column="ingested_at",
    version=("ingested_at",),
)

POLYMARKET_MARKET_ASSET_LINKS: Final = TableSpec(
    name="polymarket_market_asset_links",
    grain="one row per market and Hyperliquid symbol that it is about",
    columns=(
        CONDITION_ID,
        key_column("symbol", "A Hyperliquid symbol of the registry."),
        Column("method", "VARCHAR", "What said so: tag, slug, name or cashtag.", required=True),
        Column("matched_text", "VARCHAR", "The tag or the words that said so.", required=True),
        Column("confidence", "DOUBLE", "0 to 1; by method.", "share", required=True),
        Column("linked_at", "TIMESTAMPTZ", "When the link was last made anew.", required=True),
    ),
    key=("condition_id", "symbol"),
    time_column="linked_at",
    retention=(
        Retention(
            FOR_EVER,
            "MARKET_KEEP_CLOSED_MARKETS_HOURS",
            unless="condition_id in (select condition_id from polymarket_markets)",
            by_newest=False,
        ),
    ),
    version=("linked_at",),
    changed_at="linked_at",
)
