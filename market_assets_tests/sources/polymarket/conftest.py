"""A host on loopback for each test, and clients of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from market_assets_tests.sources.http_server import Server, serving

from .venue import Connect

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    """Clients of the server; they are closed when the test ends, however it does."""
    connecting = Connect(server.url)
    yield connecting
    connecting.close()
