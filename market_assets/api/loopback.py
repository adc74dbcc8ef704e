"""Only this machine: what a server without a password looks at besides where it listens.

A page in a browser on this machine gets everywhere that the browser gets. Its own name may mean
127.0.0.1 a second later (DNS rebinding); then the browser takes our answers for that page's own.
The request still carries the page's name as its Host, and that is how it is told. Where requests
can also change something, pages of other names must not send any either: their requests say in
Origin or Sec-Fetch-Site where they come from.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.websockets import WebSocketClose

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

_HOST: Final = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^\[\]:/@\s]+)(?::[0-9]{0,5})?", re.ASCII)
_GO_AWAY: Final = 1008
"""How a WebSocket is closed for a breach of policy."""


class OnlyLoopback:
    """Lets requests for a loopback address through to the application, and refuses all others.

    Args:
        app: the application.
        refuse: for the reason, and the path that was asked for, the answer to what is refused.
        from_pages_too: refuse also what pages of other names send; without it they may send, and
            cannot read the answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        refuse: Callable[[str, str], ASGIApp],
        *,
        from_pages_too: bool = False,
    ) -> None:
        self._app = app
        self._refuse = refuse
        self._from_pages_too = from_pages_too

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        reason = foreign_host(scope)
        if reason is None and self._from_pages_too:
            reason = foreign_page(scope)
        if reason is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(_GO_AWAY, reason)(scope, receive, send)
        else:
            await self._refuse(reason, scope["path"])(scope, receive, send)


def foreign_host(scope: Scope) -> str | None:
    """Why the request is not for this machine by a loopback address; None if it is."""
    said = _headers(scope, b"host")
    if len(said) == 1 and is_loopback(said[0]):
        return None
    shown = repr(said[0][:60]) if len(said) == 1 else f"given {len(said)} times"
    return f"the header Host is {shown}; it must be localhost or a loopback address"


def foreign_page(scope: Scope) -> str | None:
    """Why the request is one that a page of another name sent; None if it is not."""
    for origin in _headers(scope, b"origin"):
        if not is_loopback(urlsplit(origin).netloc if "//" in origin else origin):
            return f"the header Origin is {origin[:60]!r}: pages of other names may not ask"
    site = _headers(scope, b"sec-fetch-site")
    mode = _headers(scope, b"sec-fetch-mode")
    is_link = mode == ["navigate"] and scope.get("method") == "GET"  # followed to a page here
    if "cross-site" in site and not is_link:
        return "the header Sec-Fetch-Site is 'cross-site': pages of other names may not ask"
    return None


def is_loopback(host: str) -> bool:
    """Whether `name` or `name:port` is localhost, or an address of 127.0.0.0/8, or `[::1]`."""
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    name = found["name"].lower()
    try:
        if name.startswith("["):
            return ipaddress.IPv6Address(name[1:-1]).is_loopback
        return name == "localhost" or ipaddress.IPv4Address(name).is_loopback
    except ValueError:
        return False


def _headers(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
