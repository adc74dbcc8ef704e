"""Who reports fees and volumes: the fields of overviews and summaries that are not amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from market_simulator.defillama.adapters import Adapter
    from market_simulator.defillama.tvl_rows import TvlRows
    from market_simulator.defillama.world import World


class Reporters:
    """The reporters of one world, described."""

    def __init__(self, world: World, about: TvlRows) -> None:
        self.world = world
        self._about = about

    def identity(self, reporter: Adapter) -> dict[str, Any]:
        """Who reports: the fields that stand in overviews and summaries alike."""
        row: dict[str, Any] = {
            "name": reporter.name,
            "displayName": reporter.name,
            "slug": reporter.slug,
            "logo": f"https://icons.example/{reporter.slug}.jpg",
            "chains": [self.world.chains[chain].in_flows for chain, _ in reporter.shares],
            "methodology": {"Fees": "What users pay", "Revenue": "What is kept of it"},
        }
        if reporter.place is None:
            own = f"chain#{self.world.chains[reporter.chain or 0].cmc_id}"
            row |= {"defillamaId": own, "category": "Chain", "protocolType": "chain"}
            return row | {"id": own, "module": reporter.slug}
        protocol = self.world.protocols[reporter.place]
        number = int(protocol.id) if reporter.habits.numeric_id else protocol.id
        row |= {"defillamaId": number, "id": number, "category": protocol.category}
        row |= {"module": protocol.module, "protocolType": "protocol"}
        if protocol.parent:
            parent = self.world.parents[protocol.parent]
            row |= {"parentProtocol": parent.id, "linkedProtocols": [parent.name, protocol.name]}
        return row | ({"doublecounted": True} if reporter.excluded else {})

    def subject(self, reporter: Adapter) -> dict[str, Any]:
        """The head of the summary of one protocol or chain."""
        if reporter.place is None:
            chain = self.world.chains[reporter.chain or 0]
            more: dict[str, Any] = {
                "gecko_id": chain.gecko_id,
                "cmcId": chain.cmc_id,
                "id": chain.cmc_id,
            }
            return self.identity(reporter) | more | {"latestFetchIsOk": True}
        protocol = self.world.protocols[reporter.place]
        former = ["MakerDAO"] if protocol.module == "makerdao" else None
        more = {"previousNames": former, "latestFetchIsOk": True, "id": protocol.id}
        return self._about.about(protocol, reporter.place) | self.identity(reporter) | more

    def family(self, slug: str, own: list[Adapter]) -> dict[str, Any]:
        """The head of the summary of a parent."""
        parent = self.world.parents[slug]
        chains = {chain for reporter in own for chain, _ in reporter.shares}
        return {
            "id": parent.id,
            "defillamaId": parent.id,
            "name": parent.name,
            "displayName": parent.name,
            "slug": slug,
            "gecko_id": parent.gecko_id,
            "cmcId": parent.cmc_id,
            "chains": [self.world.chains[chain].in_flows for chain in sorted(chains)],
            "childProtocols": [
                {"name": r.name, "defillamaId": self.identity(r)["id"]} for r in own
            ],
            "linkedProtocols": [parent.name, *(reporter.name for reporter in own)],
            "disabled": None,
            "module": None,
            "category": None,
            "parentProtocol": None,
            "latestFetchIsOk": True,
            "protocolType": "protocol",
        }
