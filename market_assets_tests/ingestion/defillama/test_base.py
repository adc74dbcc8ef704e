"""Capital base: from lists alone, NULL where they are silent, names where they fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from market_assets.clock import ManualClock
from market_assets.ingestion.defillama.base import refresh_base
from market_assets.ingestion.defillama.catalogue import Catalogue
from market_assets.ingestion.defillama.subjects import Tracked
from market_assets.storage.files.store import FileStore
from market_assets_tests.ingestion.defillama.conftest import row
from market_assets_tests.sources.defillama.shapes import Llama, chain, protocol
from market_assets_tests.sources.http_server import Reply

TABLE = "defillama_capital_base"


def test_figures(
    catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """Each from its route; stablecoins under another spelling; exchanges and sections nowhere."""
    done = refresh_base(catalogue, store, tracked, clock=clock)
    ethereum, optimism = row(store, TABLE, "chain:ethereum"), row(store, TABLE, "chain:op-mainnet")
    assert ethereum["as_of"] - ethereum["ingested_at"] < timedelta(hours=1)
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


def values(store: FileStore) -> list[tuple[datetime, float | None]]:
    """What is locked in Ethereum, by hour."""
    found = store.read(
        f"select as_of, tvl_usd from {TABLE} where subject_id = 'chain:ethereum' order by as_of"  # noqa: S608 - the tests' own
    )
    return found.rows()


@pytest.mark.parametrize(
    ("read_at", "as_of"),
    [
        ("12:00:00", "12:00:00"),
        ("12:00:01", "13:00:00"),
        ("12:48:00", "13:00:00"),
        ("12:59:59", "13:00:00"),
        ("23:48:00", "00:00:00"),
    ],
)
def test_an_hour_holds_only_what_was_read_by_then(
    catalogue: Catalogue,
    store: FileStore,
    tracked: list[Tracked],
    clock: ManualClock,
    *,
    read_at: str,
    as_of: str,
) -> None:
    clock.instant = datetime.fromisoformat(f"2026-11-20T{read_at}+00:00")
    refresh_base(catalogue, store, tracked, clock=clock)
    [(hour, _)] = values(store)
    assert f"{hour:%H:%M:%S}" == as_of
    assert clock.now() <= hour < clock.now() + timedelta(hours=1)


def test_lists_that_come_in_when_the_hour_is_over_are_of_the_next(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """The run began before the hour was full, and what it wrote was read after."""
    clock.instant = datetime(2026, 11, 20, 12, 59, 58, tzinfo=UTC)
    answers = venue.server.route
    assert answers is not None

    def slow(path: str, body: object) -> object:
        clock.advance(2)
        return answers(path, body)

    venue.server.route = slow  # type: ignore[assignment]
    refresh_base(Catalogue(catalogue.client), store, tracked, clock=clock)
    [(hour, _)] = values(store)
    assert hour.hour == 14


def test_an_hour_has_one_row_and_says_what_it_said_first(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """By hand and by schedule in one hour: the first run's figures; the next hour has its own."""
    clock.instant = datetime(2026, 11, 20, 12, 10, tzinfo=UTC)
    hour = clock.now().replace(minute=0)
    refresh_base(catalogue, store, tracked, clock=clock)
    venue.routes["/v2/chains"] = [chain("Ethereum", 900.0), chain("OP Mainnet", 300.0)]
    clock.advance(38 * 60)
    refresh_base(Catalogue(catalogue.client), store, tracked, clock=clock)
    assert values(store) == [(hour + timedelta(hours=1), 700.0)]
    clock.advance(3600)
    refresh_base(Catalogue(catalogue.client), store, tracked, clock=clock)
    assert values(store) == [
        (hour + timedelta(hours=1), 700.0),
        (hour + timedelta(hours=2), 900.0),
    ]


def test_a_later_run_of_the_hour_fills_what_was_missing_and_takes_nothing(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """Stablecoins fail, then are there, then protocols fail: the row is whole in the end."""
    good = dict(venue.routes)
    columns = ("tvl_usd", "stablecoin_mcap_usd", "protocols_tvl_usd")
    found = []
    for broken in ("/stablecoinchains", None, "/protocols", "/stablecoinchains"):
        venue.routes = {**good, **({broken: Reply(500)} if broken else {})}
        refresh_base(Catalogue(catalogue.client), store, tracked, clock=clock)
        ethereum = row(store, TABLE, "chain:ethereum")
        found.append(tuple(ethereum[name] for name in columns))
        clock.advance(60)
    assert found == [(700.0, None, 800.0), *[(700.0, 450.0, 800.0)] * 3]


def test_few_requests(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """Four lists, those of the subjects among them, whatever there is to track."""
    refresh_base(catalogue, store, tracked, clock=clock)
    assert sorted(venue.asked()) == [
        "/overview/open-interest",
        "/protocols",
        "/stablecoinchains",
        "/v2/chains",
    ]


def test_a_missing_subject_is_named(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """The rest is written; it is one of five: more than a tenth."""
    venue.routes["/v2/chains"] = [chain("Ethereum", 700.0)]
    venue.routes["/protocols"] = [protocol(1, slug="aave-v3"), {"slug": "protocol-2"}, protocol(3)]
    done = refresh_base(Catalogue(catalogue.client), store, tracked, clock=clock)
    assert done.failed["chain:op-mainnet"] == "/v2/chains has no such row"
    assert "makes no sense" in done.failed["protocol:protocol-2"]
    assert store.read(f"select count(*) as n from {TABLE}")["n"].item() == 3  # noqa: S608 - the tests' own
    assert done.is_failure(0.1)
    assert not done.is_failure(0.5)


def test_a_list_that_fails_costs_its_own_figures(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """Without stablecoins, chains are named and keep their value locked; protocols are whole."""
    venue.routes["/stablecoinchains"] = Reply(500)
    done = refresh_base(Catalogue(catalogue.client), store, tracked, clock=clock)
    assert set(done.failed) == {"chain:ethereum", "chain:op-mainnet"}
    ethereum = row(store, TABLE, "chain:ethereum")
    assert (ethereum["tvl_usd"], ethereum["stablecoin_mcap_usd"]) == (700.0, None)


def test_open_interest_is_an_extra(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """Its list is named, and nobody fails."""
    del venue.routes["/overview/open-interest"]
    done = refresh_base(catalogue, store, tracked, clock=clock)
    assert done.failed == {}
    assert "open interest" in done.left_out


def test_without_chains_the_protocols_are_written(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    venue.routes["/v2/chains"] = Reply(500)
    done = refresh_base(Catalogue(catalogue.client), store, tracked, clock=clock)
    assert set(done.failed) == {"chain:ethereum", "chain:op-mainnet"}
    assert store.read(f"select count(*) as n from {TABLE}")["n"].item() == 3  # noqa: S608 - the tests' own
