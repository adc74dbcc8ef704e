"""How right the links are: on the project's own cases, and on recorded titles."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.matching import (
    GOAL_PRECISION,
    GOAL_RECALL,
    HELD_OUT,
    OWN_CASES,
    read_cases,
    recorded,
    score,
    whole_vocabulary,
)
from market_assets.features.linking.linker import Linker

ROOT = Path(__file__).resolve().parents[3]


def test_own_cases() -> None:
    """Made-up titles of every family that Polymarket has."""
    result = score(Linker(whole_vocabulary()), read_cases(OWN_CASES))
    assert result.cases > 250
    assert result.precision >= GOAL_PRECISION, result.false_links
    assert result.recall >= GOAL_RECALL, result.misses


def test_cases_that_were_held_out() -> None:
    """Labelled before the rules were tuned with the others."""
    cases = [case for case in read_cases(OWN_CASES) if case.part == HELD_OUT]
    result = score(Linker(whole_vocabulary()), cases)
    assert result.cases >= 50
    assert result.precision >= GOAL_PRECISION, result.false_links
    assert result.recall >= GOAL_RECALL, result.misses


def test_recorded_titles() -> None:
    """Real titles, with the registry as it was recorded."""
    real = recorded()
    if real is None:
        pytest.skip("no recorded titles on this machine")
    result = score(*real)
    assert result.precision >= GOAL_PRECISION, result.false_links
    assert result.recall >= GOAL_RECALL, result.misses


def test_the_command_prints_figures_and_each_error(tmp_path: Path) -> None:
    """With a file of one's own, errors in it included."""
    cases = tmp_path / "mine.csv"
    cases.write_text(
        "title,slug,tags,expected_symbols,also_acceptable\n"
        "Bitcoin and Solana in May,,,BTC,SOL\n"
        "Will Bitcoin rise?,,,none,\n"
        "Will nothing rise?,,,ETH,\n"
        "Will nothing fall?,,,XRP,none\n",
        "utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "matching", "--cases", str(cases)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "4 titles, 1 links right, precision 0.500" in done.stdout
    assert "recall 0.500" in done.stdout
    assert "false link  BTC by name 'Bitcoin': Will Bitcoin rise?" in done.stdout
    assert "miss        ETH: Will nothing rise?" in done.stdout
