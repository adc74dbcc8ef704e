"""The simulated venues of a `run`: how they are started, and what is said where they are not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from market_assets.cli import simulated_venues
from market_assets.cli.errors import RunError
from market_assets.cli.processes import Group, start
from market_assets.cli.simulated_venues import SimulatedVenues
from market_assets.cli.venues import VENUES_ARE_UP
from market_assets.settings import load


def begun(
    folder: Path, monkeypatch: pytest.MonkeyPatch, prints: str
) -> tuple[SimulatedVenues, list[str]]:
    """Venues that only print this, and the command that was to start real ones."""
    commands: list[str] = []
    processes: list[subprocess.Popen[str]] = []
    others = set(threading.enumerate())

    def recorded(name: str, command: list[str], **options: Any) -> tuple[Any, Group]:
        commands.extend(command)
        made, group = start(name, [sys.executable, "-c", f"print({prints!r})"], **options)
        processes.append(made)
        return made, group

    monkeypatch.setattr(simulated_venues, "start", recorded)
    settings = load({"MARKET_DB": str(folder / "market.duckdb")}, root=folder)
    settings.machine.folder.mkdir(parents=True)
    groups: list[Group] = []
    try:
        venues = SimulatedVenues(
            settings,
            book_changes=2.5,
            groups=groups,
            env=dict(os.environ),
            log=subprocess.DEVNULL,
            stop=threading.Event(),
        )
    finally:
        for process in processes:
            process.wait(20)
        for reader in set(threading.enumerate()) - others:
            reader.join(20)
        for process in processes:
            assert process.stdout is not None
            process.stdout.close()
    return venues, commands


def test_they_are_told_how_often_books_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the variables that they print are the addresses."""
    said = f"# a note\nexport HYPERLIQUID_API_URL=http://127.0.0.1:1\n{VENUES_ARE_UP}"
    venues, command = begun(tmp_path, monkeypatch, said)
    assert command[command.index("--book-changes") + 1] == "2.5"
    assert "simulate" in command
    assert venues.addresses == {"HYPERLIQUID_API_URL": "http://127.0.0.1:1"}


def test_venues_that_end_before_they_are_up_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RunError, match="did not start"):
        begun(tmp_path, monkeypatch, "# a note")
