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
        """Columns that speak of the thing itself: neither its key nor the row's own history."""
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
