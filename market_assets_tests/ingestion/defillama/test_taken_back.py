"""A series is read whole: what DefiLlama takes back is in no figure; a cut one is named."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.clock import ManualClock
from market_assets.ingestion.defillama.catalogue import Catalogue
from market_assets.ingestion.defillama.flows import refresh_flows
from market_assets.ingestion.defillama.series import refresh_history
from market_assets.ingestion.defillama.subjects import Tracked
from market_assets.ingestion.defillama.throughput import refresh_throughput
from market_assets.storage.files.store import FileStore
from market_assets.tables.defillama import METRICS
from market_assets_tests.ingestion.defillama.conftest import TABLES, row
from market_assets_tests.sources.defillama.shapes import (
    NOW,
    TODAY,
    YESTERDAY,
    Llama,
    chain_locked,
    charted,
    locked,
)
from market_assets_tests.sources.http_server import Reply

HOUR = timedelta(hours=1)
AAVE = "protocol:aave-v3"
FLOWS, THROUGHPUT = "defillama_capital_flows", "defillama_economic_throughput"


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


class World:
    """The venue, the store, and the runs that matter here."""

    def __init__(
        self, venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked]
    ) -> None:
        self.venue, self.catalogue, self.store, self.tracked = venue, catalogue, store, tracked
        self.clock = ManualClock(NOW)

    def history(self, **more: Any) -> Any:
        """All series again, an hour later."""
        self.clock.advance(3600)
        fresh = Catalogue(self.catalogue.client)
        return refresh_history(
            fresh, self.store, self.tracked, within=HOUR, clock=self.clock, all_again=True, **more
        )

    def figures(self) -> tuple[Any, Any]:
        """Flows and throughput of the next hour."""
        self.clock.advance(3600)
        options: Any = {"within": HOUR, "clock": self.clock}
        fresh = Catalogue(self.catalogue.client)
        return (
            refresh_flows(fresh, self.store, self.tracked, **options),
            refresh_throughput(fresh, self.store, self.tracked, **options),
        )

    def stored(self, subject_id: str = AAVE, metric: str = "tvl") -> dict[date, float]:
        found = self.store.read(
            "select day, value_usd from defillama_daily_history"
            " where subject_id = $id and metric = $metric order by day",
            {"id": subject_id, "metric": metric},
        )
        return dict(found.rows())


@pytest.fixture
def world(venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked]) -> World:
    return World(venue, catalogue, store, tracked)


def test_a_day_that_was_taken_back_is_in_no_change(world: World) -> None:
    """A spike that the maintainers removed: the change over seven days is not known, not huge."""
    days = {ago(9): 100.0, ago(8): 9e9, ago(2): 101.0, YESTERDAY: 102.0}
    world.venue.routes["/protocol/aave-v3"] = locked(days)
    world.history()
    assert world.stored() == days
    del days[ago(8)]
    world.venue.routes["/protocol/aave-v3"] = locked(days)
    done = world.history()
    assert world.stored() == days
    assert done.figures["days_taken_back"] == 1
    world.figures()
    found = row(world.store, FLOWS, AAVE)
    assert (found["tvl_change_1d_usd"], found["tvl_change_7d_usd"]) == (1.0, None)


def test_a_day_of_a_flow_that_was_taken_back_is_in_no_sum(world: World) -> None:
    """Of a chain, for which no overview stands in."""
    days = {ago(n): 10.0 for n in range(40, 0, -1)}
    route = "/overview/fees/Ethereum?dailyFees"
    world.venue.routes[route] = charted(days)
    world.history()
    del days[ago(12)]
    world.venue.routes[route] = charted(days)
    world.history()
    world.figures()
    found = row(world.store, THROUGHPUT, "chain:ethereum")
    assert (found["fees_7d_usd"], found["fees_30d_usd"]) == (70.0, None)


def test_a_series_that_lost_a_lot_is_named_kept_and_not_used(world: World) -> None:
    """Cut, or begun anew: nobody can say, so nothing is deleted and nothing computed."""
    world.history()
    whole = world.stored("chain:ethereum")
    days = {ago(n): 5.0 for n in (5, 4, 3, 2, 1)}
    world.venue.routes["/v2/historicalChainTvl/Ethereum"] = chain_locked(days)
    done = world.history()
    assert list(done.failed) == ["chain:ethereum"]
    assert "35 others that are stored" in done.failed["chain:ethereum"]
    assert world.stored("chain:ethereum") == whole | days
    flows, _ = world.figures()
    assert list(flows.failed) == ["chain:ethereum"]
    found = row(world.store, FLOWS, "chain:ethereum")
    assert found["tvl_change_1d_usd"] is None
    assert found["stablecoin_change_1d_usd"] == -1.0, "another series, and a good one"


@pytest.mark.parametrize("broken", [Reply(500), chain_locked({})], ids=["away", "empty"])
def test_it_stays_doubted_until_it_is_whole_again(world: World, broken: Any) -> None:
    """An answer that fails, or is empty, says nothing that would take the doubt away."""
    route = "/v2/historicalChainTvl/Ethereum"
    good = world.venue.routes[route]
    world.history()
    world.venue.routes[route] = chain_locked({YESTERDAY: 1.0})
    world.history()
    world.venue.routes[route] = broken
    world.history()
    world.figures()
    found = row(world.store, FLOWS, "chain:ethereum")
    assert found["tvl_change_1d_usd"] is None
    world.venue.routes[route] = good
    assert world.history().failed == {}
    world.figures()
    assert row(world.store, FLOWS, "chain:ethereum")["tvl_change_1d_usd"] == 1.0


def test_by_hand_it_is_believed(world: World) -> None:
    world.history()
    days = {ago(2): 7.0, YESTERDAY: 9.0}
    world.venue.routes["/v2/historicalChainTvl/Ethereum"] = chain_locked(days)
    assert world.history(believe=True).failed == {}
    assert world.stored("chain:ethereum") == days
    world.figures()
    assert row(world.store, FLOWS, "chain:ethereum")["tvl_change_1d_usd"] == 2.0


def test_a_value_that_makes_no_sense_takes_no_day_back(world: World) -> None:
    """A part that could not be read is not whole; null says that there is no value."""
    world.history()
    days: dict[date, Any] = {ago(n): 1000.0 - n for n in range(40, 0, -1)}
    days |= {ago(3): "a lot", ago(4): -5.0, ago(5): None}
    world.venue.routes["/v2/historicalChainTvl/Ethereum"] = chain_locked(days)
    world.history()
    stored = world.stored("chain:ethereum")
    assert (stored[ago(3)], stored[ago(4)], ago(5) in stored) == (997.0, 996.0, False)


def test_a_series_that_is_not_read_keeps_its_days(world: World) -> None:
    """Neither one that fails, nor others, nor the days after the last that was read."""
    world.history()
    before = {metric: world.stored("chain:ethereum", metric) for metric in METRICS}
    world.venue.routes["/stablecoincharts/Ethereum"] = Reply(500)
    world.history()
    assert {metric: world.stored("chain:ethereum", metric) for metric in METRICS} == before
    world.clock.instant = NOW.replace(hour=0, minute=10)
    world.history()
    assert max(world.stored("chain:ethereum")) == YESTERDAY, "settled before, and not asked for"


LISTS = st.lists(st.sets(st.integers(1, 70), max_size=70), min_size=2, max_size=4)


@settings(max_examples=15, deadline=None)
@given(versions=LISTS)
def test_what_is_stored_is_what_was_read_or_it_is_doubted(
    tmp_path_factory: pytest.TempPathFactory, versions: list[set[int]]
) -> None:
    """Whatever days come and go: no day that DefiLlama does not have is in a figure."""
    from market_assets.ingestion.defillama import series  # noqa: PLC0415 - its own steps
    from market_assets.sources.defillama import frames  # noqa: PLC0415
    from market_assets.sources.defillama.model import Series  # noqa: PLC0415

    store = FileStore(tmp_path_factory.mktemp("taken") / "m.duckdb", tables=TABLES)
    key = frames.SeriesKey(AAVE, "tvl")
    subject = Tracked(AAVE, "protocol", "aave-v3", "1")
    for nth, version in enumerate(versions):
        days = tuple((ago(n), float(n)) for n in sorted(version, reverse=True))
        read = {key: Series(days, None, 0)}
        now = NOW + nth * HOUR
        written = series._replace(store, read, YESTERDAY, now, run=None, believe=False)
        refused = series._refused(store, read, written, YESTERDAY)
        store.merge(
            series.DEFILLAMA_SERIES_READS,
            frames.series_reads(read, refused, refused, YESTERDAY, now),
        )
        used = series.days_of(store, [subject], ["tvl"], ago(70), YESTERDAY)
        assert set(used["day"]) == (set() if refused else {ago(n) for n in version})
