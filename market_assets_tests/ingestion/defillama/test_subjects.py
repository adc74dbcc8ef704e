"""Subjects: who there is, whose symbol it is, who is tracked, who is gone."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from market_assets.ingestion.defillama.accounting import NoSubjects
from market_assets.ingestion.defillama.catalogue import Catalogue
from market_assets.ingestion.defillama.subjects import (
    Selection,
    linked,
    named,
    refresh,
    tracked,
    tracked_ids,
)
from market_assets.sources.defillama.subjects import Subject
from market_assets.sources.errors import VenueNonsense, VenueUnavailable
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_ASSETS
from market_assets_tests.ingestion.defillama.conftest import fill_routes
from market_assets_tests.sources.defillama.shapes import NOW, Llama, chain, protocol
from market_assets_tests.sources.http_server import Reply

LATER = NOW + timedelta(hours=1)
NONE = Selection(top_chains=0, top_protocols=0)


def subject(name: str, tvl: float | None = 1.0, symbol: str | None = None) -> Subject:
    kind, _, slug = name.partition(":")
    return Subject(name, kind, slug, slug, None, None, None, symbol, None, None, None, tvl)


def registry(store: FileStore, **delisted: bool) -> None:
    """Hyperliquid symbols, and whether each is delisted."""
    rows = [
        {
            "symbol": symbol,
            "kind": "perp",
            "dex": "",
            "display_name": symbol,
            "sz_decimals": 2,
            "max_leverage": 10,
            "only_isolated": False,
            "is_delisted": gone,
            "first_seen_at": NOW,
            "updated_at": NOW,
            "ingested_at": NOW,
        }
        for symbol, gone in delisted.items()
    ]
    store.merge(HYPERLIQUID_ASSETS, pl.DataFrame(rows, schema=HYPERLIQUID_ASSETS.schema))


def test_rows(catalogue: Catalogue, store: FileStore) -> None:
    """Chains under their one name, no exchange; identifiers and families as given."""
    done = refresh(catalogue, store, Selection(), now=NOW)
    rows = {
        row["subject_id"]: row
        for row in store.read("select * from defillama_subjects").rows(named=True)
    }
    assert set(rows) == {
        "chain:ethereum",
        "chain:op-mainnet",
        "protocol:aave-v3",
        "protocol:protocol-2",
        "protocol:protocol-3",
    }
    aave = rows["protocol:aave-v3"]
    assert aave["chains"] == ["Ethereum", "OP Mainnet"]
    assert (aave["parent"], aave["llama_id"], aave["token_symbol"]) == ("parent#aave", "1", "AAVE")
    assert aave["hyperliquid_symbol"] == "AAVE", "by its family: children have no gecko id"
    assert rows["chain:op-mainnet"]["hyperliquid_symbol"] == "OP"
    assert (rows["chain:ethereum"]["chains"], rows["chain:ethereum"]["category"]) == (None, None)
    assert rows["protocol:protocol-3"]["tvl_usd"] is None
    assert rows["protocol:protocol-3"]["token_symbol"] is None
    assert done.figures["chains"] == 2
    assert not done.is_failure(0.1)


def test_a_symbol_has_to_be_listed(catalogue: Catalogue, store: FileStore) -> None:
    """Once the registry is there, neither unknown nor delisted symbols appear."""
    registry(store, ETH=False, OP=True)
    refresh(catalogue, store, NONE, now=NOW)
    found = store.read("select subject_id, hyperliquid_symbol, is_tracked from defillama_subjects")
    symbols = {row[0]: row[1:] for row in found.rows()}
    assert symbols["chain:ethereum"] == ("ETH", True)
    assert symbols["chain:op-mainnet"] == (None, False)
    assert symbols["protocol:aave-v3"] == (None, False)


def test_who_is_tracked() -> None:
    """Symbols, the first by value of each kind, and what is added, less what is taken out."""
    listed = [
        subject("chain:a", 3.0),
        subject("chain:b", 2.0),
        subject("chain:c", None),
        subject("chain:d", None, "DDD"),
        subject("protocol:x", 1.0),
        subject("protocol:y", 9.0),
    ]
    selection = Selection(1, 1, track=("chain:c",), untrack=("protocol:y", "chain:d"))
    assert tracked_ids(listed, selection) == {"chain:a", "chain:c"}
    assert tracked_ids(listed, Selection(1, 1)) == {"chain:a", "chain:d", "protocol:y"}
    assert tracked_ids(listed, Selection(9, 0)) == {"chain:a", "chain:b", "chain:d"}


def test_links_without_a_registry_stay() -> None:
    """Nobody knows what is listed: the file's word counts."""
    listed = [subject("chain:d", 1.0, "DDD")]
    assert linked(listed, None)[0].hyperliquid_symbol == "DDD"
    assert linked(listed, frozenset({"BTC"}))[0].hyperliquid_symbol is None


