"""The tables: one `TableSpec` each, the contract between sources, storage, features and readers.

Normalisers promise these columns, storage creates and checks them, features read them; asset
checks, the UI's column schemas and `docs/tables.md` are made from them. Nothing here opens a file.

Rules for every table: instants are `TIMESTAMPTZ` in UTC; amounts are `DOUBLE`; a value that the
venue did not give is `NULL`; the unit stands in a column's name or in its `unit`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import polars as pl

SqlType = Literal[
    "TIMESTAMPTZ", "DATE", "DOUBLE", "BIGINT", "BOOLEAN", "VARCHAR", "VARCHAR[]", "DOUBLE[]"
]


@dataclass(frozen=True)
class Column:
    """One column: its SQL type, what a value means, its unit, and whether it may be NULL."""

    name: str
    type: SqlType
    doc: str
    unit: str = ""
    required: bool = False


@dataclass(frozen=True)
class Retention:
    """How long rows are kept, by the table's time column.

    Attributes:
        keep: the age after which a row is deleted (the default of the setting).
        setting: the environment variable that changes it, in hours.
        only: restricts the rule to rows where `only[0]` equals `only[1]`.
    """

    keep: timedelta
    setting: str
    only: tuple[str, str] | None = None


@dataclass(frozen=True)
class TableSpec:
    """What a table holds.

    Attributes:
        name: the table, the asset key and, where one function makes it, that function.
        grain: what one row is, in words: "one row per …".
        key: the columns that identify a row.
        time_column: the row's own time (the venue's clock, or the instant it speaks for).
        version: which of two rows with one key wins: the one that is greater in these columns,
            compared left to right; equal rows: the one already stored stays. So an older message
            never overwrites a newer one. Empty: a later write wins.
        set_once: columns that keep their first value when a row is replaced.
        changed_at: the column that says when the row's content last changed. Replaced by a row
            with the same content, it keeps its stored value. Empty: the table has none.
        retention: rules by which old rows are deleted; empty: rows are kept.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    time_column: str
    version: tuple[str, ...] = ()
    set_once: tuple[str, ...] = ()
    changed_at: str = ""
    retention: tuple[Retention, ...] = field(default=())

    def __post_init__(self) -> None:
        names = self.column_names
        changed_at = (self.changed_at,) if self.changed_at else ()
        for name in (*self.key, self.time_column, *self.version, *self.set_once, *changed_at):
            if name not in names:
                raise ValueError(f"table {self.name}: no column {name!r}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in table order."""
        return tuple(column.name for column in self.columns)

    @property
    def content(self) -> tuple[str, ...]:
        """Columns whose change moves `changed_at`: not the key, nor those that speak of the row."""
        history = {*self.key, *self.version, *self.set_once, self.changed_at, "ingested_at"}
        return tuple(name for name in self.column_names if name not in history)

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that are never NULL: the key, and those that say so."""
        return tuple(c.name for c in self.columns if c.required or c.name in self.key)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The Polars schema of a frame of this table. Imports polars when it is asked for."""
        from market_assets.frames import polars_type  # noqa: PLC0415 - 0.15 s of CPU, paid by users

        return {column.name: polars_type(column.type) for column in self.columns}


def _key(name: str, doc: str, type_: SqlType = "VARCHAR") -> Column:
    return Column(name, type_, doc, required=True)


_SYMBOL = _key("symbol", "The exchange's own coin name: BTC, kPEPE, PURR/USDC, @107, xyz:TSLA.")
_INGESTED_AT = Column(
    "ingested_at", "TIMESTAMPTZ", "When the project received it, by its own clock.", required=True
)

HYPERLIQUID_ASSETS: Final = TableSpec(
    name="hyperliquid_assets",
    grain="one row per asset that the exchange lists or has listed",
    columns=(
        _SYMBOL,
        Column("kind", "VARCHAR", "perp or spot.", required=True),
        Column("dex", "VARCHAR", "The builder-deployed dex; '' for the first.", required=True),
        Column("display_name", "VARCHAR", "The name that people know it by.", required=True),
        Column("sz_decimals", "BIGINT", "Decimals of an order size.", "decimals", required=True),
        Column("max_leverage", "BIGINT", "Greatest leverage; NULL for spot.", "times"),
        Column("only_isolated", "BOOLEAN", "Only isolated margin is allowed.", required=True),
        Column("is_delisted", "BOOLEAN", "Not trading now; may come back.", required=True),
        Column("first_seen_at", "TIMESTAMPTZ", "When this project first saw it.", required=True),
        Column("updated_at", "TIMESTAMPTZ", "When one of the columns above last changed."),
        _INGESTED_AT,
    ),
    key=("symbol",),
    time_column="ingested_at",
    version=("ingested_at",),
    set_once=("first_seen_at",),
    changed_at="updated_at",
)

HYPERLIQUID_ASSET_CATEGORY_TAXONOMY: Final = TableSpec(
    name="hyperliquid_asset_category_taxonomy",
    grain="one row per category that an asset can be in",
    columns=(
        _key("category", "Short name: layer_1, meme, stocks."),
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
        _SYMBOL,
        _key("category", "A category of the taxonomy."),
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
        _SYMBOL,
        _key("bucket_at", "Start of the 5-second bucket on the UTC grid.", "TIMESTAMPTZ"),
        Column("mid", "DOUBLE", "Mid price, the last seen in the bucket.", "quote", required=True),
        Column("samples", "BIGINT", "Mids seen in the bucket.", "count", required=True),
        _INGESTED_AT,
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
        _SYMBOL,
        _key("interval", "1m from the stream and REST; 1h rolled up from 1m, or from REST."),
        _key("open_at", "Start of the candle, inclusive.", "TIMESTAMPTZ"),
        Column("close_at", "TIMESTAMPTZ", "End of the candle, exclusive.", required=True),
        Column("open", "DOUBLE", "First traded price; the last close if none.", "quote", True),
        Column("high", "DOUBLE", "Highest traded price.", "quote", True),
        Column("low", "DOUBLE", "Lowest traded price.", "quote", True),
        Column("close", "DOUBLE", "Last traded price.", "quote", True),
        Column("volume", "DOUBLE", "Traded size; 0 in a minute without trades.", "base", True),
        Column("trades", "BIGINT", "Number of trades.", "count", True),
        Column("is_closed", "BOOLEAN", "The candle is over.", required=True),
        Column("source", "VARCHAR", "stream, rest or rollup.", required=True),
        _INGESTED_AT,
    ),
    key=("symbol", "interval", "open_at"),
    time_column="open_at",
    # A candle only grows, so more trades is later, whatever order the messages came in; a closed
    # one beats the same one still forming; REST, fetched afterwards, confirms an equal one.
    version=("trades", "is_closed", "ingested_at"),
    retention=(
        Retention(timedelta(hours=24), "MARKET_KEEP_CANDLES_1M_HOURS", ("interval", "1m")),
        Retention(timedelta(days=7), "MARKET_KEEP_CANDLES_1H_HOURS", ("interval", "1h")),
    ),
)

_WEEK: Final = timedelta(days=7)

HYPERLIQUID_ASSET_CONTEXTS: Final = TableSpec(
    name="hyperliquid_asset_contexts",
    grain="one row per asset and time at which the exchange was asked for its context",
    columns=(
        _SYMBOL,
        _key("observed_at", "When the answer was received: it carries no time.", "TIMESTAMPTZ"),
        Column("mark_px", "DOUBLE", "Mark price; that of a delisted asset is stale.", "quote"),
        Column("oracle_px", "DOUBLE", "Oracle price; NULL for spot.", "quote"),
        Column("mid_px", "DOUBLE", "Mid price; NULL where nobody quotes.", "quote"),
        Column("funding_rate", "DOUBLE", "Rate of the running hour; NULL for spot.", "per hour"),
        Column("premium", "DOUBLE", "Impact price over oracle, less one; NULL if none.", "rate"),
        Column("open_interest", "DOUBLE", "Open positions, one side; NULL for spot.", "base"),
        Column("open_interest_usd", "DOUBLE", "At the mark; NULL unless quoted in USDC.", "USD"),
        Column("volume_24h_usd", "DOUBLE", "Rolling day; NULL unless quoted in USDC.", "USD"),
        Column("prev_day_px", "DOUBLE", "Price 24 hours ago.", "quote"),
        Column("impact_bid_px", "DOUBLE", "Average price of selling the impact notional.", "quote"),
        Column("impact_ask_px", "DOUBLE", "Average price of buying the impact notional.", "quote"),
        Column("quote_token", "VARCHAR", "Token of prices and notionals: USDC, USDH, USDE."),
        Column("volume_24h_quote", "DOUBLE", "Traded value of the rolling day.", "quote"),
        Column("volume_24h_base", "DOUBLE", "Traded size of the rolling day.", "base"),
        Column("is_delisted", "BOOLEAN", "Not trading now; kept out of features.", required=True),
        _INGESTED_AT,
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
        _SYMBOL,
        _key(
            "funding_at",
            "When it was paid, floored to the hour (+0.02 s to +24 min).",
            "TIMESTAMPTZ",
        ),
        Column(
            "funding_rate", "DOUBLE", "Paid by longs to shorts, for one interval.", "rate", True
        ),
        Column("premium", "DOUBLE", "Mean premium of the interval; NULL if not given.", "rate"),
        Column("interval_hours", "BIGINT", "1; 8 before 2023-06-08.", "hours", required=True),
        _INGESTED_AT,
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
        _SYMBOL,
        _key("interval", "Interval of the candles: 1m, 1h."),
        _key("as_of", "Close of the last closed candle that is used.", "TIMESTAMPTZ"),
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
    retention=(Retention(_WEEK, "MARKET_KEEP_TECHNICAL_INDICATORS_HOURS"),),
)

HYPERLIQUID_VOLATILITY_PROFILES: Final = TableSpec(
    name="hyperliquid_volatility_profiles",
    grain="one row per asset and close of a 1-minute candle",
    columns=(
        _SYMBOL,
        _key("as_of", "Close of the last closed 1-minute candle that is used.", "TIMESTAMPTZ"),
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
    retention=(Retention(_WEEK, "MARKET_KEEP_VOLATILITY_PROFILES_HOURS"),),
)

HYPERLIQUID_FUNDING_PRESSURE: Final = TableSpec(
    name="hyperliquid_funding_pressure",
    grain="one row per perpetual and asset context",
    columns=(
        _SYMBOL,
        _key("as_of", "When the asset context was observed.", "TIMESTAMPTZ"),
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
    retention=(Retention(_WEEK, "MARKET_KEEP_FUNDING_PRESSURE_HOURS"),),
)

HYPERLIQUID_LIQUIDITY_PROFILES: Final = TableSpec(
    name="hyperliquid_liquidity_profiles",
    grain="one row per asset and order book",
    columns=(
        _SYMBOL,
        _key("as_of", "Instant of the book, by the exchange's clock.", "TIMESTAMPTZ"),
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
        Column("volume_24h_usd", "DOUBLE", "Rolling day; NULL unless quoted in USDC.", "USD"),
    ),
    key=("symbol", "as_of"),
    time_column="as_of",
    retention=(Retention(_WEEK, "MARKET_KEEP_LIQUIDITY_PROFILES_HOURS"),),
)

HYPERLIQUID_POSITIONING_PRESSURE: Final = TableSpec(
    name="hyperliquid_positioning_pressure",
    grain="one row per perpetual and asset context",
    columns=(
        _SYMBOL,
        _key("as_of", "When the asset context was observed.", "TIMESTAMPTZ"),
        Column("open_interest", "DOUBLE", "Open positions, one side.", "base", True),
        Column("open_interest_usd", "DOUBLE", "At the mark; NULL unless quoted in USDC.", "USD"),
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
    retention=(Retention(_WEEK, "MARKET_KEEP_POSITIONING_PRESSURE_HOURS"),),
)

USD_TOKENS: Final = frozenset({"USDC"})
"""Quote tokens whose amounts are dollars. Others are worth about one, until they are not."""

BOOK_LEVELS: Final = TableSpec(
    name="book_levels",
    grain="one row per asset, side and price level; from source to feature, never stored",
    columns=(
        _SYMBOL,
        _key("side", "bid or ask."),
        _key("level", "0 is the best price of the side.", "BIGINT"),
        Column("px", "DOUBLE", "Price; the outer edge of a coarse level.", "quote", True),
        Column("sz", "DOUBLE", "Size of all its orders.", "base", True),
        Column("n", "BIGINT", "Number of its orders.", "count"),
        Column("book_at", "TIMESTAMPTZ", "Instant of the book, by the venue.", required=True),
    ),
    key=("symbol", "side", "level"),
    time_column="book_at",
)
"""How order books reach `features`. It is not among `TABLES`."""

INGESTION_RUNS: Final = TableSpec(
    name="ingestion_runs",
    grain="one row per attempt to bring rows of one asset; in one transaction with those rows",
    columns=(
        _key("run_id", "Unique id of the attempt."),
        Column("source", "VARCHAR", "The venue.", required=True),
        Column("channel", "VARCHAR", "The channel.", required=True),
        Column("asset_key", "VARCHAR", "The asset.", required=True),
        Column("status", "VARCHAR", "running, ok or failed.", required=True),
        Column("started_at", "TIMESTAMPTZ", "When it began.", required=True),
        Column("finished_at", "TIMESTAMPTZ", "When it ended; NULL while running."),
        Column("duration_ms", "BIGINT", "How long it took.", "ms"),
        Column("rows_written", "BIGINT", "Rows inserted or changed.", "rows"),
        Column("event_from_at", "TIMESTAMPTZ", "Earliest event time among them."),
        Column("event_to_at", "TIMESTAMPTZ", "Latest event time among them."),
        Column("error_kind", "VARCHAR", "Class of the error; NULL if none."),
        Column("error_message", "VARCHAR", "One line, without secrets; NULL if none."),
        Column("dagster_run_id", "VARCHAR", "The Dagster run; NULL outside Dagster."),
    ),
    key=("run_id",),
    time_column="started_at",
    retention=(Retention(timedelta(days=30), "MARKET_KEEP_INGESTION_RUNS_HOURS"),),
)

INGESTION_GAPS: Final = TableSpec(
    name="ingestion_gaps",
    grain="one row per hole in a symbol's series, and what became of it",
    columns=(
        _key("source", "The venue."),
        _key("channel", "The channel."),
        _key("symbol", "The asset."),
        _key("gap_from_at", "First instant that is missing.", "TIMESTAMPTZ"),
        Column("gap_to_at", "TIMESTAMPTZ", "First instant that is there again.", required=True),
        Column("cause", "VARCHAR", "fresh, downtime, reconnect, silence.", required=True),
        Column("detected_at", "TIMESTAMPTZ", "When it was found.", required=True),
        Column("healed_at", "TIMESTAMPTZ", "When it was filled; NULL while open."),
        Column("healed_rows", "BIGINT", "Rows that filled it.", "rows"),
    ),
    key=("source", "channel", "symbol", "gap_from_at"),
    time_column="detected_at",
    retention=(Retention(timedelta(days=7), "MARKET_KEEP_GAPS_HOURS"),),
)

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
    INGESTION_RUNS,
    INGESTION_GAPS,
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
