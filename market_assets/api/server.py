"""Listening: on which address, who may reach it, and serving until a signal says stop."""

from __future__ import annotations

import errno
import ipaddress
import resource
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from market_assets.api.protocol import MOST_CONNECTIONS, Bounds, bounded

if TYPE_CHECKING:
    from market_assets.api.app import Application

_BACKLOG: Final = 1024
"""Connections that may wait to be accepted: hundreds of clients that start at once."""
_KEEP_ALIVE_S: Final = 30
_STOP_S: Final = 5


class CannotListen(Exception):  # noqa: N818 - reads as what happened
    """The address cannot be listened on, or must not be."""


def listen(host: str, port: int, *, has_token: bool) -> socket.socket:
    """A socket that accepts connections.

    Args:
        host: a name or an address of this machine.
        port: 0 takes any free one.
        has_token: requests must bear a token. Without one, only this machine may ask.

    Raises:
        CannotListen: the address is unknown, taken, or reachable from outside without a token.
    """
    family, address = _resolved(host, port)
    if not has_token and not ipaddress.ip_address(address[0]).is_loopback:
        raise CannotListen(
            f"{host} can be reached from other machines: set MARKET_API_TOKEN, or use 127.0.0.1"
        )
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(
                f"port {port} of {host} is taken, perhaps by another `market-assets api`; "
                "choose one with --port"
            ) from error
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


def base_url(listener: socket.socket) -> str:
    """Where the socket is reached from this machine."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1" if listener.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server(app: Application, bounds: Bounds | None = None) -> uvicorn.Server:
    """A server of the application: `server(app).run(sockets=[listener])` until a signal.

    Args:
        app: the application.
        bounds: of connections; by default as many as half of the files that a process may open.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app.asgi,
            http=bounded(bounds or Bounds(connections=_most_connections())),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_STOP_S,
        )
    )


def _most_connections() -> int:
    """The other half of the files is for the database and for what other parts open."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files < 0 else max(1, min(MOST_CONNECTIONS, files // 2))


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """The address that the name means; IPv4 where it means several."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM) if host else []
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise CannotListen(f"{host!r} is not an address of this machine")
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, (str(address[0]), port)
