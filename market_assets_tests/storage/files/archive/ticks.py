"""A small table with a retention, and a store of it with an archive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from market_assets.clock import ManualClock
from market_assets.storage.common.changes import Expired, Retired
from market_assets.storage.files.archive.layout import Layout
from market_assets.storage.files.store import FileStore
from market_assets.tables import INGESTION_RUNS, Column, Retention, TableSpec

TICKS = TableSpec(
    name="ticks",
    grain="one row per symbol and instant",
    columns=(
        Column("symbol", "VARCHAR", "The symbol.", required=True),
        Column("seen_at", "TIMESTAMPTZ", "When it was seen.", required=True),
        Column("price", "DOUBLE", "Price; NULL where it was not told.", "USD"),
        Column("sizes", "DOUBLE[]", "Sizes.", "base"),
        Column("ingested_at", "TIMESTAMPTZ", "When it came.", required=True),
    ),
    key=("symbol", "seen_at"),
    time_column="seen_at",
    version=("ingested_at",),
    retention=(Retention(timedelta(days=1), "KEEP_TICKS"),),
)
NOON = datetime(2026, 3, 30, 12, tzinfo=UTC)

Tick = tuple[str, datetime, float | None, int]
"""Symbol, instant, price, and the second in which it came."""


def ticks(*rows: Tick) -> pl.DataFrame:
    """A frame of `TICKS`."""
    filled = [
        (symbol, at, price, [price] if price is not None else None, NOON + timedelta(seconds=came))
        for symbol, at, price, came in rows
    ]
    return pl.DataFrame(filled, schema=TICKS.schema, orient="row")


def store_at(folder: Path, *, limit: int = 0, upstream: Any = None) -> FileStore:
    return FileStore(
        folder / "market.duckdb",
        archive=folder / "archive",
        archive_limit=limit,
        upstream=upstream,
        tables=(TICKS, INGESTION_RUNS),
        clock=ManualClock(NOON + timedelta(days=365)),
        lock_wait=timedelta(seconds=20),
    )


def layout_at(folder: Path) -> Layout:
    return Layout(folder / "archive")


def retire(store: FileStore, before: datetime) -> Retired:
    """Retire what is older than that."""
    return store.retire(Expired(TICKS, "seen_at < ?", [before], before, rows=1))


def everything(folder: Path) -> list[tuple[Any, ...]]:
    """What a reader of the published file finds in `ticks_all`, as symbol, instant, price."""
    with duckdb.connect(str(folder / "market.duckdb"), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(
            "select symbol, seen_at, price from ticks_all order by all"
        ).fetchall()


def live(store: FileStore) -> list[tuple[Any, ...]]:
    return store.read("select symbol, seen_at, price from ticks order by all").rows()