def test_order_of_tracked_subjects(catalogue: Catalogue, store: FileStore) -> None:
    """Those with a symbol first, then by value: what is cut off is what matters least."""
    refresh(catalogue, store, Selection(track=("protocol:protocol-3",)), now=NOW)
    assert [one.subject_id for one in tracked(store)] == [
        "chain:ethereum",
        "protocol:protocol-2",
        "chain:op-mainnet",
        "protocol:aave-v3",
        "protocol:protocol-3",
    ]


def test_a_subject_that_is_gone_keeps_its_row(
    venue: Llama, catalogue: Catalogue, store: FileStore
) -> None:
    """Not listed, not tracked; when it comes back it is the one that was first seen then."""
    refresh(catalogue, store, Selection(), now=NOW)
    venue.routes["/v2/chains"] = [chain("Ethereum", 700.0)]
    refresh(Catalogue(catalogue.client), store, Selection(), now=LATER)
    sql = (
        "select is_listed, is_tracked, first_seen_at from defillama_subjects"
        " where slug = 'op-mainnet'"
    )
    assert store.read(sql).rows() == [(False, False, NOW)]
    fill_routes(venue)
    refresh(Catalogue(catalogue.client), store, Selection(), now=LATER + timedelta(hours=1))
    assert store.read(sql).rows() == [(True, True, NOW)]


def test_a_row_that_makes_no_sense_is_not_gone(
    venue: Llama, catalogue: Catalogue, store: FileStore
) -> None:
    """It stays as it was, and is named."""
    refresh(catalogue, store, Selection(), now=NOW)
    broken = protocol(2)
    del broken["id"]
    venue.routes["/protocols"] = [protocol(1, slug="aave-v3"), broken, protocol(3)]
    done = refresh(Catalogue(catalogue.client), store, Selection(), now=LATER)
    assert "protocol-2" in done.left_out
    sql = "select is_listed, is_tracked from defillama_subjects where slug = 'protocol-2'"
    assert store.read(sql).rows() == [(True, True)]


def test_one_list_that_fails_does_not_cost_the_other(
    venue: Llama, catalogue: Catalogue, store: FileStore
) -> None:
    """Chains are written, protocols stay listed, and the run says why it failed."""
    refresh(catalogue, store, Selection(), now=NOW)
    venue.routes["/protocols"] = Reply(503)
    with pytest.raises(VenueUnavailable, match="/protocols"):
        refresh(Catalogue(catalogue.client), store, Selection(), now=LATER)
    found = store.read(
        "select kind, bool_and(is_listed), max(ingested_at) from defillama_subjects"
        " group by kind order by kind"
    )
    assert found.rows() == [("chain", True, LATER), ("protocol", True, NOW)]


def test_an_empty_list_unlists_nobody(catalogue: Catalogue, store: FileStore, venue: Llama) -> None:
    """It counts as one that could not be read; what the other list says is written."""
    venue.routes["/v2/chains"] = [chain(f"Chain {n}") for n in range(12)]
    refresh(catalogue, store, Selection(), now=NOW)
    venue.routes["/v2/chains"] = []
    with pytest.raises(VenueNonsense, match="/v2/chains: an empty answer, and there were 12"):
        refresh(Catalogue(catalogue.client), store, Selection(), now=LATER)
    rows = store.read(
        "select kind, bool_and(is_listed), bool_or(is_tracked), max(ingested_at)"
        " from defillama_subjects group by kind order by kind"
    ).rows()
    assert rows == [("chain", True, True, NOW), ("protocol", True, True, LATER)]


def test_ids_of_the_settings_that_are_nobodys_are_named(
    catalogue: Catalogue, store: FileStore
) -> None:
    """A misspelled id tracks nothing, and nobody would see why."""
    chosen = Selection(track=("protocol:aave-v3", "protocol:aawe"), untrack=("chain:etherium",))
    done = refresh(catalogue, store, chosen, now=NOW)
    assert done.figures["unknown"] == "chain:etherium, protocol:aawe"
    assert refresh(catalogue, store, Selection(), now=NOW).figures["unknown"] is None


def test_none_tracked_and_unknown_ids_are_said(catalogue: Catalogue, store: FileStore) -> None:
    with pytest.raises(NoSubjects, match="materialize defillama_subjects first"):
        tracked(store)
    refresh(catalogue, store, NONE, now=NOW)
    assert [one.subject_id for one in named(store, ["protocol:protocol-3"])] == [
        "protocol:protocol-3"
    ]
    with pytest.raises(NoSubjects, match="no such subject: chain:atlantis"):
        named(store, ["chain:ethereum", "chain:atlantis"])
