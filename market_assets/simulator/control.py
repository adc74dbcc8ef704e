"""The control routes under `/__control__/`: faults, listings, the clock, and what was sent.

They belong to the simulator, not to any venue, and are not subject to faults.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse
from starlette.routing import Route

from market_assets.simulator.faults import FAULTS, BadFault
from market_assets.simulator.hyperliquid.synthetic.universe import Universe

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from market_assets.simulator.faults import FaultPlan
    from market_assets.simulator.hyperliquid.venue import HyperliquidVenue
    from market_assets.simulator.traffic import Traffic
    from market_assets.simulator.venue_clock import VenueClock


class Control:
    """The simulator's own routes.

    Args:
        venue: the exchange whose truth and state are asked for.
        universe: what it lists, where that can be changed; None under recordings.
        about: constant facts for `stats`: seed, speed, recordings.
    """

    def __init__(
        self,
        venue: HyperliquidVenue,
        *,
        universe: Universe | None,
        faults: FaultPlan,
        traffic: Traffic,
        clock: VenueClock,
        about: dict[str, object],
    ) -> None:
        self._venue = venue
        self._universe = universe
        self._faults = faults
        self._traffic = traffic
        self._clock = clock
        self._about = about

    def routes(self) -> list[BaseRoute]:
        base = "/__control__"
        return [
            Route(f"{base}/stats", self._stats, methods=["GET"]),
            Route(f"{base}/faults", self._faults_route, methods=["GET", "POST", "DELETE"]),
            Route(f"{base}/truth", self._truth, methods=["GET"]),
            Route(f"{base}/listing", self._listing, methods=["POST"]),
            Route(f"{base}/clock", self._set_clock, methods=["POST"]),
        ]

    async def _stats(self, _request: Request) -> JSONResponse:
        return JSONResponse(
            {
                **self._about,
                "venue_time_ms": self._clock.now_ms(),
                **{
                    name: {k: v if isinstance(v, int) else dict(v) for k, v in counter.items()}
                    for name, counter in vars(self._traffic).items()
                },
                **self._venue.state(),
                "faults": [asdict(fault) for fault in self._faults.in_force],
                "strikes": dict(self._faults.strikes),
            }
        )

    async def _faults_route(self, request: Request) -> JSONResponse:
        """GET lists the names, POST puts one (or a list) in force, DELETE (`?name=`) removes."""
        if request.method == "GET":
            return JSONResponse(FAULTS)
        if request.method == "DELETE":
            return JSONResponse({"removed": self._faults.clear(request.query_params.get("name"))})
        wanted = await _json(request)
        try:
            added = [
                self._faults.add(spec)
                for spec in (wanted if isinstance(wanted, list) else [wanted])
            ]
        except BadFault as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"in_force": [asdict(fault) for fault in added]})

    async def _truth(self, request: Request) -> JSONResponse:
        """The candles as they should be: `?coin=&interval=&from=&to=`, Unix milliseconds."""
        query = request.query_params
        try:
            coin, interval = query["coin"], query["interval"]
            start, end = int(query["from"]), int(query["to"])
            rows = self._venue.market.candles(coin, interval, start, end, self._clock.now_ms())
        except (KeyError, ValueError) as error:
            return JSONResponse({"error": f"coin, interval, from, to: {error}"}, 400)
        return JSONResponse(rows)

    async def _listing(self, request: Request) -> JSONResponse:
        """`{"action": "list", "coin": …, "anchor"?: price, "busy"?: bool}`; `delist`, `relist`."""
        if self._universe is None:
            return JSONResponse({"error": "recordings have fixed listings"}, 409)
        wanted, now_ms = await _json(request), self._clock.now_ms()
        try:
            coin, action = wanted["coin"], _ACTIONS[wanted["action"]]
            more = {name: wanted[name] for name in ("anchor", "busy") if name in wanted}
            action(self._universe, coin, now_ms, **more)
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        self._venue.feed.reload()
        return JSONResponse({"coin": coin, "at": now_ms})

    async def _set_clock(self, request: Request) -> JSONResponse:
        """`{"jump_s": seconds}` sets the venue's clock forward or back."""
        wanted = await _json(request)
        if not isinstance(wanted, dict) or not isinstance(wanted.get("jump_s"), int | float):
            return JSONResponse({"error": "jump_s must be a number of seconds"}, 400)
        self._clock.jump(wanted["jump_s"])
        self._venue.feed.reload()
        return JSONResponse({"venue_time_ms": self._clock.now_ms()})


_ACTIONS: Final[dict[str, Callable[..., object]]] = {
    "list": Universe.list_perp,
    "delist": Universe.delist,
    "relist": Universe.relist,
}


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return None
