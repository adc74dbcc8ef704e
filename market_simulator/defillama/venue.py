"""DefiLlama, simulated: three hosts as three prefixes of one, with their limit and their faults.

The pages of the venue are made once an hour, so its answers change then and not between.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse
from starlette.routing import Route

from market_simulator.control import BASE
from market_simulator.defillama.capital import Capital
from market_simulator.defillama.catalogue import slugged
from market_simulator.defillama.coin_rows import CoinRows
from market_simulator.defillama.flow_rows import FlowRows
from market_simulator.defillama.flows import Flows
from market_simulator.defillama.peg_rows import PegRows
from market_simulator.defillama.pegs import Pegs
from market_simulator.defillama.prices import Prices
from market_simulator.defillama.protocol_page import ProtocolPage
from market_simulator.defillama.reporters import Reporters
from market_simulator.defillama.truth import Truth
from market_simulator.defillama.tvl_rows import TvlRows
from market_simulator.defillama.world import Size, World, hour_of
from market_simulator.rest import Asked, Desk, Quota, Streamed

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from market_simulator.venue import Surroundings

NAME: Final = "defillama"
PREFIX: Final = f"/{NAME}"
_HEADERS: Final = {"Cache-Control": "public, max-age=600"}
_MINUTE_S: Final = 60.0


@dataclass(frozen=True)
class Limits:
    """What one address may do.

    Attributes:
        requests_per_minute: in any minute of the venue's clock, over all hosts.
    """

    requests_per_minute: int = 300


class DefillamaVenue:
    """The simulated venue below `/defillama`."""

    notes: tuple[str, ...] = ()

    def __init__(self, around: Surroundings, *, size: Size, limits: Limits) -> None:
        self._desk = Desk(NAME, around, named_by=("slug", "name"), headers=_HEADERS, says_when=True)
        self._quota = Quota(limits.requests_per_minute, _MINUTE_S)
        self._clock = around.clock
        world = World(around.seed, size)
        capital, pegs = Capital(world), Pegs(world)
        prices = Prices(pegs)
        self._tvl = TvlRows(capital, prices)
        self._page = ProtocolPage(capital, prices, self._tvl)
        self._flows = FlowRows(Flows(capital), Reporters(world, self._tvl))
        self._pegs = PegRows(pegs, capital)
        self._coins = CoinRows(prices, world)
        self._truth = Truth(capital, self._flows, self._pegs)

    @staticmethod
    def environment(host: str, port: int) -> dict[str, str]:
        """The variables that point the project at this venue."""
        return {
            f"DEFILLAMA_{part.upper()}_URL": f"http://{host}:{port}{PREFIX}/{part}"
            for part in ("api", "stablecoins", "coins")
        }

    def routes(self) -> list[BaseRoute]:
        """The free routes of three hosts."""
        api: dict[str, Callable[[Asked], Any]] = {
            "/protocols": self._protocols,
            "/protocol/{slug}": lambda a: self._page.page(_slug(a), _hour(a)),
            "/tvl/{slug}": lambda a: self._tvl.tvl(_slug(a), _hour(a)),
            "/v2/chains": lambda a: self._tvl.chains(_hour(a)),
            "/v2/historicalChainTvl": lambda a: self._tvl.chain_history(None, _hour(a)),
            "/v2/historicalChainTvl/{chain}": lambda a: self._tvl.chain_history(
                a.path["chain"], _hour(a)
            ),
            "/overview/{type}": self._overview,
            "/overview/{type}/{chain}": self._overview,
            "/summary/{type}/{slug}": self._summary,
        }
        stablecoins: dict[str, Callable[[Asked], Any]] = {
            "/stablecoins": lambda a: self._pegs.stablecoins(
                _hour(a), prices=_is_on(a, "includePrices")
            ),
            "/stablecoincharts/{chain}": lambda a: self._pegs.chart(
                a.path["chain"], a.one("stablecoin") or None, _hour(a)
            ),
            "/stablecoin/{number}": lambda a: self._pegs.stablecoin(a.path["number"], _hour(a)),
            "/stablecoinchains": lambda a: self._pegs.chains(_hour(a)),
            "/stablecoinprices": lambda a: self._pegs.prices(_hour(a)),
        }
        coins: dict[str, Callable[[Asked], Any]] = {
            "/prices/current/{coins}": lambda a: self._coins.current(a.path["coins"], _hour(a)),
            "/prices/historical/{stamp}/{coins}": lambda a: self._coins.historical(
                a.path["coins"], a.path["stamp"], _hour(a)
            ),
            "/chart/{coins}": lambda a: self._coins.chart(
                a.path["coins"], {name: a.one(name) for name in a.query}, _hour(a)
            ),
        }
        hosts = {"api": api, "stablecoins": stablecoins, "coins": coins}
        return [
            self._desk.route(f"{PREFIX}/{host}{path}", answer, quotas=(self._quota,))
            for host, paths in hosts.items()
            for path, answer in paths.items()
        ]

    def control_routes(self) -> list[BaseRoute]:
        """The series as they should be: `?subject=chain:ethereum&metric=tvl`."""
        return [Route(f"{BASE}/{NAME}/truth", self._true, methods=["GET"])]

    async def run(self) -> None:
        """Nothing: it only answers."""
        await asyncio.Event().wait()

    def close(self) -> None:
        self._desk.close()

    def state(self) -> dict[str, object]:
        return {}

    def clock_was_set(self) -> None:
        """Nothing hangs on the clock but the hour, which is asked for with each request."""

    async def _true(self, request: Request) -> JSONResponse:
        query = request.query_params
        hour = hour_of(self._clock.now_ms())
        try:
            subject, metric = query["subject"], query["metric"]
            series = await self._desk.work(lambda: self._truth.of(subject, metric, hour))
        except KeyError as error:
            return JSONResponse({"error": f"subject, metric: {error}"}, 400)
        return JSONResponse(series)

    def _protocols(self, asked: Asked) -> Streamed:
        hour, chains = _hour(asked), _is_on(asked, "includeChains")
        return Streamed(
            lambda: self._tvl.encoded(hour, include_chains=chains),
            lambda: list(self._tvl.protocols(hour, include_chains=chains)),
        )

    def _overview(self, asked: Asked) -> dict[str, Any]:
        return self._flows.overview(
            asked.path["type"].lower(),
            asked.path.get("chain"),
            asked.one("dataType"),
            _hour(asked),
            **_charts(asked),
        )

    def _summary(self, asked: Asked) -> dict[str, Any]:
        return self._flows.summary(
            asked.path["type"].lower(),
            _slug(asked),
            asked.one("dataType"),
            _hour(asked),
            **_charts(asked),
        )


def _hour(asked: Asked) -> int:
    return hour_of(asked.now_ms)


def _slug(asked: Asked) -> str:
    return slugged(asked.path["slug"])


def _is_on(asked: Asked, name: str) -> bool:
    return asked.one(name).lower() == "true"


def _charts(asked: Asked) -> dict[str, bool]:
    """Which charts are wanted; each is left out on its own."""
    return {
        "chart": not _is_on(asked, "excludeTotalDataChart"),
        "split": not _is_on(asked, "excludeTotalDataChartBreakdown"),
    }
