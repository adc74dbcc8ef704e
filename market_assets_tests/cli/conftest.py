"""The environment of a user with an empty folder, the command line, and venues that answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from market_assets.cli.main import main
from market_assets_tests.cli.commands import Inside
from market_assets_tests.simulated import Simulated, simulated


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(("MARKET_", "HYPERLIQUID_"))},
        "MARKET_DB": str(tmp_path / "data" / "market.duckdb"),
        "DAGSTER_HOME": str(tmp_path / "dagster"),
        "MARKET_SYMBOLS": "BTC,ETH",
        "NO_PROXY": "127.0.0.1",
        "COLUMNS": "200",
    }


def typed_here(
    arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """A command, typed in this process: exit code, output, complaints."""
    monkeypatch.setattr(sys, "argv", ["market-assets", *arguments])
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    out, err = capsys.readouterr()
    assert isinstance(code, int)
    return code, out, err


@pytest.fixture
def inside(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Inside:
    """The command line in this process: for what needs no process of its own."""

    def call(*arguments: str, **variables: str) -> tuple[int, str, str]:
        for name, value in {**env, **variables}.items():
            monkeypatch.setenv(name, value)
        return typed_here(arguments, monkeypatch, capsys)

    return call


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulated]:
    with simulated(main=6, builder=2, spot=2) as running:
        yield running
