"""The control routes of the simulated exchange: its truth, and what it lists.

They belong to the simulator, not to the exchange, and are not subject to faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse
from starlette.routing import Route

from market_simulator.control import BASE, json_of
from market_simulator.hyperliquid.synthetic.universe import Universe

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from market_simulator.hyperliquid.exchange import Exchange


class HyperliquidControl:
    """Truth and listings.

    Args:
        exchange: what is asked.
        universe: what it lists, where that can be changed; None under recordings.
    """

    def __init__(self, exchange: Exchange, universe: Universe | None) -> None:
        self._exchange = exchange
        self._universe = universe

    def routes(self) -> list[BaseRoute]:
        return [
            Route(f"{BASE}/truth", self._truth, methods=["GET"]),
            Route(f"{BASE}/listing", self._listing, methods=["POST"]),
        ]

    async def _truth(self, request: Request) -> JSONResponse:
        """The candles as they should be: `?coin=&interval=&from=&to=`, Unix milliseconds."""
        query, now_ms = request.query_params, self._exchange.clock.now_ms()
        try:
            coin, interval = query["coin"], query["interval"]
            start, end = int(query["from"]), int(query["to"])
            rows = self._exchange.market.candles(coin, interval, start, end, now_ms)
        except (KeyError, ValueError) as error:
            return JSONResponse({"error": f"coin, interval, from, to: {error}"}, 400)
        return JSONResponse(rows)

    async def _listing(self, request: Request) -> JSONResponse:
        """`{"action": "list", "coin": …, "anchor"?: price, "busy"?: bool}`; `delist`, `relist`;
        `remove`, `restore` of a coin, or of a builder's dex by its name, from all lists.
        """
        if self._universe is None:
            return JSONResponse({"error": "recordings have fixed listings"}, 409)
        wanted, now_ms = await json_of(request), self._exchange.clock.now_ms()
        try:
            coin, action = wanted["coin"], _ACTIONS[wanted["action"]]
            more = {name: wanted[name] for name in ("anchor", "busy") if name in wanted}
            action(self._universe, coin, now_ms, **more)
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        self._exchange.feed.reload()
        return JSONResponse({"coin": coin, "at": now_ms})


_ACTIONS: Final[dict[str, Callable[..., object]]] = {
    "list": Universe.list_perp,
    "delist": Universe.delist,
    "relist": Universe.relist,
    "remove": Universe.remove,
    "restore": Universe.restore,
}
