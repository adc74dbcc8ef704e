"""What a reader of the live file waits: `python -m benchmarks.readers`, about three minutes.

The live file holds 500 MB of candles. A writer process drains a flush of 1,200 rows twice a second
(the stream does so every five seconds), another one publishes without pause, and this process
reads one symbol's newest candle through the gate. The baseline, in the same run: the same reader
and writer, and nobody publishes. Waiting is what others cause: from the call until the file may be
opened. Goal: under 50 ms while the file is copied.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from benchmarks.store import MINUTES, SYMBOLS, TABLES, candles, flushes
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_CANDLES

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

LARGE_MB = 500
READ_S = 60.0
PAUSE_S = 0.1
NEWEST = "select max(open_at) from hyperliquid_candles where symbol = $symbol"


def fill(store: FileStore) -> None:
    """Candles until the live file is as large as that, in minutes that no flush touches."""
    block = 0
    while not store.paths.live.exists() or store.paths.live.stat().st_size < LARGE_MB * 1e6:
        block += 1
        store.merge(HYPERLIQUID_CANDLES, candles(-block * MINUTES, MINUTES, 1))


def write(path: Path, stop: Event) -> None:
    """A stream's flushes, twice a second."""
    store = FileStore(path, tables=TABLES)
    spool = Spool(store.paths.folder / "spool", limit_bytes=10**9)
    for turn in flushes(100_000 // SYMBOLS):
        if stop.wait(0.5):
            return
        for spec, frame in zip(TABLES, turn, strict=True):
            spool.append(spec, frame)
        spool.drain(store)


def publish(path: Path, stop: Event, bytes_copied: object) -> None:
    """One publication after the other."""
    store = FileStore(path, tables=TABLES)
    while not stop.wait(0.05):
        done = store.publish(force=True)
        with bytes_copied.get_lock():  # type: ignore[attr-defined]
            bytes_copied.value += done.bytes  # type: ignore[attr-defined]


def read(path: Path) -> tuple[list[float], list[float]]:
    """Milliseconds waited, and until the answer was there, of each read for a minute."""
    store = FileStore(path, tables=TABLES, lock_wait=timedelta(seconds=30))
    waits: list[float] = []
    answers: list[float] = []
    turn = random.Random(1)
    ends = time.monotonic() + READ_S
    while time.monotonic() < ends:
        time.sleep(PAUSE_S * turn.uniform(0.5, 1.5))
        before, began = store.lock_stats.wait_ms_total, time.perf_counter()
        store.read(NEWEST, {"symbol": f"SYM{turn.randrange(SYMBOLS)}"})
        answers.append((time.perf_counter() - began) * 1e3)
        waits.append(store.lock_stats.wait_ms_total - before)
    return waits, answers


def beside(path: Path, *, publishing: bool) -> tuple[list[float], list[float], float]:
    """Read beside a writer and, if so, a publisher; also gives the bytes that were published."""
    context = multiprocessing.get_context("spawn")
    stop, copied = context.Event(), context.Value("d", 0.0)
    others = [context.Process(target=write, args=(path, stop))]
    if publishing:
        others.append(context.Process(target=publish, args=(path, stop, copied)))
    for other in others:
        other.start()
    try:
        time.sleep(5)  # they import what they need
        waits, answers = read(path)
    finally:
        stop.set()
        for other in others:
            other.join(60)
    return waits, answers, copied.value


def line(what: str, values: list[float]) -> str:
    """Median, 99th percentile and the longest."""
    ordered = sorted(values)
    p99 = ordered[-1 - len(ordered) // 100]
    return f"| {what} | {statistics.median(ordered):.1f} ms | {p99:.1f} ms | {ordered[-1]:.1f} ms |"


def main() -> None:
    """Print the report; the files are removed."""
    folder = Path(tempfile.mkdtemp(prefix="market-assets-bench-"))
    path = folder / "market.duckdb"
    try:
        store = FileStore(path, tables=TABLES)
        fill(store)
        size = store.paths.live.stat().st_size / 1e6
        store.publish(force=True)
        alone = beside(path, publishing=False)
        copying = beside(path, publishing=True)
    finally:
        shutil.rmtree(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    machine = f"DuckDB {duckdb.__version__}, Python {sys.version.split()[0]}, {os.cpu_count()} CPUs"
    print(f"{machine}; a live file of {size:.0f} MB, {len(copying[0])} reads a turn.\n")
    print("| | median | p99 | longest |\n|---|---:|---:|---:|")
    print(line("a reader waits, nobody publishes", alone[0]))
    print(line(f"a reader waits, {copying[2] / 1e6:,.0f} MB published meanwhile", copying[0]))
    print(line("until its answer is there, nobody publishes", alone[1]))
    print(line("until its answer is there, while files are published", copying[1]))
    print(f"\nPeak RSS of the reader and of filling the file {peak:.0f} MB.")


if __name__ == "__main__":
    main()
