"""Who may ask: whoever has the token, for every route. Without a token set, whoever gets here.

That nobody but this machine gets here then is `server.py`'s to see to.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from market_assets.api.errors import ApiError, error_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


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
            await error_response(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> ApiError | None:
        said = [value for name, value in scope["headers"] if name == b"authorization"]
        if not said:
            return ApiError(
                "unauthorized",
                "send the header Authorization: Bearer <token>",
                {"WWW-Authenticate": 'Bearer realm="market_assets"'},
            )
        scheme, _, token = said[0].partition(b" ")
        # In constant time: how long a comparison takes must not tell how much of it was right.
        is_right = hmac.compare_digest(token.strip(), self._token)
        if scheme.lower() == b"bearer" and is_right and len(said) == 1:
            return None
        return ApiError(
            "unauthorized",
            "this is not the token",
            {"WWW-Authenticate": 'Bearer realm="market_assets", error="invalid_token"'},
        )
