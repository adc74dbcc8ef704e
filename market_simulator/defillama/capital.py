"""Total value locked: of every protocol on every chain of its, at any hour, and what is summed.

A protocol is one walk; what stands on each of its chains is a fixed share of it, from the day on
which it came to that chain. A chain's TVL is the sum over its protocols, without exchanges, liquid
staking and what is counted twice, as the venue's is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.defillama import oddities
from market_simulator.defillama.walks import STOCK, walked
from market_simulator.defillama.world import FIRST_DAY
from market_simulator.randomness import F64, I64, U64, Flags, hash_of, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.defillama.catalogue import Protocol
    from market_simulator.defillama.world import World

EXCHANGES: Final = "CEX"
STAKED: Final = "Liquid Staking"
TWICE: Final = frozenset(
    {"Yield Aggregator", "Liquid Restaking", "Onchain Capital Allocator", "Basis Trading"}
)
"""Categories of which most is counted at another protocol too."""
_RAMP_DAYS: Final = 30.0
_BLOCK: Final = 64


@dataclass(frozen=True)
class Stand:
    """A protocol on one chain.

    Attributes:
        chain: its place among the chains.
        share: of the protocol's walk; 0 for a chain on which nothing is left.
        born_day: when it came there.
    """

    chain: int
    share: float
    born_day: int


@dataclass(frozen=True)
class Extra:
    """What stands beside a protocol's TVL under a key that is no chain: a fixed part of it."""

    key: str
    part: float


