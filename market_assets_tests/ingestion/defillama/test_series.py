"""Daily series: read once a day, bounded, resumed, never with the running day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from market_assets.clock import ManualClock
from market_assets.ingestion.defillama import series
from market_assets.ingestion.defillama.catalogue import Catalogue
from market_assets.ingestion.defillama.plan import ASK_AGAIN, last_complete_day, latest_reading
from market_assets.ingestion.defillama.series import Filled, fill, refresh_history
from market_assets.ingestion.defillama.subjects import Tracked
from market_assets.storage.files.store import FileStore
from market_assets.tables.defillama import METRICS
from market_assets_tests.ingestion.defillama.conftest import RUNNING, ago
from market_assets_tests.sources.defillama.shapes import (
    NOW,
    TODAY,
    YESTERDAY,
    Llama,
    chain_locked,
    charted,
)
from market_assets_tests.sources.http_server import Reply

HOUR = timedelta(hours=1)
Fill = Callable[..., Filled]


@pytest.fixture
def filling(
    catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> Fill:
    def run(*metrics: str, within: timedelta = HOUR, **more: object) -> Filled:
        fresh = Catalogue(catalogue.client)
        return fill(fresh, store, tracked, metrics, within=within, clock=clock, **more)  # type: ignore[arg-type]

    return run


def stored(store: FileStore, metric: str, subject_id: str) -> dict[date, float]:
    rows = store.read(
        "select day, value_usd from defillama_daily_history where metric = $m and subject_id = $s",
        {"m": metric, "s": subject_id},
    )
    return dict(rows.rows())


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 11, 20, 0, 29, 59, tzinfo=UTC), date(2026, 11, 18)),
        (datetime(2026, 11, 20, 0, 30, tzinfo=UTC), date(2026, 11, 19)),
        (datetime(2026, 11, 20, 23, 59, tzinfo=UTC), date(2026, 11, 19)),
    ],
    ids=["before", "at half past", "evening"],
)
def test_a_day_is_complete_half_an_hour_after_it_ends(now: datetime, day: date) -> None:
    assert last_complete_day(now) == day


def test_all_series_of_all_subjects(
    catalogue: Catalogue, store: FileStore, tracked: list[Tracked], clock: ManualClock
) -> None:
    """Whole series, complete days alone; the running day is kept apart."""
    done = refresh_history(catalogue, store, tracked, within=HOUR, clock=clock)
    days = stored(store, "tvl", "chain:ethereum")
    assert days == {day: 1000.0 - ago(day) for day in days}
    assert (min(days), max(days), len(days)) == (TODAY - timedelta(days=40), YESTERDAY, 40)
    assert stored(store, "stablecoin_mcap", "chain:op-mainnet")[YESTERDAY] == 501.0
    assert stored(store, "fees", "protocol:aave-v3")[YESTERDAY] == 11.0
    everything = store.read(
        "select max(day) as day, max(value_usd) as usd from defillama_daily_history"
    )
    assert everything.rows() == [(YESTERDAY, 1000.0 - 1)]
    reads = store.read(
        "select first_day, newest_day, days, running_day, running_day_usd, newest_usd"
        " from defillama_series_reads where subject_id = 'chain:ethereum' and metric = 'tvl'"
    )
    assert reads.rows() == [(min(days), YESTERDAY, 40, TODAY, RUNNING, 999.0)]
    assert set(store.read("select distinct metric from defillama_daily_history")["metric"]) == set(
        METRICS
    )
    assert done.failed == {}
    assert done.figures["series_left"] == 0


def test_what_no_list_names_is_not_asked_for(venue: Llama, filling: Fill) -> None:
    """Revenue of Optimism, fees of a protocol without an adapter, stablecoins of a protocol."""
    before = len(venue.asked())
    filling(*METRICS)
    asked = venue.asked()[before:]
    assert "/overview/fees/Optimism?dailyRevenue" not in asked
    assert not [path for path in asked if path.startswith("/summary") and "protocol-3" in path]
    assert len(asked) == len(set(asked)), "nothing twice"


def test_a_series_is_read_once_a_day(venue: Llama, filling: Fill, clock: ManualClock) -> None:
    """An hour later there is nothing to do; a day later everything, after half past midnight."""
    assert filling("tvl").read == 5
    clock.advance(3600)
    assert filling("tvl").read == 0
    clock.instant = datetime(2026, 11, 21, 0, 10, tzinfo=UTC)
    assert filling("tvl").read == 0
    clock.advance(1200)
    assert filling("tvl").read == 5
    assert sum(path.startswith("/protocol/") for path in venue.asked()) == 6


@pytest.mark.parametrize(
    ("now", "stock", "flow"),
    [
        ("2026-11-20T00:29", "2026-11-19T00:30", "2026-11-19T06:30"),
        ("2026-11-20T00:30", "2026-11-20T00:30", "2026-11-20T00:30"),
        ("2026-11-20T06:29", "2026-11-20T00:30", "2026-11-20T00:30"),
        ("2026-11-20T23:00", "2026-11-20T00:30", "2026-11-20T06:30"),
    ],
    ids=["midnight", "half past", "morning", "evening"],
)
def test_when_series_are_due(now: str, stock: str, flow: str) -> None:
    at, since, flows_since = (
        datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, stock, flow)
    )
    assert latest_reading("tvl", at) == since
    assert latest_reading("fees", at) == flows_since


def test_flows_are_read_again_when_the_late_have_reported(
    venue: Llama, filling: Fill, clock: ManualClock, store: FileStore
) -> None:
    """At one o'clock a chain's day is too small; after half past six it is whole."""
    clock.instant = datetime(2026, 11, 20, 1, tzinfo=UTC)
    whole = venue.routes["/overview/fees/Ethereum?dailyFees"]
    venue.routes["/overview/fees/Ethereum?dailyFees"] = charted({YESTERDAY: 4.0})
    filling("fees", "tvl")
    assert stored(store, "fees", "chain:ethereum") == {YESTERDAY: 4.0}
    venue.routes["/overview/fees/Ethereum?dailyFees"] = whole
    clock.advance(5 * 3600)
    assert filling("fees", "tvl").read == 0
    clock.advance(1800)
    again = filling("fees", "tvl")
    assert again.read == 4, "fees of two chains and two protocols; no value locked"
    assert stored(store, "fees", "chain:ethereum")[YESTERDAY] == 11.0


def test_before_half_past_the_day_that_ended_is_not_stored(
    venue: Llama, filling: Fill, clock: ManualClock, store: FileStore
) -> None:
    """Its point is there, and may still change."""
    clock.instant = datetime(2026, 11, 20, 0, 10, tzinfo=UTC)
    filling("tvl")
    assert max(stored(store, "tvl", "chain:ethereum")) == date(2026, 11, 18)
    assert venue.asked()


def test_a_corrected_day_is_overwritten_and_the_rest_is_left_alone(
    venue: Llama, filling: Fill, clock: ManualClock, store: FileStore
) -> None:
    """Upsert by subject, metric and day; `ingested_at` says when the value came."""
    filling("tvl")
    clock.advance(86_400)
    days = {TODAY - timedelta(days=n): 1000.0 - n for n in range(40, 0, -1)}
    days |= {TODAY - timedelta(days=2): 123.0, TODAY: 50.0}
    venue.routes["/v2/historicalChainTvl/Ethereum"] = chain_locked(days)
    done = filling("tvl")
    changed = store.read(
        "select day, value_usd from defillama_daily_history"
        " where subject_id = 'chain:ethereum' and ingested_at > $then order by day",
        {"then": NOW},
    )
    assert changed.rows() == [(TODAY - timedelta(days=2), 123.0), (TODAY, 50.0)]
    assert len(stored(store, "tvl", "chain:ethereum")) == 41
    assert sum(one.inserted + one.updated for one in done.written) < sum(
        one.rows for one in done.written
    )


def test_what_fails_is_named_and_tried_again_later(
    venue: Llama, filling: Fill, clock: ManualClock
) -> None:
    """The rest is stored; half an hour on, only what failed is asked for."""
    good = venue.routes.pop("/protocol/aave-v3")
    done = filling("tvl")
    assert (done.read, list(done.failed)) == (4, ["protocol:aave-v3"])
    assert "400" in done.failed["protocol:aave-v3"]
    clock.advance(60)
    again = filling("tvl")
    assert again.read == 0
    assert list(again.failed) == ["protocol:aave-v3"], "it has not been read since"
    assert venue.asked().count("/protocol/aave-v3") == 1
    venue.routes["/protocol/aave-v3"] = good
    clock.advance(ASK_AGAIN.total_seconds())
    healed = filling("tvl")
    assert (healed.read, healed.failed) == (1, {})


def test_a_run_stops_when_its_time_is_up_and_the_next_goes_on(
    venue: Llama, filling: Fill, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    """Most important first: with one series per batch and no time, the first alone is read."""
    monkeypatch.setattr(series, "BATCH", 1)
    answers = venue.server.route
    assert answers is not None

    def slow(path: str, body: object) -> Reply:
        clock.advance(30 if "istor" in path or "protocol/" in path else 0)
        return answers(path, body)

    venue.server.route = slow
    done = filling("tvl", within=timedelta(seconds=50))
    assert (done.read, done.left) == (2, 3)
    asked = [path for path in venue.asked() if path not in {"/v2/chains", "/protocols"}]
    assert asked == ["/v2/historicalChainTvl/Ethereum", "/protocol/protocol-2"]
    rest = filling("tvl")
    assert (rest.read, rest.left) == (3, 0)


def test_asked_by_hand_everything_is_read_again(filling: Fill) -> None:
    filling("tvl")
    assert filling("tvl", all_again=True).read == 5


def test_a_list_that_fails_fails_everybody(venue: Llama, filling: Fill) -> None:
    """Nobody knows who has fees; other series are read. Options are few: only the list is named."""
    venue.routes["/overview/fees?dailyFees"] = Reply(500)
    del venue.routes["/overview/options?dailyNotionalVolume"]
    done = filling("tvl", "fees", "options_volume")
    assert len(done.failed) == 5
    assert all(reason.startswith("fees: ") for reason in done.failed.values())
    assert list(done.left_out) == ["options_volume"]
    assert done.read == 5
