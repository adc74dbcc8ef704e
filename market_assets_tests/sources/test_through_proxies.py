"""REST and WebSocket go the same way, through real proxies, by one reading of the variables."""

from __future__ import annotations

import asyncio
import gc
import logging
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

import pytest

from market_assets.proxies import Proxies, parse
from market_assets.redaction import redacted
from market_assets.sources.errors import VenueUnavailable
from market_assets.sources.http import HttpTransport
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.http_server import serving
from market_assets_tests.sources.proxy_servers import NAME, Proxy, http_proxy, socks_proxy
from market_assets_tests.sources.test_stream import Listener, echo, running, server, stream, until

USER = "me:s3cr3t%40word"
"""As it stands in a variable; the proxy is told `me:s3cr3t@word`."""
KNOWN = "me:s3cr3t@word"

SCHEMES = [
    pytest.param(http_proxy, "http", id="http"),
    pytest.param(socks_proxy, "socks5", id="socks5"),
    pytest.param(socks_proxy, "socks5h", id="socks5h"),
    pytest.param(socks_proxy, "socks", id="socks"),
]
Kind = type[AbstractContextManager[Proxy]]


def told(proxy: Proxy, scheme: str, user: str = "") -> Proxies:
    """What a shell with this `ALL_PROXY` means."""
    at = f"{user}@" if user else ""
    return parse({"ALL_PROXY": f"{scheme}://{at}127.0.0.1:{proxy.port}"})


def ask(url: str, proxies: Proxies) -> bytes:
    transport = HttpTransport(url, "venue", proxies=proxies, retry=RetryPolicy(attempts=1))
    try:
        return transport.get_json("/info")
    finally:
        transport.close()


def by_name(url: str) -> tuple[str, int]:
    """The address of a server by a name that only the proxies know, and its port."""
    port = urlsplit(url).port
    assert port is not None
    return f"{urlsplit(url).scheme}://{NAME}:{port}", port


@pytest.mark.parametrize(("kind", "scheme"), SCHEMES)
@pytest.mark.parametrize("user", ["", USER])
def test_requests(kind: Kind, scheme: str, user: str) -> None:
    with serving() as venue, kind(KNOWN if user else "") as proxy:
        url, port = by_name(venue.url)
        assert ask(url, told(proxy, scheme, user)) == b"[]"
        assert proxy.through == [(NAME, port)]


@pytest.mark.parametrize(("kind", "scheme"), SCHEMES)
@pytest.mark.parametrize("user", ["", USER])
def test_sockets(kind: Kind, scheme: str, user: str) -> None:
    async def story(proxy: Proxy) -> None:
        listener = Listener()
        async with server(echo) as venue:
            url, port = by_name(venue)
            async with running(stream(url, listener, proxies=told(proxy, scheme, user))):
                await until(lambda: b"hello" in listener.heard)
            assert proxy.through == [(NAME, port)]

    with kind(KNOWN if user else "") as proxy:
        asyncio.run(story(proxy))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("kind", "scheme"), SCHEMES)
def test_an_unknown_user_is_told_of_without_his_password(
    kind: Kind, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(proxies: Proxies) -> None:
        made = stream("ws://venue.invalid:1/ws", Listener(), proxies=proxies)
        async with running(made):
            await until(lambda: made.trouble)
        assert made.trouble is not None
        assert "s3cr3t" not in made.trouble[1]

    caplog.set_level(logging.INFO)
    with kind("somebody:else") as proxy:
        proxies = told(proxy, scheme, USER)
        asyncio.run(story(proxies))
        if scheme != "http":  # an HTTP proxy answers 407, in the venue's place
            with pytest.raises(VenueUnavailable, match="ProxyError"):
                ask("http://venue.invalid:1", proxies)
        assert proxy.refused
        assert proxy.through == []
    assert "s3cr3t" not in caplog.text
    gc.collect()  # httpcore leaves the socket of a SOCKS proxy that refused to the collector


@pytest.mark.parametrize(("kind", "scheme"), SCHEMES)
def test_what_is_reached_directly_asks_no_proxy(kind: Kind, scheme: str) -> None:
    async def story(proxies: Proxies) -> None:
        listener = Listener()
        async with server(echo) as url, running(stream(url, listener, proxies=proxies)):
            await until(lambda: b"hello" in listener.heard)

    with serving() as venue, kind() as proxy:
        proxies = parse(
            {"ALL_PROXY": f"{scheme}://127.0.0.1:{proxy.port}", "NO_PROXY": "[::1],127.0.0.0/8"}
        )
        assert ask(venue.url, proxies) == b"[]"
        asyncio.run(story(proxies))
        assert proxy.through == []


def test_the_environment_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `settings` has read is what both use: nothing that a library finds by itself."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SOCKS_PROXY", "WS_PROXY"):
        monkeypatch.setenv(name, "nonsense://nowhere:0")
        monkeypatch.setenv(name.lower(), "nonsense://nowhere:0")
    monkeypatch.setenv("NO_PROXY", "[::1")

    async def story() -> None:
        listener = Listener()
        async with server(echo) as url, running(stream(url, listener)):
            await until(lambda: b"hello" in listener.heard)

    with serving() as venue:
        assert ask(venue.url, Proxies()) == b"[]"
    asyncio.run(story())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "InvalidProxy user:s3cr3t@127.0.0.1:18779 isn't a proxy",
            "InvalidProxy 127.0.0.1:18779 isn't a proxy",
        ),
        ("'me:s3cr3t@proxy.example:1'", "'proxy.example:1'"),
        ("proxy=me:s3cr3t@[::1]:1,", "proxy=[::1]:1,"),
        ("http://me:s3@cr3t@proxy:1/x", "http://proxy:1/x"),
        ("at 18:43:05, me@example.org", "at 18:43:05, me@example.org"),
        ("POST http://v.example:8080/a", "POST http://v.example:8080/a"),
    ],
)
def test_a_user_without_a_scheme_is_not_shown(text: str, shown: str) -> None:
    assert redacted(text) == shown
