"""Links in the store: which markets are judged, what is dropped, what is kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.ingestion.polymarket import asset_links
from market_assets.ingestion.polymarket.asset_links import RegistryMissing, link_catalogue
from market_assets.sources.polymarket import frames
from market_assets.sources.polymarket.model import Event
from market_assets.storage.common.changes import Merge
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_ASSETS, POLYMARKET_EVENTS, POLYMARKET_MARKETS
from market_assets_tests.ingestion.polymarket.listed import DAY, NOW, closed, event, market


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def listed(store: FileStore, *symbols: str) -> None:
    rows = [
        {
            "symbol": symbol,
            "kind": "perp",
            "dex": "",
            "display_name": symbol,
            "sz_decimals": 1,
            "only_isolated": False,
            "is_delisted": False,
            "first_seen_at": NOW,
            "updated_at": NOW,
            "ingested_at": NOW,
        }
        for symbol in symbols
    ]
    columns = HYPERLIQUID_ASSETS.column_names
    full = [{name: row.get(name) for name in columns} for row in rows]
    store.merge(HYPERLIQUID_ASSETS, pl.DataFrame(full, schema=HYPERLIQUID_ASSETS.schema))


def catalogue(store: FileStore, *events: Event, at: timedelta = timedelta(0)) -> None:
    store.write(
        Merge(POLYMARKET_EVENTS, frames.events(events, NOW + at)),
        Merge(POLYMARKET_MARKETS, frames.markets([m for e in events for m in e.markets], NOW + at)),
    )


def links(store: FileStore) -> list[tuple[object, ...]]:
    return store.read(
        "select condition_id, symbol from polymarket_market_asset_links order by all"
    ).rows()


def test_open_and_lately_closed_markets_are_linked(store: FileStore) -> None:
    listed(store, "BTC", "ETH")
    bitcoin = {"question": "Will Bitcoin reach $200,000?"}
    catalogue(
        store,
        event(
            "1",
            market("0xa", **bitcoin),
            closed("0xb", question="Will Ethereum dip to $1,000?"),
            closed("0xc", closed_at=NOW - 11 * DAY, **bitcoin),
            market("0xd", question="Will it rain in Lisbon?"),
        ),
    )
    made = link_catalogue(store, clock=ManualClock(NOW))
    assert links(store) == [("0xa", "BTC"), ("0xb", "ETH")]
    assert (made.markets, made.dropped, made.written.inserted) == (3, 0, 2)


def test_neither_markets_nor_assets_that_were_taken_back_are_linked(store: FileStore) -> None:
    """The market's links stay as they were; those to the asset go."""
    listed(store, "BTC", "ETH")
    catalogue(
        store,
        event("1", market("0xa", question="Bitcoin above $9?"), market("0xb", question="$BTC up?")),
        event("2", market("0xc", question="Ethereum above $9?", event_id="2")),
    )
    link_catalogue(store, clock=ManualClock(NOW))
    assert links(store) == [("0xa", "BTC"), ("0xb", "BTC"), ("0xc", "ETH")]
    for table, key, name in (
        (POLYMARKET_MARKETS, "condition_id", "0xa"),
        (HYPERLIQUID_ASSETS, "symbol", "BTC"),
    ):
        gone = store.read(f"select * from {table.name}").filter(pl.col(key) == name)  # noqa: S608 - names of the test
        gone = gone.with_columns(
            pl.col("ingested_at") + timedelta(hours=1), is_listed=pl.lit(value=False)
        )
        store.merge(table, gone)
        made = link_catalogue(store, clock=ManualClock(NOW))
        assert made.markets == 2
    assert links(store) == [("0xa", "BTC"), ("0xc", "ETH")]


