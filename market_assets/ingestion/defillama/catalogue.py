"""What DefiLlama's list routes say, each asked once per run and shared by the assets in it.

Which figure comes from where; one request unless it says "each":

    defillama_subjects      /v2/chains, /protocols
    capital_base            tvl: the same two; stablecoins: /stablecoinchains; market value:
                            /protocols (a chain's by its coin's gecko id); open interest (a stock):
                            /overview/open-interest, total24h
    capital_flows           daily series of tvl (/v2/historicalChainTvl, /protocol: each) and
                            stablecoins (/stablecoincharts: each)
    economic_throughput     24h: daily series (/overview/{fees,dexs,options}/{chain},
                            /summary/{fees,dexs,options}/{slug}: each); 7d, 30d: the same, or
                            total7d and total30d of /overview/{fees,dexs}
    daily_history           the same series

A series is read once a day (a flow's again in the morning, `plan.py`) and stored, so most hours
cost the lists alone: eight requests. `total24h` of a protocol is its running day's where it has one
(so the server computes it, and so recordings have it), hence no figure for a complete day.
Stablecoin changes are not taken from `/stablecoins` either: its previous day, week and month are
rolling, in units of the peg and without a price at times, while the charts have complete days in
dollars and are read for the history anyway. Volume of perpetuals is on a paid route.

Which name to call a chain by follows from the lists too: each family of routes has its own.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from market_assets.ingestion.lists import Lists
from market_assets.sources.defillama.client import VENUE
from market_assets.sources.defillama.names.files import chain_slug

if TYPE_CHECKING:
    from datetime import datetime

    from market_assets.sources.defillama.client import DefiLlamaClient, Dimension
    from market_assets.sources.defillama.model import (
        Chain,
        ChainStablecoins,
        Listed,
        Overview,
        Protocol,
        Turnover,
    )
    from market_assets.storage.api import Store

_T = TypeVar("_T")


class Flow(NamedTuple):
    """A metric that is a flow: which overview has it, and under which data type."""

    what: Dimension
    data_type: str | None


FLOWS: Final[dict[str, Flow]] = {
    "fees": Flow("fees", "dailyFees"),
    "revenue": Flow("fees", "dailyRevenue"),
    "dex_volume": Flow("dexs", None),
    "options_volume": Flow("options", "dailyNotionalVolume"),
}
"""By metric. The premium of options is another figure, and in no column."""
FEW_HAVE: Final = ("options_volume",)
"""Where this list cannot be read, that is said of the list: nobody knows whom it is about."""


class Turnovers(NamedTuple):
    """An overview, to be looked up by subject.

    Attributes:
        overview: as it was read.
        by_id: protocols by DefiLlama's identifier; families and chains are left out.
        by_slug: the same by slug.
        chains: this route's name of each chain, by slug.
    """

    overview: Overview
    by_id: dict[str, Turnover]
    by_slug: dict[str, Turnover]
    chains: dict[str, str]

    def of(self, llama_id: str | None, slug: str) -> Turnover | None:
        """What it says of a protocol: identifiers last longer than slugs."""
        return self.by_id.get(llama_id or "") or self.by_slug.get(slug)


class Catalogue:
    """The lists, each fetched when it is first asked for. A failure is not kept: it is tried again.

    Every attribute and method may raise a `VenueError`: also where a list has become far shorter
    than it was, once it is known where that is remembered.
    """

    def __init__(self, client: DefiLlamaClient) -> None:
        self.client = client
        self.turnovers = cache(self._turnovers)
        self._lists: Lists | None = None

    def compare_with(self, store: Store, now: datetime) -> None:
        """Believe no list that is far shorter than the store remembers it."""
        self._lists = Lists(store, "defillama", VENUE, now)

    @cached_property
    def chains(self) -> Listed[Chain]:
        """Every chain and what is locked in it."""
        return self._believed("/v2/chains", self.client.chains())

    @cached_property
    def protocols(self) -> Listed[Protocol]:
        """Every protocol, exchanges among them."""
        return self._believed("/protocols", self.client.protocols())

    @cached_property
    def stablecoins(self) -> Listed[ChainStablecoins]:
        """Stablecoins on every chain."""
        return self._believed("/stablecoinchains", self.client.stablecoin_chains())

    @cached_property
    def open_interest(self) -> Turnovers:
        """Open interest by protocol: only `total_24h` means something, a stock."""
        return self._overview("open-interest")

    @cached_property
    def tvl_names(self) -> dict[str, str]:
        """The name of each chain on the routes of TVL, by slug."""
        return _by_slug([chain.name for chain in self.chains.items])

    @cached_property
    def stablecoin_names(self) -> dict[str, str]:
        """The name of each chain on the routes of stablecoins, by slug."""
        return _by_slug([chain.name for chain in self.stablecoins.items])

    def _turnovers(self, metric: str) -> Turnovers:
        """The overview of a metric of `FLOWS`."""
        return self._overview(*FLOWS[metric])

    def _overview(self, what: Dimension, data_type: str | None = None) -> Turnovers:
        overview = self.client.overview(what, data_type)
        name = f"/overview/{what}" + (f"?dataType={data_type}" if data_type else "")
        self._believed(name, overview.turnovers)
        if self._lists is not None:
            self._lists.believe(f"{name} allChains", len(overview.chains))
        return _looked_up(overview)

    def _believed(self, name: str, listed: Listed[_T]) -> Listed[_T]:
        """The list, unless it is far shorter than it was."""
        if self._lists is not None:
            self._lists.believe(name, len(listed.items) + len(listed.rejected))
        return listed


def _looked_up(overview: Overview) -> Turnovers:
    rows = [
        row
        for row in overview.turnovers.items
        if not row.is_chain and not row.llama_id.startswith("parent#")
    ]
    return Turnovers(
        overview,
        {row.llama_id: row for row in rows if row.llama_id},
        {row.slug: row for row in rows if row.slug},
        _by_slug(overview.chains),
    )


def _by_slug(names: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Of several spellings of one chain, the first."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(chain_slug(name), name)
    return found
