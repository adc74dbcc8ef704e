"""The simulated exchange itself: one market, its limits and faults, and how a request is answered.

Not here: how it is spoken to (`venue.py` over HTTP, `socket.py` over WebSockets).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from market_simulator.hyperliquid import info
from market_simulator.hyperliquid.feed import Feed
from market_simulator.hyperliquid.limits import Address, Addresses, Limits
from market_simulator.refused import Refused

if TYPE_CHECKING:
    from market_simulator.hyperliquid.market import Market
    from market_simulator.venue import Surroundings

NAME: Final = "hyperliquid"
OK: Final = 200


class Exchange:
    """A market, and who may ask it for what.

    Args:
        market: what it answers from.
        around: what all venues share.
        limits: what one address may do.
    """

    def __init__(self, market: Market, *, around: Surroundings, limits: Limits) -> None:
        self.market = market
        self.clock = around.clock
        self.limits = limits
        self.faults = around.faults.of(NAME)
        self.traffic = around.traffic
        self.transports = around.transports
        self.addresses = Addresses()
        self.feed = Feed(market, around.clock)
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="answers")

    def close(self) -> None:
        """Let the worker thread go."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def asked(self, address: Address, request: Any) -> tuple[Any, Refused | None]:
        """The body of the answer to a decoded request, or how it is refused."""
        kind = str(request.get("type")) if isinstance(request, dict) else "?"
        try:
            body = await self._answer(address, request)
        except Refused as refused:
            self.traffic.answered(kind if kind in info.TYPES else "?", refused.status)
            return None, refused
        self.traffic.answered(kind, OK)
        self.traffic.rows[kind] += len(body) if isinstance(body, list) else 1
        return body, None

    async def _answer(self, address: Address, request: Any) -> Any:
        query = info.parsed(request)
        weight = info.TYPES[query.type].weight
        if not address.weight.admit(self.clock.seconds(), weight, self.limits.weight_per_minute):
            raise Refused(429, "null")
        loop = asyncio.get_running_loop()
        body = await loop.run_in_executor(
            self._workers, self.market.answer, query, self.clock.now_ms()
        )
        address.weight.add(self.clock.seconds(), info.weight_of_rows(query, body))
        return body

    async def prepare(self) -> None:
        """Work ahead in the thread of the answers, piece by piece, so that none waits for it."""
        loop = asyncio.get_running_loop()
        for piece in self.market.preparations(self.clock.now_ms()):
            await loop.run_in_executor(self._workers, piece)
