"""The terminal asks whether venues can be reached when one fails, and tells each turn once."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from market_assets.cli import terminal
from market_assets.cli.processes import Group
from market_assets.cli.run_log import RunLog
from market_assets.cli.terminal import Terminal
from market_assets.settings import load

GROUP = Group("reach", 2**22 + 1, 1.0, "")


class Asked:
    """A process that looks whether the venues can be reached, and has found out."""

    def __init__(self, found: str, returncode: int = 0) -> None:
        self.stdout = io.StringIO(found)
        self.returncode = returncode

    def poll(self) -> int:
        return self.returncode


def test_each_turn_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    answers: list[Asked] = []

    def start(*_: object, **__: object) -> tuple[Any, Group]:
        return answers.pop(0), GROUP

    monkeypatch.setattr(terminal, "start", start)
    settings = load({"MARKET_DB": str(tmp_path / "market.duckdb")}, root=tmp_path)
    settings.machine.folder.mkdir(parents=True)
    log = RunLog(tmp_path / "run.log")
    groups: list[Group] = []

    def told(answer: Asked | None = None, **rows: str) -> list[str]:
        """What is said when a look finds these standings, and reaching them ends so."""
        answers[:] = [answer] if answer is not None else []
        if rows:
            said = [
                {"label": f"v/{name}", "status": one, "why": None} for name, one in rows.items()
            ]
            (settings.machine.standings).write_text(json.dumps({"rows": said}))
        shown.tell()
        shown.tell()
        now[0] += 61.0
        return [line[10:] for line in capsys.readouterr().err.splitlines()]

    none, some = json.dumps({"a": "refused", "b": "refused"}), json.dumps({"a": None})
    answers.append(Asked(some))
    shown = Terminal(settings, groups=groups, env={}, log=log, live=True)
    assert told() == []
    assert told(a="ok") == ["ok: v/a", "all is well, 1 channels. " + shown._teller._hint]
    (first, second) = told(Asked(none), a="failed")
    assert first == "failed: v/a"
    assert second.startswith("no venue can be reached: refused (a, b)")
    assert told(Asked(none)) == []
    assert told(Asked("", returncode=1)) == []
    assert told(Asked(some)) == ["the venues can be reached again"]
    assert told() == []
    assert told(a="ok") == ["ok again: v/a"]
    assert groups == []
    log.close()


def test_what_is_off_is_said_once_the_ui_is_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody waits for channels that will not come."""
    log = RunLog(tmp_path / "run.log")

    def said(**variables: str) -> list[str]:
        settings = load({"MARKET_DB": str(tmp_path / "market.duckdb"), **variables}, root=tmp_path)
        Terminal(settings, groups=[], env={}, log=log, live=False).is_up()
        return capsys.readouterr().out.splitlines()

    assert "  off       polymarket (MARKET_SOURCES)" in said(MARKET_SOURCES="hyperliquid,defillama")
    assert [line for line in said() if line.startswith("  off")] == []
    log.close()


def test_simulated_venues_are_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "start", lambda *_, **__: pytest.fail("it asked"))
    settings = load({"MARKET_DB": str(tmp_path / "market.duckdb")}, root=tmp_path)
    settings.machine.folder.mkdir(parents=True)
    log = RunLog(tmp_path / "run.log")
    shown = Terminal(settings, groups=[], env={}, log=log, live=False)
    said = [{"label": "v/a", "status": "failed", "why": "down"}]
    (settings.machine.standings).write_text(json.dumps({"rows": said}))
    shown.tell()
    log.close()
