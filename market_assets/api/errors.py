"""What goes wrong, as the client sees it: `{"error": {"code": …, "message": …}}`.

Programs decide by `code`, which does not change; people read `message`, which may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from starlette.responses import Response

from market_assets.storage.common.errors import NothingPublished, StoreError, StoreLocked

if TYPE_CHECKING:
    from collections.abc import Mapping

CODES: Final[dict[str, tuple[int, str]]] = {
    "bad_parameter": (400, "A parameter has another form than it must have, or is repeated."),
    "unknown_parameter": (400, "The route has no parameter of that name."),
    "bad_limit": (400, "`limit` is not a number within its bounds."),
    "bad_interval": (400, "`interval` is not one that is kept."),
    "bad_instant": (400, "`from`, `to` or `since` is not an instant that can be understood."),
    "bad_span": (400, "`from` is not before `to`, or too long before it."),
    "bad_query": (400, "`q` is empty or too long."),
    "bad_request": (400, "It is not HTTP, or not whole."),
    "unauthorized": (401, "The bearer token is missing or wrong."),
    "not_found": (404, "There is no such route."),
    "unknown_symbol": (404, "Nothing is known of the symbol."),
    "unknown_token": (404, "There is no order book of the token."),
    "method_not_allowed": (405, "The route only answers GET and HEAD."),
    "misdirected": (421, "Without a token the header Host must name a loopback address."),
    "uri_too_long": (414, "The address is longer than 8 KiB."),
    "headers_too_large": (431, "The headers are longer than 32 KiB."),
    "internal": (500, "A fault of the server; the message has the id under which it is logged."),
    "no_database": (503, "Nothing has been published yet."),
    "database_unreadable": (503, "The published file cannot be read."),
    "no_verdict": (503, "How the system is could not be found out."),
    "busy": (503, "Too many requests wait, or too many connections are open; try again soon."),
    "timed_out": (503, "The answer did not come in time."),
}
"""Every code: its status, and what it means."""


class ApiError(Exception):
    """A request that is not answered with what it asked for.

    Attributes:
        code: one of `CODES`.
        message: one line that names what is wrong.
        headers: sent along.
    """

    def __init__(self, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.headers = headers

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return CODES[self.code][0]


def from_store(error: StoreError) -> ApiError:
    """What a failure of the published file means for the client."""
    if isinstance(error, NothingPublished):
        return ApiError("no_database", "nothing has been published yet")
    reason = "another process has it open for writing" if isinstance(error, StoreLocked) else ""
    message = f"the published database cannot be read{': ' if reason else ''}{reason}"
    return ApiError("database_unreadable", message)


def error_body(code: str, message: str) -> bytes:
    """The JSON of an error."""
    return msgspec.json.encode({"error": {"code": code, "message": message}})


def error_response(error: ApiError) -> Response:
    """The answer that tells the client of the error; never cached."""
    return Response(
        error_body(error.code, error.message),
        status_code=error.status,
        headers={"Cache-Control": "no-store", **(error.headers or {})},
        media_type="application/json",
    )
