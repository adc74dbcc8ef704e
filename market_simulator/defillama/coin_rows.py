"""The answers of the coin routes: prices of `coingecko:{id}` and of a chain's own coin.

What is not known is left out without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from market_simulator.defillama.world import run_at
from market_simulator.refused import Refused

if TYPE_CHECKING:
    from market_simulator.defillama.prices import Prices
    from market_simulator.defillama.world import World

_NATIVE: Final = "0x0000000000000000000000000000000000000000"
_MOST_POINTS: Final = 1_000
_PERIODS: Final = {"h": 1, "d": 24, "w": 168}


class CoinRows:
    """The coin routes of one world."""

    def __init__(self, prices: Prices, world: World) -> None:
        self._prices = prices
        self._world = world

    def current(self, coins: str, hour: int) -> dict[str, Any]:
        """`/prices/current/{coins}`."""
        rows = self._at(coins, hour)
        for number, row in enumerate(rows.values()):
            row["confidence"] = 0.99 if number % 4 else 0.9
        return {"coins": rows}

    def historical(self, coins: str, stamp: str, hour: int) -> dict[str, Any]:
        """`/prices/historical/{ts}/{coins}`: without confidence.

        Raises:
            Refused: the timestamp is no number.
        """
        return {"coins": self._at(coins, min(_number(stamp) // 3600, hour))}

    def chart(self, coins: str, query: dict[str, str], hour: int) -> dict[str, Any]:
        """`/chart/{coins}?start|end|span|period`.

        Raises:
            Refused: a number or a period cannot be read.
        """
        span = min(_number(query.get("span") or "10"), _MOST_POINTS)
        period = query.get("period") or "1d"
        if period[-1] not in _PERIODS or not period[:-1].isdigit():
            raise Refused(400, f"period {period} is not known", "text/plain")
        step = int(period[:-1]) * _PERIODS[period[-1]]
        if query.get("start"):
            first = _number(query["start"]) // 3600
        else:
            end = _number(query["end"]) // 3600 if query.get("end") else hour
            first = end - (span - 1) * step
        hours = np.array([h for h in range(first, first + span * step, step or 1) if h <= hour])
        found = {}
        for key, (gecko_id, _) in self._known(coins).items():
            points = self._prices.of(gecko_id, hours).tolist() if len(hours) else []
            found[key] = {
                "symbol": self._prices.symbols[gecko_id],
                "prices": [
                    {"timestamp": run_at(at), "price": price}
                    for at, price in zip(hours.tolist(), points, strict=True)
                ],
            }
        return {"coins": found}

    def _at(self, coins: str, hour: int) -> dict[str, dict[str, Any]]:
        found = {}
        for key, (gecko_id, decimals) in self._known(coins).items():
            row: dict[str, Any] = {} if decimals is None else {"decimals": decimals}
            price = float(self._prices.of(gecko_id, np.array([hour]))[0])
            row |= {"symbol": self._prices.symbols[gecko_id], "price": price}
            found[key] = row | {"timestamp": run_at(hour) - 47}
        return found

    def _known(self, coins: str) -> dict[str, tuple[str, int | None]]:
        """CoinGecko id and decimals of the keys that are known."""
        found: dict[str, tuple[str, int | None]] = {}
        for key in coins.split(","):
            origin, _, name = key.partition(":")
            if origin == "coingecko" and name in self._prices.symbols:
                found[key] = (name, None)
            elif (
                name == _NATIVE
                and (place := self._world.by_spelling.get(origin.lower())) is not None
            ):
                chain = self._world.chains[place]
                if chain.coin_key == origin and chain.gecko_id:
                    found[key] = (chain.gecko_id, 18)
        return found


def _number(text: str) -> int:
    if not text.isdigit():
        raise Refused(400, f"{text} is not a number", "text/plain")
    return int(text)
