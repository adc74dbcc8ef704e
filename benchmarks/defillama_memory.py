"""Peak memory of a run of `defillama_subjects` with a `/protocols` of 60 MB, Dagster included.

A simulated venue in a process of its own fills the list up to that size; the run is a process too,
as Dagster's worker is, and its peak is what the kernel says. The same with a list as it comes shows
what the size costs.

    python -m benchmarks.defillama_memory
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import copyfile

from market_assets.settings import ROOT

BODY_MB = 60.0
GOAL_MB = 400.0
ASSETS = ("defillama_subjects", "defillama_capital_base")


def child() -> None:
    """One run, as Dagster's worker does it; prints what it cost as JSON."""
    import dagster as dg  # noqa: PLC0415 - it is part of what is measured

    from market_assets.definitions import defs  # noqa: PLC0415

    before = _peak_mb()
    started = time.perf_counter()
    job = defs().resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance:
        done = job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(asset) for asset in ASSETS],
            raise_on_error=False,
        )
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "ok": done.success,
                "imports_mb": before,
                "peak_mb": _peak_mb(),
                "cpu_s": used.ru_utime + used.ru_stime,
                "wall_s": time.perf_counter() - started,
            }
        )
    )


def measured(body_mb: float | None) -> dict[str, float]:
    """What a run costs whose list of protocols has that many megabytes; None: as it comes."""
    from market_assets_tests.simulated import simulated  # noqa: PLC0415 - as above
    from market_simulator.defillama.world import Size  # noqa: PLC0415 - not the child's

    with (
        tempfile.TemporaryDirectory() as folder,
        simulated(
            process=True, main=2, builder=0, spot=1, defillama_size=Size(body_mb=body_mb)
        ) as venue,
    ):
        copyfile(ROOT / "dagster.yaml", Path(folder) / "dagster.yaml")
        environment = {
            **os.environ,
            **venue.environment,
            "MARKET_DB": str(Path(folder) / "market.duckdb"),
            "DAGSTER_HOME": folder,
        }
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.defillama_memory", "--child"]
        ran = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, cwd=ROOT
        )
        found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    assert found["ok"], ran.stderr[-2000:]
    return found


def _peak_mb() -> float:
    """The most that this process had in memory so far, pages of mapped files included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure, report."""
    if sys.argv[1:] == ["--child"]:
        child()
        return
    for name, body_mb in (("as it comes", None), (f"{BODY_MB:g} MB", BODY_MB)):
        found = measured(body_mb)
        print(
            f"{' and '.join(ASSETS)}, /protocols {name}: peak {found['peak_mb']:.0f} MB"
            f" (after importing Dagster and definitions {found['imports_mb']:.0f}),"
            f" {found['cpu_s']:.1f} CPU seconds, {found['wall_s']:.1f} s"
        )
    verdict = "met" if found["peak_mb"] < GOAL_MB else "NOT met"
    print(f"goal: under {GOAL_MB:g} MB: {verdict}")


if __name__ == "__main__":
    main()
