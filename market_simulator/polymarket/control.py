"""The control routes of the simulated Polymarket: the truth about its trades, markets and books,
what its channel has sent, what it takes back, and what happens to a market by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse
from starlette.routing import Route

from market_simulator.control import BASE, json_of
from market_simulator.polymarket.world import TradeQuery

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from market_simulator.polymarket.channel.feed import Feed
    from market_simulator.polymarket.removal import Removals
    from market_simulator.polymarket.rows import Row
    from market_simulator.polymarket.world import World
    from market_simulator.rest import Desk

_BOOKS_KNOWN_MS: Final = 300_000


class PolymarketControl:
    """The truth behind the routes, and what they leave out."""

    def __init__(self, world: World, desk: Desk, removals: Removals, feed: Feed) -> None:
        self._world = world
        self._feed = feed
        self._desk = desk
        self._removals = removals

    def routes(self) -> list[BaseRoute]:
        return [
            Route(f"{BASE}/polymarket/truth", self._truth, methods=["GET"]),
            Route(f"{BASE}/polymarket/listing", self._listing, methods=["POST"]),
            Route(f"{BASE}/polymarket/market", self._market, methods=["POST"]),
            Route(f"{BASE}/polymarket/stream", self._stream, methods=["GET"]),
        ]

    async def _stream(self, _request: Request) -> JSONResponse:
        """The channel: up to when it has told, beats, assets by connection, markets, batches, and
        which faults struck which frames (`injected` counts them, `newest` has the last thousand).
        """
        return JSONResponse(self._feed.state())

    async def _market(self, request: Request) -> JSONResponse:
        """`{"action": "tick", "condition_id": …, "tick_size": "0.001"}`: a finer tick from the
        next step of prices on (`at`, in ms); `{"action": "resolve", "condition_id": …}`: closed
        and resolved from the next millisecond on.
        """
        wanted, now_ms = await json_of(request), self._desk.clock.now_ms()
        try:
            name, action = str(wanted["condition_id"]), wanted["action"]
            tick = str(wanted["tick_size"]) if action == "tick" else ""
            at_ms = await self._desk.work(lambda: self._changed(name, action, tick, now_ms))
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"action, condition_id, tick_size: {error}"}, 400)
        return JSONResponse({"condition_id": name, "at": at_ms})

    def _changed(self, name: str, action: str, tick: str, now_ms: int) -> int:
        if action == "tick":
            return self._world.change_tick(name, tick, now_ms)
        if action != "resolve":
            raise ValueError(f"unknown action {action!r}")
        self._world.resolve(name, now_ms + 1)
        return now_ms + 1

    async def _listing(self, request: Request) -> JSONResponse:
        """`{"action": "remove", "id": …}`: an event's id, or a market's condition id; `restore`."""
        wanted = await json_of(request)
        actions = {"remove": self._removals.remove, "restore": self._removals.restore}
        try:
            name, action = str(wanted["id"]), actions[wanted["action"]]
        except (KeyError, TypeError) as error:
            return JSONResponse({"error": f"action, id: {error}"}, 400)
        await self._desk.work(lambda: action(name))
        return JSONResponse({"id": name})

    async def _truth(self, request: Request) -> JSONResponse:
        """`?kind=trades&from=&to=` (Unix seconds, both included; `min_usd=`, `market=`): the rows
        that the feed shows by now, newest first, without values that cannot be.

        `?kind=markets`: every market of the open events, or those of `condition_ids`.

        `?kind=books&token_ids=`: the books of these tokens at this instant (or at `at_ms=`, in the
        running five minutes), as REST would give them without faults.
        """
        query, now_ms = request.query_params, self._desk.clock.now_ms()
        try:
            rows = await self._desk.work(lambda: self._rows(dict(query), now_ms))
        except (KeyError, ValueError) as error:
            return JSONResponse({"error": f"kind, from, to, min_usd, token_ids: {error}"}, 400)
        if rows is None:
            return JSONResponse({"error": "recordings have no truth"}, 409)
        return JSONResponse(rows)

    def _rows(self, query: dict[str, str], now_ms: int) -> list[Row] | None:
        """In the thread of the answers, as they share what is made up on the way."""
        if query["kind"] == "markets":
            named = [text for text in query.get("condition_ids", "").split(",") if text]
            return self._world.truth_of_markets(named, now_ms)
        if query["kind"] == "books":
            at_ms = int(query.get("at_ms", now_ms))
            if at_ms // _BOOKS_KNOWN_MS != now_ms // _BOOKS_KNOWN_MS:
                raise ValueError("at_ms is not in the running five minutes")
            tokens = [text for text in query["token_ids"].split(",") if text]
            books = (self._world.book(token, at_ms) for token in tokens)
            return [book for book in books if book is not None]
        if query["kind"] != "trades":
            raise ValueError(f"unknown kind {query['kind']!r}")
        market = query.get("market")
        wanted = TradeQuery(
            start_s=int(query["from"]),
            end_s=int(query["to"]),
            min_cash=float(query.get("min_usd", 0)),
            conditions=frozenset({market}) if market else None,
            sound=True,
        )
        return self._world.trades(wanted, now_ms)
