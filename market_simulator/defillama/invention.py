"""What is made up beside the real ones: chains, protocols, parents and stablecoins, from the seed.

What has number n is the same however many there are: a small world is the beginning of a large one
with the same chains.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from market_simulator.defillama import oddities
from market_simulator.defillama.catalogue import (
    Chain,
    Parent,
    Protocol,
    Stablecoin,
    facts,
    slugged,
)
from market_simulator.randomness import hash_of, key_of, unit

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST: Final = """
amber aspen birch brook cedar cinder cobalt copper coral delta dune ember fable fern flint
frost gale glade granite harbor haze heron indigo iris ivory jade juniper kelp lantern larch
lichen lotus lumen maple marble meadow mist moss nectar nimbus oak onyx opal orchid osprey
pebble pine plume prism quarry quartz raven reef ridge river saffron sage shale sierra slate
sorrel spruce sterling summit tallow tamarind terrace thistle tidal topaz tundra umber velvet
verdant vesper violet walnut willow wren zephyr
"""
_SECOND: Final = """
basin bay bridge cove crest field ford forge gate grove hall haven hollow isle junction keel
landing lane mark mill mint orchard pass peak pier point pool port quay rock shore sound
spring stone vale vault wharf works yard
"""
_WORDS: Final = {
    "Dexs": "Swap",
    "Lending": "Lend",
    "Yield": "Yield",
    "Liquid Staking": "Staked",
    "CDP": "Mint",
    "Derivatives": "Perps",
    "Options": "Options",
    "Bridge": "Bridge",
    "Yield Aggregator": "Vaults",
    "RWA": "Credit",
    "Launchpad": "Launch",
    "DEX Aggregator": "Router",
    "CEX": "Exchange",
    "Farm": "Farm",
    "Services": "Services",
}
_CATEGORIES: Final = (
    ("Dexs", 0.37),
    ("Lending", 0.16),
    ("Yield", 0.10),
    ("Yield Aggregator", 0.07),
    ("Farm", 0.06),
    ("Derivatives", 0.06),
    ("Liquid Staking", 0.05),
    ("CDP", 0.04),
    ("Services", 0.03),
    ("RWA", 0.02),
    ("Launchpad", 0.01),
    ("Options", 0.01),
    ("Bridge", 0.01),
    ("DEX Aggregator", 0.005),
    ("CEX", 0.005),
)
_FAMILY_ONE_IN: Final = 9
_CHILDREN: Final = 2
"""Of so many protocols, so many are children of one parent."""
_STOLEN_TICKER_ONE_IN: Final = 13
_ON_ONE: Final = 0.65
_ON_FEW: Final = 0.93
"""Which part of the protocols is on one chain, and which on five at most."""
_LARGEST_USD: Final = 2.5e9
_WITH_TOKEN: Final = 0.6
_WITH_ID: Final = 0.8
"""Which part of the protocols has a token, and of these a CoinGecko id."""


def invented_chains(seed: int) -> Iterator[Chain]:
    """Chains that nobody has heard of, the largest first; many lack a token, an id or both."""
    for n, name in enumerate(_names(seed, "chain")):
        key = key_of(seed, "llama chain", name)
        token = n % 4 != 1
        yield Chain(
            name=name,
            symbol=_ticker(name) if token else None,
            gecko_id=slugged(name) if token and n % 3 else None,
            cmc_id=str(40_000 + n) if token and n % 5 else None,
            chain_id=700_000 + n if n % 2 else None,
            level_usd=8e7 * (n + 1) ** -0.9 * (0.5 + unit(key, 1)),
            in_protocols=name,
            in_flows=name,
            in_pegs=name,
            coin_key=slugged(name),
        )


def invented_protocols(
    seed: int, chains: list[str], weights: list[float]
) -> Iterator[tuple[Protocol, Parent | None]]:
    """Protocols without end, each with its parent where it is one of several."""
    cumulative = list(itertools.accumulate(weights))
    family: Parent | None = None
    for n, name in enumerate(_names(seed, "protocol")):
        key = key_of(seed, "llama protocol", name)
        made = _protocol(n, name, key, _chains(key, n, chains, cumulative))
        place = n % _FAMILY_ONE_IN
        if place == 0:
            family = Parent(slugged(name), name, made.symbol, made.gecko_id, made.cmc_id)
        elif place == _CHILDREN:
            family = None
        yield _child(made, family, place + 1) if family else made, family


def invented_stablecoins(seed: int, known: int, chains: list[str]) -> Iterator[Stablecoin]:
    """Stablecoins without end, most of them dollars, each on a few chains."""
    pegs = (("peggedUSD", 1.0), ("peggedUSD", 1.0), ("peggedUSD", 1.0), ("peggedEUR", 1.15))
    more = (("peggedGBP", 1.31), ("peggedCHF", 1.24), ("peggedSGD", 0.77))
    for n, name in enumerate(_names(seed, "coin")):
        key = key_of(seed, "llama coin", name)
        peg, anchor = more[n // 11 % 3] if oddities.RARE_PEG.has(n) else pegs[n % 4]
        count = 1 + hash_of(key, 2) % 6
        places = [hash_of(key, 10 + i) % min(len(chains), 60) for i in range(count)]
        yield Stablecoin(
            id=str(known + n + 1),
            symbol=f"{_ticker(name)[:3]}{peg[-3:]}",
            name=f"{name} {peg[-3:]}",
            gecko_id=f"{slugged(name)}-{peg[-3:].lower()}",
            peg=peg,
            mechanism=("fiat-backed", "crypto-backed", "algorithmic")[hash_of(key, 3) % 3],
            supply=2e8 * (n + 1) ** -1.1 / anchor,
            anchor_usd=anchor * (0.03 if oddities.BROKEN_PEG.has(n) else 1.0),
            chains=tuple(dict.fromkeys(chains[place] for place in places)),
        )


def _protocol(n: int, name: str, key: int, chains: tuple[str, ...]) -> Protocol:
    category = _category(unit(key, 1))
    own = f"{name} {_WORDS[category]}"
    slug = slugged(own)
    symbol, gecko_id = "-", None
    if unit(key, 2) < _WITH_TOKEN:
        symbol, gecko_id = _ticker(name), slug if unit(key, 3) < _WITH_ID else None
    if n % _STOLEN_TICKER_ONE_IN == 0:
        tickers = facts().tickers
        symbol, gecko_id = tickers[n // _STOLEN_TICKER_ONE_IN % len(tickers)], slug
    level = _LARGEST_USD * (n + 4) ** -1.15 * (0.3 + 1.4 * unit(key, 4))
    dummy = oddities.NO_TVL.has(n)
    return Protocol(
        id=str(7_000 + n),
        slug=slug,
        name=own,
        symbol=symbol,
        gecko_id=gecko_id,
        cmc_id=str(50_000 + n) if gecko_id and n % 3 else None,
        category=category,
        parent=None,
        level_usd=None if dummy else level,
        module="dummy.js" if dummy else slug if n % 5 else slugged(name),
        chains=chains,
    )


def _child(made: Protocol, parent: Parent, version: int) -> Protocol:
    """The same as one version of a parent's protocol; only the first names the token's id."""
    name = f"{parent.name} {_WORDS[made.category]} V{version}"
    return replace(
        made,
        slug=slugged(name),
        name=name,
        symbol=parent.symbol or "-",
        gecko_id=parent.gecko_id if version == 1 else None,
        cmc_id=parent.cmc_id if version == 1 else None,
        parent=parent.slug,
    )


def _chains(key: int, n: int, chains: list[str], cumulative: list[float]) -> tuple[str, ...]:
    """The first protocols stand on one chain each, so that every chain has one."""
    if n < len(chains):
        return (chains[n],)
    draw = unit(key, 5)
    count = 1
    if draw >= _ON_ONE:
        count = 2 + hash_of(key, 6) % 4 if draw < _ON_FEW else 5 + hash_of(key, 6) % 25
    found = (_drawn(cumulative, unit(key, 100 + i)) for i in range(count))
    return tuple(dict.fromkeys(chains[place] for place in found))


def _drawn(cumulative: list[float], draw: float) -> int:
    aim = draw * cumulative[-1]
    low, high = 0, len(cumulative) - 1
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] < aim:
            low = middle + 1
        else:
            high = middle
    return low


def _category(draw: float) -> str:
    for name, share in _CATEGORIES:
        if draw < share:
            return name
        draw -= share
    return _CATEGORIES[0][0]


def _ticker(name: str) -> str:
    return "".join(c for c in name.upper() if c not in "AEIOU ")[:4]


def _names(seed: int, kind: str) -> Iterator[str]:
    """Names of two words, each pair once; then the same with a number."""
    firsts, seconds = _FIRST.split(), _SECOND.split()
    start, count = hash_of(key_of(seed, "llama names", kind), 0), len(firsts) * len(seconds)
    for n in itertools.count():
        place = (start + n * 1_000_003) % count  # a prime step visits every place
        first, second = divmod(place, len(seconds))
        more = f" {n // count + 1}" if n >= count else ""
        yield f"{firsts[first].title()}{seconds[second]}{more}"
