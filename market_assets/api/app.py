"""The application: routes, answers, errors, caching, put together from what it is handed.

The published file is replaced as a whole, so its version is the version of every answer: `ETag` is
made from it, and a client that has the answer already gets a 304 for the price of one `stat`. The
tag is weak, because `at` and the ages differ from answer to answer.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from market_assets.api.auth import BearerToken
from market_assets.api.dashboard import dashboard
from market_assets.api.endpoints import ENDPOINTS, HEALTH, METRICS, OPENAPI, PAGE
from market_assets.api.errors import ApiError, error_response, from_store
from market_assets.api.openapi import document
from market_assets.api.page import error_page, page
from market_assets.api.parameters import given
from market_assets.api.view import View
from market_assets.api.worker import Worker
from market_assets.storage.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from market_assets.api.endpoints import Endpoint
    from market_assets.api.parameters import Parameter
    from market_assets.clock import Clock
    from market_assets.health.statuses import Health
    from market_assets.storage.published import Published

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

READERS: Final = 4
"""Threads that answer from the database. A query works on one core; two cores are busy with two,
and the others keep going what waits for the disk."""
_JSON: Final = "application/json"
_REVALIDATE: Final = "private, no-cache"
"""May be kept by the client that had the token, and is asked for again with its tag."""


@dataclass(frozen=True)
class Parts:
    """What the application answers from.

    Attributes:
        published: the published file.
        health: how the system is; raises where that cannot be found out.
        metrics: for the value of the header Accept, the text for Prometheus and its media type.
        clock: ages count up to its time.
        version: of the project.
        token: that every request must bear; empty: none.
        stream: what the stream says of itself, in lines.
    """

    published: Published
    health: Callable[[], Health]
    metrics: Callable[[str], tuple[bytes, str]]
    clock: Clock
    version: str
    token: str = ""
    stream: Callable[[], Sequence[str]] = tuple

    def __repr__(self) -> str:
        return f"Parts({self.published.path}, version {self.version})"  # never the token


class Application:
    """The routes, as one ASGI application. Close it when the server has stopped."""

    def __init__(self, parts: Parts) -> None:
        """Nothing is opened before the first request."""
        self._parts = parts
        self._readers = Worker("api-read", threads=READERS)
        # Health and metrics ask Dagster's database too: what is slow there must not keep the
        # readers of prices waiting.
        self._onlookers = Worker("api-look", threads=1)
        self._document = msgspec.json.encode(document(parts.version))
        routes = [
            *(_route(one.path, self._answering(one), one.parameters) for one in ENDPOINTS),
            _route(PAGE, self._page, refuse=error_page),
            _route(HEALTH, self._health),
            _route(METRICS, self._metrics),
            _route(OPENAPI, self._openapi),
        ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: _refused})
        app.router.redirect_slashes = False  # a redirect would repeat whatever Host the client said
        self.asgi: ASGIApp = BearerToken(app, parts.token) if parts.token else app

    def close(self) -> None:
        """End the threads, and close the file."""
        self._readers.close()
        self._onlookers.close()
        self._parts.published.close()

    def _answering(
        self, endpoint: Endpoint
    ) -> Callable[[Request, dict[str, Any]], Awaitable[Response]]:
        async def answer(request: Request, asked: dict[str, Any]) -> Response:
            wanted = request.headers.get("if-none-match", "")
            return await self._readers.run(lambda: self._answer(endpoint, asked, wanted))

        return answer

    def _answer(self, endpoint: Endpoint, asked: dict[str, Any], if_none_match: str) -> Response:
        try:
            with self._parts.published.snapshot() as snapshot:
                tag = f'W/"{snapshot.version.tag}"'
                headers = {
                    "ETag": tag,
                    "Last-Modified": format_datetime(snapshot.version.at, usegmt=True),
                    "Cache-Control": _REVALIDATE,
                }
                if _has(if_none_match, tag):
                    return Response(status_code=304, headers=headers)
                view = View(snapshot, self._parts.clock.now())
                body = msgspec.json.encode(endpoint.answer(view, asked))
        except StoreError as error:
            _LOG.warning("%s cannot be answered: %s", endpoint.path, error)
            raise from_store(error) from error
        return Response(body, headers=headers, media_type=_JSON)

    async def _page(self, _: Request, __: dict[str, Any]) -> Response:
        health = await _or_error(self._onlookers.run(self._verdict))
        held = await _or_error(self._readers.run(self._held))
        stream = await self._onlookers.run(self._parts.stream)
        at, version = self._parts.clock.now(), self._parts.version
        return page(health, held, stream=stream, at=at, version=version)

    def _held(self) -> dict[str, Any]:
        try:
            with self._parts.published.snapshot() as snapshot:
                return dashboard(View(snapshot, self._parts.clock.now()), {})
        except StoreError as error:
            _LOG.warning("%s lacks the database: %s", PAGE, error)
            raise from_store(error) from error

    def _verdict(self) -> Health:
        try:
            return self._parts.health()
        except Exception as error:
            _LOG.warning("no verdict: %s", " ".join(str(error).split()), exc_info=True)
            raise ApiError(
                "no_verdict",
                f"how the system is could not be found out: {type(error).__name__}",
            ) from error

    async def _health(self, _: Request, __: dict[str, Any]) -> Response:
        found = await self._onlookers.run(self._verdict)
        body = msgspec.json.encode(found.as_json())
        return Response(body, headers={"Cache-Control": "no-store"}, media_type=_JSON)

    async def _metrics(self, request: Request, _: dict[str, Any]) -> Response:
        accept = request.headers.get("accept", "")
        text, media_type = await self._onlookers.run(lambda: self._parts.metrics(accept))
        # Given whole: Starlette would add a second charset to a media type that has one.
        headers = {"Cache-Control": "no-store", "Content-Type": media_type}
        return Response(text, headers=headers)

    async def _openapi(self, _: Request, __: dict[str, Any]) -> Response:
        return Response(self._document, headers={"Cache-Control": _REVALIDATE}, media_type=_JSON)


def _route(
    path: str,
    answer: Callable[[Request, dict[str, Any]], Awaitable[Response]],
    parameters: Sequence[Parameter] = (),
    refuse: Callable[[ApiError], Response] = error_response,
) -> Route:
    """A route that reads its parameters, and turns whatever goes wrong into an error."""

    async def endpoint(request: Request) -> Response:
        try:
            pairs = [*request.path_params.items(), *request.query_params.multi_items()]
            return await answer(request, given(parameters, pairs))
        except ApiError as error:
            return refuse(error)
        except Exception:  # noqa: BLE001 - whatever it was, the client gets an id and the log the rest
            fault = secrets.token_hex(4)
            _LOG.exception("fault %s while answering %s", fault, path)
            return refuse(ApiError("internal", f"a fault of the server, logged as {fault}"))

    # A symbol may hold a slash: what stands between the route's own parts is the symbol.
    return Route(path.replace("{symbol}", "{symbol:path}"), endpoint, methods=["GET"])


async def _refused(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: an unknown route, or another method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:  # noqa: PLR2004 - the status itself
        return error_response(
            ApiError("method_not_allowed", f"{request.method} is not answered here", error.headers)
        )
    return error_response(ApiError("not_found", "no such route; /openapi.json lists them"))


async def _or_error(work: Awaitable[T]) -> T | ApiError:
    """What comes of the work, or why nothing does: the page shows what there is."""
    try:
        return await work
    except ApiError as error:
        return error


def _has(if_none_match: str, tag: str) -> bool:
    """Whether the client says that it has the answer with this tag. Weak comparison."""
    said = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return "*" in said or tag.removeprefix("W/") in said
