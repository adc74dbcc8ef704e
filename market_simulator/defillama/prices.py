"""Token prices and market values by CoinGecko id, and prices of what protocols hold."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.defillama.walks import PEG, PRICE, walked
from market_simulator.randomness import F64, I64, unit

if TYPE_CHECKING:
    from market_simulator.defillama.catalogue import Parent, Protocol
    from market_simulator.defillama.pegs import Pegs

_ANCHORS: Final = {
    "bitcoin": 91_000.0,
    "ethereum": 3_000.0,
    "solana": 140.0,
    "binancecoin": 900.0,
    "hyperliquid": 38.0,
    "aave": 180.0,
    "uniswap": 7.0,
}
_SYMBOLS: Final = {
    "WETH": "ethereum",
    "WBTC": "bitcoin",
    "WSTETH": "ethereum",
    "WHYPE": "hyperliquid",
}
_DOLLARS: Final = frozenset({"USDC", "USDT", "DAI", "USDE"})


class Prices:
    """Prices of one world."""

    def __init__(self, pegs: Pegs) -> None:
        self._pegs = pegs
        self._world = pegs.world
        self._caps: tuple[int, dict[str, float]] = (-1, {})

    @cached_property
    def symbols(self) -> dict[str, str]:
        """The symbol of each CoinGecko id that has a price."""
        found = {c.gecko_id: c.symbol or "" for c in self._world.chains if c.gecko_id}
        owners: tuple[Parent | Protocol, ...] = (
            *self._world.parents.values(),
            *self._world.protocols,
        )
        for owner in owners:
            if owner.gecko_id:
                found.setdefault(owner.gecko_id, owner.symbol or "")
        return found | {coin.gecko_id: coin.symbol for coin in self._world.stablecoins}

    @cached_property
    def _coins(self) -> dict[str, int]:
        return {coin.gecko_id: n for n, coin in enumerate(self._world.stablecoins)}

    def of(self, gecko_id: str, hours: I64) -> F64:
        """US dollars for one token.

        Raises:
            KeyError: no such token.
        """
        if gecko_id in self._coins:
            return self._pegs.price(self._coins[gecko_id], hours)
        if gecko_id not in self.symbols:
            raise KeyError(gecko_id)
        return self._walk(gecko_id, hours)

    def of_symbol(self, symbol: str, hours: I64) -> F64:
        """US dollars for one token that a protocol holds under that symbol."""
        if symbol in _DOLLARS:
            key = self._world.key("price", symbol)
            return np.asarray(np.exp(walked([key], hours, PEG)[0]))
        return self._walk(_SYMBOLS.get(symbol, f"symbol {symbol}"), hours)

    def market_caps(self, hour: int) -> dict[str, float]:
        """By CoinGecko id, price times a supply that stays as it is; all at once, being so many."""
        if self._caps[0] != hour:
            names = list(self.symbols)
            keys = [self._world.key("price", name) for name in names]
            moved = np.exp(walked(keys, np.array([hour]), PRICE)[:, 0]).tolist()
            supplies = (unit(self._world.key("supply", name)) for name in names)
            caps = (m * 10 ** (6.3 + 3.5 * s) for m, s in zip(moved, supplies, strict=True))
            self._caps = (hour, dict(zip(names, caps, strict=True)))
        return self._caps[1]

    def _walk(self, name: str, hours: I64) -> F64:
        moved = walked([self._world.key("price", name)], hours, PRICE)[0]
        return np.asarray(self._anchor(name) * np.exp(moved))

    def _anchor(self, name: str) -> float:
        drawn = math.exp(math.log(0.02) + 7.0 * unit(self._world.key("anchor", name)))
        return _ANCHORS.get(name, drawn)
