"""Capital base: from lists alone, NULL where they are silent, names where they fail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from market_assets.ingestion.defillama.base import refresh_base
from market_assets.ingestion.defillama.catalogue import Catalogue
from market_assets.ingestion.defillama.subjects import Tracked
from market_assets.storage.store import Store
from market_assets_tests.ingestion.defillama.conftest import row
from market_assets_tests.sources.defillama.shapes import NOW, Llama, chain, protocol
from market_assets_tests.sources.http_server import Reply

TABLE = "defillama_capital_base"


def test_figures(catalogue: Catalogue, store: Store, tracked: list[Tracked]) -> None:
    """Each from its route; stablecoins under another spelling; exchanges and sections nowhere."""
    done = refresh_base(catalogue, store, tracked, now=NOW)
    ethereum, optimism = row(store, TABLE, "chain:ethereum"), row(store, TABLE, "chain:op-mainnet")
    assert ethereum["as_of"] == NOW.replace(minute=0, second=0)
    assert (ethereum["tvl_usd"], ethereum["tvl_share_pct"]) == (700.0, 70.0)
    assert ethereum["stablecoin_mcap_usd"] == 450.0, "euros are dollars already; text is a number"
    assert ethereum["protocols_tvl_usd"] == 800.0, "no exchange, no borrowed section"
    assert ethereum["market_cap_usd"] is None
    assert (optimism["stablecoin_mcap_usd"], optimism["protocols_tvl_usd"]) == (60.0, 100.0)
    assert optimism["market_cap_usd"] == 8e6, "its coin's, by gecko id"
    aave = row(store, TABLE, "protocol:aave-v3")
    assert (aave["tvl_usd"], aave["market_cap_usd"]) == (300.0, 5e6)
    assert aave["tvl_share_pct"] == pytest.approx(300 / 900 * 100)
    assert aave["open_interest_usd"] == 77.0, "a stock: total24h, never total7d"
    assert (aave["stablecoin_mcap_usd"], aave["protocols_tvl_usd"]) == (None, None)
    silent = row(store, TABLE, "protocol:protocol-3")
    assert (silent["tvl_usd"], silent["tvl_share_pct"], silent["open_interest_usd"]) == (None,) * 3
    assert done.failed == {}
    assert done.subjects == 5


def test_an_hour_has_one_row(catalogue: Catalogue, store: Store, tracked: list[Tracked]) -> None:
    """Asked again within it, the later answer stands; the next hour is another row."""
    refresh_base(catalogue, store, tracked, now=NOW)
    refresh_base(catalogue, store, tracked, now=NOW + timedelta(minutes=10))
    assert store.read(f"select count(*) as n from {TABLE}")["n"].item() == 5  # noqa: S608 - the tests' own
    refresh_base(catalogue, store, tracked, now=NOW + timedelta(hours=1))
    assert store.read(f"select count(*) as n from {TABLE}")["n"].item() == 10  # noqa: S608 - the tests' own


def test_few_requests(
    venue: Llama, catalogue: Catalogue, store: Store, tracked: list[Tracked]
) -> None:
    """Four lists, those of the subjects among them, whatever there is to track."""
    refresh_base(catalogue, store, tracked, now=NOW)
    assert sorted(venue.asked()) == [
        "/overview/open-interest",
        "/protocols",
        "/stablecoinchains",
        "/v2/chains",
    ]


def test_a_missing_subject_is_named(
    venue: Llama, catalogue: Catalogue, store: Store, tracked: list[Tracked]
) -> None:
    """The rest is written; it is one of five: more than a tenth."""
    venue.routes["/v2/chains"] = [chain("Ethereum", 700.0)]
    venue.routes["/protocols"] = [protocol(1, slug="aave-v3"), {"slug": "protocol-2"}, protocol(3)]
    done = refresh_base(Catalogue(catalogue.client), store, tracked, now=NOW)
    assert done.failed["chain:op-mainnet"] == "/v2/chains has no such row"
    assert "makes no sense" in done.failed["protocol:protocol-2"]
    assert store.read(f"select count(*) as n from {TABLE}")["n"].item() == 3  # noqa: S608 - the tests' own
    assert done.is_failure(0.1)
    assert not done.is_failure(0.5)


def test_a_list_that_fails_costs_its_own_figures(
    venue: Llama, catalogue: Catalogue, store: Store, tracked: list[Tracked]
) -> None:
    """Without stablecoins, chains are named and keep their value locked; protocols are whole."""
    venue.routes["/stablecoinchains"] = Reply(500)
    done = refresh_base(Catalogue(catalogue.client), store, tracked, now=NOW)
    assert set(done.failed) == {"chain:ethereum", "chain:op-mainnet"}
    ethereum = row(store, TABLE, "chain:ethereum")
    assert (ethereum["tvl_usd"], ethereum["stablecoin_mcap_usd"]) == (700.0, None)


def test_open_interest_is_an_extra(
    venue: Llama, catalogue: Catalogue, store: Store, tracked: list[Tracked]
) -> None:
    """Its list is named, and nobody fails."""
    del venue.routes["/overview/open-interest"]
    done = refresh_base(catalogue, store, tracked, now=NOW)
    assert done.failed == {}
    assert "open interest" in done.left_out


def test_without_chains_the_protocols_are_written(
    venue: Llama, catalogue: Catalogue, store: Store, tracked: list[Tracked]
) -> None:
    venue.routes["/v2/chains"] = Reply(500)
    done = refresh_base(Catalogue(catalogue.client), store, tracked, now=NOW)
    assert set(done.failed) == {"chain:ethereum", "chain:op-mainnet"}
    assert store.read(f"select count(*) as n from {TABLE}")["n"].item() == 3  # noqa: S608 - the tests' own
