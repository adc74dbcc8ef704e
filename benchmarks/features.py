"""Indicators and volatility of 500 symbols × 1440 one-minute candles, against loops over symbols.

Four ways to one table: this project's expressions over all symbols at once; a loop over symbols
with TA-Lib and NumPy, over a frame split once (the best loop) and over one filtered for each symbol
(the usual one); pandas' group-wise functions. Each runs in a process of its own, and their rows are
compared before any figure is printed.

    python -m benchmarks.features

Not here: what a whole run costs (spawn, imports, read, write).
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from benchmarks.feature_loops import pandas_groups, talib_filter_each, talib_split_once

if TYPE_CHECKING:
    from collections.abc import Callable

SYMBOLS = 500
MINUTES = 1440
START = datetime(2026, 11, 19, 12, tzinfo=UTC)
AS_OF = START + timedelta(minutes=MINUTES)
GOAL_SECONDS = 0.5
GOAL_TIMES = 5.0


def market() -> pl.DataFrame:
    """A day of candles as the store reads them: by symbol and time, at any prices."""
    draw = np.random.default_rng(7)
    shape = (SYMBOLS, MINUTES)
    moves = draw.normal(0, 5e-4, shape) * (draw.random(shape) < 0.9)
    close = np.exp(np.cumsum(moves, axis=1)) * 10 ** draw.uniform(-3, 5, (SYMBOLS, 1))
    opened = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    high = np.maximum(opened, close) * (1 + np.abs(draw.normal(0, 2e-4, shape)))
    low = np.minimum(opened, close) * (1 - np.abs(draw.normal(0, 2e-4, shape)))
    names = pl.Series("symbol", [f"xyz:A{i:03d}" for i in range(SYMBOLS)])
    minutes = pl.datetime_range(
        START, AS_OF, "1m", closed="left", time_unit="us", time_zone="UTC", eager=True
    )
    rows = SYMBOLS * MINUTES
    return pl.DataFrame(
        {
            "symbol": names.gather(np.repeat(np.arange(SYMBOLS), MINUTES)),
            "interval": pl.repeat("1m", rows, eager=True),
            "open_at": minutes.gather(np.tile(np.arange(MINUTES), SYMBOLS)),
            "open": opened.ravel(),
            "high": high.ravel(),
            "low": low.ravel(),
            "close": close.ravel(),
            "volume": np.ones(rows),
            "trades": (draw.random(rows) < 0.9).astype(np.int64),
            "is_closed": np.ones(rows, dtype=bool),
        }
    ).with_columns(
        close_at=pl.col("open_at") + timedelta(minutes=1),
        source=pl.lit("stream"),
        ingested_at=pl.lit(AS_OF),
    )


def project(candles: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """What the features' run computes."""
    from market_assets.features.indicators import technical_indicators  # noqa: PLC0415
    from market_assets.features.volatility import volatility_profiles  # noqa: PLC0415

    indicators = technical_indicators(candles, interval="1m", as_of=as_of)
    return indicators.join(volatility_profiles(candles, as_of=as_of), on="symbol")


VARIANTS: dict[str, tuple[Callable[[pl.DataFrame, datetime], pl.DataFrame], int]] = {
    "this project": (project, 11),
    "TA-Lib, split once": (talib_split_once, 11),
    "TA-Lib, filter each": (talib_filter_each, 5),
    "pandas groups": (pandas_groups, 3),
}
"""The ways, and how often each is timed."""


def _child(name: str, candles: Path, result: Path) -> None:
    """Time one way and print its figures as JSON."""
    compute, times = VARIANTS[name]
    frame = pl.read_parquet(candles)
    rows = compute(frame, AS_OF)  # imports and first-time costs
    rows.write_parquet(result)
    before = _peak_mb()
    wall, cpu = [], []
    for _ in range(times):
        wall_from, cpu_from = time.perf_counter(), time.process_time()
        compute(frame, AS_OF)
        wall.append(time.perf_counter() - wall_from)
        cpu.append(time.process_time() - cpu_from)
    peak = max(before, _peak_mb())
    print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": peak}))


def _peak_mb() -> float:
    """The most memory that this process has held; Linux counts in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _disagreement(rows: pl.DataFrame, judge: pl.DataFrame) -> float:
    """The greatest relative difference between two results.

    The MACD is a difference of prices and may be almost 0: against a millionth of the price then.
    """
    both = rows.join(judge, on="symbol", suffix="_judge", validate="1:1")
    names = [name for name, dtype in judge.schema.items() if dtype == pl.Float64]
    differences = []
    for name in names:
        ours, theirs = pl.col(name), pl.col(f"{name}_judge")
        floor = 1e-6 * pl.col("close") if name.startswith("macd") else pl.lit(0.0)
        size = pl.max_horizontal(theirs.abs(), floor)
        differences.append(both.select(((ours - theirs).abs() / size).max()).item())
    return max(differences)


def main() -> None:
    """Run every way in its own process, compare their rows, print the report."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--child", nargs=3, metavar=("NAME", "CANDLES", "RESULT"))
    chosen = arguments.parse_args().child
    if chosen:
        _child(chosen[0], Path(chosen[1]), Path(chosen[2]))
        return
    figures, results = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        candles = Path(folder) / "candles.parquet"
        market().write_parquet(candles)
        for name in VARIANTS:
            result = Path(folder) / f"{name}.parquet"
            command = [sys.executable, "-m", "benchmarks.features", "--child", name]
            done = subprocess.run(
                [*command, str(candles), str(result)], check=True, capture_output=True, text=True
            )
            figures[name], results[name] = json.loads(done.stdout), pl.read_parquet(result)
    print(
        f"features of {SYMBOLS} symbols × {MINUTES} one-minute candles; indicators and volatility"
    )
    ours = statistics.median(figures["this project"]["wall"])
    judge = results["TA-Lib, split once"]
    for name, found in figures.items():
        wall = sorted(found["wall"])
        median = statistics.median(wall)
        off = _disagreement(results[name], judge)
        print(
            f"{name:20} {1e3 * median:8.0f} ms ({1e3 * wall[0]:.0f} to {1e3 * wall[-1]:.0f}, "
            f"n = {len(wall)})  CPU {1e3 * statistics.median(found['cpu']):6.0f} ms  "
            f"peak {found['peak_mb']:5.0f} MB  {median / ours:5.1f} times this project's  "
            f"differs by {off:.0e}"
        )
    print(f"goals: at most {GOAL_SECONDS} s: {'met' if ours <= GOAL_SECONDS else 'NOT met'}")
    for name in ("TA-Lib, split once", "TA-Lib, filter each"):
        times = statistics.median(figures[name]["wall"]) / ours
        verdict = "met" if times >= GOAL_TIMES else "NOT met"
        print(f"       at least {GOAL_TIMES:g} times {name}: {times:.1f}, {verdict}")


if __name__ == "__main__":
    main()
