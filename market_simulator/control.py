"""The control routes under `/__control__/`: faults, the clock, and what was sent.

They belong to the simulator, not to any venue, and are not subject to faults. Routes that only one
venue has come from that venue.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse
from starlette.routing import Route

from market_simulator.faults import FAULTS, BadFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from market_simulator.venue import Surroundings, Venue

BASE: Final = "/__control__"


class Control:
    """The simulator's own routes.

    Args:
        venues: whose state is told, and who is told of the clock.
        around: what they share.
        about: constant facts for `stats`: seed, speed, recordings.
    """

    def __init__(
        self, venues: Sequence[Venue], *, around: Surroundings, about: dict[str, object]
    ) -> None:
        self._venues = venues
        self._faults = around.faults
        self._traffic = around.traffic
        self._clock = around.clock
        self._about = about

    def routes(self) -> list[BaseRoute]:
        """The routes here, and those of the venues."""
        return [
            Route(f"{BASE}/stats", self._stats, methods=["GET"]),
            Route(f"{BASE}/faults", self._faults_route, methods=["GET", "POST", "DELETE"]),
            Route(f"{BASE}/clock", self._set_clock, methods=["POST"]),
            *(route for venue in self._venues for route in venue.control_routes()),
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
                **{k: v for venue in self._venues for k, v in venue.state().items()},
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
        wanted = await json_of(request)
        try:
            added = [
                self._faults.add(spec)
                for spec in (wanted if isinstance(wanted, list) else [wanted])
            ]
        except BadFault as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"in_force": [asdict(fault) for fault in added]})

    async def _set_clock(self, request: Request) -> JSONResponse:
        """`{"jump_s": seconds}` sets the venue's clock forward or back."""
        wanted = await json_of(request)
        if not isinstance(wanted, dict) or not isinstance(wanted.get("jump_s"), int | float):
            return JSONResponse({"error": "jump_s must be a number of seconds"}, 400)
        self._clock.jump(wanted["jump_s"])
        for venue in self._venues:
            venue.clock_was_set()
        return JSONResponse({"venue_time_ms": self._clock.now_ms()})


async def json_of(request: Request) -> Any:
    """The decoded body; None where it is not JSON."""
    try:
        return await request.json()
    except ValueError:
        return None
