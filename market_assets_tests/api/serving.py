"""A real server on a free port of loopback, around a published file."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from market_assets.api.app import Application, Parts
from market_assets.api.protocol import Bounds
from market_assets.api.server import base_url, listen, server
from market_assets.clock import Clock, ManualClock
from market_assets.operations.health.statuses import Health, Row
from market_assets.storage.files.published import Published
from market_assets_tests.api.database import NOW

HEALTHY = Health(
    at=NOW,
    rows=(
        Row(
            source="hyperliquid",
            channel="mids",
            status="ok",
            expected_cadence_s=60.0,
            stale_after_s=360.0,
            age_s=12.5,
            rows_written=600,
            last_error=None,
        ),
    ),
)


@contextmanager
def served(
    path: Path,
    *,
    token: str = "",
    health: Callable[[], Health] = lambda: HEALTHY,
    metrics: Callable[[str], tuple[bytes, str]] = lambda _: (b"", "text/plain"),
    clock: Clock | None = None,
    stream: Callable[[], Sequence[str]] = tuple,
    version: str = "1.2.3",
    bounds: Bounds | None = None,
) -> Iterator[httpx.Client]:
    """A client of the API over the published file at `path`; with the token, if there is one."""
    app = Application(
        Parts(
            published=Published(path),
            health=health,
            metrics=metrics,
            clock=clock or ManualClock(NOW),
            version=version,
            token=token,
            stream=stream,
        )
    )
    listener = listen("127.0.0.1", 0, has_token=bool(token))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with (
            running(app, listener, bounds),
            httpx.Client(
                base_url=base_url(listener), headers=headers, timeout=60, trust_env=False
            ) as client,
        ):
            yield client
    finally:
        app.close()


@contextmanager
def running(
    app: Application, listener: socket.socket, bounds: Bounds | None = None
) -> Iterator[None]:
    """The application is served in a thread while the block runs."""
    serving = server(app, bounds)
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        serving.should_exit = True
        thread.join(60)
    assert not thread.is_alive()


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of an error; it is JSON, and never cached."""
    assert response.headers["content-type"] == "application/json"
    said = response.json()
    assert set(said) == {"error"}
    assert set(said["error"]) == {"code", "message"}
    return response.status_code, said["error"]["code"], said["error"]["message"]
