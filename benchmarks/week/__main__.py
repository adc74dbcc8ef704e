"""Does anything go on growing? `python -m benchmarks week [--days 9] [--thin 36] [--within 60]`.

Simulated days at the project's own schedules, in this one process, against simulated venues whose
clock is moved along: the runs, their files, the ticks, roll-ups, retention, compaction and pruning
are real, time is not. At the end of each day the instance, the database and this process are
measured; at the end, growth over the last two days is set against that of the days before. What is
kept for seven days has stopped growing only after nine.

Left out evenly, to be through within an hour: of the schedules that are due more often than
hourly, and of the sensors, one tick in `--thin` is there; of the other schedules one in
`--hourly`; what the stream hears in `--flush` minutes, or before a run, is one flush, not 12 a
minute. Counts of runs and of the rows that they bring level out at the same simulated time, so
many times lower than they really would. Venues are small, and the published file is copied at a
fiftieth of the usual pace. Files are in memory where there is a place for it: it is their size that
is measured, and no disk.

`--live MINUTES` measures the real processes instead, see `processes.py`.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.week import processes
from benchmarks.week.figures import Figures, look
from benchmarks.week.simulation import DAY_MINUTES, Pace, Simulation
from benchmarks.week.verdict import as_table, verdicts
from market_assets_tests.simulated import simulated
from market_simulator.defillama.venue import Limits as DefillamaLimits
from market_simulator.defillama.world import Size as DefillamaSize
from market_simulator.hyperliquid.limits import Limits
from market_simulator.polymarket.size import PolymarketLimits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VENUES: Final[Mapping[str, Any]] = {
    "main": 20,
    "builder": 6,
    "spot": 6,
    "events": 30,
    "trades_per_minute": 30.0,
    "defillama_size": DefillamaSize(chains=20, protocols=60, stablecoins=10),
    "limits": Limits(connects_per_minute=10**6, weight_per_minute=10**9),
    "polymarket_limits": PolymarketLimits(scale=1e6),
    "defillama_limits": DefillamaLimits(requests_per_minute=10**9),
    "speed": 0.0,
}
"""Small venues whose clock stands still until it is moved: no window of a limit would ever pass."""
ENVIRONMENT: Final[Mapping[str, str]] = {
    "MARKET_DEFILLAMA_REQUESTS_PER_MINUTE": "10000",
    "MARKET_DEFILLAMA_TOP_CHAINS": "5",
    "MARKET_DEFILLAMA_TOP_PROTOCOLS": "5",
    "MARKET_PUBLISH_MB_PER_SECOND": "0.02",
}

IN_MEMORY: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of its own in it


def main() -> None:
    """Simulate, print a line per day, then the table and what grows; exit 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--days", type=int, default=9)
    parser.add_argument("--thin", type=int, default=36)
    parser.add_argument("--hourly", type=int, default=6)
    parser.add_argument("--flush", type=int, default=30)
    parser.add_argument("--within", type=float, default=60.0, help="minutes, then the day is ended")
    parser.add_argument("--live", type=float, help="minutes of the real processes instead")
    chosen = parser.parse_args()
    if chosen.live:
        print("\n".join(processes.report(chosen.live)))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # the venues must end too
    warnings.simplefilter("ignore")  # Dagster's of its own beta parameters, once a run
    began = time.monotonic()
    start = datetime.now(tz=UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start -= timedelta(days=chosen.days)
    with (
        tempfile.TemporaryDirectory(prefix="market-assets-week-", dir=IN_MEMORY) as folder,
        simulated(process=True, start=start, **VENUES) as venue,
        Simulation(
            Path(folder),
            venue,
            start=start,
            pace=Pace(chosen.thin, chosen.hourly, chosen.flush),
            environ=ENVIRONMENT,
        ) as week,
    ):
        week.set_up()
        days = list(_days(week, chosen.days, until=began + chosen.within * 60))
        retention = week.settings.retention
    if len(days) < 2:
        sys.exit("less than two days within the time: nothing can be compared")
    _print_end(days, retention, week)


def _days(week: Simulation, count: int, *, until: float) -> list[Figures]:
    """Each day's figures; fewer days where the time is over."""
    found: list[Figures] = []
    for number in range(1, count + 1):
        began, cpu = time.monotonic(), time.process_time()
        while week.passed < number * DAY_MINUTES:
            week.minute()
            if time.monotonic() > until:
                print(f"day {number} was not finished in time", flush=True)
                return found
        found.append(look(week))
        shown = {"day": number, "wall_s": round(time.monotonic() - began)}
        shown |= {"cpu_s": round(time.process_time() - cpu), "runs": sum(week.runs.values())}
        figures = {": ".join(key): round(value, 1) for key, value in found[-1].items()}
        print(json.dumps({**shown, "failed": week.failures, **figures}), flush=True)
    return found


def _print_end(
    days: Sequence[Figures], retention: Mapping[str, timedelta], week: Simulation
) -> None:
    found = verdicts(days, retention)
    print("\n".join(as_table(found)))
    print(f"\n{sum(week.runs.values())} runs, {week.stream.sessions} sessions of the stream")
    for job, count in week.failures.items():
        print(f"{job} failed {count} times, first: {week.first_errors[job]}")
    grows = [one for one in found if one.word == "GROWS"]
    for one in grows:
        print(f"GROWS: {one.group}: {one.name}, {one.per_day:+,.1f} a day")
    if grows:
        sys.exit(1)
    print("nothing grows that should not")


if __name__ == "__main__":
    main()