class Capital:
    """TVL of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._history: tuple[int, F64] | None = None

    @cached_property
    def keys(self) -> U64:
        """The walk's key of each protocol."""
        keys = [self.world.key("protocol", protocol.slug) for protocol in self.world.protocols]
        return np.array(keys, np.uint64)

    @cached_property
    def born_days(self) -> I64:
        """The first day of each protocol."""
        return np.array(
            [self.world.born("protocol", p.slug, old=p.is_real) for p in self.world.protocols],
            np.int64,
        )

    @cached_property
    def stands(self) -> tuple[tuple[Stand, ...], ...]:
        """The chains of each protocol."""
        return tuple(self._stands(place, p) for place, p in enumerate(self.world.protocols))

    @cached_property
    def extras(self) -> tuple[tuple[Extra, ...], ...]:
        """What each protocol has beside its TVL."""
        keys = self.keys.tolist()
        return tuple(_extras(p, keys[n], n) for n, p in enumerate(self.world.protocols))

    @cached_property
    def counted(self) -> Flags:
        """Which protocols count towards the TVL of their chains."""
        return np.array(
            [
                p.category not in (EXCHANGES, STAKED)
                and not any(extra.key == "doublecounted" for extra in self.extras[n])
                for n, p in enumerate(self.world.protocols)
            ]
        )

    def walks(self, places: Sequence[int] | I64, hours: I64) -> F64:
        """What the shares are taken of: protocols by hours; 0 before birth."""
        places = np.asarray(places)
        age = hours[None, :] / 24.0 - self.born_days[places][:, None]
        ramp = 1.0 - 0.97 * np.exp(-np.maximum(age, 0.0) / _RAMP_DAYS)
        level = self._levels[places][:, None]
        moved = np.exp(walked(self.keys[places], hours, STOCK))
        return np.where(age >= 0.0, level * ramp * moved, 0.0)

    def on_chains(self, place: int, hours: I64) -> list[tuple[Stand, F64]]:
        """A protocol's TVL on each of its chains, those included that it has not come to (0)."""
        walk = self.walks([place], hours)[0]
        return [
            (stand, np.where(hours >= stand.born_day * 24, stand.share * walk, 0.0))
            for stand in self.stands[place]
        ]

    def totals(self, hours: I64) -> F64:
        """The TVL of every protocol: protocols by hours; 0 where it has none."""
        pairs = self._pairs
        values = self.walks(np.arange(len(self.world.protocols)), hours)[pairs.protocol]
        values *= pairs.share[:, None] * (hours[None, :] >= pairs.born_day[:, None] * 24)
        found = np.zeros((len(self.world.protocols), len(hours)))
        np.add.at(found, pairs.protocol, values)
        return found

    def of_chains(self, hour: int) -> F64:
        """The TVL of every chain; NaN for one that no counted protocol has come to."""
        pairs, hours = self._pairs, np.array([hour])
        values = self.walks(np.arange(len(self.world.protocols)), hours)[pairs.protocol, 0]
        there = (hour >= pairs.born_day * 24) & self.counted[pairs.protocol]
        count = len(self.world.chains)
        total = np.bincount(pairs.chain[there], (values * pairs.share)[there], minlength=count)
        present = np.bincount(pairs.chain[there], minlength=count) > 0
        return np.where(present, total, np.nan)

    def history(self, hour: int) -> F64:
        """The TVL of every chain, chains by days from `FIRST_DAY`; the last is that of the hour.

        A day's value is that of its midnight, as its stamp says.
        """
        today = hour // 24
        if self._history is None or self._history[0] != today:
            self._history = (today, self._midnights(today))
        return np.column_stack((self._history[1], self.of_chains(hour)))

    def _midnights(self, today: int) -> F64:
        """Chains by the days before today; NaN before the first protocol came."""
        days = np.arange(FIRST_DAY, today)
        total = np.zeros((len(self.world.chains), len(days)))
        first = np.full(len(self.world.chains), today)
        order = np.argsort(self.born_days, kind="stable")
        order = order[self.counted[order]]
        for start in range(0, len(order), _BLOCK):  # in blocks of one age: no time before birth
            block = order[start : start + _BLOCK]
            begin = max(int(self.born_days[block[0]]), FIRST_DAY)
            if begin >= today:
                break
            walks = self.walks(block, np.arange(begin, today) * 24)
            for place, walk in zip(block.tolist(), walks, strict=True):
                for stand in self.stands[place]:
                    born = stand.born_day
                    first[stand.chain] = min(first[stand.chain], born)
                    total[stand.chain, born - FIRST_DAY :] += stand.share * walk[born - begin :]
        return np.where(days[None, :] >= first[:, None], total, np.nan)

    @cached_property
    def _levels(self) -> F64:
        return np.array([protocol.level_usd or 0.0 for protocol in self.world.protocols])

    @cached_property
    def _pairs(self) -> _Pairs:
        flat = [(place, s) for place, stands in enumerate(self.stands) for s in stands]
        return _Pairs(
            np.array([place for place, _ in flat]),
            np.array([stand.chain for _, stand in flat]),
            np.array([stand.share for _, stand in flat]),
            np.array([stand.born_day for _, stand in flat]),
        )

    def _stands(self, place: int, protocol: Protocol) -> tuple[Stand, ...]:
        if protocol.level_usd is None:
            return ()
        key, born = int(self.keys[place]), int(self.born_days[place])
        known = self.world.chain_places
        chains = [known[name] for name in protocol.chains if name in known]
        weights = [
            (self.world.chains[chain].level_usd ** 0.7) * (0.2 + unit(key, 100 + chain))
            for chain in chains
        ]
        stands = []
        for n, (chain, weight) in enumerate(zip(chains, weights, strict=True)):
            left = oddities.NOTHING_LEFT.has(chain) or (n > 0 and hash_of(key, 200 + n) % 12 == 0)
            later = 0 if n == 0 else hash_of(key, 300 + n) % 700
            stands.append(Stand(chain, 0.0 if left else weight / sum(weights), born + later))
        return tuple(stands)


@dataclass(frozen=True)
class _Pairs:
    """All stands of all protocols as columns."""

    protocol: I64
    chain: I64
    share: F64
    born_day: I64


def _extras(protocol: Protocol, key: int, n: int) -> tuple[Extra, ...]:
    """The keys of `chainTvls` that are no chains."""
    if protocol.level_usd is None:
        return ()
    found = []
    if protocol.category in ("Lending", "CDP"):
        found.append(Extra("borrowed", 0.2 + 0.9 * unit(key, 40)))
    if protocol.symbol != "-" and hash_of(key, 41) % 6 == 0:
        found.append(Extra("staking", 0.05 + 0.6 * unit(key, 42)))
    if hash_of(key, 43) % 17 == 0:
        found.append(Extra("pool2", 0.01 + 0.1 * unit(key, 44)))
    if oddities.REST.has(n):
        found.extend(Extra(name, 0.02) for name in ("vesting", "offers", "treasury"))
    staked = protocol.category == STAKED
    twice = protocol.category in TWICE or oddities.TWICE.has(n)
    twice = twice or (staked and oddities.STAKED_TWICE.has(n))
    if twice:
        found.append(Extra("doublecounted", 1.0))
    if staked:
        found.append(Extra("liquidstaking", 1.0))
    if twice and staked:
        found.append(Extra("dcAndLsOverlap", 1.0))
    return tuple(found)
