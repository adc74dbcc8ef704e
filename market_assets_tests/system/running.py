"""A whole system for a test: `market-assets run --simulated`, its folder and ports its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from market_assets.cli.instance import prepare_dagster_home
from market_assets_tests import waiting, wheel

ROOT = Path(__file__).resolve().parent.parent.parent

until = partial(waiting.until, every_s=0.25)
"""Looking at a whole system opens files of it: not more often than this."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class System:
    """What a test does to it and asks of it."""

    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    root: Path = ROOT
    process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.database = self.folder / "data" / "market.duckdb"
        self.log = self.folder / "run.log"
        self.home = self.folder / "dagster"
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("MARKET_", "DAGSTER_"))},
            "MARKET_DB": str(self.database),
            "MARKET_UI_PORT": str(free_port()),
            "MARKET_SIMULATOR_PORT": str(free_port()),
            "NO_PROXY": "127.0.0.1",
        }
        self.prepare()
        self.env |= self.extra

    def prepare(self) -> None:
        """What is there before it is started: a home of its own, beside the checkout."""
        prepare_dagster_home(self.home)
        self.env |= {"DAGSTER_HOME": str(self.home), "MARKET_PROFILE": "local"}

    def start(self, *, simulated: bool = True) -> None:
        """As `UPSTREAM=simulated make run` does once everything is installed, or `make run`."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "market_assets.cli.main",
                    "run",
                    *(["--simulated"] if simulated else []),
                ],
                env=self.env,
                cwd=self.root,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`market-assets …` in a second shell."""
        return self._run([sys.executable, "-m", "market_assets.cli.main", *arguments], check=check)

    def dagster(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`dagster …` in a second shell."""
        return self._run([sys.executable, "-m", "dagster", *arguments], check=True)

    def _run(self, command: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, env=self.env, cwd=self.root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 or not check, done.stderr[-3000:]
        return done

    def statuses(self) -> dict[str, str]:
        """Status by channel."""
        said = json.loads(self.command("status", "--json").stdout)
        return {f"{row['source']}/{row['channel']}": row["status"] for row in said["rows"]}

    def is_well(self) -> bool:
        return set(self.statuses().values()) == {"ok"}

    def reload(self) -> bytes:
        """As by the button of the UI; what Dagster answers."""
        mutation = (
            'mutation { reloadRepositoryLocation(repositoryLocationName: "market_assets")'
            " { ... on WorkspaceLocationEntry { locationOrLoadError { __typename } } } }"
        )
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.env['MARKET_UI_PORT']}/graphql",
            data=json.dumps({"query": mutation}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=90) as answer:  # noqa: S310
            said: bytes = answer.read()
        return said

    def processes(self) -> list[psutil.Process]:
        """Everything that was started for this folder, whoever its parent is now."""
        mine = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("MARKET_DB") == str(self.database):
                    mine.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return [p for p in mine if p.pid != os.getpid()]

    def code_servers(self) -> set[int]:
        """The processes that have the definitions loaded for the UI and the daemon."""
        found = set()
        for process in self.processes():
            with suppress(psutil.Error):
                if "market_assets.cli.code_server" in process.cmdline():
                    found.add(process.pid)
        return found

    def kill_everything(self) -> None:
        """As a power cut does: all at once, without a word."""
        for process in self.processes():
            process.kill()
        if self.process is not None:
            self.process.wait(timeout=10)
        until(lambda: not self.processes(), "dead", 20)

    def stop(self) -> int:
        """Ctrl-C; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=90)


class InstalledSystem(System):
    """One that was installed from a wheel, and is typed in an empty folder."""

    def prepare(self) -> None:
        """A `.env`, and nothing else: Dagster's home is made and named by the first command."""
        self.root = self.folder / "empty"
        self.root.mkdir()
        self.database = self.root / "data" / "market.duckdb"
        self.home = self.root / "data" / "dagster"
        package = wheel.install(wheel.build(self.folder), self.folder / "package")
        (self.root / ".env").write_text("MARKET_PROFILE=local\n")
        self.env |= {"MARKET_DB": str(self.database), "PYTHONPATH": str(package)}


@contextmanager
def system(folder: Path, root: Path = ROOT, **extra: str) -> Iterator[System]:
    """A system that is stopped at the end of the test whatever happened in it."""
    with _stopped_at_the_end(System(folder, extra, root)) as running:
        yield running


@contextmanager
def installed_system(folder: Path) -> Iterator[System]:
    """The same of the wheel of this checkout."""
    with _stopped_at_the_end(InstalledSystem(folder)) as running:
        yield running


@contextmanager
def _stopped_at_the_end(running: System) -> Iterator[System]:
    try:
        yield running
    finally:
        if running.process is not None and running.process.poll() is None:
            running.stop()
        running.kill_everything()
