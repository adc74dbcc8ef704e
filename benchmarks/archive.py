"""A year in the archive: `python -m benchmarks.archive [--days 365] [--symbols 100]`.

1-minute candles of made-up symbols, a file a day, and a live day of them beside. How long a query
of a symbol and a day takes through `hyperliquid_candles_all`, from a connection that has just been
opened; what a publication takes with that many days; and what a round of retention takes that
moves a minute of mids of 400 symbols into the file of the running hour.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from market_assets.storage.common.changes import Expired
from market_assets.storage.files.archive.layout import Layout
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl
    from duckdb import DuckDBPyConnection

    from market_assets.tables import TableSpec

LIVE: Final = datetime(2026, 11, 30, tzinfo=UTC)
MIDS: Final = 400
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
_FIGURE: Final = "(hash(symbol, t, {salt}) % 100000) / 7.0"


def _values(spec: TableSpec, given: dict[str, str]) -> str:
    """A made-up value for each column, given or by its type."""
    salts = {name: salt for salt, name in enumerate(spec.column_names)}
    made = {"DOUBLE": _FIGURE, "BIGINT": "hash(symbol, t, {salt}) % 100"}
    return ", ".join(
        f"({given.get(c.name, made.get(c.type, 'null').format(salt=salts[c.name]))})::{c.type}"
        f' as "{c.name}"'
        for c in spec.columns
    )


def candles(connection: DuckDBPyConnection, symbols: int, day: datetime) -> pl.DataFrame:
    """A day of 1-minute candles."""
    given = {
        "symbol": "symbol",
        "interval": "'1m'",
        "open_at": "t",
        "close_at": "t + interval 1 minute",
        "is_closed": "true",
        "source": "'stream'",
        "ingested_at": "t + interval 61 second",
    }
    sql = (
        f"select {_values(HYPERLIQUID_CANDLES, given)} from (select 'S' || s as symbol,"
        " ?::timestamptz + to_minutes(m) as t from range(?) a(s), range(1440) b(m))"
        " order by all"
    )
    return connection.execute(sql, [day, symbols]).pl()


def mids(connection: DuckDBPyConnection, minute: datetime) -> pl.DataFrame:
    """A minute of mids, every five seconds."""
    given = {"symbol": "symbol", "bucket_at": "t", "samples": "5", "ingested_at": "t"}
    sql = (
        f"select {_values(HYPERLIQUID_MID_PRICES, given)} from (select 'S' || s as symbol,"
        " ?::timestamptz + to_seconds(5 * b) as t from range(?) a(s), range(12) c(b))"
    )
    return connection.execute(sql, [minute, MIDS]).pl()


def fill(folder: Path, days: int, symbols: int) -> FileStore:
    """The archive, and the live day after it."""
    store = FileStore(folder / "market.duckdb", archive=folder / "archive")
    layout = Layout(folder / "archive")
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for number in range(days):
            day = LIVE - (days - number) * DAY
            place = layout.day(HYPERLIQUID_CANDLES.name, day.date())
            place.folder.mkdir(parents=True)
            candles(connection, symbols, day).write_parquet(
                place.data, compression="zstd", row_group_size=122_880
            )
        store.merge(HYPERLIQUID_CANDLES, candles(connection, symbols, LIVE))
    return store


@contextmanager
def _timed(into: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    into.append(1000 * (time.perf_counter() - began))


def query(published: Path, symbol: str, day: datetime) -> float:
    """Milliseconds from opening the file to all candles of a symbol and day."""
    took: list[float] = []
    with _timed(took), duckdb.connect(str(published), read_only=True) as connection:
        found = connection.execute(
            "select * from hyperliquid_candles_all where symbol = ? and open_at >= ?"
            " and open_at < ?",
            [symbol, day, day + DAY],
        ).fetchall()
    if len(found) != 1440:
        raise AssertionError(f"{len(found)} candles of {day:%Y-%m-%d}")
    return took[0]


def rounds(store: FileStore, count: int) -> list[float]:
    """Milliseconds of rounds of retention that each move a minute of mids."""
    took: list[float] = []
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for number in range(count):
            minute = LIVE + timedelta(hours=1) + number * MINUTE
            store.merge(HYPERLIQUID_MID_PRICES, mids(connection, minute))
            before = minute + MINUTE
            old = Expired(HYPERLIQUID_MID_PRICES, "bucket_at < ?", [before], before, 1)
            with _timed(took):
                store.retire(old)
    return took


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--symbols", type=int, default=100)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="market-assets-bench-") as folder:
        store = fill(Path(folder), chosen.days, chosen.symbols)
        size = sum(file.stat().st_size for file in Path(folder, "archive").rglob("*.parquet"))
        published: list[float] = []
        with _timed(published):
            store.publish(force=True)
        spans = {
            "of a day of the archive": [LIVE - n * DAY for n in range(1, chosen.days, 17)],
            "of the live day": [LIVE] * 20,
        }
        took = {
            name: [
                query(store.paths.published, f"S{n % chosen.symbols}", day)
                for n, day in enumerate(days)
            ]
            for name, days in spans.items()
        }
        moved = rounds(store, 60)
    print(f"\n{chosen.days} days of {chosen.symbols} symbols, {size / 1e6:,.0f} MB of Parquet.\n")
    print("| | median, ms | longest |\n|---|---:|---:|")
    for name, each in took.items():
        print(f"| a symbol's candles {name} | {statistics.median(each):.0f} | {max(each):.0f} |")
    print(
        f"| a round that moves a minute of mids | {statistics.median(moved):.0f} |"
        f" {max(moved):.0f} |"
    )
    print(f"| a publication | {published[0]:.0f} | |")
    print(f"\nLoad average {os.getloadavg()[1]:.1f} on 5 minutes.")


if __name__ == "__main__":
    main()
