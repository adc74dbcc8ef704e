"""Who may ask: whoever has the token, for every route. Without a token set, whoever gets here.

Programs send it as a bearer token. A browser cannot be told to, so the page also takes it as the
password that browsers ask for (Basic). It is never read from an address: addresses end up in logs.

That nobody but this machine gets here then is `server.py`'s to see to.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, Final

from market_assets.api.endpoints import PAGES
from market_assets.api.errors import ApiError, error_response
from market_assets.api.page import error_page

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


_HOW: Final = "send the header Authorization: Bearer <token>"
_HOW_BROWSERS: Final = (
    "The token is needed: reload, and give it as the password that the browser asks for, with any "
    "user name. Programs send the header Authorization: Bearer <token>."
)


class BearerToken:
    """Lets requests with the token through to the application, and answers 401 to all others."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        """An empty token would let everybody in, and is a fault of the caller.

        Raises:
            ValueError: the token is empty.
        """
        if not token:
            raise ValueError("an empty token protects nothing")
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refusal := self._refusal(scope)) is not None:
            refuse = error_page if scope["path"] in PAGES else error_response
            await refuse(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> ApiError | None:
        in_browser = scope["path"] in PAGES
        said = [value for name, value in scope["headers"] if name == b"authorization"]
        if not said:
            return _unauthorized(_HOW, in_browser=in_browser)
        scheme, _, credentials = said[0].partition(b" ")
        token, scheme = credentials.strip(), scheme.lower()
        if in_browser and scheme == b"basic":
            token = _password(token)
        # In constant time: how long a comparison takes must not tell how much of it was right.
        is_right = hmac.compare_digest(token, self._token)
        knows = scheme == b"bearer" or (in_browser and scheme == b"basic")
        if knows and is_right and len(said) == 1:
            return None
        return _unauthorized("this is not the token", in_browser=in_browser, was_wrong=True)


def _unauthorized(message: str, *, in_browser: bool, was_wrong: bool = False) -> ApiError:
    if in_browser:
        challenge, message = 'Basic realm="market_assets", charset="UTF-8"', _HOW_BROWSERS
    else:
        challenge = 'Bearer realm="market_assets"'
        if was_wrong:
            challenge += ', error="invalid_token"'
    return ApiError("unauthorized", message, {"WWW-Authenticate": challenge})


def _password(credentials: bytes) -> bytes:
    """The password of `base64(name:password)`; empty where it is none."""
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
