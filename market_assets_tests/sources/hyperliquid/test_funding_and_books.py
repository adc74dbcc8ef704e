"""Funding payments page by page, and order books: what is asked, paid for, kept and refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from market_assets.clock import ManualClock, to_ms
from market_assets.sources.errors import VenueNonsense, VenueRejected
from market_assets.sources.hyperliquid import frames, weights
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.weights import weight_budget
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.http_server import Reply, Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000
ONCE = RetryPolicy(attempts=1, first_delay=0, longest_delay=0, busy_delay=0)


def payment(at_ms: int, coin: str = "BTC", **changes: Any) -> dict[str, Any]:
    return {"coin": coin, "fundingRate": "0.0000125", "premium": "-0.0001", "time": at_ms} | changes


def hourly(request: dict[str, Any]) -> Reply:
    """As the exchange: at most 500 rows from `startTime` on, inclusive, each 40 ms late."""
    first = -(-(request["startTime"] - 40) // HOUR_MS)
    last = (request["endTime"] - 40) // HOUR_MS
    rows = [payment(hour * HOUR_MS + 40) for hour in range(first, last + 1)]
    return Reply(body=rows[:500])


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        running.default = hourly
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[HyperliquidClient]:
    made = HyperliquidClient(server.url, clock=ManualClock(NOW), timeout=2.0, retries=ONCE)
    yield made
    made.close()


def test_a_month_comes_in_two_pages_and_no_hour_twice(
    client: HyperliquidClient, server: Server
) -> None:
    start = NOW.replace(second=0) - 720 * HOUR
    rates = client.funding_history("BTC", start, NOW).rates
    assert [rate.hour_ms for rate in rates] == [to_ms(start + nth * HOUR) for nth in range(721)]
    asked = [request["startTime"] for _, request in server.requests]
    assert asked == [to_ms(start), to_ms(start + 499 * HOUR) + 41]


def test_times_are_floored_to_the_hour_however_late_they_are(
    client: HyperliquidClient, server: Server
) -> None:
    hour = to_ms(NOW.replace(second=0)) - 3 * HOUR_MS
    rows = [payment(hour + 20), payment(hour + HOUR_MS + 24 * 60_000), payment(hour + 20)]
    server.default = lambda _: Reply(body=rows)
    rates = client.funding_history("BTC", NOW - 4 * HOUR, NOW).rates
    assert [rate.hour_ms for rate in rates] == [hour, hour + HOUR_MS]
    frame = frames.funding_rates(rates, NOW)
    assert frame["funding_at"].to_list() == [NOW.replace(second=0) - n * HOUR for n in (3, 2)]


def test_the_eight_hour_era_is_told_apart(client: HyperliquidClient, server: Server) -> None:
    switch = to_ms(datetime(2023, 6, 8, tzinfo=UTC))
    times = [switch - 8 * HOUR_MS + 48, switch + 254, switch + HOUR_MS + 54]
    server.default = lambda _: Reply(body=[payment(at) for at in times])
    start = datetime(2023, 6, 7, tzinfo=UTC)
    rates = client.funding_history("BTC", start, start + timedelta(days=3)).rates
    assert [rate.interval_hours for rate in rates] == [8, 8, 1]


def test_the_weight_of_every_page_is_paid_before_it_is_asked(
    server: Server, tmp_path: Path
) -> None:
    budget = weight_budget(tmp_path / "budget")
    client = HyperliquidClient(
        server.url, budget=budget, user="backfill", clock=ManualClock(NOW), retries=ONCE
    )
    client.funding_history("BTC", NOW - 720 * HOUR, NOW)
    client.close()
    assert budget.stats().spent == {"backfill": (20 + 25) + (20 + 12)}
    assert weights.funding(1) == 21
    assert weights.funding(5000) == 45


def test_one_bad_payment_costs_itself_and_is_counted(
    client: HyperliquidClient, server: Server
) -> None:
    at = to_ms(NOW.replace(second=0)) - HOUR_MS
    bad = [{"coin": "BTC"}, None, payment(at, "ETH"), payment(at, fundingRate="nan")]
    server.default = lambda _: Reply(body=[*bad, payment(at + 30, premium=None)])
    [rate], unreadable = client.funding_history("BTC", NOW - 2 * HOUR, NOW)
    assert unreadable == 4
    assert (rate.rate, rate.premium) == (0.0000125, None)
    assert client.rejected[0] == 4
    server.default = lambda _: Reply(body=bad)
    with pytest.raises(VenueNonsense, match="no payment of BTC is sound"):
        client.funding_history("BTC", NOW - 2 * HOUR, NOW)


def test_a_time_that_cannot_be_does_not_end_the_walk(
    client: HyperliquidClient, server: Server
) -> None:
    """It costs its payment; the page after it is asked for all the same."""

    def odd(request: dict[str, Any]) -> Reply:
        rows = list(hourly(request).body)  # type: ignore[call-overload]  # a list of rows
        rows[7] = {**rows[7], "time": 9_000_000_000_000}
        return Reply(body=rows)

    server.default = odd
    rates = client.funding_history("BTC", NOW.replace(second=0) - 720 * HOUR, NOW).rates
    assert len(rates) == 721 - 2
    assert client.rejected[0] == 2


def test_full_pages_that_do_not_move_on_end_it(client: HyperliquidClient, server: Server) -> None:
    """A venue that sends the same page for ever is not asked for ever."""
    at = to_ms(NOW.replace(second=0)) - 700 * HOUR_MS
    server.default = lambda _: Reply(body=[payment(at)] * 500)
    assert len(client.funding_history("BTC", NOW - 720 * HOUR, NOW).rates) == 1
    assert len(server.requests) == 2


def test_an_unknown_coin_is_refused_at_once(client: HyperliquidClient, server: Server) -> None:
    server.default = lambda _: Reply(500, None)
    with pytest.raises(VenueRejected):
        client.funding_history("NOPE", NOW - HOUR, NOW)
    server.default = lambda _: Reply(200, None)
    with pytest.raises(VenueRejected, match="no book of NOPE"):
        client.book("NOPE")


BOOK = {
    "coin": "BTC",
    "time": to_ms(NOW),
    "levels": [
        [{"px": "99.0", "sz": "1.5", "n": 2}, {"px": "98.0", "sz": "2", "n": 1}],
        [{"px": "101.0", "sz": "0.5", "n": 3}],
    ],
}


def test_a_book_becomes_levels_best_first(client: HyperliquidClient, server: Server) -> None:
    server.default = lambda _: Reply(body=BOOK | {"spread": "2.0"})
    frame = frames.book_levels([client.book("BTC"), client.book("BTC", 4)])
    assert frame.head(3).rows() == [
        ("BTC", "bid", 0, 99.0, 1.5, 2, NOW),
        ("BTC", "bid", 1, 98.0, 2.0, 1, NOW),
        ("BTC", "ask", 0, 101.0, 0.5, 3, NOW),
    ]
    assert [request for _, request in server.requests] == [
        {"type": "l2Book", "coin": "BTC"},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 4},
    ]


def test_an_empty_book_has_no_rows(client: HyperliquidClient, server: Server) -> None:
    server.default = lambda _: Reply(body=BOOK | {"levels": [[], []]})
    assert frames.book_levels([client.book("BTC")]).is_empty()


@pytest.mark.parametrize(
    "wrong",
    [
        {"coin": "ETH"},
        {"time": 0},
        {"levels": [[{"px": "0.0", "sz": "1", "n": 1}], []]},
        {"levels": [[{"px": "1.0", "sz": "nan", "n": 1}], []]},
        {"levels": [[{"px": "1.0"}], []]},
        {"levels": [[]]},
    ],
    ids=str,
)
def test_a_book_with_nonsense_in_it_is_no_book(
    client: HyperliquidClient, server: Server, wrong: dict[str, Any]
) -> None:
    """Depth without the bad level would be wrong, and nobody would see it."""
    server.default = lambda _: Reply(body=BOOK | wrong)
    with pytest.raises(VenueNonsense):
        client.book("BTC")
