"""Stablecoins: how much circulates on every chain, at which price, in units of the peg and in USD.

A coin is one walk; each of its chains has a fixed share of it from the day on which it came there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.defillama import oddities
from market_simulator.defillama.catalogue import facts
from market_simulator.defillama.walks import PEG, STOCK, Octaves, walked
from market_simulator.randomness import F64, I64, hash_of, unit

if TYPE_CHECKING:
    from market_simulator.defillama.catalogue import Stablecoin
    from market_simulator.defillama.world import World

_SUPPLY: Final[Octaves] = tuple((period, amplitude * 0.3) for period, amplitude in STOCK)
_RAMP_DAYS: Final = 120.0
_MINTED: Final = 1.17
"""Ever minted over circulating, where a coin is issued; elsewhere it is bridged."""


@dataclass(frozen=True)
class Issue:
    """A coin on one chain: the chain's place, the part of the coin, and the first day."""

    chain: int
    share: float
    born_day: int


class Pegs:
    """The stablecoins of one world."""

    def __init__(self, world: World) -> None:
        self.world = world

    @cached_property
    def keys(self) -> list[int]:
        return [self.world.key("coin", coin.gecko_id) for coin in self.world.stablecoins]

    @cached_property
    def born_days(self) -> list[int]:
        """The first day of each coin; the well-known ones are older."""
        known = len(facts().stablecoins)
        return [
            self.world.born("coin", coin.gecko_id, old=n < known)
            for n, coin in enumerate(self.world.stablecoins)
        ]

    @cached_property
    def issues(self) -> tuple[tuple[Issue, ...], ...]:
        """The chains of each coin, the one that issues it first."""
        return tuple(self._issues(n, coin) for n, coin in enumerate(self.world.stablecoins))

    @cached_property
    def chains(self) -> tuple[int, ...]:
        """The places of chains on which any coin is."""
        return tuple(sorted({issue.chain for issues in self.issues for issue in issues}))

    def supply(self, n: int, hours: I64) -> F64:
        """What the shares of a coin are taken of, in units of its peg; 0 before birth."""
        age = hours / 24.0 - self.born_days[n]
        ramp = 1.0 - 0.95 * np.exp(-np.maximum(age, 0.0) / _RAMP_DAYS)
        moved = np.exp(walked([self.keys[n]], hours, _SUPPLY)[0])
        return np.where(age >= 0.0, self.world.stablecoins[n].supply * ramp * moved, 0.0)

    def circulating(self, n: int, hours: I64) -> list[tuple[Issue, F64]]:
        """Units of a coin on each of its chains."""
        supply = self.supply(n, hours)
        return [
            (issue, np.where(hours >= issue.born_day * 24, issue.share * supply, 0.0))
            for issue in self.issues[n]
        ]

    def price(self, n: int, hours: I64) -> F64:
        """US dollars for one unit of a coin."""
        anchor = self.world.stablecoins[n].anchor_usd
        return np.asarray(anchor * np.exp(walked([self.keys[n] ^ 1], hours, PEG)[0]))

    def price_said(self, n: int, hour: int) -> float | str | None:
        """The price as the venue writes it: null for some dollars, and text for some."""
        coin = self.world.stablecoins[n]
        if coin.peg == "peggedUSD" and oddities.PRICE_NULL.has(n):
            return None
        price = round(float(self.price(n, np.array([hour]))[0]), 6)
        return str(price) if oddities.PRICE_TEXT.has(n) else price

    def price_used(self, n: int, hours: I64) -> F64:
        """The price with which the venue turns units into dollars: 1 where it has none."""
        if self.price_said(n, int(hours[-1])) is None:
            return np.ones(len(hours))
        return np.round(self.price(n, hours), 6)

    def minted(self, n: int, issue: Issue, circulating: F64) -> F64:
        """Units ever minted on a chain: a running maximum, for nothing is minted back."""
        if issue is not self.issues[n][0]:
            return np.zeros(len(circulating))
        return np.asarray(np.maximum.accumulate(circulating) * _MINTED)

    def _issues(self, n: int, coin: Stablecoin) -> tuple[Issue, ...]:
        known, key = self.world.chain_places, self.keys[n]
        places = [known[name] for name in coin.chains if name in known]
        weights = [(0.1 + unit(key, 50 + i)) / (i + 1) for i in range(len(places))]
        return tuple(
            Issue(
                place,
                weight / sum(weights),
                self.born_days[n] + (hash_of(key, 70 + i) % 500 if i else 0),
            )
            for i, (place, weight) in enumerate(zip(places, weights, strict=True))
        )
