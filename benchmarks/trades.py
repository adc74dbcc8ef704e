"""What storing Polymarket's trades costs: `python -m benchmarks.trades`, about two minutes.

A simulated venue in a process of its own serves a day of trades. The day is backfilled, without a
pace, into fresh databases with pages of several sizes, once more into the last of them, where all
is there already; then come runs of the present, as they are due each minute. The share of the wall
time that is our own CPU says how much of it is waiting: for the venue, and for the disk.
"""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from market_assets.clock import SystemClock, from_ms
from market_assets.ingestion.polymarket.trade_history import CHANNEL, HistoryPlan, read_day
from market_assets.ingestion.polymarket.trades import TradePlan, read_trades
from market_assets.sources.polymarket.data_api import DataClient
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets_tests.simulated import simulated

if TYPE_CHECKING:
    from datetime import date, datetime

    from market_assets_tests.simulated import Simulated

ORDERS_PER_MINUTE = 120
PAGES_OF = (500, 10_000, 5000)
RUNS = 8


@dataclass
class VenueClock(SystemClock):
    """The simulated venue's present."""

    venue: Simulated

    def now(self) -> datetime:
        return from_ms(self.venue.now_ms())


@dataclass(frozen=True)
class Cost:
    """What a piece of work took."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return (
            f"{self.wall:6.1f} s, of which own CPU {self.cpu:5.1f} s, {self.cpu / self.wall:4.0%}"
        )


class Stopwatch:
    """Wall time and CPU of this process since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> Cost:
        return Cost(time.perf_counter() - self._wall, time.process_time() - self._cpu)


def backfill(venue: Simulated, client: DataClient, folder: Path, day: date, page_rows: int) -> None:
    """One day, printed."""
    clock = VenueClock(venue)
    run = IngestionRun("polymarket", CHANNEL, "polymarket_trades", clock.now())
    plan = HistoryPlan(requests_per_10s=1_000_000, page_rows=page_rows)
    watch = Stopwatch()
    done = read_day(client, FileStore(folder / "market.duckdb"), day, plan, clock=clock, run=run)
    cost = watch.read()
    new, hold = done.written.inserted, done.written.lock_hold_ms / 1e3
    stored = f"{new / cost.wall:,.0f} rows/s stored" if new else "nothing new"
    print(
        f"{page_rows:6,} rows a page: {new:9,} new in {done.pages:4} pages, {cost}; "
        f"database open {hold:5.1f} s; {stored}; "
        f"{cost.cpu / done.written.rows * 1e6:.0f} µs of CPU a row"
    )


def main() -> None:
    """Serve, backfill, follow, report."""
    with (
        tempfile.TemporaryDirectory() as folder,
        simulated(process=True, trades_per_minute=ORDERS_PER_MINUTE) as venue,
        closing(DataClient(venue.data_url)) as client,
    ):
        clock = VenueClock(venue)
        day = (clock.now() - timedelta(days=1)).date()
        (Path(folder) / "unmeasured").mkdir()
        print("unmeasured, while the venue makes up its day:")
        backfill(venue, client, Path(folder) / "unmeasured", day, PAGES_OF[-1])
        print("measured:")
        for page_rows in (*PAGES_OF, PAGES_OF[-1]):
            database = Path(folder) / str(page_rows)
            database.mkdir(exist_ok=True)
            backfill(venue, client, database, day, page_rows)
        store, costs = FileStore(Path(folder) / "present.duckdb"), []
        for _ in range(RUNS):
            run = IngestionRun("polymarket", "trades", "polymarket_trades", clock.now())
            watch = Stopwatch()
            done = read_trades(client, store, TradePlan(), clock=clock, run=run)
            costs.append((watch.read(), done.pages, done.written.rows))
        first, *rest = costs
        print(f"the present, first run: {first[2]:,} rows in {first[1]} pages, {first[0]}")
        print(
            f"the present, each minute: {rest[-1][2]:,} rows in {rest[-1][1]} pages, "
            f"{statistics.median(cost.wall for cost, *_ in rest) * 1e3:.0f} ms, own CPU "
            f"{statistics.median(cost.cpu for cost, *_ in rest) * 1e3:.0f} ms (medians)"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
