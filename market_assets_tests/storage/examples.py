"""Small tables and frames that the tests of the store share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from market_assets.tables import HYPERLIQUID_ASSETS, HYPERLIQUID_CANDLES, Column, TableSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

T0 = datetime(2026, 1, 1, tzinfo=UTC)

PRICES = TableSpec(
    name="prices",
    grain="one row per symbol",
    columns=(
        Column("symbol", "VARCHAR", "The symbol.", required=True),
        Column("price", "DOUBLE", "Price.", "quote"),
        Column("seq", "BIGINT", "First part of the version."),
        Column("seen_at", "TIMESTAMPTZ", "Second part of the version."),
    ),
    key=("symbol",),
    time_column="seen_at",
    version=("seq", "seen_at"),
)
"""A version of two columns, both of which may be NULL."""

NOTES = TableSpec(
    name="notes",
    grain="one row per note",
    columns=(
        Column("note_id", "VARCHAR", "The note's id.", required=True),
        Column("text", "VARCHAR", "What it says."),
        Column("tags", "VARCHAR[]", "Its tags."),
        Column("day", "DATE", "The day it is of."),
    ),
    key=("note_id",),
    time_column="day",
)
"""No version: the later write stays."""


def at(seconds: float) -> datetime:
    """The instant that many seconds after `T0`."""
    return T0 + timedelta(seconds=seconds)


def prices(rows: Iterable[tuple[str, float | None, int | None, datetime | None]]) -> pl.DataFrame:
    """A frame of `PRICES`."""
    return pl.DataFrame(list(rows), schema=PRICES.schema, orient="row")


def many_prices(count: int, turn: int) -> pl.DataFrame:
    """That many rows of `PRICES` that no compression makes small; other keys for each turn."""
    number = pl.int_range(count, dtype=pl.Int64)
    return pl.select(
        symbol=pl.format("{}-{}", pl.lit(turn), number.hash(turn)),
        price=number.hash(turn + 1).cast(pl.Float64),
        seq=number,
        seen_at=pl.lit(at(turn)).cast(pl.Datetime("us", "UTC")),
    )


def symbols_in(path: Path) -> list[str]:
    """All symbols in a database's `prices`, sorted, doubled ones too."""
    with duckdb.connect(path, read_only=True) as connection:
        rows = connection.execute("select symbol from prices order by 1").fetchall()
    return [symbol for (symbol,) in rows]


def notes(rows: Iterable[tuple[object, ...]]) -> pl.DataFrame:
    """A frame of `NOTES`."""
    return pl.DataFrame(list(rows), schema=NOTES.schema, orient="row")


def candles(
    symbols: Sequence[str], minute: int = 0, *, trades: int = 1, count: int = 1, close: float = 1.0
) -> pl.DataFrame:
    """`count` 1-minute candles per symbol, from `minute` minutes after `T0`."""
    rows = [
        {
            "symbol": symbol,
            "interval": "1m",
            "open_at": T0 + timedelta(minutes=m),
            "close_at": T0 + timedelta(minutes=m + 1),
            "open": 1.0,
            "high": 2.0,
            "low": 0.5,
            "close": close,
            "volume": 10.0,
            "trades": trades,
            "is_closed": False,
            "source": "stream",
            "ingested_at": T0 + timedelta(minutes=m),
        }
        for symbol in symbols
        for m in range(minute, minute + count)
    ]
    return pl.DataFrame(rows, schema=HYPERLIQUID_CANDLES.schema)


def assets(*symbols: str, seen: float, max_leverage: int = 50) -> pl.DataFrame:
    """A registry as it would be read `seen` seconds after `T0`."""
    rows = [
        {
            "symbol": symbol,
            "kind": "perp",
            "dex": "",
            "display_name": symbol,
            "sz_decimals": 2,
            "max_leverage": max_leverage,
            "only_isolated": False,
            "is_delisted": False,
            "first_seen_at": at(seen),
            "updated_at": at(seen),
            "ingested_at": at(seen),
        }
        for symbol in symbols
    ]
    return pl.DataFrame(rows, schema=HYPERLIQUID_ASSETS.schema)
