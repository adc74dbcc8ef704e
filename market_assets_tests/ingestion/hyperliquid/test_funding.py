"""Filling funding rates: what is missing and first, what fits, and what a bad answer costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    missing,
    ranked_perps,
)
from market_assets.sources.errors import VenueError
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.retry import RetryPolicy
from market_assets.storage.common.changes import Delete
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
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
        self.instead: Callable[[dict[str, Any]], list[dict[str, Any]] | None] = lambda _: None

    def __call__(self, request: dict[str, Any]) -> Reply:
        self.on_request()
        coin = request["coin"]
        if coin in self.bad:
            return self.bad[coin]
        rows = self.instead(request)
        if rows is None:
            rows = self.answer(coin, request["startTime"], request["endTime"])
        return Reply(body=rows[:500])

    def answer(self, coin: str, start: int, end: int) -> list[dict[str, Any]]:
        first = max(start, to_ms(self.listed.get(coin, OLDEST - KEPT)))
        first += -first % 3_600_000
        times = range(first, end + 1, 3_600_000)
        return [{"coin": coin, "fundingRate": "0.00001", "premium": "0", "time": t} for t in times]


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
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def filled(
    client: HyperliquidClient,
    store: FileStore,
    clock: ManualClock,
    symbols: list[str],
    *,
    seconds: float = 60,
) -> Filled:
    plan = missing(store, symbols, clock.now())
    return fill(client, store, plan, within=timedelta(seconds=seconds), clock=clock)


def stored(store: FileStore) -> dict[str, int]:
    found = store.read("select symbol, count(*) from hyperliquid_funding_rates group by symbol")
    return dict(found.iter_rows())


def gaps(store: FileStore) -> list[tuple[str, datetime, datetime, bool]]:
    """Symbol, from, to, and whether it is certain."""
    return store.read(
        "select symbol, gap_from_at, gap_to_at, healed_at is not null from ingestion_gaps"
        " order by gap_from_at"
    ).rows()


def test_perps_that_trade_by_volume(store: FileStore) -> None:
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
    store: FileStore,
) -> None:
    plan = missing(store, ["BTC", "ETH"], NOW)
    recent = THIS_HOUR - RECENT
    assert plan == [
        Wanted("BTC", recent, THIS_HOUR + HOUR),
        Wanted("ETH", recent, THIS_HOUR + HOUR),
        Wanted("BTC", OLDEST, recent),
        Wanted("ETH", OLDEST, recent),
    ]


def test_afterwards_only_the_hours_that_are_not_there(store: FileStore) -> None:
    hourly: list[float | None] = [0.0001] * (HOURS - 3)
    hourly[-5] = None
    store.merge(HYPERLIQUID_FUNDING_RATES, rates(hourly, until=THIS_HOUR - 3 * HOUR))
    assert missing(store, ["BTC"], NOW) == [Wanted("BTC", THIS_HOUR - 7 * HOUR, THIS_HOUR + HOUR)]


def test_a_range_is_asked_for_up_to_the_next_payment_that_is_known(store: FileStore) -> None:
    store.merge(HYPERLIQUID_FUNDING_RATES, rates([0.0001] * 100, until=THIS_HOUR))
    first = THIS_HOUR - 99 * HOUR
    assert missing(store, ["BTC"], NOW) == [
        Wanted("BTC", THIS_HOUR - RECENT, first, anchor=first),
        Wanted("BTC", OLDEST, THIS_HOUR - RECENT, anchor=first),
    ]


def test_a_month_is_filled_and_then_nothing_is_missing(
    client: HyperliquidClient, store: FileStore, clock: ManualClock
) -> None:
    done = filled(client, store, clock, ["BTC", "ETH"])
    assert (done.asked, done.left, done.failed) == (4, 0, {})
    assert stored(store) == {"BTC": HOURS, "ETH": HOURS}
    assert missing(store, ["BTC", "ETH"], clock.now()) == []
    clock.advance(3600)
    (again,) = missing(store, ["BTC"], clock.now())
    assert (again.start, again.end) == (THIS_HOUR + HOUR, THIS_HOUR + 2 * HOUR)


def test_a_run_does_what_fits_and_the_next_one_goes_on(
    client: HyperliquidClient, store: FileStore, clock: ManualClock, exchange: Exchange
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


def test_hours_before_a_listing_are_asked_for_until_two_days_agree(
    client: HyperliquidClient,
    store: FileStore,
    clock: ManualClock,
    exchange: Exchange,
    server: Server,
) -> None:
    listed = THIS_HOUR - 48 * HOUR
    exchange.listed["NEW"] = listed
    filled(client, store, clock, ["NEW"])
    assert stored(store) == {"NEW": 49}
    for hours in (1, 10, 12):
        clock.advance(hours * 3600)
        filled(client, store, clock, ["NEW"])
    assert not any(is_certain for *_, is_certain in gaps(store))
    for _ in range(2):  # the part that no stored payment followed was first judged an hour later
        clock.advance(3600)
        filled(client, store, clock, ["NEW"])
    assert all(is_certain for *_, is_certain in gaps(store))
    assert missing(store, ["NEW"], clock.now()) == []
    server.requests.clear()
    assert filled(client, store, clock, ["NEW"]).asked == 0
    assert server.requests == []


@pytest.mark.parametrize("bad", ["empty", "cut", "unreadable"])
def test_a_bad_answer_for_what_is_older_is_not_taken_for_the_truth(
    client: HyperliquidClient, store: FileStore, clock: ManualClock, exchange: Exchange, bad: str
) -> None:
    """One answer, whatever it lacks, ends no asking: the payments come with the next one."""
    recent = to_ms(THIS_HOUR - RECENT)
    good = exchange.answer("BTC", to_ms(OLDEST), recent)
    rows = {
        "empty": [],
        "cut": good[200:],
        "unreadable": [good[0], {"coin": "BTC"}, *good[2:]],
    }[bad]
    exchange.instead = lambda request: rows if request["startTime"] < recent else None
    filled(client, store, clock, ["BTC"])
    exchange.instead = lambda _: None
    clock.advance(60)
    filled(client, store, clock, ["BTC"])
    assert stored(store) == {"BTC": HOURS}
    assert missing(store, ["BTC"], clock.now()) == []
    assert gaps(store) == []


def test_an_answer_without_any_payment_never_proves_anything(
    client: HyperliquidClient, store: FileStore, clock: ManualClock, exchange: Exchange
) -> None:
    exchange.bad["BTC"] = Reply(body=[])
    for _ in range(5):
        filled(client, store, clock, ["BTC"])
        clock.advance(24 * 3600)
    assert gaps(store) == []
    assert len(missing(store, ["BTC"], clock.now())) == 2


def test_an_hour_between_two_payments_of_one_answer_was_not_paid(
    client: HyperliquidClient,
    store: FileStore,
    clock: ManualClock,
    exchange: Exchange,
    server: Server,
) -> None:
    unpaid = THIS_HOUR - 5 * HOUR
    exchange.instead = lambda request: [
        row
        for row in exchange.answer("BTC", request["startTime"], request["endTime"])
        if row["time"] != to_ms(unpaid)
    ]
    filled(client, store, clock, ["BTC"])
    assert gaps(store) == [("BTC", unpaid, unpaid + HOUR, True)]
    server.requests.clear()
    filled(client, store, clock, ["BTC"])
    assert server.requests == []


def test_an_hour_that_is_certain_is_not_in_doubt_again(
    client: HyperliquidClient, store: FileStore, clock: ManualClock, exchange: Exchange
) -> None:
    """Also where it stands at the edge of a cut answer to what is missing around it."""
    unpaid = THIS_HOUR - 5 * HOUR

    def answer(request: dict[str, Any], end: datetime) -> list[dict[str, Any]]:
        rows = exchange.answer("BTC", request["startTime"], request["endTime"])
        return [row for row in rows if row["time"] != to_ms(unpaid) and row["time"] < to_ms(end)]

    exchange.instead = lambda request: answer(request, THIS_HOUR + HOUR)
    filled(client, store, clock, ["BTC"])
    store.write(Delete(HYPERLIQUID_FUNDING_RATES, "funding_at >= ?", [THIS_HOUR - 8 * HOUR]))
    exchange.instead = lambda request: answer(request, unpaid)
    filled(client, store, clock, ["BTC"])
    assert ("BTC", unpaid, unpaid + HOUR, True) in gaps(store)
    assert ("BTC", unpaid + HOUR, THIS_HOUR - HOUR, False) in gaps(store)


def test_the_newest_payment_may_still_come(
    client: HyperliquidClient, store: FileStore, clock: ManualClock, exchange: Exchange
) -> None:
    """Nothing is judged of the last two hours, and an end without payments is only in doubt."""
    exchange.instead = lambda request: exchange.answer(
        "BTC", request["startTime"], min(request["endTime"], to_ms(THIS_HOUR - 4 * HOUR))
    )
    filled(client, store, clock, ["BTC"])
    assert gaps(store) == [("BTC", THIS_HOUR - 3 * HOUR, THIS_HOUR - HOUR, False)]
    exchange.instead = lambda _: None
    filled(client, store, clock, ["BTC"])
    assert gaps(store) == []
    assert stored(store) == {"BTC": HOURS}


def test_a_perpetual_that_fails_costs_itself(
    client: HyperliquidClient, store: FileStore, clock: ManualClock, exchange: Exchange
) -> None:
    exchange.bad["BAD"] = Reply(body=[{"coin": "BAD"}])
    run = IngestionRun("hyperliquid", "funding_rates", HYPERLIQUID_FUNDING_RATES.name, NOW)
    plan = missing(store, ["BTC", "BAD", "ETH"], clock.now())
    done = fill(client, store, plan, within=timedelta(minutes=1), clock=clock, run=run)
    assert set(done.failed) == {"BAD"}
    [said] = store.read("select left_out from ingestion_runs")["left_out"].to_list()
    assert [one.partition(":")[0] for one in said] == ["payments of BAD"]
    assert stored(store) == {"BTC": HOURS, "ETH": HOURS}


def test_where_nothing_can_be_had_the_reason_is_raised_after_a_few_tries(
    client: HyperliquidClient, store: FileStore, clock: ManualClock, server: Server
) -> None:
    server.default = lambda _: Reply(502, b"<html></html>")
    with pytest.raises(VenueError, match="502"):
        filled(client, store, clock, ["A", "B", "C", "D", "E"])
    assert len(server.requests) == 4


@pytest.mark.parametrize("reply", [Reply(502, b"<html></html>"), Reply(500, None)])
def test_an_exchange_that_goes_away_leaves_the_rest_for_the_next_run(
    client: HyperliquidClient,
    store: FileStore,
    clock: ManualClock,
    exchange: Exchange,
    reply: Reply,
) -> None:
    """Also where its trouble looks like "no such coin": these are listed."""
    for symbol in ("B", "C", "D", "E"):
        exchange.bad[symbol] = reply
    done = filled(client, store, clock, ["A", "B", "C", "D", "E"])
    assert set(done.failed) == {"B", "C", "D", "E"}
    assert done.left == 5
    assert stored(store) == {"A": int(RECENT / HOUR) + 1}


def test_perpetuals_that_fail_in_a_row_cost_themselves(
    client: HyperliquidClient, store: FileStore, clock: ManualClock, exchange: Exchange
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
    client: HyperliquidClient,
    store: FileStore,
    clock: ManualClock,
    exchange: Exchange,
    server: Server,
) -> None:
    exchange.bad["B"] = Reply(429, None)
    done = filled(client, store, clock, ["A", "B", "C"])
    assert len(server.requests) == 2
    assert done.left == 5


def test_rows_are_counted_in_the_run(
    client: HyperliquidClient, store: FileStore, clock: ManualClock
) -> None:
    run = IngestionRun("hyperliquid", "funding_rates", HYPERLIQUID_FUNDING_RATES.name, NOW)
    plan = missing(store, ["BTC"], NOW)
    fill(client, store, plan, within=timedelta(minutes=1), clock=clock, run=run)
    counted = store.read("select rows_written, status from ingestion_runs")
    assert counted.rows() == [(HOURS, "ok")]
