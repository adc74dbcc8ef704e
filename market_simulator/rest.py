"""Plain REST venues: routes that are counted, limited, subject to faults and answered as JSON.

A venue gives each path a function of the request (`Asked`) that returns what is to be encoded, or
raises `Refused`. Functions run one at a time in a thread of the venue's, so that the streams of
other venues are not held up by a large answer. An answer of many megabytes is `Streamed`: it goes
out piece by piece, and is never whole in memory.
"""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from market_simulator.faults import with_wrong_types
from market_simulator.http_faults import faulty_response
from market_simulator.refused import Refused
from market_simulator.windows import Window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from starlette.requests import Request

    from market_simulator.venue import Surroundings

OK: Final = 200
_RETRY_AFTER_ONE_IN: Final = 3
_JSON: Final = "application/json"


@dataclass(frozen=True)
class Asked:
    """A request as a venue's function sees it.

    Attributes:
        query: every name of the query string with its values, in their order.
        path: the parameters in the path.
        body: of a POST, as sent.
        raw_query: the query string as it came.
        now_ms: the venue's present.
    """

    query: Mapping[str, list[str]]
    path: Mapping[str, str]
    body: bytes
    raw_query: str
    now_ms: int

    def one(self, name: str, default: str = "") -> str:
        """The last value of that name."""
        values = self.query.get(name)
        return values[-1] if values else default

    def listed(self, name: str) -> list[str]:
        """All values of that name, repeated or separated by commas."""
        return [part for text in self.query.get(name, ()) for part in text.split(",") if part]


@dataclass(frozen=True)
class Streamed:
    """An answer that is sent as it is made.

    Attributes:
        pieces: gives its encoding in pieces.
        tree: gives the same as a whole, for faults that change it.
    """

    pieces: Callable[[], Iterator[bytes]]
    tree: Callable[[], Any]


@dataclass
class Quota:
    """How many requests one address may make in a sliding span of the venue's clock.

    One quota can guard several routes, and a route can be under several.
    """

    most: float
    seconds: float
    _used: dict[str, Window] = field(default_factory=dict)

    def admits(self, host: str, now_s: float) -> bool:
        """Whether there is room for one more."""
        used = self._used.setdefault(host, Window(self.seconds))
        return used.total(now_s) + 1 <= self.most

    def take(self, host: str, now_s: float) -> None:
        """Count one more."""
        self._used[host].add(now_s, 1)

    def room_in(self, host: str, now_s: float) -> float:
        """Seconds until the oldest request that counts does so no more."""
        return self._used[host].ends_in(now_s) if host in self._used else 0.0


