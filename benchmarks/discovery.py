"""A first full discovery of Polymarket: 10,000 open events with 40,000 markets, from a simulated
venue in a process of its own, into an empty database.

    python -m benchmarks discovery [--events 10000]

Prints events per second, peak memory of the process that reads them, and where its time went: its
own CPU, the database, waiting for the venue. The goal
is a peak of 300 MB.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from market_assets.clock import SystemClock
from market_assets.ingestion.polymarket.catalogue import Catalogue
from market_assets.sources.polymarket.clients import PolymarketUrls, polymarket_clients
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore

GOAL_MB = 300


class TimedStore(FileStore):
    """A store that knows how long it was busy."""

    busy_s = 0.0

    def write(self, *changes: Any, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return super().write(*changes, **more)
        finally:
            self.busy_s += time.perf_counter() - began

    def read(self, *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return super().read(*arguments)
        finally:
            self.busy_s += time.perf_counter() - began


def discover(urls: PolymarketUrls, folder: Path, results: Any) -> None:
    """One walk into an empty database, and its figures."""
    clock = SystemClock()
    store = TimedStore(folder / "market.duckdb")
    store.prepare()
    clients = polymarket_clients(urls, folder / "live")
    runs = [
        IngestionRun("polymarket", name, f"polymarket_{name}", clock.now())
        for name in ("events", "markets")
    ]
    before_mb = _peak_mb()
    store.busy_s = 0.0
    cpu, wall = time.process_time(), time.perf_counter()
    done = Catalogue(clients.gamma, store, clock=clock, runs=runs).refresh()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    clients.close()
    results.put(
        {
            "events": done.open_events,
            "markets": done.open_markets,
            "pages": done.pages,
            "wall_s": wall,
            "cpu_s": cpu,
            "database_s": store.busy_s,
            "imports_mb": before_mb,
            "peak_mb": _peak_mb(),
            "rejected": len(done.rejected),
        }
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Walk, measure, print."""
    from market_assets_tests.simulated import simulated  # noqa: PLC0415 - the reader must not pay

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=10_000)
    chosen = arguments.parse_args()
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        simulated(
            process=True,
            main=2,
            builder=0,
            spot=0,
            events=chosen.events,
        ) as venue,
    ):
        urls = PolymarketUrls(venue.gamma_url, venue.data_url, venue.clob_url)
        results = context.Queue()
        reader = context.Process(target=discover, args=(urls, Path(folder), results))
        reader.start()
        found = results.get(timeout=1800)
        reader.join()
    wall, cpu, database = found["wall_s"], found["cpu_s"], found["database_s"]
    print(f"{found['events']:,} events with {found['markets']:,} markets, {found['pages']} pages")
    print(f"{wall:.1f} s: {found['events'] / wall:,.0f} events a second")
    print(f"own CPU {cpu:.1f} s, {cpu / wall:.0%} of the time; the rest waits for the venue")
    print(f"in the database {database:.1f} s, {database / wall:.0%} of the time")
    print(
        f"peak memory {found['peak_mb']:.0f} MB (goal {GOAL_MB}), of which imports and an empty"
        f" database {found['imports_mb']:.0f} MB"
    )
    print(f"{found['rejected']} entries that make no sense were kept out and named")


if __name__ == "__main__":
    main()
