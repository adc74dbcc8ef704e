"""Filling funding rates: what is missing and first, what fits, and what a bad answer costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from market_assets.clock import ManualClock, to_ms
from market_assets.ingestion.hyperliquid.funding import (
    KEPT,
    RECENT,
    Filled,
    Wanted,
    fill,
    hours_without,
    missing,
    ranked_perps,
)
from market_assets.sources.errors import VenueError
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.model import FundingRate
from market_assets.sources.retry import RetryPolicy
from market_assets.storage.runs import IngestionRun
from market_assets.storage.store import Store
from market_assets.tables import HYPERLIQUID_ASSET_CONTEXTS, HYPERLIQUID_FUNDING_RATES
from market_assets_tests.features.rows import context, contexts, rates
from market_assets_tests.sources.http_server import Reply, Server, serving

NOW = datetime(2026, 11, 20, 12, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
THIS_HOUR = NOW.replace(minute=0)
OLDEST = THIS_HOUR - KEPT
ONCE = RetryPolicy(attempts=1, first_delay=0, longest_delay=0, busy_delay=0)
HOURS = 721


class Exchange:
    """Pays every hour from `listed` on; `bad` symbols answer with what they are given."""

    def __init__(self) -> None:
        self.listed: dict[str, datetime] = {}
        self.bad: dict[str, Reply] = {}
        self.on_request = lambda: None

    def __call__(self, request: dict[str, Any]) -> Reply:
        self.on_request()
        coin = request["coin"]
        if coin in self.bad:
            return self.bad[coin]
        first = max(request["startTime"], to_ms(self.listed.get(coin, OLDEST - KEPT)))
        first += -first % 3_600_000
        times = range(first, request["endTime"] + 1, 3_600_000)
        rows = [{"coin": coin, "fundingRate": "0.00001", "premium": "0", "time": t} for t in times]
        return Reply(body=rows[:500])


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def server(exchange: Exchange) -> Iterator[Server]:
    with serving() as running:
        running.default = exchange
        yield running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def client(server: Server, clock: ManualClock) -> Iterator[HyperliquidClient]:
    made = HyperliquidClient(server.url, clock=clock, timeout=2.0, retries=ONCE)
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "market.duckdb")


def filled(
    client: HyperliquidClient,
    store: Store,
    clock: ManualClock,
    symbols: list[str],
    *,
    seconds: float = 60,
) -> Filled:
    plan = missing(store, symbols, clock.now())
    return fill(client, store, plan, within=timedelta(seconds=seconds), clock=clock)


def stored(store: Store) -> dict[str, int]:
    found = store.read("select symbol, count(*) from hyperliquid_funding_rates group by symbol")
    return dict(found.iter_rows())


def test_perps_that_trade_by_volume(store: Store) -> None:
    store.merge(
        HYPERLIQUID_ASSET_CONTEXTS,
        contexts(
            context("LOW", at=NOW, volume_24h_quote=1.0),
            context("HIGH", at=NOW - HOUR, volume_24h_quote=1.0),
            context("HIGH", at=NOW, volume_24h_quote=9.0),
            context("NONE", at=NOW, volume_24h_quote=None),
            context("GONE", at=NOW, is_delisted=True),
            context("@107", at=NOW, funding_rate=None),
            context("OLD", at=NOW - timedelta(days=2)),
        ),
    )
    assert ranked_perps(store, NOW) == ["HIGH", "LOW", "NONE"]


def test_on_a_fresh_database_everybodys_last_week_comes_before_anybodys_month(
    store: Store,
) -> None:
    plan = missing(store, ["BTC", "ETH"], NOW)
    recent = THIS_HOUR - RECENT
    assert plan == [
        Wanted("BTC", recent, THIS_HOUR + HOUR),
        Wanted("ETH", recent, THIS_HOUR + HOUR),
        Wanted("BTC", OLDEST, recent),
        Wanted("ETH", OLDEST, recent),
    ]


def test_afterwards_only_the_hours_that_are_not_there(store: Store) -> None:
    hourly: list[float | None] = [0.0001] * (HOURS - 3)
    hourly[-5] = None
    store.merge(HYPERLIQUID_FUNDING_RATES, rates(hourly, until=THIS_HOUR - 3 * HOUR))
    newest = THIS_HOUR - 3 * HOUR
    assert missing(store, ["BTC"], NOW) == [
        Wanted("BTC", THIS_HOUR - 7 * HOUR, THIS_HOUR + HOUR, newest)
    ]


def test_a_month_is_filled_and_then_nothing_is_missing(
    client: HyperliquidClient, store: Store, clock: ManualClock
) -> None:
    done = filled(client, store, clock, ["BTC", "ETH"])
    assert (done.asked, done.left, done.failed) == (4, 0, {})
    assert stored(store) == {"BTC": HOURS, "ETH": HOURS}
    assert missing(store, ["BTC", "ETH"], clock.now()) == []
    clock.advance(3600)
    (again,) = missing(store, ["BTC"], clock.now())
    assert (again.start, again.end) == (THIS_HOUR + HOUR, THIS_HOUR + 2 * HOUR)


def test_a_run_does_what_fits_and_the_next_one_goes_on(
    client: HyperliquidClient, store: Store, clock: ManualClock, exchange: Exchange
) -> None:
    exchange.on_request = lambda: clock.advance(10)
    symbols = ["BTC", "ETH", "SOL"]
    first = filled(client, store, clock, symbols, seconds=25)
    assert (first.asked, first.left) == (3, 3)
    assert set(stored(store).values()) == {int(RECENT / HOUR) + 1}
    second = filled(client, store, clock, symbols, seconds=25)
    assert second.left < 3
    while filled(client, store, clock, symbols, seconds=25).left:
        pass
    assert stored(store) == dict.fromkeys(symbols, HOURS)


def test_hours_before_a_listing_are_asked_for_once(
    client: HyperliquidClient, store: Store, clock: ManualClock, exchange: Exchange, server: Server
) -> None:
    exchange.listed["NEW"] = THIS_HOUR - 48 * HOUR
    filled(client, store, clock, ["NEW"])
    assert stored(store) == {"NEW": 49}
    server.requests.clear()
    assert filled(client, store, clock, ["NEW"]).asked == 0
    assert server.requests == []
    gaps = store.read("select symbol, gap_from_at, gap_to_at, healed_rows from ingestion_gaps")
    assert set(gaps["symbol"]) == {"NEW"}
    assert gaps["gap_from_at"].min() == OLDEST
    assert gaps["gap_to_at"].max() == THIS_HOUR - 48 * HOUR


def test_an_answer_without_rows_is_not_taken_for_the_truth(
    client: HyperliquidClient, store: Store, clock: ManualClock, exchange: Exchange
) -> None:
    """Nothing is known of the symbol yet: it is asked for again in the next run."""
    exchange.bad["BTC"] = Reply(body=[])
    before = missing(store, ["BTC"], NOW)
    filled(client, store, clock, ["BTC"])
    assert missing(store, ["BTC"], NOW) == before


def test_the_newest_payment_may_still_come() -> None:
    """Only hours before a known payment, and two hours back at least, are known to have none."""
    wanted = Wanted("BTC", THIS_HOUR - 6 * HOUR, THIS_HOUR + HOUR)
    paid = [FundingRate("BTC", to_ms(THIS_HOUR - n * HOUR), 0.0, None, 1) for n in (5, 3, 0)]
    assert hours_without(wanted, paid, THIS_HOUR, NOW) == [
        ("BTC", THIS_HOUR - 6 * HOUR, THIS_HOUR - 5 * HOUR),
        ("BTC", THIS_HOUR - 4 * HOUR, THIS_HOUR - 3 * HOUR),
        ("BTC", THIS_HOUR - 2 * HOUR, THIS_HOUR - HOUR),
    ]
    assert hours_without(wanted, paid[:2], THIS_HOUR - 3 * HOUR, NOW)[-1][2] == THIS_HOUR - 3 * HOUR
    assert hours_without(wanted, [], None, NOW) == []


def test_a_perpetual_that_fails_costs_itself(
    client: HyperliquidClient, store: Store, clock: ManualClock, exchange: Exchange
) -> None:
    exchange.bad["BAD"] = Reply(body=[{"coin": "BAD"}])
    done = filled(client, store, clock, ["BTC", "BAD", "ETH"])
    assert set(done.failed) == {"BAD"}
    assert stored(store) == {"BTC": HOURS, "ETH": HOURS}


def test_where_nothing_can_be_had_the_reason_is_raised_after_a_few_tries(
    client: HyperliquidClient, store: Store, clock: ManualClock, server: Server
) -> None:
    server.default = lambda _: Reply(502, b"<html></html>")
    with pytest.raises(VenueError, match="502"):
        filled(client, store, clock, ["A", "B", "C", "D", "E"])
    assert len(server.requests) == 4


@pytest.mark.parametrize("reply", [Reply(502, b"<html></html>"), Reply(500, None)])
def test_an_exchange_that_goes_away_leaves_the_rest_for_the_next_run(
    client: HyperliquidClient, store: Store, clock: ManualClock, exchange: Exchange, reply: Reply
) -> None:
    """Also where its trouble looks like "no such coin": these are listed."""
    for symbol in ("B", "C", "D", "E"):
        exchange.bad[symbol] = reply
    done = filled(client, store, clock, ["A", "B", "C", "D", "E"])
    assert set(done.failed) == {"B", "C", "D", "E"}
    assert done.left == 5
    assert stored(store) == {"A": int(RECENT / HOUR) + 1}


def test_perpetuals_that_fail_in_a_row_cost_themselves(
    client: HyperliquidClient, store: Store, clock: ManualClock, exchange: Exchange
) -> None:
    """While the exchange answers others it is there, however many stand first in the plan."""
    bad = ["A", "B", "C", "D", "E", "F"]
    for symbol in bad:
        exchange.bad[symbol] = Reply(502, b"<html></html>")
    good = [f"G{number}" for number in range(6)]
    done = filled(client, store, clock, [*bad, *good])
    assert set(done.failed) == set(bad)
    assert stored(store) == dict.fromkeys(good, HOURS)
    assert done.left == 0


def test_a_429_ends_the_run(
    client: HyperliquidClient, store: Store, clock: ManualClock, exchange: Exchange, server: Server
) -> None:
    exchange.bad["B"] = Reply(429, None)
    done = filled(client, store, clock, ["A", "B", "C"])
    assert len(server.requests) == 2
    assert done.left == 5


def test_rows_are_counted_in_the_run(
    client: HyperliquidClient, store: Store, clock: ManualClock
) -> None:
    run = IngestionRun("hyperliquid", "funding_rates", HYPERLIQUID_FUNDING_RATES.name, NOW)
    plan = missing(store, ["BTC"], NOW)
    fill(client, store, plan, within=timedelta(minutes=1), clock=clock, run=run)
    counted = store.read("select rows_written, status from ingestion_runs")
    assert counted.rows() == [(HOURS, "ok")]
