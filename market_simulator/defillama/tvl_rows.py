"""The answers of the TVL routes: `/protocols`, `/protocol/{slug}`, `/tvl/{slug}`, `/v2/…`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from market_simulator.defillama import oddities
from market_simulator.defillama.capital import EXCHANGES
from market_simulator.defillama.world import FIRST_DAY, run_at
from market_simulator.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from market_simulator.defillama.capital import Capital
    from market_simulator.defillama.catalogue import Protocol
    from market_simulator.defillama.prices import Prices
    from market_simulator.randomness import F64

_MEGABYTE: Final = 1_000_000
_BATCH: Final = 128
_PROSE: Final = "A venue for deposits, loans and trades, described at length by those who run it. "
_MANY: Final = "Multi-Chain"


class TvlRows:
    """The TVL routes of one world."""

    def __init__(self, capital: Capital, prices: Prices) -> None:
        self._capital = capital
        self._world = capital.world
        self._prices = prices

    def chains(self, hour: int) -> list[dict[str, Any]]:
        """`/v2/chains`, in no order."""
        rows: list[dict[str, Any]] = []
        for chain, tvl in zip(self._world.chains, self._capital.of_chains(hour), strict=True):
            if np.isnan(tvl):
                continue
            row = {
                "gecko_id": chain.gecko_id,
                "tvl": float(tvl),
                "tokenSymbol": chain.symbol,
                "cmcId": chain.cmc_id,
                "name": chain.name,
            }
            if chain.chain_id is not None or len(rows) % 3:
                row["chainId"] = chain.chain_id
            rows.append(row)
        return rows

    def chain_history(self, name: str | None, hour: int) -> list[dict[str, Any]]:
        """`/v2/historicalChainTvl[/{chain}]`; the last point has the stamp of the running day.

        Raises:
            Refused: no such chain.
        """
        place = self._world.by_spelling.get(name.lower()) if name is not None else None
        if name is not None and place is None:
            raise Refused(400, f"There is no chain with that name: {name}", "text/plain")
        history = self._capital.history(hour)
        there = ~np.isnan(history)
        if place is None:
            values, shown = np.nansum(history, axis=0), there.any(axis=0)
        else:
            values, shown = history[place], there[place]
        return [
            {"date": (FIRST_DAY + n) * 86_400, "tvl": float(values[n])}
            for n in np.flatnonzero(shown).tolist()
        ]

    def tvl(self, slug: str, hour: int) -> float | None:
        """`/tvl/{slug}`: a bare number.

        Raises:
            Refused: no such protocol, or a parent whose child has its name.
        """
        totals = self._capital.totals(np.array([hour]))[:, 0]
        place = self._world.by_slug.get(slug)
        if place is not None and self._is_born(place, hour):
            none = self._world.protocols[place].level_usd is None
            return None if none else float(totals[place])
        children = [p for p in self._world.children.get(slug, ()) if self._is_born(p, hour)]
        if not children:
            raise Refused(400, "Protocol not found", "text/plain")
        if self._world.parents[slug].name in {self._world.protocols[p].name for p in children}:
            raise Refused(400, "bad parent protocol", "text/plain")
        return float(sum(totals[place] for place in children))

    def protocols(self, hour: int, *, include_chains: bool) -> Iterator[dict[str, Any]]:
        """The rows of `/protocols`, the largest first, filled up to the size that is asked for."""
        hours = np.array([hour, hour - 1, hour - 24, hour - 168])
        totals = self._capital.totals(hours)
        walks = self._capital.walks(np.arange(len(totals)), hours[:1])[:, 0]
        order = sorted(range(len(totals)), key=lambda place: -totals[place, 0])
        filler = self._filler()
        for place in order:
            if self._is_born(place, hour):
                row = self._row(place, hour, float(walks[place]), totals[place])
                row["description"] += filler
                yield row
        if include_chains:
            yield from self.chains(hour)

    def encoded(self, hour: int, *, include_chains: bool) -> Iterator[bytes]:
        """The body of `/protocols` in pieces."""
        held, many = [], b"["
        for row in self.protocols(hour, include_chains=include_chains):
            held.append(msgspec.json.encode(row))
            if len(held) == _BATCH:
                yield many + b",".join(held)
                held, many = [], b","
        yield (many if held else many.strip(b",")) + b",".join(held) + b"]"

    def _filler(self) -> str:
        """What each row's description is longer by."""
        if self._world.size.body_mb is None:
            return ""
        each = self._world.size.body_mb * _MEGABYTE / len(self._world.protocols)
        return _PROSE * round(each / len(_PROSE))

    def _row(self, place: int, hour: int, walk: float, totals: F64) -> dict[str, Any]:
        protocol = self._world.protocols[place]
        row = self.about(protocol, place)
        values = self._chain_values(place, hour, walk)
        chains = sorted((k for k in values if k in self._here(place)), key=lambda k: -values[k])
        row |= {
            "chain": chains[0] if len(chains) == 1 else _MANY if chains else protocol.chains[0],
            "chains": chains,
            "slug": protocol.slug,
            "tvl": None if protocol.level_usd is None else float(totals[0]),
            "chainTvls": values,
            "tokenBreakdowns": {},
            "mcap": self.market_cap(protocol, place, hour),
        }
        for name, before in zip(("change_1h", "change_1d", "change_7d"), totals[1:], strict=True):
            row[name] = float(totals[0] / before * 100.0 - 100.0) if before else None
        row |= {key: values[key] for key in ("staking", "pool2") if key in values}
        return row

    def _chain_values(self, place: int, hour: int, walk: float) -> dict[str, float]:
        """`chainTvls`: chains, and what is none: `borrowed`, `Ethereum-borrowed`, …"""
        values: dict[str, float] = {}
        extras = self._capital.extras[place]
        sums: dict[str, float] = {}
        for stand in self._capital.stands[place]:
            if hour < stand.born_day * 24:
                continue
            name = self._world.chains[stand.chain].in_protocols
            values[name] = stand.share * walk
            for extra in extras:
                values[f"{name}-{extra.key}"] = values[name] * extra.part
                sums[extra.key] = sums.get(extra.key, 0.0) + values[name] * extra.part
        return values | sums

    def _here(self, place: int) -> frozenset[str]:
        stands = self._capital.stands[place]
        return frozenset(self._world.chains[stand.chain].in_protocols for stand in stands)

    def market_cap(self, protocol: Protocol, place: int, hour: int) -> float | None:
        """The market value of a protocol's token; unknown for some that have an id."""
        if protocol.gecko_id is None or oddities.CAP_UNKNOWN.has(place):
            return None
        return self._prices.market_caps(hour)[protocol.gecko_id]

    def about(self, protocol: Protocol, place: int) -> dict[str, Any]:
        """What does not change about a protocol."""
        row: dict[str, Any] = {
            "id": protocol.id,
            "name": protocol.name,
            "address": f"0x{int(self._capital.keys[place]):040x}" if place % 3 else None,
            "symbol": protocol.symbol,
            "url": f"https://{protocol.slug}.example",
            "description": f"{protocol.name} is made up, whatever its name.",
            "logo": f"https://icons.example/{protocol.slug}.jpg",
            "audits": str(place % 3),
            "audit_note": None,
            "gecko_id": protocol.gecko_id,
            "cmcId": protocol.cmc_id,
            "category": protocol.category,
            "module": f"{protocol.module}/index.js" if place % 2 else protocol.module,
            "twitter": protocol.slug if place % 4 else None,
            "forkedFrom": [] if place % 5 else None,
            "oracles": ["Chainlink"] if place % 7 == 0 else [],
            "listedAt": (int(self._capital.born_days[place]) + 4) * 86_400 + 51_917,
        }
        if protocol.category == EXCHANGES:
            row["methodology"] = "Wallets that the exchange has named"
        if protocol.parent:
            row |= {"parentProtocol": f"parent#{protocol.parent}"}
            row |= {"parentProtocolSlug": protocol.parent}
        if any(extra.key == "doublecounted" for extra in self._capital.extras[place]):
            row["doublecounted"] = True
        if oddities.MISREPRESENTED.has(place):
            row["misrepresentedTokens"] = True
        return row

    def _is_born(self, place: int, hour: int) -> bool:
        return int(self._capital.born_days[place]) * 24 <= hour


def stamps(first_day: int, hour: int) -> tuple[list[int], list[int]]:
    """The hours of a `/protocol` series and their stamps: midnights, then the newest run."""
    days = range(first_day, hour // 24 + 1)
    return [day * 24 for day in days] + [hour], [day * 86_400 for day in days] + [run_at(hour)]
