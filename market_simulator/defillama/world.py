"""The simulated world of one seed: what exists in it, and where things are found by name.

It is made at the first request, not when the simulator starts. Amounts are elsewhere (`capital.py`,
`flows.py`, `pegs.py`); all of them are functions of the world and the hour.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from market_simulator.defillama.catalogue import (
    Chain,
    Parent,
    Protocol,
    Stablecoin,
    facts,
)
from market_simulator.defillama.invention import (
    invented_chains,
    invented_protocols,
    invented_stablecoins,
)
from market_simulator.randomness import key_of, unit

FIRST_DAY: Final = 17_897
"""2019-01-01, in days of Unix time: nothing is older."""
LAST_BIRTH_DAY: Final = 20_880
"""2027-03-03: what is born last. What is not born yet is not listed."""
_SPREAD: Final = 0.55
"""Made-up protocols spread over chains by this power of the chains' TVL."""
RUN_AFTER_S: Final = 660
"""Seconds past the hour at which the hourly run of the venue is through."""


@dataclass(frozen=True)
class Size:
    """How much exists.

    Attributes:
        chains: chains; the 51 real ones come first.
        protocols: protocols, those included that are not born yet.
        stablecoins: stablecoins.
        body_mb: megabytes to which the body of `/protocols` is filled up; None: as it comes.
    """

    chains: int = 300
    protocols: int = 4_000
    stablecoins: int = 120
    body_mb: float | None = None


def hour_of(now_ms: int) -> int:
    """The hour (of Unix time) of the newest run of the venue: its data is of that hour."""
    return (now_ms // 1000 - RUN_AFTER_S) // 3600


def run_at(hour: int) -> int:
    """When the run of an hour was through, in Unix seconds."""
    return hour * 3600 + RUN_AFTER_S


class World:
    """Everything that exists, whether born yet or not."""

    def __init__(self, seed: int, size: Size) -> None:
        self.seed = seed
        self.size = size

    @cached_property
    def chains(self) -> tuple[Chain, ...]:
        made = itertools.chain(facts().chains, invented_chains(self.seed))
        return tuple(itertools.islice(made, self.size.chains))

    @cached_property
    def protocols(self) -> tuple[Protocol, ...]:
        """In no order that means anything; places in it are used as ids by the numbers."""
        return tuple(protocol for protocol, _ in self._made)

    @cached_property
    def parents(self) -> dict[str, Parent]:
        """By slug; only those that have a child."""
        real = {parent.slug: parent for parent in facts().parents}
        own = {parent.slug: parent for _, parent in self._made if parent is not None}
        named = {protocol.parent for protocol in self.protocols if protocol.parent}
        return {slug: parent for slug, parent in (real | own).items() if slug in named}

    @cached_property
    def stablecoins(self) -> tuple[Stablecoin, ...]:
        known = facts().stablecoins
        names = [chain.name for chain in self.chains]
        made = itertools.chain(known, invented_stablecoins(self.seed, len(known), names))
        there = set(names)
        kept = (
            coin
            for coin in itertools.islice(made, self.size.stablecoins)
            if there.intersection(coin.chains)
        )
        return tuple(kept)

    @cached_property
    def chain_places(self) -> dict[str, int]:
        """Where a chain stands in `chains`, by its name."""
        return {chain.name: place for place, chain in enumerate(self.chains)}

    @cached_property
    def by_spelling(self) -> dict[str, int]:
        """Where a chain stands in `chains`, by each of its spellings and slugs, in lower case."""
        found: dict[str, int] = {}
        for place, chain in enumerate(self.chains):
            for spelling in (*chain.spellings, chain.slug):
                found.setdefault(spelling, place)
        return found

    @cached_property
    def by_slug(self) -> dict[str, int]:
        """Where a protocol stands in `protocols`, by its slug."""
        return {protocol.slug: place for place, protocol in enumerate(self.protocols)}

    @cached_property
    def children(self) -> dict[str, tuple[int, ...]]:
        """Where the children of a parent stand in `protocols`, by the parent's slug."""
        found: dict[str, list[int]] = {}
        for place, protocol in enumerate(self.protocols):
            if protocol.parent:
                found.setdefault(protocol.parent, []).append(place)
        return {slug: tuple(places) for slug, places in found.items()}

    def born(self, kind: str, name: str, *, old: bool = False) -> int:
        """The day of birth; the well-known ones (`old`) are there from 2023 at the latest."""
        last = FIRST_DAY + 1_500 if old else LAST_BIRTH_DAY
        age = unit(key_of(self.seed, "born", kind, name)) ** 0.7
        return FIRST_DAY + int((last - FIRST_DAY) * age)

    def key(self, kind: str, name: str) -> int:
        """The key of a walk."""
        return key_of(self.seed, "llama", kind, name)

    @cached_property
    def _made(self) -> list[tuple[Protocol, Parent | None]]:
        there = {chain.name for chain in self.chains}
        names = [chain.name for chain in self.chains]
        levels = [chain.level_usd**_SPREAD for chain in self.chains]
        real = ((protocol, None) for protocol in facts().protocols if there & set(protocol.chains))
        made = itertools.chain(real, invented_protocols(self.seed, names, levels))
        return list(itertools.islice(made, self.size.protocols))
