"""What the whole system costs: `python -m benchmarks.system [--minutes 10]`.

`market-assets run --simulated` at its default cadences, some 400 symbols, in a folder and on ports
of its own. CPU is that of each process and of the children that it has waited for (a run is a child
of the warm process), so nothing is missed between two looks; memory is PSS, which counts a page
that n processes share as 1/n. The simulated venues are shown and left out of the sums.

The first half hour of a fresh database includes its healing from REST; `--skip` minutes are let
pass before measuring.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parent.parent
KINDS: Final = {
    "cli.main simulate": "(simulated venues)",
    "market_assets.cli.main run": "market-assets run",
    "market_assets.cli.services": "their parent",
    "cli.web_server": "web server",
    "dagster._daemon": "daemon",
    "cli.code_server": "code server",
    "market_assets warm process": "warm process",
    "market_assets run: ": "stream",
    "spawn_main": "stream",
}
WARM: Final = "warm process"
LEFT_OUT: Final = "(simulated venues)"
SAMPLE_S: Final = 5.0
RUN_S: Final = 60.0
"""A worker that has lived this long is the stream, not a run."""


@dataclass
class Account:
    """One kind of process over time."""

    cpu_s: float = 0.0
    pss_mb: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class System:
    """A running system.

    Attributes:
        root: the process that has started all others.
        env: the environment that leads to it.
        database: the published file.
        home: `DAGSTER_HOME`.
        ready_s: seconds until every channel was ok; None: they were not in time.
    """

    root: psutil.Process
    env: dict[str, str]
    database: Path
    home: Path
    ready_s: float | None


def processes(root: psutil.Process) -> dict[str, list[psutil.Process]]:
    """The system's processes by kind; a run is `run` while it is young."""
    found: dict[str, list[psutil.Process]] = defaultdict(list)
    for process in (root, *root.children(recursive=True)):
        try:
            command = " ".join(process.cmdline())
            kind = next((name for part, name in KINDS.items() if part in command), None)
            if kind == "stream":
                lives_s = time.time() - process.create_time()
                kind = "run" if lives_s < RUN_S else _stream(command)
            if kind is not None:
                found[kind].append(process)
        except psutil.Error:
            continue
    return found


def _stream(title: str) -> str:
    """Which stream the process is, by the title that the warm process has given it."""
    words = title.removeprefix("market_assets run: ").split()
    return f"stream, {words[0]}" if words and words[0].endswith("_stream") else "stream"


def measure(root: psutil.Process, minutes: float) -> tuple[dict[str, Account], list[float]]:
    """CPU by kind over the time, samples of memory by kind, and samples of the memory in all."""
    accounts: dict[str, Account] = defaultdict(Account)
    seen: dict[int, float] = {}
    totals: list[float] = []
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:
        total = 0.0
        for kind, members in processes(root).items():
            pss = 0.0
            for process in members:
                try:
                    times, memory = process.cpu_times(), process.memory_full_info()
                except psutil.Error:
                    continue
                pss += memory.pss / 1e6
                own = times.user + times.system
                waited = times.children_user + times.children_system
                for account, used, key in (
                    (kind, own, process.pid),
                    ("runs, ended" if kind == WARM else kind, waited, -process.pid),
                ):
                    if account != "run":  # counted by its parent when it has ended
                        accounts[account].cpu_s += used - seen.get(key, used)
                    seen[key] = used
            accounts[kind].pss_mb.append(pss)
            total += 0.0 if kind == LEFT_OUT else pss
        totals.append(total)
        time.sleep(SAMPLE_S)
    return accounts, totals


def report(accounts: dict[str, Account], totals: list[float], minutes: float) -> list[str]:
    """A Markdown table, and the sums."""
    lines = [
        f"| process | CPU, % of a core over {minutes:g} min | memory (PSS), median MB | most |",
        "|---|---:|---:|---:|",
    ]
    cpu = 0.0
    for kind, account in sorted(accounts.items(), key=lambda item: -item[1].cpu_s):
        share = 100 * account.cpu_s / (minutes * 60)
        cpu += 0.0 if kind == LEFT_OUT else share
        pss = account.pss_mb or [0.0]
        lines.append(f"| {kind} | {share:.1f} | {statistics.median(pss):.0f} | {max(pss):.0f} |")
    median = statistics.median(totals)
    lines.append(f"| **in all** | **{cpu:.1f}** | **{median:.0f}** | **{max(totals):.0f}** |")
    return lines


def runs_since(home: Path, since: float) -> int:
    """Runs that started since then."""
    from dagster import DagsterInstance  # noqa: PLC0415 - not part of what is measured

    with DagsterInstance.from_config(str(home)) as instance:
        records = instance.get_run_records()
    return sum(1 for record in records if (record.start_time or 0.0) >= since)


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _wait_until_well(env: dict[str, str], patience_s: float) -> float | None:
    """Seconds until every channel is ok; None: they were not in time."""
    began = time.monotonic()
    command = [sys.executable, "-m", "market_assets.cli.main", "status", "--json"]
    while time.monotonic() - began < patience_s:
        done = subprocess.run(command, env=env, capture_output=True, check=False)
        if done.returncode == 0 and json.loads(done.stdout)["ok"]:
            return time.monotonic() - began
        time.sleep(2)
    return None


@contextmanager
def running(patience_s: float = 600.0) -> Iterator[System]:
    """The whole system in a folder and on ports of its own, once all channels are ok.

    Args:
        patience_s: how long that is waited for.
    """
    with tempfile.TemporaryDirectory(prefix="market-assets-bench-") as folder:
        database = f"{folder}/data/market.duckdb"
        env = {
            **os.environ,
            "MARKET_DB": database,
            "DAGSTER_HOME": f"{folder}/dagster",
            "MARKET_UI_PORT": _free_port(),
            "MARKET_SIMULATOR_PORT": _free_port(),
        }
        command = [sys.executable, "-m", "market_assets.cli.main", "run", "--simulated"]
        process = subprocess.Popen(
            command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield System(
                psutil.Process(process.pid),
                env,
                Path(database),
                Path(env["DAGSTER_HOME"]),
                _wait_until_well(env, patience_s),
            )
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=120)


def main() -> None:
    """Start the system, let it settle, measure, print, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--skip", type=float, default=1.0)
    chosen = parser.parse_args()
    with running() as system:
        if system.ready_s is None:
            sys.exit("the channels were not all ok in time")
        time.sleep(chosen.skip * 60)
        since = time.time()
        accounts, totals = measure(system.root, chosen.minutes)
        runs = runs_since(system.home, since)
        size_mb = system.database.stat().st_size / 1e6
    print("\n".join(report(accounts, totals, chosen.minutes)))
    print(
        f"\nevery channel ok after {system.ready_s:.0f} s; "
        f"{runs * 60 / chosen.minutes:.0f} runs an hour"
    )
    print(
        f"published database {size_mb:.0f} MB; load average {os.getloadavg()[1]:.1f} on 5 minutes"
    )


if __name__ == "__main__":
    main()
