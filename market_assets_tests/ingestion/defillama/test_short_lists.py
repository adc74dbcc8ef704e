"""Each of DefiLlama's lists, empty or cut: no figure that was good turns NULL, and it is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from market_assets.clock import ManualClock
from market_assets.ingestion.defillama import subjects
from market_assets.ingestion.defillama.accounting import Done
from market_assets.ingestion.defillama.base import refresh_base
from market_assets.ingestion.defillama.catalogue import Catalogue
from market_assets.ingestion.defillama.flows import refresh_flows
from market_assets.ingestion.defillama.subjects import Selection, Tracked
from market_assets.ingestion.defillama.throughput import refresh_throughput
from market_assets.sources.defillama.client import DefiLlamaClient
from market_assets.sources.errors import VenueError
from market_assets.storage.files.store import FileStore
from market_assets_tests.ingestion.defillama.conftest import row
from market_assets_tests.sources.defillama.shapes import Llama, chain, protocol, turnover

HOUR = timedelta(hours=1)
BASE, FLOWS, THROUGHPUT = (
    "defillama_capital_base",
    "defillama_capital_flows",
    "defillama_economic_throughput",
)


def crowd(venue: Llama) -> None:
    """Enough rows in every list for their absence to be noticed."""
    routes: dict[str, Any] = venue.routes
    routes["/v2/chains"] += [chain(f"Chain {n}") for n in range(20)]
    routes["/protocols"] += [protocol(100 + n) for n in range(20)]
    routes["/stablecoinchains"] += [
        {"name": f"Chain {n}", "totalCirculatingUSD": {"peggedUSD": 1.0}} for n in range(20)
    ]
    for path, answer in routes.items():
        if path.startswith("/overview/") and "protocols" in answer:
            answer["protocols"] += [turnover(100 + n) for n in range(20)]
            answer["allChains"] = [*answer["allChains"], *(f"Chain {n}" for n in range(20))]


@pytest.fixture
def tracked(
    venue: Llama, catalogue: Catalogue, store: FileStore, clock: ManualClock
) -> list[Tracked]:
    crowd(venue)
    selection = Selection(top_chains=2, top_protocols=2)
    subjects.refresh(catalogue, store, selection, now=clock.now())
    return subjects.tracked(store)


class World(NamedTuple):
    """A venue with long lists, and what was stored of it."""

    venue: Llama
    client: DefiLlamaClient
    store: FileStore
    tracked: list[Tracked]
    clock: ManualClock

    def refresh(self, table: str) -> Done:
        """As in a run of its own."""
        catalogue = Catalogue(self.client)
        if table == BASE:
            return refresh_base(catalogue, self.store, self.tracked, clock=self.clock)
        refresh = refresh_flows if table == FLOWS else refresh_throughput
        return refresh(catalogue, self.store, self.tracked, within=HOUR, clock=self.clock)


@pytest.fixture
def world(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> World:
    return World(venue, catalogue.client, store, tracked, clock)


@pytest.mark.parametrize("left", [0, 3])
@pytest.mark.parametrize(
    ("path", "table", "figure"),
    [
        ("/stablecoinchains", BASE, "chain:ethereum stablecoin_mcap_usd"),
        ("/stablecoinchains", FLOWS, "chain:ethereum stablecoin_change_1d_usd"),
        ("/v2/chains", BASE, "chain:ethereum tvl_usd"),
        ("/protocols", BASE, "protocol:aave-v3 tvl_usd"),
        ("/overview/fees?dailyFees", THROUGHPUT, "protocol:aave-v3 fees_24h_usd"),
        ("/overview/dexs", THROUGHPUT, "protocol:protocol-2 dex_volume_24h_usd"),
    ],
)
def test_a_list_that_is_empty_or_cut(
    world: World, path: str, table: str, figure: str, left: int
) -> None:
    """The subjects fail and are named, and nothing computed from the list's silence is written."""
    subject, column = figure.split()
    world.refresh(table)
    good = row(world.store, table, subject)
    assert good[column] is not None
    world.clock.advance(3600)
    answer = world.venue.routes[path]
    if path.startswith("/overview"):
        world.venue.routes[path] = {**answer, "protocols": answer["protocols"][:left]}
    else:
        world.venue.routes[path] = answer[:left]
    done = world.refresh(table)
    assert "there were" in done.failed[subject]
    newest = row(world.store, table, subject)
    if (path, table) == ("/stablecoinchains", BASE):
        assert (newest[column], newest["tvl_usd"]) == (None, good["tvl_usd"]), "unknown, and said"
    else:
        assert newest[column] == good[column]


def test_chains_without_an_overview_of_their_own_are_believed_only_if_they_stay_so(
    world: World,
) -> None:
    """An overview says in a list of its own which chains it can be asked for."""
    world.refresh(THROUGHPUT)
    good = row(world.store, THROUGHPUT, "chain:ethereum")
    assert good["fees_24h_usd"] is not None
    world.clock.advance(3600)
    path = "/overview/fees?dailyFees"
    world.venue.routes[path] = {**world.venue.routes[path], "allChains": []}
    assert "allChains: an empty answer" in world.refresh(THROUGHPUT).failed["chain:ethereum"]
    newest = row(world.store, THROUGHPUT, "chain:ethereum")
    assert newest["fees_24h_usd"] == good["fees_24h_usd"]


def test_an_empty_list_of_open_interest_is_said(world: World) -> None:
    """It is an extra, and fails nobody."""
    world.refresh(BASE)
    world.clock.advance(3600)
    world.venue.routes["/overview/open-interest"] = {"protocols": [], "allChains": []}
    assert "there were" in world.refresh(BASE).left_out["open interest"]


def test_a_cut_list_of_chains_unlists_nobody(world: World) -> None:
    world.venue.routes["/v2/chains"] = world.venue.routes["/v2/chains"][:3]
    world.clock.advance(3600)
    with pytest.raises(VenueError, match="only 3 rows, and there were 22"):
        subjects.refresh(Catalogue(world.client), world.store, Selection(), now=world.clock.now())
    found = world.store.read("select bool_and(is_listed) from defillama_subjects")
    assert found.item() is True
