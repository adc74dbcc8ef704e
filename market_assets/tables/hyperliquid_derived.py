"""Hyperliquid's contexts and funding rates, and the five tables of features made from them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from market_assets.tables.hyperliquid import SYMBOL
from market_assets.tables.spec import (
    INGESTED_AT,
    Column,
    Derived,
    Retention,
    TableSpec,
    key_column,
)

_WEEK: Final = timedelta(days=7)

HYPERLIQUID_ASSET_CONTEXTS: Final = TableSpec(
    name="hyperliquid_asset_contexts",
    grain="one row per asset and time at which the exchange was asked for its context",
    columns=(
        SYMBOL,
        key_column(
            "observed_at", "When the answer was received: it carries no time.", "TIMESTAMPTZ"
        ),
        Column("mark_px", "DOUBLE", "Mark price; that of a delisted asset is stale.", "quote"),
        Column("oracle_px", "DOUBLE", "Oracle price; NULL for spot.", "quote"),
        Column("mid_px", "DOUBLE", "Mid price; NULL where nobody quotes.", "quote"),
        Column("funding_rate", "DOUBLE", "Rate of the running hour; NULL for spot.", "per hour"),
        Column("premium", "DOUBLE", "Impact price over oracle, less one; NULL if none.", "rate"),
        Column("open_interest", "DOUBLE", "Open positions, one side; NULL for spot.", "base"),
        Column("open_interest_usd", "DOUBLE", "At the mark; NULL where quote_usd is.", "USD"),
        Column("volume_24h_usd", "DOUBLE", "Rolling day; NULL where quote_usd is.", "USD"),
        Column("prev_day_px", "DOUBLE", "Price 24 hours ago.", "quote"),
        Column("impact_bid_px", "DOUBLE", "Average price of selling the impact notional.", "quote"),
        Column("impact_ask_px", "DOUBLE", "Average price of buying the impact notional.", "quote"),
        Column("quote_token", "VARCHAR", "Token of prices and notionals: USDC, USDH, USDE."),
        Column(
            "quote_usd",
            "DOUBLE",
            "Price of the quote token: 1 for USDC, else its mid against USDC; NULL without one.",
            "USD",
        ),
        Column("volume_24h_quote", "DOUBLE", "Traded value of the rolling day.", "quote"),
        Column("volume_24h_base", "DOUBLE", "Traded size of the rolling day.", "base"),
        Column("is_delisted", "BOOLEAN", "Not trading now; kept out of features.", required=True),
        INGESTED_AT,
    ),
    key=("symbol", "observed_at"),
    time_column="observed_at",
    version=("ingested_at",),
    retention=(Retention(_WEEK, "MARKET_KEEP_CONTEXTS_HOURS"),),
)

HYPERLIQUID_FUNDING_RATES: Final = TableSpec(
    name="hyperliquid_funding_rates",
    grain="one row per perpetual and funding payment",
    columns=(
        SYMBOL,
        key_column(
            "funding_at",
            "When it was paid, floored to the hour (+0.02 s to +24 min).",
            "TIMESTAMPTZ",
        ),
        Column(
            "funding_rate", "DOUBLE", "Paid by longs to shorts, for one interval.", "rate", True
        ),
        Column("premium", "DOUBLE", "Mean premium of the interval; NULL if not given.", "rate"),
        Column("interval_hours", "BIGINT", "1; 8 before 2023-06-08.", "hours", required=True),
        INGESTED_AT,
    ),
    key=("symbol", "funding_at"),
    time_column="funding_at",
    version=("ingested_at",),
    retention=(Retention(timedelta(days=90), "MARKET_KEEP_FUNDING_RATES_HOURS"),),
)

HYPERLIQUID_TECHNICAL_INDICATORS: Final = TableSpec(
    name="hyperliquid_technical_indicators",
    grain="one row per asset, interval and close of a candle",
    columns=(
        SYMBOL,
        key_column("interval", "Interval of the candles: 1m, 1h."),
        key_column("as_of", "Close of the last closed candle that is used.", "TIMESTAMPTZ"),
        Column("close", "DOUBLE", "Close of that candle.", "quote", True),
        Column("sma_20", "DOUBLE", "Simple moving average of 20 closes.", "quote"),
        Column("ema_12", "DOUBLE", "Exponential average, seeded with the mean of 12.", "quote"),
        Column("ema_26", "DOUBLE", "Exponential average, seeded with the mean of 26.", "quote"),
        Column("rsi_14", "DOUBLE", "Wilder's RSI; 0, as TA-Lib has it, if flat.", "0 to 100"),
        Column("macd", "DOUBLE", "MACD line: EMA of 12 less EMA of 26.", "quote"),
        Column("macd_signal", "DOUBLE", "EMA of 9 of the MACD line.", "quote"),
        Column("macd_hist", "DOUBLE", "MACD line less its signal.", "quote"),
        Column("atr_14", "DOUBLE", "Wilder's average true range.", "quote"),
        Column("bb_upper", "DOUBLE", "bb_middle + 2 population standard deviations.", "quote"),
        Column("bb_middle", "DOUBLE", "Mean of 20 closes.", "quote"),
        Column("bb_lower", "DOUBLE", "bb_middle - 2 population standard deviations.", "quote"),
        Column("adx_14", "DOUBLE", "Wilder's average directional index.", "0 to 100"),
        Column("candles_used", "BIGINT", "Candles without a hole up to as_of.", "count", True),
    ),
    key=("symbol", "interval", "as_of"),
    time_column="as_of",
    derived=Derived(counts=("candles_used",)),
    retention=(Retention(_WEEK, "MARKET_KEEP_TECHNICAL_INDICATORS_HOURS"),),
)

HYPERLIQUID_VOLATILITY_PROFILES: Final = TableSpec(
    name="hyperliquid_volatility_profiles",
    grain="one row per asset and close of a 1-minute candle",
    columns=(
        SYMBOL,
        key_column(
            "as_of", "Close of the last closed 1-minute candle that is used.", "TIMESTAMPTZ"
        ),
        Column("realized_vol_1h_rate", "DOUBLE", "Close to close, of 60 returns.", "per year"),
        Column("realized_vol_24h_rate", "DOUBLE", "Close to close, of a day.", "per year"),
        Column("parkinson_24h_rate", "DOUBLE", "From highs and lows.", "per year"),
        Column("garman_klass_24h_rate", "DOUBLE", "From all four prices, no drift.", "per year"),
        Column("rogers_satchell_24h_rate", "DOUBLE", "All four prices, any drift.", "per year"),
        Column("yang_zhang_24h_rate", "DOUBLE", "Any drift, and opening jumps.", "per year"),
        Column("range_24h_pct", "DOUBLE", "Highest over lowest price, less one.", "per cent"),
        Column("traded_share_pct", "DOUBLE", "Bars of the day that traded.", "per cent"),
        Column("regime", "VARCHAR", "thin, calm, normal, elevated, extreme; NULL if unknown."),
        Column("candles_used", "BIGINT", "Candles without a hole, at most a day.", "count", True),
    ),
    key=("symbol", "as_of"),
    time_column="as_of",
    derived=Derived(counts=("candles_used",)),
    retention=(Retention(_WEEK, "MARKET_KEEP_VOLATILITY_PROFILES_HOURS"),),
)

HYPERLIQUID_FUNDING_PRESSURE: Final = TableSpec(
    name="hyperliquid_funding_pressure",
    grain="one row per perpetual and asset context",
    columns=(
        SYMBOL,
        key_column("as_of", "When the asset context was observed.", "TIMESTAMPTZ"),
        Column("funding_rate_1h", "DOUBLE", "Rate of the running hour.", "per hour", True),
        Column("funding_annualized_pct", "DOUBLE", "Times 8760, simple.", "per cent a year", True),
        Column("premium_bps", "DOUBLE", "Premium over the oracle now.", "bps"),
        Column("premium_percentile_7d", "DOUBLE", "Its rank in a week, ties half.", "0 to 100"),
        Column("funding_mean_24h", "DOUBLE", "Mean of a day's hourly rates.", "per hour"),
        Column("funding_zscore_7d", "DOUBLE", "Rate against a week's; NULL if those tie.", "σ"),
        Column("cumulative_24h_pct", "DOUBLE", "Paid by a long in 24 payments.", "per cent"),
        Column("pressure", "VARCHAR", "longs_pay, shorts_pay or neutral.", required=True),
        Column("rates_used_7d", "BIGINT", "Hourly rates of the week.", "count", True),
    ),
    key=("symbol", "as_of"),
    time_column="as_of",
    derived=Derived(counts=("rates_used_7d",)),
    retention=(Retention(_WEEK, "MARKET_KEEP_FUNDING_PRESSURE_HOURS"),),
)

HYPERLIQUID_LIQUIDITY_PROFILES: Final = TableSpec(
    name="hyperliquid_liquidity_profiles",
    grain="one row per asset and order book",
    columns=(
        SYMBOL,
        key_column("as_of", "Instant of the book, by the exchange's clock.", "TIMESTAMPTZ"),
        Column("best_bid", "DOUBLE", "Highest bid; NULL if there is none.", "quote"),
        Column("best_ask", "DOUBLE", "Lowest ask; NULL if there is none.", "quote"),
        Column(
            "mid", "DOUBLE", "Between both; NULL, as all that rests on it, if crossed.", "quote"
        ),
        Column("spread_bps", "DOUBLE", "Ask less bid, over mid.", "bps"),
        Column(
            "bid_depth_10bps_usd", "DOUBLE", "Bids down to mid - 10 bps; NULL if not seen.", "USD"
        ),
        Column(
            "ask_depth_10bps_usd", "DOUBLE", "Asks up to mid + 10 bps; NULL if not seen.", "USD"
        ),
        Column(
            "bid_depth_50bps_usd", "DOUBLE", "Bids down to mid - 50 bps; NULL if not seen.", "USD"
        ),
        Column(
            "ask_depth_50bps_usd", "DOUBLE", "Asks up to mid + 50 bps; NULL if not seen.", "USD"
        ),
        Column("imbalance_10bps", "DOUBLE", "Bid less ask depth, over both.", "-1 to 1"),
        Column(
            "imbalance_touch", "DOUBLE", "The same of the sizes at best bid and ask.", "-1 to 1"
        ),
        Column("buy_slippage_10k_bps", "DOUBLE", "Cost against mid of buying 10,000 USD.", "bps"),
        Column("sell_slippage_10k_bps", "DOUBLE", "Cost against mid of selling 10,000 USD.", "bps"),
        Column("impact_spread_bps", "DOUBLE", "Between the exchange's impact prices.", "bps"),
        Column("bid_reach_bps", "DOUBLE", "Deepest bid seen, below mid.", "bps"),
        Column("ask_reach_bps", "DOUBLE", "Deepest ask seen, above mid.", "bps"),
        Column(
            "volume_24h_usd", "DOUBLE", "Rolling day; NULL where its token has no price.", "USD"
        ),
    ),
    key=("symbol", "as_of"),
    time_column="as_of",
    derived=Derived(),
    retention=(Retention(_WEEK, "MARKET_KEEP_LIQUIDITY_PROFILES_HOURS"),),
)

HYPERLIQUID_POSITIONING_PRESSURE: Final = TableSpec(
    name="hyperliquid_positioning_pressure",
    grain="one row per perpetual and asset context",
    columns=(
        SYMBOL,
        key_column("as_of", "When the asset context was observed.", "TIMESTAMPTZ"),
        Column("open_interest", "DOUBLE", "Open positions, one side.", "base", True),
        Column(
            "open_interest_usd", "DOUBLE", "At the mark; NULL where its token has no price.", "USD"
        ),
        Column(
            "oi_change_1h_pct",
            "DOUBLE",
            "In base units; NULL without an earlier context.",
            "per cent",
        ),
        Column(
            "oi_change_24h_pct",
            "DOUBLE",
            "In base units; NULL without an earlier context.",
            "per cent",
        ),
        Column(
            "mark_change_1h_pct", "DOUBLE", "Of the mark, between the same contexts.", "per cent"
        ),
        Column(
            "mark_change_24h_pct", "DOUBLE", "Of the mark, between the same contexts.", "per cent"
        ),
        Column(
            "oi_to_volume_24h",
            "DOUBLE",
            "Open notional over a day's; NULL if none traded.",
            "times",
        ),
        Column("mark_oracle_premium_bps", "DOUBLE", "Mark over oracle, less one.", "bps"),
        Column(
            "pressure",
            "VARCHAR",
            "new_longs, short_covering, new_shorts, long_liquidation or quiet, over an hour; "
            "NULL without an earlier context.",
        ),
    ),
    key=("symbol", "as_of"),
    time_column="as_of",
    derived=Derived(),
    retention=(Retention(_WEEK, "MARKET_KEEP_POSITIONING_PRESSURE_HOURS"),),
)

BOOK_LEVELS: Final = TableSpec(
    name="book_levels",
    grain="one row per asset, side and price level; from source to feature, never stored",
    columns=(
        SYMBOL,
        key_column("side", "bid or ask."),
        key_column("level", "0 is the best price of the side.", "BIGINT"),
        Column("px", "DOUBLE", "Price; the outer edge of a coarse level.", "quote", True),
        Column("sz", "DOUBLE", "Size of all its orders.", "base", True),
        Column("n", "BIGINT", "Number of its orders.", "count"),
        Column("book_at", "TIMESTAMPTZ", "Instant of the book, by the venue.", required=True),
    ),
    key=("symbol", "side", "level"),
    time_column="book_at",
)
"""How order books reach `features`. It is not among `TABLES`."""
