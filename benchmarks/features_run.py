"""CPU of one run of the five features, by part, over a database as large as the exchange makes it.

Writes a day of 1-minute candles, a week of hours, contexts and funding of `SYMBOLS` assets into a
database of its own, starts a simulated exchange for the books, and runs the job three times, each
in a process of its own as Dagster does. The exchange's CPU is not counted.

    python -m benchmarks.features_run
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

from market_assets.clock import floor
from market_assets.launcher.deferred import hide_pandas
from market_assets.settings import ROOT
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    HYPERLIQUID_ASSET_CONTEXTS,
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_FUNDING_RATES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = {"main": 200, "builder": 180, "spot": 120}
RUNS = 3
GOAL_CPU_S = 2.5


def fill(store: FileStore, url: str) -> int:
    """A day of everything, for the assets that the exchange lists; how many they are."""
    import polars as pl  # noqa: PLC0415 - the run that is measured pays for it by itself

    from benchmarks.features import market  # noqa: PLC0415
    from market_assets.sources.hyperliquid import frames  # noqa: PLC0415
    from market_assets.sources.hyperliquid.client import HyperliquidClient  # noqa: PLC0415

    now = datetime.now(tz=UTC)
    client = HyperliquidClient(url)
    contexts = frames.asset_contexts(client.asset_contexts().contexts, now)
    client.close()
    live = contexts.filter(~pl.col("is_delisted"))["symbol"]
    names = dict(zip(market()["symbol"].unique().sort(), live, strict=False))
    day = market().with_columns(pl.col("symbol").replace(names))
    shift = floor(now, timedelta(minutes=1)) - day["close_at"].max()
    moved = day.with_columns(pl.col("open_at", "close_at", "ingested_at") + shift)
    store.merge(HYPERLIQUID_CANDLES, moved.select(HYPERLIQUID_CANDLES.column_names))
    hour = floor(now, timedelta(hours=1))
    hours = (
        moved.with_columns(nth=pl.int_range(pl.len()).over("symbol"))
        .filter(pl.col("nth") < 168)
        .with_columns(
            interval=pl.lit("1h"),
            open_at=pl.lit(hour) - timedelta(hours=1) * (pl.col("nth") + 1),
            source=pl.lit("rollup"),
        )
        .with_columns(close_at=pl.col("open_at") + timedelta(hours=1))
    )
    store.merge(HYPERLIQUID_CANDLES, hours.select(HYPERLIQUID_CANDLES.column_names))
    polls = [timedelta(minutes=5 * nth) for nth in (*range(4), *range(12, 19), *range(288, 300))]
    store.merge(
        HYPERLIQUID_ASSET_CONTEXTS,
        pl.concat(contexts.with_columns(pl.col("observed_at") - ago) for ago in polls),
    )
    perps = contexts.filter(pl.col("funding_rate").is_not_null())
    store.merge(
        HYPERLIQUID_FUNDING_RATES,
        pl.concat(
            perps.select(
                "symbol",
                pl.lit(hour - timedelta(hours=nth)).alias("funding_at"),
                pl.col("funding_rate") * (1 + nth / 1000),
                "premium",
                pl.lit(1, pl.Int64).alias("interval_hours"),
                "ingested_at",
            )
            for nth in range(170)
        ),
    )
    return len(names)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime + children.ru_utime + children.ru_stime


def child() -> None:
    """One run, as Dagster's worker does it; prints CPU seconds by part as JSON."""
    hide_pandas()
    parts: Counter[str] = Counter()

    @contextmanager
    def part(name: str) -> Iterator[None]:
        before, nested = _cpu(), sum(parts.values())
        try:
            yield
        finally:
            parts[name] += _cpu() - before - (sum(parts.values()) - nested)

    def timed(name: str, owner: Any, attribute: str) -> None:
        whole = getattr(owner, attribute)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with part(name):
                return whole(*args, **kwargs)

        setattr(owner, attribute, wrapped)

    with part("imports and definitions"):
        import dagster as dg  # noqa: PLC0415 - it is what is measured

        from market_assets.definitions import defs  # noqa: PLC0415

        job = defs().resolve_job_def("hyperliquid_features_refresh")
    from market_assets.defs import hyperliquid_features  # noqa: PLC0415
    from market_assets.derived import inputs  # noqa: PLC0415

    with part("imports of features"):
        from market_assets.features import (  # noqa: PLC0415
            funding,
            indicators,
            liquidity,
            positioning,
            volatility,
        )
    timed("read", FileStore, "read_together")
    timed("judging series", inputs, "judge")
    timed("indicators", indicators, "technical_indicators")
    timed("volatility", volatility, "volatility_profiles")
    timed("funding", funding, "funding_pressure")
    timed("positioning", positioning, "positioning_pressure")
    timed("liquidity", liquidity, "liquidity_profiles")
    timed("books over HTTP", hyperliquid_features, "fetch_books")
    timed("write", FileStore, "write")
    timed("count rows", hyperliquid_features, "count_rows")
    timed("publish", FileStore, "publish")
    started = time.perf_counter()
    with part("the rest of Dagster"), dg.DagsterInstance.get() as instance:
        done = job.execute_in_process(instance=instance, raise_on_error=False)
    print(
        json.dumps(
            {
                "ok": done.success,
                "wall": time.perf_counter() - started,
                "cpu": _cpu(),
                "parts": dict(parts),
            }
        )
    )


def main() -> None:
    """Fill, run, report."""
    if sys.argv[1:] == ["--child"]:
        child()
        return
    from market_assets_tests.simulated import simulated  # noqa: PLC0415 - as above
    from market_simulator.hyperliquid.limits import Limits  # noqa: PLC0415 - as above

    with (
        tempfile.TemporaryDirectory() as folder,
        simulated(process=True, limits=Limits(weight_per_minute=100_000), **SIZE) as venue,
    ):
        database = Path(folder) / "market.duckdb"
        store = FileStore(database)
        symbols = fill(store, venue.url)
        copyfile(ROOT / "dagster.yaml", Path(folder) / "dagster.yaml")
        environment = {
            **os.environ,
            **venue.environment,
            "MARKET_DB": str(database),
            "DAGSTER_HOME": folder,
            "MARKET_PUBLISH_MB_PER_SECOND": "0.01",
        }
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.features_run", "--child"]
        subprocess.run(command, env=environment, capture_output=True, check=True)  # makes files
        runs = []
        for _ in range(RUNS):
            # Runs are five minutes apart: none waits for the weight that another has used.
            (Path(folder) / "live" / "hyperliquid.budget").unlink(missing_ok=True)
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            )
            runs.append(json.loads(done.stdout.splitlines()[-1]))
    assert all(run["ok"] for run in runs)
    cpu = statistics.median(run["cpu"] for run in runs)
    print(f"one run of five features, {symbols} symbols: {cpu:.2f} CPU seconds")
    for name in runs[0]["parts"]:
        print(f"  {name:26} {statistics.median(run['parts'][name] for run in runs):5.2f}")
    print(f"  in {statistics.median(run['wall'] for run in runs):.1f} s without imports")
    verdict = "met" if cpu <= GOAL_CPU_S else "NOT met"
    print(f"goal: at most {GOAL_CPU_S} CPU seconds: {verdict}")


if __name__ == "__main__":
    main()
