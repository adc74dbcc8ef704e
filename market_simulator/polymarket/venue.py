"""Polymarket, simulated: Gamma, the Data API, and the CLOB's REST routes and market channel.

They tell of one world. Each API has a prefix of its own, so that one port serves them all: a base
URL is joined with the API's own paths.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.routing import WebSocketRoute

from market_simulator.polymarket.channel.feed import Feed
from market_simulator.polymarket.channel.sockets import MarketSockets
from market_simulator.polymarket.clob import Clob
from market_simulator.polymarket.control import PolymarketControl
from market_simulator.polymarket.data_api import DataApi
from market_simulator.polymarket.gamma import Gamma
from market_simulator.polymarket.removal import Removals
from market_simulator.rest import Desk, Quota

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from market_simulator.polymarket.size import PolymarketLimits
    from market_simulator.polymarket.world import World
    from market_simulator.venue import Surroundings

NAME: Final = "polymarket"
GAMMA: Final = "/polymarket/gamma"
DATA: Final = "/polymarket/data"
CLOB: Final = "/polymarket/clob"
CHANNEL: Final = "/polymarket/ws/market"
_WINDOW_S: Final = 10.0
_GENERAL: Final = {GAMMA: 4_000, DATA: 1_000, CLOB: 9_000}
"""Requests per 10 seconds and address."""
_DEPRECATED: Final = {
    "deprecation": "true",
    "sunset": "Fri, 01 May 2026 00:00:00 GMT",
    "cache-control": "public, max-age=300",
}


class PolymarketVenue:
    """The simulated venue; see `simulator.venue.Venue`."""

    def __init__(self, world: World, *, around: Surroundings, limits: PolymarketLimits) -> None:
        self.world = world
        self.notes = world.notes
        self._desk = Desk(NAME, around, named_by=("conditionId", "id", "asset_id", "market"))
        self._limits = limits
        self._removals = Removals()
        faults = around.faults.of(NAME)
        self._feed = Feed(world.live, self._desk, faults, limits, self._removals)
        self._sockets = MarketSockets(self._feed, around, faults, limits)
        self._control = PolymarketControl(world, self._desk, self._removals, self._feed)
        self._quotas = {prefix: self._quota(most) for prefix, most in _GENERAL.items()}

    @staticmethod
    def environment(host: str, port: int) -> dict[str, str]:
        base = f"http://{host}:{port}"
        return {
            "POLYMARKET_GAMMA_URL": f"{base}{GAMMA}",
            "POLYMARKET_DATA_URL": f"{base}{DATA}",
            "POLYMARKET_CLOB_URL": f"{base}{CLOB}",
            "POLYMARKET_WS_URL": f"ws://{host}:{port}{CHANNEL}",
        }

    def routes(self) -> list[BaseRoute]:
        channel = WebSocketRoute(CHANNEL, self._sockets.serve)
        return [*self._gamma(), *self._data(), *self._clob(), channel]

    def control_routes(self) -> list[BaseRoute]:
        return self._control.routes()

    async def run(self) -> None:
        """The market channel, and the faults of its sockets, until cancelled."""
        await asyncio.gather(self._feed.run(), self._sockets.strike_on())

    def close(self) -> None:
        self._desk.close()

    def state(self) -> dict[str, object]:
        """Nothing beside what is counted of every venue: requests and rows, by path."""
        return {}

    def clock_was_set(self) -> None:
        """The world asks for the time with each request, and the channel with each beat."""

    def _gamma(self) -> list[BaseRoute]:
        gamma = Gamma(self.world, self._limits.plain_cache_s, self._removals)
        desk = self._desk
        events, markets, tags = (self._under(GAMMA, most) for most in (500, 300, 200))
        general = (self._quotas[GAMMA],)
        return [
            desk.route(f"{GAMMA}/status", lambda _: "OK", quotas=general),
            desk.route(f"{GAMMA}/events/keyset", gamma.events_by_cursor, quotas=events),
            desk.route(f"{GAMMA}/events", gamma.events, quotas=events, headers=_DEPRECATED),
            desk.route(f"{GAMMA}/events/{{id}}", gamma.event, quotas=events),
            desk.route(f"{GAMMA}/events/slug/{{slug}}", gamma.event_of_slug, quotas=events),
            desk.route(f"{GAMMA}/markets/keyset", gamma.markets_by_cursor, quotas=markets),
            desk.route(f"{GAMMA}/markets", gamma.markets, quotas=markets, headers=_DEPRECATED),
            desk.route(f"{GAMMA}/markets/{{id}}", gamma.market, quotas=markets),
            desk.route(f"{GAMMA}/tags", gamma.tags, quotas=tags),
            desk.route(f"{GAMMA}/sports", gamma.sports, quotas=general),
        ]

    def _data(self) -> list[BaseRoute]:
        data, desk = DataApi(self.world, self._removals), self._desk
        return [
            desk.route(f"{DATA}/", data.health, quotas=(self._quotas[DATA],)),
            desk.route(f"{DATA}/trades", data.trades, quotas=self._under(DATA, 200)),
            desk.route(f"{DATA}/oi", data.interest, quotas=(self._quotas[DATA],)),
        ]

    def _clob(self) -> list[BaseRoute]:
        clob, desk = Clob(self.world, self._removals), self._desk
        reads = {"book": clob.book, "midpoint": clob.midpoint, "price": clob.price}
        posts = {"books": clob.books, "midpoints": clob.midpoints, "prices": clob.prices}
        return [
            desk.route(f"{CLOB}/ok", clob.health, quotas=(self._quotas[CLOB],)),
            *(
                desk.route(f"{CLOB}/{name}", answer, quotas=self._under(CLOB, 1_500))
                for name, answer in reads.items()
            ),
            *(
                desk.route(f"{CLOB}/{name}", answer, method="POST", quotas=self._under(CLOB, 500))
                for name, answer in posts.items()
            ),
        ]

    def _under(self, prefix: str, most: int) -> tuple[Quota, ...]:
        """A quota of its own beside the one of the whole API."""
        return (self._quota(most), self._quotas[prefix])

    def _quota(self, most: int) -> Quota:
        return Quota(max(1.0, most * self._limits.scale), _WINDOW_S)
