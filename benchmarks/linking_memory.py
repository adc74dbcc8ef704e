"""Peak memory of linking with a million markets in the catalogue, in a process of its own.

A million markets are three months of Polymarket: 11,000 new ones a day, 40,000 open at a time, the
rest closed, a ninth of them within the last ten days; three and a half to an event. The titles are
those of `matching_cases.csv`, over and over.

    python -m benchmarks.linking_memory [--markets N]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from itertools import cycle
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.matching import OWN_CASES, read_cases, whole_vocabulary
from market_assets.clock import SystemClock
from market_assets.ingestion.polymarket.asset_links import link_catalogue
from market_assets.storage.files.store import FileStore

MARKETS = 1_000_000
OPEN = 40_000
DAYS = 90
A_EVENT = 3.5
GOAL_MB = 300.0

_MARKETS = """
insert into polymarket_markets by name
select
    '0x' || md5(n::varchar) || md5((n + 1)::varchar) as condition_id,
    (n / $a_event)::bigint::varchar as event_id,
    titles.question as question,
    titles.slug || '-' || n as slug,
    ['Yes', 'No'] as outcomes,
    [0.4, 0.6] as outcome_prices,
    [md5(n::varchar) || n, md5(n::varchar) || (n + 1)] as token_ids,
    n < $markets - $open as closed,
    case when n < $markets - $open
        then $now - to_seconds($days * 86400 * (1 - n / ($markets - $open)))
    end as closed_at,
    true as is_listed,
    $now as first_seen_at,
    $now as updated_at,
    $now as ingested_at
from range($markets) as numbers(n)
join titles on titles.place = n % (select count(*) from titles)
"""
_EVENTS = """
insert into polymarket_events by name
select
    n::varchar as event_id,
    'Event number ' || n as title,
    'event-number-' || n as slug,
    ['21', '1312', '100196', '102127'] as tag_ids,
    ['crypto', 'crypto-prices', 'recurring', 'up-or-down'] as tag_slugs,
    4 as market_count,
    true as is_listed,
    $now as first_seen_at,
    $now as updated_at,
    $now as ingested_at
from range(($markets / $a_event)::bigint + 1) as numbers(n)
"""
_ASSETS = """
insert into hyperliquid_assets by name
select symbol, 'perp' as kind, '' as dex, symbol as display_name, 2 as sz_decimals,
       false as only_isolated, false as is_delisted, $now as first_seen_at, $now as ingested_at
from listed
"""


def fill(folder: Path, markets: int) -> None:
    """A store with so many markets."""
    store = FileStore(folder / "market.duckdb")
    store.prepare()
    now = SystemClock().now() - timedelta(minutes=1)
    cases = [
        case.subject for case, _ in zip(cycle(read_cases(OWN_CASES)), range(997), strict=False)
    ]
    titles = pl.DataFrame(
        {
            "place": range(len(cases)),
            "question": [subject.question for subject in cases],
            "slug": [subject.slug or "slug" for subject in cases],
        }
    )
    listed = pl.DataFrame({"symbol": [one.symbol for one in whole_vocabulary()]})
    with duckdb.connect(str(store.paths.live)) as connection:
        connection.register("titles", titles)
        connection.register("listed", listed)
        figures = {"markets": markets, "a_event": A_EVENT, "now": now}
        more = {"open": min(OPEN, markets), "days": DAYS}
        connection.execute(_MARKETS, {**figures, **more})
        connection.execute(_EVENTS, figures)
        connection.execute(_ASSETS, {"now": now})


def child(folder: Path) -> None:
    """Two runs, the first of which writes all links; prints what they cost as JSON."""
    before = _peak_mb()
    seconds = []
    for _ in range(2):
        started = time.process_time()
        made = link_catalogue(FileStore(folder / "market.duckdb"), clock=SystemClock())
        seconds.append(time.process_time() - started)
    print(
        json.dumps(
            {
                "imports_mb": before,
                "peak_mb": _peak_mb(),
                "cpu_s": seconds,
                "markets": made.markets,
                "links": made.frame.height,
            }
        )
    )


def measured(markets: int) -> dict[str, float]:
    """What linking costs beside so many markets."""
    with tempfile.TemporaryDirectory() as made:
        fill(Path(made), markets)
        command = [sys.executable, "-m", "benchmarks.linking_memory", "--child", made]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def _peak_mb() -> float:
    """Of this process since it began; `getrusage` would count what its parent had, too."""
    status = Path("/proc/self/status").read_text("ascii")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


def main() -> None:
    """Print the peak, beside the goal."""
    parser = argparse.ArgumentParser(description="Memory of linking beside many markets.")
    parser.add_argument("--markets", type=int, default=MARKETS)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child)
        return
    found = measured(given.markets)
    print(
        f"{given.markets:,} markets, {found['markets']:,} of them open or closed lately: "
        f"{found['links']:,} links, peak {found['peak_mb']:.0f} MB (goal {GOAL_MB:.0f}; "
        f"{found['imports_mb']:.0f} of them imports), CPU seconds of two runs {found['cpu_s']}"
    )
    if found["peak_mb"] > GOAL_MB:
        sys.exit("over the goal")


if __name__ == "__main__":
    main()
