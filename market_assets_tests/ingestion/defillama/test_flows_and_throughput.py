"""Flows and throughput: complete days, no running one, NULL and not 0 where a day is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from market_assets.clock import ManualClock
from market_assets.ingestion.defillama.accounting import Done
from market_assets.ingestion.defillama.catalogue import Catalogue
from market_assets.ingestion.defillama.flows import refresh_flows
from market_assets.ingestion.defillama.subjects import Tracked
from market_assets.ingestion.defillama.throughput import refresh_throughput
from market_assets.storage.files.store import FileStore
from market_assets_tests.ingestion.defillama.conftest import RUNNING, row
from market_assets_tests.sources.defillama.shapes import YESTERDAY, Llama, charted
from market_assets_tests.sources.http_server import Reply

HOUR = timedelta(hours=1)
FLOWS = "defillama_capital_flows"
THROUGHPUT = "defillama_economic_throughput"


@pytest.fixture
def flowing(
    catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> Done:
    return refresh_flows(catalogue, store, tracked, within=HOUR, clock=clock)


def through(
    catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> Done:
    return refresh_throughput(Catalogue(catalogue.client), store, tracked, within=HOUR, clock=clock)


def test_changes_over_complete_days(flowing: Done, store: FileStore) -> None:
    """Yesterday's 999 less 998, 992, 969: a dollar a day; stablecoins fall by one a day."""
    ethereum = row(store, FLOWS, "chain:ethereum")
    assert [ethereum[f"tvl_change_{n}d_usd"] for n in (1, 7, 30)] == [1.0, 7.0, 30.0]
    assert ethereum["tvl_change_1d_pct"] == pytest.approx(100 / 998)
    assert ethereum["tvl_change_30d_pct"] == pytest.approx(3000 / 969)
    assert [ethereum[f"stablecoin_change_{n}d_usd"] for n in (1, 7, 30)] == [-1.0, -7.0, -30.0]
    assert ethereum["last_day"] == YESTERDAY
    aave = row(store, FLOWS, "protocol:aave-v3")
    assert aave["tvl_change_7d_usd"] == 7.0
    assert aave["stablecoin_change_1d_usd"] is None
    assert flowing.failed == {}


def test_short_and_silent_series(flowing: Done, store: FileStore) -> None:
    """Five days know of one; none know of nothing, and the subject has its row all the same."""
    young, silent = (
        row(store, FLOWS, "protocol:protocol-2"),
        row(store, FLOWS, "protocol:protocol-3"),
    )
    assert [young[f"tvl_change_{n}d_usd"] for n in (1, 7, 30)] == [1.0, None, None]
    assert [silent[f"tvl_change_{n}d_usd"] for n in (1, 7, 30)] == [None, None, None]
    assert flowing.subjects == 5


