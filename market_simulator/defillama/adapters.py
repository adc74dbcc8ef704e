"""Who reports fees, volumes and open interest, and how badly.

An adapter is one protocol (or, for gas fees, one chain) on one kind of route. Its habits are given
by its number, not drawn, so that each of them is found in a small world too.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from market_simulator.defillama import oddities
from market_simulator.randomness import hash_of, unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from market_simulator.defillama.capital import Capital
    from market_simulator.defillama.catalogue import Protocol

DATA_TYPES: Final[dict[str, tuple[str, ...]]] = {
    "dexs": ("dailyVolume",),
    "fees": (
        "dailyFees",
        "dailyRevenue",
        "dailyHoldersRevenue",
        "dailyUserFees",
        "dailyProtocolRevenue",
        "dailySupplySideRevenue",
    ),
    "options": ("dailyNotionalVolume", "dailyPremiumVolume"),
    "open-interest": ("openInterestAtEnd",),
}
"""What each kind of route can be asked for; the first is the default."""

_KINDS: Final[dict[str, dict[str, float]]] = {
    "Dexs": {"dexs": 0.09, "fees": 0.00025},
    "Lending": {"fees": 0.00012},
    "CDP": {"fees": 0.00009},
    "Yield": {"fees": 0.00006},
    "Liquid Staking": {"fees": 0.00008},
    "Basis Trading": {"fees": 0.0002},
    "RWA": {"fees": 0.0001},
    "Derivatives": {"fees": 0.003, "open-interest": 0.9},
    "Options": {"options": 0.4, "fees": 0.001},
    "Launchpad": {"fees": 0.004, "dexs": 0.3},
    "DEX Aggregator": {"dexs": 0.3, "fees": 0.0002},
}
"""Per category, the kinds it reports, and a day's amount as a part of its TVL."""
_REPORTS: Final = 0.7
_NO_TVL_USD: Final = 4e8
"""The TVL that one without TVL would have: it has volume all the same."""
_DAYS_BEHIND: Final = 9
AGGREGATOR: Final = "DEX Aggregator"


@dataclass(frozen=True)
class Habits:
    """How an adapter reports.

    Attributes:
        running: it has a point of the running day.
        late_hours: hours after midnight at which the last complete day is there.
        days_behind: how many of the last complete days are missing altogether.
        holes: some days are missing.
        zero: all is zero.
        silent: the answer of `/summary` has no points and no totals; overviews leave it out.
        totals_null: its row has totals that are null.
        absent: fields that its row does not have.
        numeric_id: its id is a number, not text.
    """

    running: bool = False
    late_hours: int = 0
    days_behind: int = 0
    holes: bool = False
    zero: bool = False
    silent: bool = False
    totals_null: bool = False
    absent: tuple[str, ...] = ()
    numeric_id: bool = False


@dataclass(frozen=True, eq=False)
class Adapter:
    """One reporter on one kind of route.

    Attributes:
        place: of the protocol among the protocols; None: a chain's gas fees.
        chain: of a chain, its place among the chains.
        usd: about which a day's amount moves.
        born_day: its first day.
        shares: parts of it by chain.
        ratios: data types that it reports, as parts of its first.
        excluded: it is listed, and not in the totals of overviews.
    """

    kind: str
    key: int
    name: str
    slug: str
    place: int | None
    chain: int | None
    usd: float
    born_day: int
    shares: tuple[tuple[int, float], ...]
    ratios: dict[str, float]
    habits: Habits
    excluded: bool


def adapters(capital: Capital, kind: str) -> tuple[Adapter, ...]:
    """All adapters of a kind, chains first."""
    chains = _of_chains(capital) if kind == "fees" else iter(())
    made = itertools.chain(chains, _of_protocols(capital, kind))
    return tuple(made)


def _of_chains(capital: Capital) -> Iterator[Adapter]:
    world = capital.world
    for place, chain in enumerate(world.chains):
        if chain.cmc_id is None or oddities.WITHOUT_GAS.has(place):
            continue
        key = world.key("gas", chain.name)
        number = place + 3
        yield Adapter(
            kind="fees",
            key=key,
            name=chain.in_flows,
            slug=chain.slug,
            place=None,
            chain=place,
            usd=chain.level_usd * 2.5e-5 * (0.3 + unit(key, 1)),
            born_day=world.born("chain", chain.name, old=True),
            shares=((place, 1.0),),
            ratios=_ratios("fees", key, number),
            habits=Habits(running=place % 2 == 0, absent=() if place % 4 else ("change_7d",)),
            excluded=False,
        )


def _of_protocols(capital: Capital, kind: str) -> Iterator[Adapter]:
    number = 0
    for place, protocol in enumerate(capital.world.protocols):
        part = _KINDS.get(protocol.category, {}).get(kind)
        key = capital.world.key(kind, protocol.slug)
        if part is None or (not protocol.is_real and unit(key, 1) > _REPORTS):
            continue
        stands = [(stand.chain, stand.share) for stand in capital.stands[place] if stand.share]
        if not stands:
            known = capital.world.chain_places
            here = [known[name] for name in protocol.chains if name in known]
            stands = [(chain, 1.0 / len(here)) for chain in here]
        whole = sum(share for _, share in stands)
        yield Adapter(
            kind=kind,
            key=key,
            name=protocol.name,
            slug=protocol.slug,
            place=place,
            chain=None,
            usd=(protocol.level_usd or _NO_TVL_USD) * part * (0.2 + 1.6 * unit(key, 2)),
            born_day=int(capital.born_days[place]) + hash_of(key, 3) % 90,
            shares=tuple((chain, share / whole) for chain, share in stands),
            ratios=_ratios(kind, key, number),
            habits=habits(number, protocol),
            excluded=protocol.category == AGGREGATOR,
        )
        number += 1


def habits(number: int, protocol: Protocol) -> Habits:
    """The habits of the adapter with that number among its kind."""
    absent = (name for name, whose in oddities.ABSENT.items() if any(w.has(number) for w in whose))
    return Habits(
        running=oddities.RUNNING.has(number),
        late_hours=1 + number % 3 if oddities.LATE.has(number) else 0,
        days_behind=_DAYS_BEHIND if oddities.BEHIND.has(number) else 0,
        holes=oddities.HOLES.has(number),
        zero=oddities.ZERO.has(number),
        silent=oddities.SILENT.has(number),
        totals_null=oddities.TOTALS_NULL.has(number),
        absent=tuple(absent),
        numeric_id=oddities.NUMBER_FOR_ID.has(number) and protocol.id.isdigit(),
    )


def _ratios(kind: str, key: int, number: int) -> dict[str, float]:
    """The parts of each data type; one in four reports no revenue at all."""
    first, *more = DATA_TYPES[kind]
    ratios = {first: 1.0}
    if kind == "options":
        ratios |= {more[0]: 0.002 + 0.03 * unit(key, 5)}
    if kind == "fees":
        ratios |= {"dailyUserFees": 0.9 + 0.1 * unit(key, 6)}
        if not oddities.NO_REVENUE.has(number):
            revenue = 0.05 + 0.9 * unit(key, 5)
            holders = revenue * unit(key, 7) if number % 2 else 0.0
            ratios |= {
                "dailyRevenue": revenue,
                "dailyProtocolRevenue": revenue - holders,
                "dailySupplySideRevenue": 1.0 - revenue,
            }
            ratios |= {"dailyHoldersRevenue": holders} if number % 2 else {}
    return ratios
