"""Dagster's own web server with the guard in front of it, as `run` starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from market_assets.cli.dagster_process import dagster_command
from market_assets.settings import load

PATIENCE_S = 120.0
MUTATION = "mutation { setNuxSeen }"
"""Changes something harmless."""


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


@pytest.fixture(scope="module")
def ui(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of it."""
    home = tmp_path_factory.mktemp("dagster")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    command = [sys.executable, "-m", "market_assets.cli.web_server", "--empty-workspace"]
    with (
        subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, "DAGSTER_HOME": str(home)},
            cwd=home,
        ) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client,
    ):
        try:
            wait_until_up(client, server)
            yield client
        finally:
            server.terminate()


def wait_until_up(client: httpx.Client, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert server.poll() is None
        try:
            client.get("/server_info")
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


@pytest.mark.parametrize("host", ["localhost:3000", "127.0.0.1:8888", "[::1]:3000", "localhost"])
def test_a_loopback_host_is_answered(ui: httpx.Client, host: str) -> None:
    assert ui.get("/server_info", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example:3000", "localhost.evil.example", "0.0.0.0:3000"])
@pytest.mark.parametrize("route", ["/", "/server_info", "/graphql?query={version}"])
def test_another_host_is_refused(ui: httpx.Client, host: str, route: str) -> None:
    """The page, what it asks, and GraphQL: nothing to read, nothing done."""
    answer = ui.get(route, headers={"Host": host})
    assert answer.status_code == 421
    assert "Host" in answer.text


def graphql(ui: httpx.Client, query: str, **headers: str) -> httpx.Response:
    """As a page of another name can have it sent: in the address, with a plain body."""
    plain = {"Content-Type": "text/plain", **headers}
    return ui.post("/graphql", params={"query": query}, headers=plain, content=b"x")


def test_what_its_own_page_sends_is_answered(ui: httpx.Client, port: int) -> None:
    """By any loopback name, and of course what programs send."""
    for headers in (
        {},
        {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"},
        {"Origin": f"http://localhost:{port}", "Host": f"localhost:{port}"},
    ):
        assert graphql(ui, "{ version }", **headers).json()["data"]["version"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "https://127.0.0.1.evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost@evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_what_a_page_of_another_name_sends_is_refused(
    ui: httpx.Client, headers: dict[str, str]
) -> None:
    """A form, a script, an image: what changes something does not need an answer that it reads."""
    answer = graphql(ui, MUTATION, **headers)
    assert answer.status_code == 421
    if "Sec-Fetch-Mode" not in headers:
        image = ui.get("/graphql", params={"query": MUTATION}, headers=headers)
        assert image.status_code == 421


def test_a_link_from_another_page_may_be_followed(ui: httpx.Client) -> None:
    """From a chat, say, to a run."""
    headers = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Accept": "text/html",
    }
    assert ui.get("/runs?q=x", headers=headers).status_code == 200


def test_a_websocket_is_guarded_too(ui: httpx.Client, port: int) -> None:
    """Browsers let any page open one."""
    del ui
    address = f"ws://127.0.0.1:{port}/graphql"
    with connect(address, subprotocols=["graphql-ws"], proxy=None):  # type: ignore[list-item]
        pass
    with pytest.raises(InvalidStatus) as refused:
        connect(address, origin="http://evil.example", proxy=None)  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


def test_run_starts_the_services_on_loopback(tmp_path: Path) -> None:
    command = dagster_command(load({}, root=tmp_path))
    assert command[command.index("-m") + 1] == "market_assets.cli.services"
    assert command[command.index("--host") + 1] == "127.0.0.1"
