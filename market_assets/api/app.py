"""The application: routes, answers, errors, caching, put together from what it is handed.

The published file is replaced as a whole, so an answer stays as it is for as long as the file does:
`ETag` names the file, the project's version and the question. Only a 200 has one, so a client that
sends it back gets a 304 for the price of one `stat`. The tag is weak, because `at` and the ages
differ from answer to answer.

Health, metrics and the page have a thread each and a time limit: they ask Dagster, and one that
hangs there must not keep the others waiting, nor those who ask for prices.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from market_assets.api.auth import BearerToken
from market_assets.api.completeness import completeness_page
from market_assets.api.dashboard import dashboard
from market_assets.api.endpoints import (
    COMPLETENESS,
    ENDPOINTS,
    HEALTH,
    METRICS,
    OPENAPI,
    PAGE,
    PAGES,
)
from market_assets.api.errors import ApiError, error_response, from_store
from market_assets.api.loopback import OnlyLoopback
from market_assets.api.market_index.keeper import IndexKeeper
from market_assets.api.openapi import document
from market_assets.api.page import error_page, page
from market_assets.api.parameters import given
from market_assets.api.view import View
from market_assets.api.worker import Worker
from market_assets.clock import floor
from market_assets.storage.common.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from market_assets.api.endpoints import Endpoint
    from market_assets.api.parameters import Parameter
    from market_assets.clock import Clock
    from market_assets.operations.health.statuses import Health
    from market_assets.storage.api import Snapshots

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

READERS: Final = 4
"""Threads that answer from the database. A query works on one core; two cores are busy with two,
and the others keep going what waits for the disk."""
SEARCHERS: Final = 2
"""Threads that search, which may take longer than other answers: those do not wait for it."""
_WITHIN_S: Final = 20.0
"""Seconds for health, metrics and the page: what importing Dagster takes on a busy machine."""
_MINUTE: Final = timedelta(minutes=1)
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

    published: Snapshots
    health: Callable[[], Health]
    metrics: Callable[[str], tuple[bytes, str]]
    clock: Clock
    version: str
    token: str = ""
    stream: Callable[[], Sequence[str]] = tuple

    def __repr__(self) -> str:
        return f"Parts(version {self.version})"  # never the token


class Application:
    """The routes, as one ASGI application. Close it when the server has stopped."""

    def __init__(self, parts: Parts) -> None:
        """Nothing is opened before the first request."""
        self._parts = parts
        self._readers = Worker("api-read", threads=READERS)
        self._searchers = Worker("api-search", threads=SEARCHERS)
        self._markets = IndexKeeper(parts.published, clock=parts.clock)
        self._health_thread = Worker("api-health", threads=1)
        self._metrics_thread = Worker("api-metrics", threads=1)
        self._page_thread = Worker("api-page", threads=1)
        self._document = msgspec.json.encode(document(parts.version))
        routes = [
            *(_route(one.path, self._answering(one), one.parameters) for one in ENDPOINTS),
            _route(PAGE, self._page, refuse=error_page),
            _route(COMPLETENESS, self._completeness, refuse=error_page),
            _route(HEALTH, self._health),
            _route(METRICS, self._metrics),
            _route(OPENAPI, self._openapi),
        ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: _refused})
        app.router.redirect_slashes = False  # a redirect would repeat whatever Host the client said
        self.asgi: ASGIApp = (
            BearerToken(app, parts.token) if parts.token else OnlyLoopback(app, _misdirected)
        )

    def close(self) -> None:
        """End the threads, and close the file."""
        self._markets.close()
        for thread in (
            self._readers,
            self._searchers,
            self._health_thread,
            self._metrics_thread,
            self._page_thread,
        ):
            thread.close()
        self._parts.published.close()

    def _answering(
        self, endpoint: Endpoint
    ) -> Callable[[Request, dict[str, Any]], Awaitable[Response]]:
        async def answer(request: Request, asked: dict[str, Any]) -> Response:
            wanted = request.headers.get("if-none-match", "")
            worker = self._searchers if endpoint.by_index else self._readers
            return await worker.run(lambda: self._answer(endpoint, asked, wanted))

        return answer

    def _answer(self, endpoint: Endpoint, asked: dict[str, Any], if_none_match: str) -> Response:
        try:
            with self._parts.published.snapshot() as snapshot:
                index = self._markets.of(snapshot) if endpoint.by_index else None
                view = View(snapshot, self._parts.clock.now(), index)
                tag = self._tag(endpoint, asked, view)
                headers = {
                    "ETag": tag,
                    "Last-Modified": format_datetime(snapshot.version.at, usegmt=True),
                    "Cache-Control": _REVALIDATE,
                }
                if _names(if_none_match, tag):
                    return Response(status_code=304, headers=headers)
                body = msgspec.json.encode(endpoint.answer(view, asked))
        except StoreError as error:
            _LOG.warning("%s cannot be answered: %s", endpoint.path, error)
            raise from_store(error) from error
        if if_none_match.strip() == "*":  # whatever it has, now that there is an answer
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=_JSON)

    def _tag(self, endpoint: Endpoint, asked: Mapping[str, Any], view: View) -> str:
        """Of the answer to one question from one file, by this version of the project."""
        minute = floor(view.now, _MINUTE) if endpoint.by_the_minute else None
        older = view.markets.version if view.markets and not view.is_of_the_file else None
        question = (self._parts.version, endpoint.name, sorted(asked.items()), minute, older)
        digest = hashlib.blake2b(repr(question).encode(), digest_size=8).hexdigest()
        return f'W/"{view.snapshot.version.tag}-{digest}"'

    async def _page(self, _: Request, __: dict[str, Any]) -> Response:
        health, held, stream = await asyncio.gather(
            _or_error(self._health_thread.run(self._verdict, within_s=_WITHIN_S)),
            _or_error(self._readers.run(self._held, within_s=_WITHIN_S)),
            _or_error(self._page_thread.run(self._stream, within_s=_WITHIN_S)),
        )
        at, version = self._parts.clock.now(), self._parts.version
        return page(health, held, stream=stream, at=at, version=version)

    async def _completeness(self, _: Request, __: dict[str, Any]) -> Response:
        return await self._readers.run(self._counted, within_s=_WITHIN_S)

    def _counted(self) -> Response:
        try:
            with self._parts.published.snapshot() as snapshot:
                view = View(snapshot, self._parts.clock.now())
                return completeness_page(view, version=self._parts.version)
        except StoreError as error:
            _LOG.warning("%s cannot be answered: %s", COMPLETENESS, error)
            raise from_store(error) from error

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

    def _stream(self) -> Sequence[str]:
        try:
            return self._parts.stream()
        except Exception as error:
            _LOG.warning("no word of the stream: %s", " ".join(str(error).split()), exc_info=True)
            raise ApiError(
                "no_verdict",
                f"what the stream says could not be read: {type(error).__name__}",
            ) from error

    async def _health(self, _: Request, __: dict[str, Any]) -> Response:
        found = await self._health_thread.run(self._verdict, within_s=_WITHIN_S)
        body = msgspec.json.encode(found.as_json())
        return Response(body, headers={"Cache-Control": "no-store"}, media_type=_JSON)

    async def _metrics(self, request: Request, _: dict[str, Any]) -> Response:
        accept = request.headers.get("accept", "")
        text, media_type = await self._metrics_thread.run(
            lambda: self._parts.metrics(accept), within_s=_WITHIN_S
        )
        # Given whole: Starlette would add a second charset to a media type that has one.
        headers = {"Cache-Control": "no-store", "Content-Type": media_type}
        return Response(text, headers=headers)

    async def _openapi(self, _: Request, __: dict[str, Any]) -> Response:
        return Response(self._document, headers={"Cache-Control": _REVALIDATE}, media_type=_JSON)


class _Anything(Convertor[str]):
    """A part of an address with any character in it; Starlette's `path` stops at a line's end."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anything", _Anything())


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

    # Whatever stands between the route's own parts is the symbol: it may hold a slash.
    return Route(path.replace("{symbol}", "{symbol:anything}"), endpoint, methods=["GET"])


async def _refused(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: an unknown route, or another method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:  # noqa: PLR2004 - the status itself
        return error_response(
            ApiError("method_not_allowed", f"{request.method} is not answered here", error.headers)
        )
    return error_response(ApiError("not_found", "no such route; /openapi.json lists them"))


def _misdirected(reason: str, path: str) -> Response:
    """To a request that is meant for another machine, as its Host says."""
    refuse = error_page if path in PAGES else error_response
    return refuse(ApiError("misdirected", reason))


async def _or_error(work: Awaitable[T]) -> T | ApiError:
    """What comes of the work, or why nothing does: the page shows what there is."""
    try:
        return await work
    except ApiError as error:
        return error


def _names(if_none_match: str, tag: str) -> bool:
    """Whether the client says that it has the answer with this tag. Weak comparison."""
    said = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return tag.removeprefix("W/") in said
