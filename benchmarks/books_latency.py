"""How late a book can be read, and what the stream's process takes: a part of `benchmarks.books`.

The simulated market channel, a session of the stream and a reader, each in a process of its own,
over real sockets and a real live file; flushes are as by default. A frame is readable when a reader
of the live file has an answer that holds its state or a newer one of that token. It is timed twice:
from its arrival at the stream's process, and from the venue's instant in it, which the simulator
sends up to 50 ms later, or more where it is short of CPU. The published file comes later by what
publishing waits.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import psutil

from market_assets.machine_paths import machine_paths
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.state import STATE_FILE
from market_assets.streams.polymarket.assembly import FLUSH, NAME
from market_assets.tables import POLYMARKET_TRACKED_UNIVERSE
from market_assets_tests.simulated import simulated
from market_simulator.polymarket.size import PolymarketSize

if TYPE_CHECKING:
    from market_assets_tests.simulated import Simulated

TOKENS: Final = 400
SIZE: Final = PolymarketSize(events=140, book_changes=5.2)
"""So often that 400 tokens have some 2,000 frames a second."""
WARM_S: Final = 10.0
MEASURED_S: Final = 60.0
LAST_S: Final = 5.0
"""Frames of the last seconds may not be in the file yet, and are not counted."""
PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.005
SAMPLE_S: Final = 1.0
HEADS: Final = "select token_id, epoch_ms(book_at) as book_ms from polymarket_books"


@dataclass
class Watched:
    """What the reader saw: the books of each reading, and the stream's process."""

    readings: list[pl.DataFrame] = field(default_factory=list)
    read_ms: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    pss_mb: list[float] = field(default_factory=list)
    cpu_share: float = 0.0


