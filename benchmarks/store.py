"""What the store costs: `python -m benchmarks.store`, about a minute.

A flush is what a stream of 600 symbols writes every few seconds: 600 candles and 600 mids, appended
to the spool and drained into a database that holds 600,000 candles. It is compared, turn by turn in
the same run, with two baselines that do the same rows without a spool, a gate or a comparison of
versions: plain `INSERT` (which would double rows) and an upsert on a primary key. All three open
and close the file each time. Then a file of about 100 MB is published.

Figures are medians, with the 5th and the 95th percentile. Read them as ratios.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from market_assets.storage.common.schema import create_table
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES

if TYPE_CHECKING:
    from collections.abc import Callable

SYMBOLS = 600
MINUTES = 1000
TURNS = 60
PUBLISHED_MB = 100
TABLES = (HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES)
START = datetime(2026, 1, 1, tzinfo=UTC)
"""The first minute of the stream; what is in the database is older."""


def candles(first: int, minutes: int, trades: int) -> pl.DataFrame:
    """Candles of all symbols, symbol by symbol as a backfill brings them, with random prices."""
    count = SYMBOLS * minutes
    row = pl.int_range(count)
    opened = pl.lit(START) + pl.duration(minutes=first + row % minutes)
    price = row.hash(abs(first)).cast(pl.Float64) / 2**64
    frame = pl.select(
        symbol=pl.format("SYM{}", row // minutes),
        interval=pl.lit("1m"),
        open_at=opened,
        close_at=opened + pl.duration(minutes=1),
        open=price,
        high=price + 1,
        low=price - 1,
        close=price.shuffle(1),
        volume=price.shuffle(2) * 1000,
        trades=pl.lit(trades, pl.Int64),
        is_closed=pl.lit(first < 0),
        source=pl.lit("stream"),
        ingested_at=opened,
    )
    return frame.cast(HYPERLIQUID_CANDLES.schema)


def mids(second: int) -> pl.DataFrame:
    """One bucket of mids of all symbols."""
    row = pl.int_range(SYMBOLS)
    frame = pl.select(
        symbol=pl.format("SYM{}", row),
        bucket_at=pl.lit(START + timedelta(seconds=second)),
        mid=row.hash(abs(second)).cast(pl.Float64) / 2**64,
        samples=pl.lit(1),
        ingested_at=pl.lit(START + timedelta(seconds=second)),
    )
    return frame.cast(HYPERLIQUID_MID_PRICES.schema)


def flushes(turns: int) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """What each flush brings: the running minute's candles once more, and the next bucket."""
    return [(candles(turn // 12, 1, turn % 12 + 1), mids(5 * turn)) for turn in range(turns)]


class Baseline:
    """The same rows without the store: open, write, close."""

    def __init__(self, path: Path, stored: pl.DataFrame, *, primary_key: bool) -> None:
        """Make the file with its tables and the rows that are there already."""
        self._path = path
        self._conflict = " or replace" if primary_key else ""
        with duckdb.connect(path) as connection:
            for spec in TABLES:
                definition = create_table(spec)
                if primary_key:
                    definition = f"{definition[:-1]}, primary key ({', '.join(spec.key)}))"
                connection.execute(definition).fetchall()
            connection.register("source", stored)
            connection.execute("insert into hyperliquid_candles select * from source").fetchall()

    def write(self, turn: tuple[pl.DataFrame, pl.DataFrame]) -> None:
        """One flush."""
        with duckdb.connect(self._path, config={"threads": "1"}) as connection:
            connection.execute("begin").fetchall()
            for spec, frame in zip(TABLES, turn, strict=True):
                connection.register("source", frame)
                connection.execute(
                    f"insert{self._conflict} into {spec.name} select * from source"
                ).fetchall()
            connection.execute("commit").fetchall()


class Flush:
    """The project's own flush, with what it tells about itself."""

    def __init__(self, store: FileStore, stored: pl.DataFrame) -> None:
        """Fill the database as a backfill does."""
        self.appends: list[float] = []
        self.holds: list[float] = []
        self._store = store
        self._spool = Spool(store.paths.folder / "spool", limit_bytes=10**9)
        store.merge(HYPERLIQUID_CANDLES, stored)

    def write(self, turn: tuple[pl.DataFrame, pl.DataFrame]) -> None:
        """Spool both frames, drain them."""
        for spec, frame in zip(TABLES, turn, strict=True):
            self.appends.append(timed(self._spool.append, spec, frame))
        self.holds.append(self._spool.drain(self._store).written[0].lock_hold_ms)


def timed(action: Callable[..., object], *args: object) -> float:
    """Milliseconds that it took."""
    started = time.perf_counter()
    action(*args)
    return (time.perf_counter() - started) * 1e3


def row(what: str, values: list[float], unit: str = "ms") -> str:
    """A line of the report: median, and how far it spreads."""
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20]
    return f"| {what} | {statistics.median(ordered):.1f} {unit} | {low:.1f} – {high:.1f} |"


def scattered(store: FileStore) -> list[float]:
    """Holds of a flush whose rows lie all over the table: one old minute of all symbols."""
    return [
        store.merge(HYPERLIQUID_CANDLES, candles(-turn - 1, 1, 100 + turn)).lock_hold_ms
        for turn in range(5)
    ]


def publishing(store: FileStore) -> tuple[float, list[float], list[float]]:
    """Megabytes of the published file, what publishing it took, and how long writers waited."""
    while store.paths.live.stat().st_size < PUBLISHED_MB * 1e6:
        first = -int(store.paths.live.stat().st_size) // 100
        store.merge(HYPERLIQUID_CANDLES, candles(first - MINUTES, MINUTES, 1))
    took: list[float] = []
    holds: list[float] = []
    for turn in range(5):
        store.merge(HYPERLIQUID_MID_PRICES, mids(10**6 + turn))
        started = time.perf_counter()
        publication = store.publish(force=True)
        took.append((time.perf_counter() - started) * 1e3)
        holds.append(publication.hold_ms)
    return store.paths.published.stat().st_size / 1e6, took, holds


def used() -> float:
    """CPU seconds of this process and of those it started."""
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def report(folder: Path) -> list[str]:
    """Run everything in the folder; the lines of the report."""
    stored = candles(-MINUTES, MINUTES, 50)
    store = FileStore(folder / "market.duckdb", tables=TABLES)
    flush = Flush(store, stored)
    plain = Baseline(folder / "plain.duckdb", stored, primary_key=False)
    keyed = Baseline(folder / "keyed.duckdb", stored, primary_key=True)
    times: dict[str, list[float]] = {"flush": [], "plain": [], "keyed": []}
    cpu = 0.0
    for turn in flushes(TURNS):
        before = used()
        times["flush"].append(timed(flush.write, turn))
        cpu += used() - before
        times["plain"].append(timed(plain.write, turn))
        times["keyed"].append(timed(keyed.write, turn))
    share = [hold / 5000 * 100 for hold in flush.holds]
    holes = scattered(store)
    size, took, holds = publishing(store)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    machine = f"DuckDB {duckdb.__version__}, Python {sys.version.split()[0]}, {os.cpu_count()} CPUs"
    return [
        f"{machine}; {stored.height:,} candles, {2 * SYMBOLS:,} rows a flush, {TURNS} turns.",
        "",
        "| what | median | 5 % – 95 % |",
        "|---|---|---|",
        row("flush: spool, drain, remove", times["flush"]),
        row("its append to the spool, one table", flush.appends),
        row("its hold of the live file", flush.holds),
        row("share of time locked, a flush every 5 s", share, "%"),
        row("baseline: plain INSERT", times["plain"]),
        row("baseline: upsert on a primary key", times["keyed"]),
        row("hold when 600 rows lie scattered in the table", holes),
        row(f"publish {size:.0f} MB", took),
        row("hold of the live file meanwhile", holds),
        "",
        f"CPU per flush {cpu / TURNS * 1e3:.1f} ms; in all {used():.1f} s; peak RSS {peak:.0f} MB.",
    ]


def main() -> None:
    """Print the report; the files are removed."""
    folder = Path(tempfile.mkdtemp(prefix="market-assets-bench-"))
    try:
        print("\n".join(report(folder)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
