"""What the terminal of `run` says: each change once, with its cause, and when all is well."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from market_assets.cli.reaching import addresses, nothing_is_reached, reach
from market_assets.cli.run_log import RunLog
from market_assets.cli.telling import SETTLES_S, Teller
from market_assets.machine_paths import MachinePaths
from market_assets.operations.health.standing import (
    Standing,
    read_standings,
    write_standings,
)
from market_assets.operations.health.statuses import Health, Row
from market_assets.settings import load


def rows(**statuses: str) -> list[Standing]:
    """`a="failed: why"` is the channel `v/a`."""
    found = []
    for name, said in statuses.items():
        status, _, why = said.partition(": ")
        found.append(Standing(f"v/{name}", status, why or None))
    return found


def test_the_start_is_told_as_it_goes_and_then_what_to_try() -> None:
    teller = Teller("Try first: this")
    assert teller.news(rows(a="missing", b="missing", c="stale"), 1) == []
    assert teller.news(rows(a="running", b="missing", c="running"), 2) == []
    assert teller.news(rows(a="ok", b="ok", c="running"), 3) == ["ok: v/a, v/b"]
    assert teller.news(rows(a="ok", b="running", c="ok"), 4) == [
        "ok: v/c",
        "all is well, 3 channels. Try first: this",
    ]
    assert teller.news(rows(a="ok", b="ok", c="ok"), 5) == []


def test_a_change_is_told_once_with_its_cause() -> None:
    teller = Teller("")
    teller.news(rows(a="ok", b="ok"), 1)
    assert teller.news(rows(a="failed: down", b="ok"), 2) == ["failed: v/a: down"]
    assert teller.news(rows(a="running", b="ok"), 3) == []
    assert teller.news(rows(a="failed: down still", b="stale"), 4) == ["stale: v/b"]
    assert teller.news(rows(a="ok", b="ok"), 5) == ["ok again: v/a, v/b"]


def test_those_that_share_a_cause_share_a_line() -> None:
    teller = Teller("")
    told = teller.news(rows(a="failed: no\nanswer", b="failed: no\nanswer", c="failed: 400"), 1)
    assert told == ["failed: v/a, v/b: no answer", "failed: v/c: 400"]


def test_what_is_not_there_after_five_minutes_is_news() -> None:
    teller = Teller("")
    assert teller.news(rows(a="ok", b="missing: never run"), SETTLES_S - 1) == ["ok: v/a"]
    assert teller.news(rows(a="ok", b="missing: never run"), SETTLES_S) == [
        "missing: v/b: never run"
    ]
    assert teller.news(rows(a="ok", b="missing: never run"), SETTLES_S + 1) == []


def test_a_long_cause_is_cut() -> None:
    (line,) = Teller("").news(rows(a=f"failed: {'x' * 5000}"), 1)
    assert len(line) < 400


def test_standings_are_handed_over_in_a_file(tmp_path: Path) -> None:
    row = Row(
        source="v",
        channel="a",
        status="failed",
        expected_cadence_s=60,
        stale_after_s=360,
        age_s=None,
        rows_written=None,
        last_error="down",
    )
    write_standings(
        MachinePaths(tmp_path), Health(at=datetime(2026, 2, 28, tzinfo=UTC), rows=(row,))
    )
    assert read_standings(MachinePaths(tmp_path)) == [Standing("v/a", "failed", "down")]
    for said in ("", "{", "[]", '{"rows": [1]}', '{"rows": [{"x": 1}]}'):
        (MachinePaths(tmp_path).standings).write_text(said)
        assert read_standings(MachinePaths(tmp_path)) == []


def test_only_venues_of_sources_that_are_on_are_reached_for(tmp_path: Path) -> None:
    def asked(sources: str) -> list[str]:
        settings = load({"MARKET_SOURCES": sources}, root=tmp_path)
        return [str(urlsplit(url).hostname) for url in addresses(settings)]

    assert asked("hyperliquid") == ["api.hyperliquid.xyz"]
    assert asked("defillama") == ["api.llama.fi", "stablecoins.llama.fi"]
    assert len(asked("")) == len(set(asked(""))) == 6
    assert asked("evm") == []


def test_where_no_source_is_on_nothing_is_reached_for_and_nothing_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MARKET_SOURCES", "evm")
    reach()
    assert nothing_is_reached(capsys.readouterr().out) is None


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"a": "refused", "b": "refused", "c": "no name"}, "refused (a, b); no name (c)."),
        ({"a": "refused", "b": None}, None),
        ({}, None),
    ],
)
def test_no_venue_at_all(said: dict[str, str | None], line: str | None) -> None:
    told = nothing_is_reached(json.dumps(said))
    assert (told is None) == (line is None)
    if line is not None:
        assert told is not None
        assert line in told
        assert "UPSTREAM=simulated" in told


def test_an_answer_that_is_none_says_nothing() -> None:
    assert nothing_is_reached("") is None


def test_the_log_is_put_aside_and_stays_small(tmp_path: Path) -> None:
    """Whoever holds it open writes on at its end."""
    log = RunLog(tmp_path / "logs" / "run.log", limit=100, kept=3)
    with (tmp_path / "logs" / "run.log").open("a") as writer:
        for nth in range(20):
            writer.write(f"line {nth} {'x' * 40}\n")
            writer.flush()
            log.rotate()
    log.close()
    files = sorted(file.name for file in (tmp_path / "logs").iterdir())
    assert files == ["run.log", "run.log.1", "run.log.2", "run.log.3"]
    assert all(file.stat().st_size < 200 for file in (tmp_path / "logs").iterdir())
    newest = (tmp_path / "logs" / "run.log.1").read_text() + log.path.read_text()
    assert "line 19 " in newest
    assert "\0" not in newest
