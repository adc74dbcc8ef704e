"""Real proxies on loopback: HTTP with CONNECT, and SOCKS 5, with a user where a test wants one."""

from __future__ import annotations

import base64
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

NAME = "venue.invalid"
"""Resolved by nobody but these proxies: whoever reaches it has gone through one."""
_SOCKS_5 = 5
_BY_PASSWORD = 2


@dataclass
class Proxy:
    """A proxy as a test sees it.

    Attributes:
        port: on loopback.
        user: the `user:password` that it asks for; empty: none.
        through: where it was asked to connect to, in order.
        refused: how many clients it did not know.
    """

    port: int
    user: str = ""
    through: list[tuple[str, int]] = field(default_factory=list)
    refused: int = 0

    def url(self, scheme: str) -> str:
        """Its address with the user that it asks for."""
        return f"{scheme}://{f'{self.user}@' if self.user else ''}127.0.0.1:{self.port}"


@contextlib.contextmanager
def http_proxy(user: str = "") -> Iterator[Proxy]:
    """Tunnels CONNECT, and passes requests for http:// on."""
    with _serving(_http, user) as proxy:
        yield proxy


@contextlib.contextmanager
def socks_proxy(user: str = "") -> Iterator[Proxy]:
    """SOCKS 5, which takes names as well as addresses."""
    with _serving(_socks, user) as proxy:
        yield proxy


@contextlib.contextmanager
def _serving(talk: Callable[[Proxy, socket.socket], None], user: str) -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(listener.getsockname()[1], user)

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_talk, args=(client,), daemon=True).start()

        def _talk(client: socket.socket) -> None:
            with client, contextlib.suppress(OSError, ValueError, struct.error):
                talk(proxy, client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _http(proxy: Proxy, client: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        got = client.recv(65536)
        if not got:
            return
        head += got
    wanted = b"Basic " + base64.b64encode(proxy.user.encode())
    if proxy.user and wanted not in head:
        proxy.refused += 1
        client.sendall(b"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return
    line, _, rest = head.partition(b"\r\n")
    method, target, _ = line.decode().split(" ")
    if method == "CONNECT":
        host, _, port = target.rpartition(":")
        with _connected(proxy, host.strip("[]"), int(port)) as venue:
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            _join(client, venue)
        return
    parts = urlsplit(target)
    with _connected(proxy, parts.hostname or "", parts.port or 80) as venue:
        venue.sendall(f"{method} {parts.path or '/'} HTTP/1.1\r\n".encode() + rest)
        _join(client, venue)


def _socks(proxy: Proxy, client: socket.socket) -> None:
    version, count = client.recv(1)[0], client.recv(1)[0]
    methods = client.recv(count)
    assert version == _SOCKS_5
    if proxy.user:
        if _BY_PASSWORD not in methods:
            proxy.refused += 1
            client.sendall(bytes([_SOCKS_5, 0xFF]))
            return
        client.sendall(bytes([_SOCKS_5, _BY_PASSWORD]))
        client.recv(1)
        user = client.recv(client.recv(1)[0])
        password = client.recv(client.recv(1)[0])
        known = user + b":" + password == proxy.user.encode()
        client.sendall(bytes([1, 0 if known else 1]))
        if not known:
            proxy.refused += 1
            return
    else:
        client.sendall(bytes([_SOCKS_5, 0]))
    _, _, _, kind = client.recv(4)
    if kind == 1:
        host = socket.inet_ntop(socket.AF_INET, client.recv(4))
    elif kind == 4:
        host = socket.inet_ntop(socket.AF_INET6, client.recv(16))
    else:
        host = client.recv(client.recv(1)[0]).decode()
    (port,) = struct.unpack("!H", client.recv(2))
    with _connected(proxy, host, port) as venue:
        client.sendall(bytes([_SOCKS_5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
        _join(client, venue)


@contextlib.contextmanager
def _connected(proxy: Proxy, host: str, port: int) -> Iterator[socket.socket]:
    proxy.through.append((host, port))
    where = "127.0.0.1" if host == NAME else host
    with socket.create_connection((where, port), timeout=10) as venue:
        venue.settimeout(None)
        yield venue


def _join(one: socket.socket, other: socket.socket) -> None:
    """Pass everything on both ways until either side has had enough."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while said := source.recv(65536):
                sink.sendall(said)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join(10)