def track(store: FileStore, venue: Simulated) -> int:
    """Have the stream follow markets with books, as many as make 400 tokens; how many those are."""
    known = [m for m in venue.markets() if not m["broken"] and m["end_at_ms"] is not None]
    known.sort(key=lambda market: -market["end_at_ms"])  # those that last for this benchmark
    markets = [m for m in known if len(venue.books(*m["token_ids"])) == len(m["token_ids"])]
    chosen = markets[: TOKENS // 2]
    rows = [
        {
            "condition_id": market["condition_id"],
            "token_ids": market["token_ids"],
            "rank": rank,
            "reason": "manual",
            "selected_at": datetime.now(UTC),
        }
        for rank, market in enumerate(chosen, 1)
    ]
    schema = POLYMARKET_TRACKED_UNIVERSE.schema
    store.replace(POLYMARKET_TRACKED_UNIVERSE, pl.DataFrame(rows, schema=schema))
    return sum(len(market["token_ids"]) for market in chosen)


def watch(store: FileStore, process: psutil.Process, seconds: float) -> Watched:
    """Read the books whenever the live file has changed, for so long."""
    found = Watched()
    began, cpu = time.monotonic(), sum(process.cpu_times()[:2])
    sampled, seen = float("-inf"), 0
    while time.monotonic() - began < seconds:
        if time.monotonic() - sampled >= SAMPLE_S:
            sampled = time.monotonic()
            memory = process.memory_full_info()
            found.rss_mb.append(memory.rss / 1e6)
            found.pss_mb.append(memory.pss / 1e6)
        changed = store.paths.live.stat().st_mtime_ns
        if changed == seen:
            time.sleep(LOOK_S)
            continue
        seen, asked = changed, time.perf_counter()
        books = store.read(HEADS)
        found.read_ms.append((time.perf_counter() - asked) * 1e3)
        found.readings.append(books.with_columns(read_s=pl.lit(time.time())))
    used = sum(process.cpu_times()[:2]) - cpu
    found.cpu_share = used / (time.monotonic() - began)
    return found


def readable(frames: pl.DataFrame, readings: list[pl.DataFrame]) -> pl.DataFrame:
    """Each frame with `read_s`, when its state or a newer one was first read; NULL: never.

    Args:
        frames: `token_id`, `venue_ms` and `came_s`.
        readings: `token_id`, `book_ms` and `read_s` of each time that the books were read.
    """
    first = pl.concat(readings).group_by("token_id", "book_ms").agg(pl.col("read_s").min())
    return frames.sort("venue_ms").join_asof(
        first.sort("book_ms"),
        left_on="venue_ms",
        right_on="book_ms",
        by="token_id",
        strategy="forward",
        check_sortedness=False,  # both are sorted as a whole
    )


def measured() -> list[str]:
    """The report, in Markdown."""
    with (
        tempfile.TemporaryDirectory(prefix="market-assets-bench-") as folder,
        simulated(main=1, builder=0, spot=0, process=True, polymarket_size=SIZE) as venue,
    ):
        database, notes = Path(folder) / "market.duckdb", Path(folder) / "frames.arrow"
        store = FileStore(database)
        tokens = track(store, venue)
        command = [sys.executable, "-m", "benchmarks.books_session", str(database)]
        command += [venue.clob_url, venue.channel_url, str(notes)]
        session = subprocess.Popen(command)
        try:
            wait_for_books(store, tokens, session)
            time.sleep(WARM_S)
            began = time.time()
            seen = watch(store, psutil.Process(session.pid), MEASURED_S)
            state = account(database)
        finally:
            session.send_signal(signal.SIGTERM)
            session.wait(PATIENCE_S)
        came = pl.read_ipc(notes)
    within = pl.col("came_s").is_between(began, began + MEASURED_S - LAST_S)
    frames = readable(came.filter(within), seen.readings)
    return report(tokens, frames, seen, state)


def wait_for_books(store: FileStore, tokens: int, session: subprocess.Popen[bytes]) -> None:
    """Until nearly all of the tokens have a book in the live file."""
    deadline = time.monotonic() + PATIENCE_S
    while store.read(HEADS).height < 0.98 * tokens:
        if time.monotonic() > deadline or session.poll() is not None:
            sys.exit("the books did not come; nothing was measured")
        time.sleep(0.5)


def account(database: Path) -> dict[str, Any]:
    """What the session says of itself."""
    text = (machine_paths(database).stream(NAME).folder / STATE_FILE).read_text("utf-8")
    said: dict[str, Any] = json.loads(text)
    return said


def report(tokens: int, frames: pl.DataFrame, seen: Watched, state: dict[str, Any]) -> list[str]:
    """What was measured, in Markdown."""
    rate = frames.height / (MEASURED_S - LAST_S)
    read = frames.drop_nulls("read_s")
    from_arrival = read["read_s"] - read["came_s"]
    from_venue = read["read_s"] - read["venue_ms"] / 1000
    proven, times = state["clock"]["proven_share"], len(seen.readings)
    return [
        f"{tokens} tokens, {rate:,.0f} frames of changes a second, for {MEASURED_S:.0f} s.",
        f"Flushed every {FLUSH.total_seconds():g} s; {proven:.2%} of the states are proved.",
        f"The file was read {times} times; {read.height:,} of {frames.height:,} frames were in it.",
        "",
        "| until its row can be read in the live file | p50 | p99 | longest |",
        "|---|---:|---:|---:|",
        _seconds("from the arrival of the frame", from_arrival),
        _seconds("from the venue's instant in it", from_venue),
        _seconds("of that, reading", pl.Series(seen.read_ms) / 1e3),
        "",
        "| the stream's process, without Dagster | |",
        "|---|---:|",
        f"| CPU, of a core | {seen.cpu_share:.0%} |",
        f"| RSS, most | {max(seen.rss_mb):.0f} MB |",
        f"| PSS, most | {max(seen.pss_mb):.0f} MB |",
    ]


def _seconds(what: str, values: pl.Series) -> str:
    figures = (values.median(), values.quantile(0.99), values.max())
    return f"| {what} | " + " | ".join(f"{value:.2f} s" for value in figures) + " |"


if __name__ == "__main__":
    print("\n".join(measured()))
