"""The control routes of the simulated Polymarket: the truth about its trades and markets, and what
it takes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from market_simulator.control import BASE, json_of
from market_simulator.polymarket.world import TradeQuery

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from market_simulator.polymarket.removal import Removals
    from market_simulator.polymarket.world import Row, World
    from market_simulator.rest import Desk


class PolymarketControl:
    """The truth behind the routes, and what they leave out."""

    def __init__(self, world: World, desk: Desk, removals: Removals) -> None:
        self._world = world
        self._desk = desk
        self._removals = removals

    def routes(self) -> list[BaseRoute]:
        return [
            Route(f"{BASE}/polymarket/truth", self._truth, methods=["GET"]),
            Route(f"{BASE}/polymarket/listing", self._listing, methods=["POST"]),
        ]

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
        """
        query, now_ms = request.query_params, self._desk.clock.now_ms()
        try:
            rows = await self._desk.work(lambda: self._rows(dict(query), now_ms))
        except (KeyError, ValueError) as error:
            return JSONResponse({"error": f"kind, from, to, min_usd: {error}"}, 400)
        if rows is None:
            return JSONResponse({"error": "recordings have no truth"}, 409)
        return JSONResponse(rows)

    def _rows(self, query: dict[str, str], now_ms: int) -> list[Row] | None:
        """In the thread of the answers, as they share what is made up on the way."""
        if query["kind"] == "markets":
            named = [text for text in query.get("condition_ids", "").split(",") if text]
            return self._world.truth_of_markets(named, now_ms)
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