def test_without_a_registry_that_anybody_brings_there_is_nothing_to_link_to(
    store: FileStore,
) -> None:
    """Hyperliquid is off, and always was: the run is recorded as one that went well."""
    catalogue(store, event("1", market("0xa", question="Bitcoin above $9?")))
    clock = ManualClock(NOW)
    run = IngestionRun("polymarket", "links", "polymarket_market_asset_links", NOW)
    made = link_catalogue(store, clock=clock, run=run, is_registry_kept=False)
    assert (made.markets, made.dropped, made.written.inserted, links(store)) == (0, 0, 0, [])
    assert store.read("select status from ingestion_runs").rows() == [("ok",)]
    with pytest.raises(RegistryMissing):
        link_catalogue(store, clock=clock)


def test_a_registry_that_nobody_brings_any_more_is_linked_to(store: FileStore) -> None:
    listed(store, "BTC")
    catalogue(store, event("1", market("0xa", question="Bitcoin above $9?")))
    link_catalogue(store, clock=ManualClock(NOW + 400 * DAY), is_registry_kept=False)
    assert links(store) == [("0xa", "BTC")]


def test_a_market_that_closed_long_ago_still_explains_its_events_tag(store: FileStore) -> None:
    """It is read for its text, and keeps its links; other events' markets are not read at all."""
    listed(store, "BTC")
    catalogue(
        store,
        event(
            "1",
            market("0xa", question="New album before the film?"),
            closed("0xb", question="Bitcoin at $1m before the film?", closed_at=NOW - 50 * DAY),
            tag_slugs=("bitcoin",),
        ),
        event("2", closed("0xc", closed_at=NOW - 50 * DAY, event_id="2")),
    )
    made = link_catalogue(store, clock=ManualClock(NOW))
    assert (made.markets, links(store)) == (1, [])


def test_a_large_catalogue_is_linked_in_parts(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The markets of an event are in one of them, and together they are the whole."""
    monkeypatch.setattr(asset_links, "_MARKETS_AT_ONCE", 3)
    listed(store, "BTC")
    events = [
        event(
            str(n),
            market(f"0x{n}a", event_id=str(n), question="Bitcoin above $9 first?"),
            market(f"0x{n}b", event_id=str(n), question="A new album first?"),
            tag_slugs=("bitcoin",),
        )
        for n in range(6)
    ]
    catalogue(store, *events)
    run = IngestionRun("polymarket", "links", "polymarket_market_asset_links", NOW)
    made = link_catalogue(store, clock=ManualClock(NOW), run=run)
    assert (made.markets, made.frame.height, made.written.inserted) == (12, 6, 6)
    assert links(store) == [(f"0x{n}a", "BTC") for n in range(6)]
    assert store.read("select rows_written from ingestion_runs").item() == 6


def test_a_link_that_no_longer_holds_goes_and_one_of_long_ago_stays(store: FileStore) -> None:
    listed(store, "BTC", "ETH")
    bitcoin = "Will Bitcoin reach $200,000?"
    catalogue(store, event("1", market("0xa", question=bitcoin), market("0xb", question=bitcoin)))
    clock = ManualClock(NOW)
    link_catalogue(store, clock=clock)
    changed = market("0xa", question="Will Ethereum reach $9,000?")
    old = closed("0xb", question="Gone", closed_at=NOW - 20 * DAY)
    catalogue(store, event("1", changed, old), at=timedelta(minutes=10))
    clock.advance(600)
    made = link_catalogue(store, clock=clock)
    assert links(store) == [("0xa", "ETH"), ("0xb", "BTC")]
    assert made.dropped == 1


def test_a_link_made_again_keeps_the_instant_at_which_it_was_made(store: FileStore) -> None:
    listed(store, "BTC")
    catalogue(store, event("1", market("0xa", question="Will Bitcoin reach $200,000?")))
    clock = ManualClock(NOW)
    link_catalogue(store, clock=clock)
    clock.advance(600)
    link_catalogue(store, clock=clock)
    assert store.read("select linked_at from polymarket_market_asset_links").item() == NOW


def test_without_a_registry_there_is_nothing_to_link_to(store: FileStore) -> None:
    with pytest.raises(RegistryMissing, match="materialize hyperliquid_assets first"):
        link_catalogue(store, clock=ManualClock(NOW))
