"""Hyperliquid, simulated: its routes and its stream over one market, with its limits and faults."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from market_simulator.faults import with_wrong_types
from market_simulator.http_faults import faulty_response
from market_simulator.hyperliquid import info
from market_simulator.hyperliquid.control import HyperliquidControl
from market_simulator.hyperliquid.exchange import Exchange
from market_simulator.hyperliquid.socket import ExchangeSockets
from market_simulator.refused import Refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from market_simulator.hyperliquid.limits import Limits
    from market_simulator.hyperliquid.market import Market
    from market_simulator.hyperliquid.synthetic.universe import Universe
    from market_simulator.venue import Surroundings


class HyperliquidVenue(Exchange):
    """The simulated exchange behind `/info` and `/ws`.

    Args:
        market: what it answers from.
        universe: what it lists, where that can be changed; None under recordings.
    """

    def __init__(
        self,
        market: Market,
        *,
        around: Surroundings,
        limits: Limits,
        universe: Universe | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(market, around=around, limits=limits)
        self.notes = notes
        self.sockets = ExchangeSockets(self)
        self._control = HyperliquidControl(self, universe)

    @staticmethod
    def environment(host: str, port: int) -> dict[str, str]:
        return {
            "HYPERLIQUID_API_URL": f"http://{host}:{port}",
            "HYPERLIQUID_WS_URL": f"ws://{host}:{port}/ws",
        }

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/info", self._info, methods=["POST"]),
            WebSocketRoute("/ws", self.sockets.serve),
        ]

    def control_routes(self) -> list[BaseRoute]:
        return self._control.routes()

    async def run(self) -> None:
        """The stream and the socket faults, until cancelled."""
        await asyncio.gather(self.feed.run(), self.sockets.strike_on(), self.prepare())

    def state(self) -> dict[str, object]:
        """What `stats` says of this venue."""
        return {
            "connections": len(self.sockets.open),
            "subscriptions": self.feed.counts(),
            "weight_last_minute": self.addresses.weights(self.clock.seconds()),
        }

    def clock_was_set(self) -> None:
        """The stream goes on from the new present."""
        self.feed.reload()

    async def _info(self, request: Request) -> Response:
        raw = await request.body()
        try:
            wanted = info.decoded(raw, request.headers.get("content-type", ""))
        except Refused as refused:
            self.traffic.answered("?", refused.status)
            return _refusal(refused)
        kind, coin = _scope(wanted)
        address = self.addresses.of(request.client.host if request.client else "?")

        async def answer() -> Response:
            body, refused = await self.asked(address, wanted)
            if refused is not None:
                return _refusal(refused)
            body = self._with_wrong_types(body, kind)
            return Response(msgspec.json.encode(body), media_type="application/json")

        where = {"path": request.url.path, "type": kind, "coin": coin}
        return await faulty_response(self.faults, self.transports, request, where, answer)

    def _with_wrong_types(self, body: Any, kind: str | None) -> Any:
        for fault in list(self.faults.in_force):
            if fault.name != "wrong_types" or fault.coin is None or fault.channel is not None:
                continue
            if self.faults.strike("wrong_types", type=kind, coin=fault.coin, path="/info"):
                body = with_wrong_types(msgspec.json.decode(msgspec.json.encode(body)), fault.coin)
        return body


def _refusal(refused: Refused) -> Response:
    return Response(refused.body, refused.status, media_type=refused.media_type)


def _scope(request: Any) -> tuple[str | None, str | None]:
    """A request's type and coin, as far as it has them."""
    if not isinstance(request, dict):
        return None, None
    inner = request.get("req")
    coin = request.get("coin") or (inner.get("coin") if isinstance(inner, dict) else None)
    return str(request.get("type")), coin if isinstance(coin, str) else None
