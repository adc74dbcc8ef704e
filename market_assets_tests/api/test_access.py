"""Who may ask: the token, and the addresses that are listened on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from market_assets.api.app import Parts
from market_assets.api.auth import BearerToken
from market_assets.api.server import CannotListen, base_url, listen
from market_assets_tests.api.serving import error_of, served

TOKEN = "a-long-secret+with/signs="


@pytest.fixture(scope="module")
def guarded(published: Path) -> Iterator[httpx.Client]:
    """A client of a server with a token."""
    with served(published, token=TOKEN) as client:
        yield client


@pytest.mark.parametrize(
    "route",
    ["/api/v1/assets", "/api/v1/ingestion/health", "/metrics", "/openapi.json", "/nope"],
)
def test_every_route_needs_the_token(guarded: httpx.Client, route: str) -> None:
    """Metrics, the document and routes that do not exist too."""
    said = guarded.get(route, headers={"Authorization": ""})
    bare = httpx.get(str(guarded.base_url.join(route)), trust_env=False)
    for response in (said, bare):
        assert error_of(response)[:2] == (401, "unauthorized")
        assert response.headers["www-authenticate"].startswith('Bearer realm="market_assets"')
    assert guarded.get(route).status_code == (404 if route == "/nope" else 200)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xe9",
        f"Bearer {TOKEN}, Bearer x",
    ],
)
def test_another_token_is_refused(guarded: httpx.Client, header: str) -> None:
    """And the answer does not tell what was right about it."""
    response = guarded.get("/api/v1/assets", headers={"Authorization": header.encode("latin-1")})
    assert error_of(response) == (401, "unauthorized", "this is not the token")
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


def test_two_headers_are_refused_though_one_is_right(guarded: httpx.Client) -> None:
    """Servers before this one may look at the other."""
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")]
    url = str(guarded.base_url.join("/api/v1/assets"))
    assert httpx.get(url, headers=headers, trust_env=False).status_code == 401


def test_the_scheme_may_be_written_as_one_likes(guarded: httpx.Client) -> None:
    """HTTP's schemes have no case."""
    headers = {"Authorization": f"bEARER {TOKEN}"}
    assert guarded.get("/api/v1/assets", headers=headers).status_code == 200


def test_an_empty_token_protects_nothing_and_is_refused(api: httpx.Client) -> None:
    """Nobody builds an API that thinks it is guarded."""
    with pytest.raises(ValueError, match="empty token"):
        BearerToken(api, "")  # type: ignore[arg-type]  # never called


def test_the_token_is_in_no_representation() -> None:
    """What a log or a traceback may show."""
    parts = Parts(None, None, None, None, "1", TOKEN)  # type: ignore[arg-type]
    assert TOKEN not in repr(parts)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - what is tested
def test_without_a_token_only_loopback_is_listened_on(host: str) -> None:
    """One line that says what to do; nothing listens."""
    with pytest.raises(CannotListen, match="MARKET_API_TOKEN") as raised:
        listen(host, 0, has_token=False)
    assert "\n" not in str(raised.value)


def test_with_a_token_any_address_is() -> None:
    """And it is told how to reach it from here."""
    listener = listen("0.0.0.0", 0, has_token=True)  # noqa: S104 - what is tested
    with listener:
        assert base_url(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_may_be_named(host: str) -> None:
    """IPv4 where a name means both."""
    with listen(host, 0, has_token=False) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("host", ["", "no.such.host.invalid", "x" * 300, "203.0.113.7"])
def test_an_address_that_is_not_ours_is_one_clear_line(host: str) -> None:
    """Unknown, unusable or somebody else's."""
    with pytest.raises(CannotListen) as raised:
        listen(host, 0, has_token=True)
    assert "\n" not in str(raised.value)


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    """A second instance says so and leaves the first alone."""
    with listen("127.0.0.1", 0, has_token=False) as first:
        port = first.getsockname()[1]
        with pytest.raises(CannotListen, match=f"port {port} of 127.0.0.1 is taken"):
            listen("127.0.0.1", port, has_token=False)
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            pass


LOOPBACK = [
    "localhost",
    "LocalHost:80",
    "localhost:3000",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.8.9.10:65535",
    "[::1]",
    "[::1]:8000",
    "[0:0:0:0:0:0:0:1]:8000",
]
FOREIGN = [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "evil.localhost",
    "localhost@evil.example",
    "evil.example/localhost",
    "0.0.0.0:8000",
    "[::]:8000",
    "192.168.1.5:8000",
    "[fe80::1]",
    "[::ffff:8.8.8.8]",
    "127.1",
    "2130706433",
    "::1",
    "[127.0.0.1]",
    "localhost:http",
    "localhost, evil.example",
    "",
    "\xe9",
]


@pytest.mark.parametrize("host", LOOPBACK)
@pytest.mark.parametrize("route", ["/", "/api/v1/assets", "/metrics", "/openapi.json"])
def test_without_a_token_a_loopback_host_is_answered(
    api: httpx.Client, host: str, route: str
) -> None:
    """With any port: a tunnel's is another."""
    assert api.get(route, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", FOREIGN)
def test_without_a_token_another_host_is_refused(api: httpx.Client, host: str) -> None:
    """A page whose name means 127.0.0.1 now gets nothing to read, of no route."""
    for route in ("/api/v1/assets", "/metrics", "/nope"):
        answer = api.get(route, headers={"Host": host.encode("latin-1")})
        status, code, message = error_of(answer)
        assert (status, code) == (421, "misdirected")
        assert "localhost" in message
        assert "\n" not in message
    page = api.get("/", headers={"Host": host.encode("latin-1")})
    assert page.status_code == 421
    assert page.headers["content-type"].startswith("text/html")
    assert "hyperliquid" not in page.text


@pytest.mark.parametrize("hosts", [[], ["localhost", "evil.example"], ["localhost", "localhost"]])
def test_without_a_token_there_is_one_host(api: httpx.Client, hosts: list[str]) -> None:
    """None at all, as HTTP/1.0 has it, or two."""
    where = urlsplit(str(api.base_url))
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        lines = "".join(f"Host: {host}\r\n" for host in hosts)
        connection.sendall(f"GET /metrics HTTP/1.0\r\n{lines}\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize("host", ["evil.example", "market.example:8000", "10.0.0.7"])
def test_with_a_token_the_host_may_be_any(guarded: httpx.Client, host: str) -> None:
    """A page of another name does not know the token."""
    assert guarded.get("/api/v1/assets", headers={"Host": host}).status_code == 200
    bare = httpx.get(
        str(guarded.base_url.join("/api/v1/assets")), headers={"Host": host}, trust_env=False
    )
    assert error_of(bare)[:2] == (401, "unauthorized")