class Desk:
    """Where the requests of one REST venue are answered.

    Args:
        venue: its name, by which faults are scoped and answers counted.
        named_by: under which keys its rows carry the name that a fault's `coin` means.
        headers: of every good answer.
        says_when: whether each 429 names the time to wait, and not just one in three.
    """

    def __init__(
        self,
        venue: str,
        around: Surroundings,
        *,
        named_by: tuple[str, ...] = ("id", "name"),
        headers: Mapping[str, str] | None = None,
        says_when: bool = False,
    ) -> None:
        self.clock = around.clock
        self._faults = around.faults.of(venue)
        self._traffic = around.traffic
        self._transports = around.transports
        self._named_by = named_by
        self._headers = dict(headers or {})
        self._says_when = says_when
        self._refused = 0
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=venue)

    def route(
        self,
        path: str,
        answer: Callable[[Asked], Any],
        *,
        method: str = "GET",
        quotas: tuple[Quota, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Route:
        """A route; `answer` gives the body, or raises `Refused`; `headers` go with every answer."""

        async def serve(request: Request) -> Response:
            async def answered() -> Response:
                return await self._answer(path, request, answer, quotas)

            where = {"path": request.url.path, "type": None}
            response = await faulty_response(
                self._faults, self._transports, request, where, answered
            )
            response.headers.update(headers or {})
            self._traffic.answered(path, response.status_code)
            return response

        return Route(path, serve, methods=[method])

    def close(self) -> None:
        """Let the worker thread go."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def work(self, made: Callable[[], Any]) -> Any:
        """What a function gives in the thread of the answers."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, made)

    async def _answer(
        self,
        path: str,
        request: Request,
        answer: Callable[[Asked], Any],
        quotas: tuple[Quota, ...],
    ) -> Response:
        if not self._admitted(request, quotas):
            return self._too_many(request, quotas)
        query: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            query.setdefault(name, []).append(value)
        asked = Asked(
            query,
            request.path_params,
            await request.body(),
            request.url.query,
            self.clock.now_ms(),
        )
        faulty = bool(self._faults.in_force)
        loop = asyncio.get_running_loop()
        try:
            made = await loop.run_in_executor(self._worker, _made, answer, asked, not faulty)
        except Refused as refused:
            return Response(refused.body, refused.status, media_type=refused.media_type)
        if isinstance(made, Streamed):
            pieces = self._pieces(made.pieces())
            return StreamingResponse(pieces, headers=self._headers, media_type=_JSON)
        if faulty:  # here and not in the thread: the plan of faults belongs to the loop
            tree = self._spoilt(made.tree, request.url.path)
            made = _Made(_rows(tree), msgspec.json.encode(tree), None)
        self._traffic.rows[path] += made.rows
        return Response(made.encoded, headers=self._headers, media_type=_JSON)

    async def _pieces(self, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        while (piece := await self.work(lambda: next(pieces, None))) is not None:
            yield piece

    def _spoilt(self, tree: Any, path: str) -> Any:
        if _rows(tree) and self._faults.strike("empty_page", path=path, type=None):
            tree = emptied(tree)
        for fault in list(self._faults.in_force):
            if fault.name != "wrong_types" or fault.channel is not None:
                continue
            if self._faults.strike("wrong_types", path=path, type=None, coin=fault.coin):
                plain = msgspec.json.decode(msgspec.json.encode(tree))
                named = fault.coin or _first_name(plain, self._named_by)
                if named is not None:
                    tree = with_wrong_types(plain, named, self._named_by)
        return tree

    def _admitted(self, request: Request, quotas: tuple[Quota, ...]) -> bool:
        host = request.client.host if request.client else "?"
        now_s = self.clock.seconds()
        if not all(quota.admits(host, now_s) for quota in quotas):
            return False
        for quota in quotas:
            quota.take(host, now_s)
        return True

    def _too_many(self, request: Request, quotas: tuple[Quota, ...]) -> Response:
        """429 as a proxy in front of the venue says it, mostly without the time to wait."""
        self._refused += 1
        wait = {}
        if self._says_when:
            host, now_s = request.client.host if request.client else "?", self.clock.seconds()
            venue_s = max((quota.room_in(host, now_s) for quota in quotas), default=0.0)
            wait = {"Retry-After": str(max(math.ceil(venue_s / self.clock.speed), 1))}
        elif self._refused % _RETRY_AFTER_ONE_IN == 0:
            wait = {"Retry-After": "1"}
        return Response("error code: 1015", 429, wait, media_type="text/plain")


class _Made(NamedTuple):
    """An answer: its rows, and its encoding or (to be changed first) its tree."""

    rows: int
    encoded: bytes
    tree: Any


def _made(answer: Callable[[Asked], Any], asked: Asked, encode: bool) -> _Made | Streamed:  # noqa: FBT001 - run_in_executor passes no keywords
    tree = answer(asked)
    if isinstance(tree, Streamed):
        if encode:
            return tree
        tree = tree.tree()
    return _Made(_rows(tree), msgspec.json.encode(tree), None) if encode else _Made(0, b"", tree)


def emptied(tree: Any) -> Any:
    """A page without its rows; what stands beside them, a cursor say, stays."""
    if isinstance(tree, list):
        return []
    return {k: [] if isinstance(v, list) else v for k, v in tree.items()}


def _rows(tree: Any) -> int:
    """The rows of a page: a list, or the longest list in an object; 1 for a single object."""
    if isinstance(tree, list):
        return len(tree)
    if isinstance(tree, dict):
        return max((len(v) for v in tree.values() if isinstance(v, list)), default=1)
    return 1


def _first_name(tree: Any, keys: tuple[str, ...]) -> Any:
    """The name of the first row that has one; None where none has."""
    if isinstance(tree, dict):
        for key in keys:
            if tree.get(key) is not None:
                return tree[key]
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return next((found for one in inner if (found := _first_name(one, keys)) is not None), None)
