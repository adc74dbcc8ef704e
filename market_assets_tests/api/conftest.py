"""One published file and one server for all tests that only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from market_assets_tests.api.database import publish
from market_assets_tests.api.serving import served


@pytest.fixture(scope="package")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file with rows in every table that the API reads."""
    path = tmp_path_factory.mktemp("api") / "market.duckdb"
    publish(path)
    return path


@pytest.fixture(scope="package")
def api(published: Path) -> Iterator[httpx.Client]:
    """A client of a server over it, without a token."""
    with served(published) as client:
        yield client
