"""What there is of the past: which rows a day should have, and which it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from market_assets.tables.hyperliquid import (
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_MID_PRICES,
    SYMBOL,
)
from market_assets.tables.hyperliquid_derived import HYPERLIQUID_FUNDING_RATES
from market_assets.tables.spec import Column, Retention, TableSpec, key_column

DATA_COMPLETENESS: Final = TableSpec(
    name="data_completeness",
    grain="one row per series, asset and UTC day, with the rows that it should have and has",
    columns=(
        key_column("table_name", "The table whose rows are counted."),
        Column("interval", "VARCHAR", "1m or 1h; NULL where the table has no intervals."),
        SYMBOL,
        key_column("day", "The day, in UTC.", "DATE"),
        Column(
            "expected_rows",
            "BIGINT",
            "Rows from midnight, or from when the asset was listed or first collected, to the end "
            "of the day; today up to now; a delisted asset's up to when that was seen.",
            "rows",
            required=True,
        ),
        Column(
            "present_rows",
            "BIGINT",
            "Rows that are there, archived ones too.",
            "rows",
            required=True,
        ),
        Column(
            "healed_rows",
            "BIGINT",
            "Of these, rows that filled a recorded gap.",
            "rows",
            required=True,
        ),
        Column(
            "lost_rows",
            "BIGINT",
            "Of those that are missing, rows that are known never to come.",
            "rows",
            required=True,
        ),
        Column(
            "completeness_pct",
            "DOUBLE",
            "100 × present_rows / expected_rows, at most 100; NULL where none are expected.",
            "%",
        ),
        Column(
            "updated_at", "TIMESTAMPTZ", "The instant as of which it was counted.", required=True
        ),
    ),
    key=("table_name", "interval", "symbol", "day"),
    null_in_key=("interval",),
    time_column="day",
    version=("updated_at",),
)

HYPERLIQUID_CANDLE_AUDITS: Final = TableSpec(
    name="hyperliquid_candle_audits",
    grain="one row per asset, interval and time at which its candles were held against the "
    "exchange's",
    columns=(
        SYMBOL,
        key_column("interval", "1m or 1h."),
        key_column("audited_at", "When the exchange was asked.", "TIMESTAMPTZ"),
        Column(
            "compared", "BIGINT", "Candles that are over and that it has.", "candles", required=True
        ),
        Column(
            "mismatches",
            "BIGINT",
            "Of these, candles that differ from ours, or that we lack.",
            "candles",
            required=True,
        ),
        Column(
            "replaced",
            "BIGINT",
            "Of the mismatches, candles that are the exchange's now.",
            "candles",
            required=True,
        ),
        Column(
            "exchange_wrong",
            "BIGINT",
            "Of the mismatches, candles in which its own minutes contradict it: a restart has cut "
            "off their first part. Ours stay.",
            "candles",
            required=True,
        ),
        Column(
            "worst_bps",
            "DOUBLE",
            "The greatest difference of an open, high, low or close among the mismatches that both "
            "have; NULL where there is none.",
            "bps",
        ),
    ),
    key=("symbol", "interval", "audited_at"),
    time_column="audited_at",
    version=("audited_at",),
    retention=(Retention(timedelta(days=90), "MARKET_KEEP_CANDLE_AUDITS_HOURS"),),
)


@dataclass(frozen=True)
class GridSeries:
    """A table, or one interval of it, that has a row per asset at every instant of a grid.

    Attributes:
        table: the table.
        interval: of its candles; None: the table has no intervals.
        step: of the grid, which begins at midnight UTC.
        due_after: from a row's own time until it should be in the published database.
        channel: what its gaps are called in `ingestion_gaps`; their source is `hyperliquid`.
        only: SQL over the table's columns; rows for which it does not hold are not counted.
    """

    table: TableSpec
    interval: str | None
    step: timedelta
    due_after: timedelta
    channel: str
    only: str = "true"

    @property
    def label(self) -> str:
        """`hyperliquid_candles 1m`, as people see it."""
        return self.table.name if self.interval is None else f"{self.table.name} {self.interval}"


_MINUTE: Final = timedelta(minutes=1)

GRID_SERIES: Final = (
    GridSeries(
        HYPERLIQUID_CANDLES,
        "1m",
        _MINUTE,
        due_after=3 * _MINUTE,
        channel="candles",
        only="interval = '1m' and is_closed",
    ),
    GridSeries(
        HYPERLIQUID_CANDLES,
        "1h",
        timedelta(hours=1),
        due_after=timedelta(hours=1) + 5 * _MINUTE,
        channel="candles_1h",
        only="interval = '1h' and is_closed",
    ),
    GridSeries(
        HYPERLIQUID_FUNDING_RATES,
        None,
        timedelta(hours=1),
        # Paid up to 24 minutes late, and asked for once an hour.
        due_after=timedelta(hours=1) + 30 * _MINUTE,
        channel="funding_rates",
    ),
    GridSeries(
        HYPERLIQUID_MID_PRICES, None, timedelta(seconds=5), due_after=2 * _MINUTE, channel="mids"
    ),
)
"""The series whose completeness is counted. A minute without a trade has a flat candle, so candles
have no holes by nature; funding is paid once an hour."""
