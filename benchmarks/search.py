"""Market search with a million markets: `python -m benchmarks.search [--markets N]`, three minutes.

The index (`market_assets/api/market_index`) against what was before it, a list of all texts: memory
above what the process needs without, how long it takes to make, how long searches take by what is
typed, and the first one after a publication with 10 and with 10,000 changed rows, a tenth of them
new markets. `market-assets api` is not started: what is measured is what its threads do.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.made_up_markets import Catalogue
from benchmarks.search_ways import FOLLOWING, PUBLISHED
from market_assets.clock import SystemClock
from market_assets.storage.files.store import FileStore
from market_assets.tables import POLYMARKET_MARKETS

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKETS = 1_000_000
GOAL_MB = 100.0
GOAL_MS = 50.0


def files(folder: Path, markets: int) -> None:
    """The published file and those that follow it."""
    store = FileStore(folder / "store.duckdb")
    catalogue = Catalogue(markets, SystemClock().now() - timedelta(minutes=1))
    catalogue.fill(store)
    store.publish(force=True)
    (folder / PUBLISHED).hardlink_to(store.paths.published)
    last = markets
    for turn, (changed, file) in enumerate(FOLLOWING.items(), 1):
        first, last = last - changed * 9 // 10, last + changed // 10
        rows = catalogue.rows(first, last, after=timedelta(seconds=turn))
        store.merge(POLYMARKET_MARKETS, rows)
        store.publish(force=True)
        (folder / file).hardlink_to(store.paths.published)


def measured(folder: Path, way: str) -> dict[str, Any]:
    """What one way costs, in a process and on files of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        for file in (PUBLISHED, *FOLLOWING.values()):
            (Path(own) / file).hardlink_to(folder / file)
        command = [sys.executable, "-m", "benchmarks.search_ways", way, own]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def report(index: dict[str, Any], before: dict[str, Any]) -> Iterator[str]:
    """The lines of the report."""
    yield "| | the index | a list of all texts |"
    yield "|---|---:|---:|"
    for name, key, unit in (
        ("memory while it is made, at most", "peak_mb", "MB"),
        ("memory afterwards", "resident_mb", "MB"),
        ("time to make the first one", "made_s", "s"),
        ("CPU of that", "made_cpu_s", "s"),
        ("another answer meanwhile, p99", "others_p99_ms", "ms"),
        ("the same at rest, p99", "idle_p99_ms", "ms"),
        ("a search while there is none", "first_ms", "ms"),
    ):
        yield f"| {name} | {index[key]:,.1f} {unit} | {before[key]:,.1f} {unit} |"
    for changed, new in index["following"].items():
        old = before["following"][changed]
        yield f"| after {int(changed):,} rows changed: | | |"
        for name, key, unit in (
            ("opening the new file, as any first answer does", "opened_ms", "ms"),
            ("first search in it", "first_ms", "ms"),
            ("CPU of that", "first_cpu_ms", "ms"),
            ("until there is the next index", "made_s", "s"),
            ("CPU of that", "made_cpu_s", "s"),
            ("memory meanwhile, above that before", "peak_mb", "MB"),
            ("another answer meanwhile, p99", "others_p99_ms", "ms"),
        ):
            yield f"| {name} | {new[key]:,.1f} {unit} | {old[key]:,.1f} {unit} |"
    yield ""
    yield "| what is typed | found | index: p50 | p99 | CPU p50 | CPU p99 | list: p50 | p99 |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for kind, new in index["kinds"].items():
        old = before["kinds"][kind]
        figures = [new[key] for key in ("p50_ms", "p99_ms", "cpu_p50_ms", "cpu_p99_ms")]
        figures += [old[key] for key in ("p50_ms", "p99_ms")]
        row = " | ".join(f"{one:.0f} ms" for one in figures)
        yield f"| {kind} | {new['found']:.0f} | {row} |"


def main() -> None:
    """Print the report, and whether the goals are met."""
    parser = argparse.ArgumentParser(description="Market search with many markets.")
    parser.add_argument("--markets", type=int, default=MARKETS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="market-assets-bench-") as made:
        files(Path(made), given.markets)
        index, before = (measured(Path(made), way) for way in ("index", "list"))
    for line in report(index, before):
        print(line)
    slow = [kind for kind, one in index["kinds"].items() if one["cpu_p99_ms"] > GOAL_MS]
    print(f"\nMore than {GOAL_MS:.0f} ms of CPU at p99: {'; '.join(slow) or 'nothing'}.")
    if max(index["peak_mb"], index["resident_mb"]) > GOAL_MB:
        sys.exit(f"over the goal of {GOAL_MB:.0f} MB")


if __name__ == "__main__":
    main()
