"""HTTP faults on the wire: wrong statuses, pages of HTML, no answer, and bodies cut short."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from market_simulator.faults import HTTP, Fault, VenueFaults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from market_simulator.transports import Transports

BAD_GATEWAY: Final = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)
_HTML: Final = "<!DOCTYPE html><html><body>Just a moment...</body></html>"
_FOREVER_S: Final = 3600.0
_FLUSH_S: Final = 0.02


async def faulty_response(
    faults: VenueFaults,
    transports: Transports,
    request: Request,
    where: Mapping[str, str | None],
    answer: Callable[[], Awaitable[Response]],
) -> Response:
    """The answer, or what a fault in force makes of it."""
    if faults.strike("unavailable", path=where.get("path")):
        return Response(BAD_GATEWAY, 502, media_type="text/html")
    fault = faults.strike(*HTTP, **where)
    if fault is None:
        return await answer()
    if fault.name == "http_timeout":
        await _until_gone(request, fault)
        return Response("", 504)
    if fault.name == "http_cut":
        return CutShort(await answer(), transports)
    wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    return {
        "http_429": Response("null", 429, wait, media_type="application/json"),
        "http_500": Response("null", 500, wait, media_type="application/json"),
        "http_502": Response(BAD_GATEWAY, 502, media_type="text/html"),
        "http_html": Response(_HTML, 200, media_type="text/html"),
        "http_null": Response("null", 200, media_type="application/json"),
    }[fault.name]


async def _until_gone(request: Request, fault: Fault) -> None:
    """Wait without a word until the client gives up, or the fault has lasted its seconds."""
    rounds = round((fault.seconds or _FOREVER_S) / 0.05)
    for _ in range(rounds):
        if await request.is_disconnected():
            return
        await asyncio.sleep(0.05)


class CutShort(Response):
    """Announces the whole body, sends half of it, and ends the connection."""

    def __init__(self, whole: Response, transports: Transports) -> None:
        super().__init__(bytes(whole.body), whole.status_code, dict(whole.headers))
        self._transports = transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await asyncio.sleep(_FLUSH_S)
        transport = self._transports.find(scope["client"])
        if transport is not None:
            transport.close()
