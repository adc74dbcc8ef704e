"""Dagster under `run`: killed in parts, ended while starting, stopped; with real processes."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets.cli import dagster_process, stopping
from market_assets.cli.errors import RunError
from market_assets.cli.processes import Group
from market_assets.cli.run_log import RunLog
from market_assets.cli.stopping import PATIENCE_S, Stop, stop_all
from market_assets.cli.supervising import Supervisor
from market_assets.process_identity import process_facts
from market_assets.settings import ROOT, Settings, load
from market_assets_tests.cli import family
from market_assets_tests.waiting import until

# What a supervisor has started is waited for by its number, not by its `Popen`.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PATIENCE = 60.0


class Running:
    """A supervisor of a made-up Dagster, on a thread of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        env = {"MARKET_DB": str(folder / "data" / "market.duckdb"), "MARKET_UI_PORT": str(port)}
        self.settings: Settings = load(env, root=folder)
        self.settings.machine.folder.mkdir(parents=True)
        self.settings.dagster_home.mkdir(parents=True)
        monkeypatch.setattr(
            dagster_process, "dagster_command", lambda _: family.command(port, folder)
        )
        self.commands: list[tuple[str, ...]] = []
        monkeypatch.setattr(
            Supervisor, "_command", lambda _, *arguments: self.commands.append(arguments)
        )
        self.groups: list[Group] = []
        self.stop = Stop()
        self.error: Exception | None = None
        self.log = RunLog(folder / "run.log")
        # Simulated venues are not asked whether they can be reached, and are not started here.
        monkeypatch.setattr("market_assets.cli.terminal.Terminal._ask", lambda _: None)
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        supervisor = Supervisor(
            self.settings, groups=self.groups, log=self.log, stop=self.stop, env=env
        )
        try:
            supervisor.run(simulated=False)
        except RunError as error:
            self.error = error

    def pid(self, name: str) -> int:
        return int((self.folder / name).read_text())

    def end(self) -> list[Group]:
        self.stop.wanted.set()
        self.thread.join(PATIENCE)
        return stop_all(list(reversed(self.groups)), self.stop.hurry)

    def members(self) -> list[int]:
        return [one.pid for group in self.groups for one in group.members()]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    made = Running(tmp_path, monkeypatch)
    yield made
    made.stop.hurry.set()
    assert made.end() == []
    made.log.close()


def lives(pid: int) -> bool:
    facts = process_facts(pid)
    return facts is not None and not facts.is_zombie


def is_up(running: Running) -> bool:
    return all((running.folder / name).exists() for name in family.CHILDREN) and all(
        lives(running.pid(name)) for name in family.CHILDREN
    )


def test_a_killed_parent_leaves_no_second_daemon(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its children are ended before it starts again; the run among them goes on."""
    running.thread.start()
    until(lambda: is_up(running), "up")
    until(lambda: "UI  " in capsys.readouterr().out, "the UI announced")
    old = {name: running.pid(name) for name in family.CHILDREN}
    os.kill(running.groups[0].pgid, signal.SIGKILL)
    until(lambda: is_up(running) and running.pid("daemon") != old["daemon"], "up again")
    assert running.pid("run") == old["run"]
    assert not any(lives(old[name]) for name in ("web", "daemon", "code"))
    assert running.commands == [
        ("setup", "--nothing-is-up", "--upstream", "live"),
        ("setup", "--nothing-is-up"),
    ]
    until(lambda: "Dagster is up again" in capsys.readouterr().err, "told")
    assert running.end() == []
    assert (running.folder / "written").exists()
    assert running.members() == []
    assert running.error is None


def test_one_that_ends_while_starting_is_given_up_after_five(running: Running) -> None:
    (running.folder / "fails").touch()
    running.thread.start()
    running.thread.join(PATIENCE)
    assert "Dagster ended with exit code 3 while starting, 6 times" in str(running.error)
    assert (running.folder / "lives").read_text() == "x" * 6


def test_a_lost_code_server_is_a_lost_dagster(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    running.thread.start()
    until(lambda: "UI  " in capsys.readouterr().out, "up")
    old = running.pid("code")
    os.kill(old, signal.SIGKILL)
    until(lambda: is_up(running) and running.pid("code") != old, "up again")
    until(lambda: "starting it again" in capsys.readouterr().err, "told")


def test_a_run_is_waited_for_and_the_rest_is_not(
    running: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stopping, "SERVICES_S", 0.2)
    (running.folder / "slow").write_text("2")
    running.thread.start()
    until(lambda: "UI  " in capsys.readouterr().out, "up")
    until((running.folder / "listens").exists, "a run that can be interrupted")
    assert running.end() == []
    assert (running.folder / "written").exists()


def test_a_run_that_does_not_end_is_killed(
    running: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stopping, "PATIENCE_S", 1.0)
    (running.folder / "slow").write_text("600")
    running.thread.start()
    until(lambda: "UI  " in capsys.readouterr().out, "up")
    until((running.folder / "listens").exists, "a run that can be interrupted")
    assert running.end() == []
    assert not (running.folder / "written").exists()


def test_a_second_press_waits_for_nothing(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    (running.folder / "slow").write_text("600")
    running.thread.start()
    until(lambda: "UI  " in capsys.readouterr().out, "up")
    until((running.folder / "listens").exists, "a run that can be interrupted")
    threading.Timer(0.5, running.stop.hurry.set).start()
    began = time.monotonic()
    assert running.end() == []
    assert time.monotonic() - began < PATIENCE_S
    assert not (running.folder / "written").exists()


def test_all_of_it_takes_less_than_15_seconds() -> None:
    """What is waited for, and twice what the kernel is given for a kill."""
    assert PATIENCE_S + stopping.LAST_S + 2 * 3.0 < 15


def test_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """One press may come twice, from `make` and from the terminal; only SIGINT hurries."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stop = Stop()
    assert not stop.wanted.is_set()
    stop.heard(signal.SIGTERM)
    stop.heard(signal.SIGTERM)
    stop.heard(signal.SIGINT)
    assert stop.wanted.is_set()
    assert not stop.hurry.is_set()
    now[0] += 1.0
    stop.heard(signal.SIGHUP)
    stop.heard(signal.SIGTERM)
    assert not stop.hurry.is_set()
    stop.heard(signal.SIGINT)
    assert stop.hurry.is_set()
