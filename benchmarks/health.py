"""What the health report costs: `python -m benchmarks.health [--runs 10000]`.

An instance as a week leaves it: so many finished runs over all jobs, a day of ticks of every
schedule and sensor, every asset materialized. Runs and ticks are copies of real rows, written
beside Dagster, which takes 3 ms for one. Then the report of the project's own definitions is taken
again and again, once with everything well, and once with every job's latest run failed: that asks
each of those runs for its error.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
import uuid
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dagster import AssetMaterialization, DagsterInstance, DagsterRunStatus

from market_assets.channels import CHANNELS
from market_assets.clock import SystemClock
from market_assets.definitions import defs
from market_assets.machine_paths import MachinePaths
from market_assets.operations.health.report import Watched, report, watched
from market_assets_tests.operations.health.venue import beat, tick

if TYPE_CHECKING:
    from dagster import RepositoryDefinition

TIMES: Final = 20
TICKS: Final = 24_000
"""Of a day: four sensors each 15 to 60 s, and the schedules."""


def fill(
    instance: DagsterInstance, repository: RepositoryDefinition, expected: Watched, runs: int
) -> None:
    """Runs, ticks, materializations and heartbeats."""
    for channel in expected.channels:
        for asset in channel.assets:
            instance.report_runless_asset_event(AssetMaterialization(asset))
    jobs = sorted({channel.job for channel in expected.channels})
    examples = [
        instance.create_run_for_job(repository.get_job(job), status=DagsterRunStatus.SUCCESS)
        for job in jobs
        if repository.has_job(job)
    ]
    root = Path(instance.root_directory)
    with closing(sqlite3.connect(root / "history/runs.db")) as db, db:
        db.row_factory = sqlite3.Row
        rows = {
            run.job_name: dict(
                db.execute("select * from runs where run_id = ?", (run.run_id,)).fetchone()
            )
            for run in examples
        }
        names, now = list(rows), time.time()
        for n in range(runs):
            row = rows[names[n % 3] if n % 5 else names[n % len(names)]]
            run_id = str(uuid.uuid4())
            body = row["run_body"].replace(row["run_id"], run_id)
            at = now - 60 * (runs - n)
            copy = {**row, "run_id": run_id, "run_body": body, "start_time": at, "end_time": at + 3}
            del copy["id"]
            _insert(db, "runs", copy)
    for automation in expected.automations:
        tick(instance, automation)
    with closing(sqlite3.connect(root / "schedules/schedules.db")) as db, db:
        db.row_factory = sqlite3.Row
        examples_of = [dict(row) for row in db.execute("select * from job_ticks")]
        for n in range(TICKS):
            copy = dict(examples_of[n % len(examples_of)])
            del copy["id"]
            _insert(db, "job_ticks", copy)
    beat(instance)


def fail_everything(instance: DagsterInstance, repository: RepositoryDefinition) -> None:
    """A failed run of every asset job, planned as Dagster plans it."""
    for job in repository.get_all_jobs():
        if not job.name.startswith("__") and job.asset_layer.selected_asset_keys:
            run = instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
            instance.report_run_failed(run, message="the venue said 502")


def milliseconds(
    instance: DagsterInstance, expected: Watched, machine: MachinePaths
) -> list[float]:
    """How long each of some reports took."""
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        report(instance, watched=expected, machine=machine, now=SystemClock().now())
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


def _insert(db: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    db.execute(f"insert into {table} ({columns}) values ({marks})", list(row.values()))


def _line(name: str, taken: list[float]) -> str:
    worst = sorted(taken)[int(len(taken) * 0.95)]
    return f"| {name} | {statistics.median(taken):.0f} | {worst:.0f} |"


def main() -> None:
    """Fill an instance, take reports, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    chosen = parser.parse_args()
    repository = defs().get_repository_def()
    began = time.perf_counter()
    expected = watched(repository, CHANNELS)
    once_ms = (time.perf_counter() - began) * 1e3
    with tempfile.TemporaryDirectory(prefix="market-assets-bench-") as folder:
        home = Path(folder) / "dagster"
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        machine = MachinePaths(Path(folder) / "live")
        machine.folder.mkdir()
        now = (SystemClock().now() - timedelta(seconds=1)).isoformat()
        account = {"since": now, "written_at": now, "sockets": 4, "lag_s": {"mids": 2.0}}
        (machine.folder / "stream.json").write_text(json.dumps(account))
        with DagsterInstance.from_config(str(home)) as instance:
            fill(instance, repository, expected, chosen.runs)
            well = milliseconds(instance, expected, machine)
            fail_everything(instance, repository)
            failed = milliseconds(instance, expected, machine)
    print(f"{chosen.runs} runs, {TICKS} ticks, {len(expected.channels)} channels; milliseconds\n")
    print("| report | median | 95 % |\n|---|---:|---:|")
    print(_line("everything well", well))
    print(_line("every channel failed", failed))
    print(f"\nonce per process, what the definitions promise: {once_ms:.0f} ms")


if __name__ == "__main__":
    main()
