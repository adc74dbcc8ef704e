"""The environment of a user with an empty folder, and venues that answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

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


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulated]:
    with simulated(main=6, builder=2, spot=2) as running:
        yield running