def test_a_series_that_ended_days_ago_has_no_change(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """An adapter that broke last week: unknown, not the change of back then."""
    clock.advance(3 * 86_400)
    refresh_flows(catalogue, store, tracked, within=HOUR, clock=clock)
    found = row(store, FLOWS, "chain:ethereum")
    assert [found[f"tvl_change_{n}d_usd"] for n in (1, 7, 30)] == [None, None, None]
    assert venue.asked()


def test_a_failed_subject_has_no_row_of_nulls(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """It is named; one that failed in part keeps what is known."""
    venue.routes["/protocol/aave-v3"] = Reply(500)
    venue.routes["/stablecoincharts/Ethereum"] = Reply(500)
    done = refresh_flows(catalogue, store, tracked, within=HOUR, clock=clock)
    assert set(done.failed) == {"protocol:aave-v3", "chain:ethereum"}
    assert done.is_failure(0.1)
    ids = set(store.read(f"select subject_id from {FLOWS}")["subject_id"])  # noqa: S608 - the tests' own
    assert ids == {one.subject_id for one in tracked} - {"protocol:aave-v3"}
    half = row(store, FLOWS, "chain:ethereum")
    assert (half["tvl_change_1d_usd"], half["stablecoin_change_1d_usd"]) == (1.0, None)


def test_sums_over_complete_days(
    catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """Fees of n days ago are 10 + n: 11, 11 + … + 17, 11 + … + 40; the running million nowhere."""
    done = through(catalogue, store, tracked, clock)
    ethereum, aave = (
        row(store, THROUGHPUT, "chain:ethereum"),
        row(store, THROUGHPUT, "protocol:aave-v3"),
    )
    for one in (ethereum, aave):
        assert [one[f"fees_{w}_usd"] for w in ("24h", "7d", "30d")] == [11.0, 98.0, 765.0]
        assert one["perps_volume_24h_usd"] is None
        assert one["last_day"] == YESTERDAY
    assert aave["fees_total24h_usd"] == RUNNING, "kept apart"
    assert ethereum["fees_total24h_usd"] is None
    assert ethereum["dex_volume_24h_usd"] is None, "no list has it"
    assert row(store, THROUGHPUT, "chain:op-mainnet")["dex_volume_7d_usd"] == 98.0
    assert row(store, THROUGHPUT, "protocol:protocol-2")["options_volume_24h_usd"] == 11.0
    assert aave["options_volume_24h_usd"] is None
    assert done.failed == {}


def test_the_overview_stands_in_for_longer_windows(
    catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """Three days of fees: 24 hours are summed, 7 and 30 days are the server's sums.

    A summary with an empty chart has no 24 hours at all: `total24h` is no complete day.
    """
    through(catalogue, store, tracked, clock)
    young = row(store, THROUGHPUT, "protocol:protocol-2")
    assert [young[f"fees_{w}_usd"] for w in ("24h", "7d", "30d")] == [11.0, 70.0, 300.0]
    empty = row(store, THROUGHPUT, "protocol:aave-v3")
    assert [empty[f"revenue_{w}_usd"] for w in ("24h", "7d", "30d")] == [None, 70.0, 300.0]
    assert empty["revenue_total24h_usd"] == RUNNING
    silent = row(store, THROUGHPUT, "protocol:protocol-3")
    assert [silent[f"fees_{w}_usd"] for w in ("24h", "7d", "30d")] == [None, None, None]


def test_before_half_past_midnight_the_overview_speaks_of_another_day(
    catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """Its sums end with yesterday already, ours with the day before: they are not mixed."""
    clock.instant = datetime(2026, 11, 20, 0, 10, tzinfo=UTC)
    through(catalogue, store, tracked, clock)
    young = row(store, THROUGHPUT, "protocol:protocol-2")
    assert young["last_day"] == YESTERDAY - timedelta(days=1)
    assert [young[f"fees_{w}_usd"] for w in ("24h", "7d", "30d")] == [12.0, None, None]


def test_chains_and_families_in_the_list_are_nobody(catalogue: Catalogue) -> None:
    """A protocol that shares their slug does not get the gas fees of a chain or a family's sum."""
    fees = catalogue.turnovers("fees")
    assert fees.of("77", "ethereum") is None
    assert fees.of("78", "aave") is None
    by_id = fees.of("1", "renamed-since")
    assert by_id is not None
    assert by_id.slug == "aave-v3", "identifiers last longer than slugs"
    assert fees.of(None, "protocol-2") is not None


def test_an_hour_later_only_the_lists_are_read(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """Four overviews; options are remembered too."""
    through(catalogue, store, tracked, clock)
    before = len(venue.asked())
    clock.advance(3600)
    through(catalogue, store, tracked, clock)
    assert len(venue.asked()) - before == 4
    assert row(store, THROUGHPUT, "protocol:protocol-2")["options_volume_24h_usd"] == 11.0
    assert row(store, THROUGHPUT, "protocol:protocol-2")["as_of"].hour == 14


def test_a_zero_is_a_zero(
    venue: Llama, catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """A day without volume is known; it is no NULL."""
    days = {YESTERDAY - timedelta(days=n): 0 for n in range(30)}
    venue.routes["/summary/dexs/protocol-2"] = charted(days)
    through(catalogue, store, tracked, clock)
    found = row(store, THROUGHPUT, "protocol:protocol-2")
    assert [found[f"dex_volume_{w}_usd"] for w in ("24h", "7d", "30d")] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("failed", "share", "verdict"),
    [(0, 0.0, False), (1, 0.1, False), (2, 0.1, True), (10, 1.0, True), (9, 1.0, False)],
    ids=["none", "a tenth", "more", "all", "nearly all, tolerated"],
)
def test_when_a_run_is_a_failure(*, failed: int, share: float, verdict: bool) -> None:
    """More than the tolerated share; all of them in any case."""
    done = Done((), subjects=10, failed={f"s{n}": "why" for n in range(failed)})
    assert done.is_failure(share) is verdict
    assert ("first s0: why" in done.verdict) is (failed > 0)
