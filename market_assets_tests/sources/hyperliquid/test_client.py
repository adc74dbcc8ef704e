"""The client against a real HTTP server: requests, weights, clipping, and every way to fail."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from market_assets.clock import ManualClock, from_ms
from market_assets.sources.errors import (
    VenueBusy,
    VenueNonsense,
    VenueRejected,
    VenueUnavailable,
)
from market_assets.sources.hyperliquid.client import Dex, HyperliquidClient
from market_assets.sources.hyperliquid.model import DEXS, SPOT
from market_assets.sources.hyperliquid.weights import weight_budget
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.http_server import Reply, Server, serving

from . import payloads
from .payloads import MINUTE_MS, OPEN_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AT_ONCE = RetryPolicy(attempts=2, first_delay=0, longest_delay=0, busy_delay=0)
NOW = from_ms(OPEN_MS + 10 * MINUTE_MS + 30_000)


ANSWERS = {
    ("perpDexs", ""): payloads.DEXS,
    ("metaAndAssetCtxs", ""): payloads.META_AND_CONTEXTS,
    ("metaAndAssetCtxs", "xyz"): payloads.DEX_META_AND_CONTEXTS,
    ("spotMetaAndAssetCtxs", ""): payloads.SPOT_META_AND_CONTEXTS,
    ("allMids", ""): payloads.MIDS,
    ("allMids", "xyz"): {"xyz:TSLA": "381.385"},
    ("perpCategories", ""): payloads.CATEGORIES,
}


def answers(request: dict[str, Any]) -> Reply:
    """A well-behaved venue: two dexs and spot."""
    if request["type"] == "candleSnapshot":
        wanted = request["req"]
        # As the exchange: the candle that contains startTime is in, and so is endTime's.
        first = wanted["startTime"] // MINUTE_MS * MINUTE_MS
        last = min(wanted["endTime"], int(NOW.timestamp() * 1000))
        opens = range(first, last + 1, MINUTE_MS)
        return Reply(body=[payloads.candle(open_ms, s=wanted["coin"]) for open_ms in opens])
    return Reply(body=ANSWERS[request["type"], request.get("dex", "")])


def but(kind: str, reply: Reply, **fields: str) -> Callable[[dict[str, Any]], Reply]:
    """The same venue with one answer replaced."""

    def answer(request: dict[str, Any]) -> Reply:
        hit = request["type"] == kind and all(request.get(k, "") == v for k, v in fields.items())
        return reply if hit else answers(request)

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        running.default = answers
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[HyperliquidClient]:
    made = HyperliquidClient(server.url, clock=ManualClock(NOW), timeout=2.0, retries=AT_ONCE)
    yield made
    made.close()


def test_dexs_begin_with_the_exchanges_own(client: HyperliquidClient) -> None:
    assert client.dexs() == [Dex("", "Hyperliquid"), Dex("xyz", "XYZ")]


def test_universe_holds_every_dex_and_spot(client: HyperliquidClient, server: Server) -> None:
    universe = client.universe()
    assert [listing.symbol for listing in universe.listings] == [
        "BTC",
        "MATIC",
        "kPEPE",
        "xyz:TSLA",
        "xyz:HOOD",
        "xyz:OLD",
        "PURR/USDC",
        "@107",
        "@207",
    ]
    assert universe.failures == {}
    assert universe.rejected == {}
    assert [request for _, request in server.requests] == [
        {"type": "perpDexs"},
        {"type": "metaAndAssetCtxs"},
        {"type": "metaAndAssetCtxs", "dex": "xyz"},
        {"type": "spotMetaAndAssetCtxs"},
    ]


BAD = {
    "null": Reply(200, None),
    "500": Reply(500, None),
    "429": Reply(429, None),
    "422": Reply(422, b"Failed to deserialize"),
    "502": Reply(502, b"<html>Bad Gateway</html>"),
    "cut": Reply(200, b'[{"universe":[{"name":"xyz:A"'),
    "other": Reply(200, {"universe": "none"}),
}


@pytest.mark.parametrize("bad", BAD)
def test_one_dex_that_fails_costs_its_own_rows(
    client: HyperliquidClient, server: Server, bad: str
) -> None:
    server.default = but("metaAndAssetCtxs", BAD[bad], dex="xyz")
    universe = client.universe()
    assert set(universe.failures) == {"xyz"}
    assert {listing.symbol for listing in universe.listings} == {
        "BTC",
        "MATIC",
        "kPEPE",
        "PURR/USDC",
        "@107",
        "@207",
    }


def test_spot_or_the_first_dex_may_fail_alone(client: HyperliquidClient, server: Server) -> None:
    server.default = but("spotMetaAndAssetCtxs", BAD["null"])
    assert set(client.universe().failures) == {SPOT}
    server.default = but("metaAndAssetCtxs", BAD["null"], dex="")
    universe = client.universe()
    assert set(universe.failures) == {""}
    assert "xyz:TSLA" in {listing.symbol for listing in universe.listings}


def test_without_the_list_of_dexs_the_first_is_read(
    client: HyperliquidClient, server: Server
) -> None:
    """The builder dexs are unknown then, not gone: that is said."""
    server.default = but("perpDexs", BAD["500"])
    universe = client.universe()
    assert set(universe.failures) == {DEXS}
    assert {listing.dex for listing in universe.listings} == {""}


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ("null", VenueNonsense),
        ("500", VenueUnavailable),
        ("429", VenueBusy),
        ("422", VenueRejected),
        ("502", VenueUnavailable),
        ("cut", VenueUnavailable),
        ("other", VenueNonsense),
    ],
)
def test_a_venue_that_is_away_is_an_error(
    client: HyperliquidClient, server: Server, bad: str, error: type[Exception]
) -> None:
    """Never an empty list: that would be an outage turned into data. And not asked on and on."""
    server.default = lambda _request: BAD[bad]
    with pytest.raises(error):
        client.universe()
    kinds = {request["type"] for _, request in server.requests}
    assert kinds == {"perpDexs", "metaAndAssetCtxs"}
    with pytest.raises(error):
        client.dexs()
    with pytest.raises(error):
        client.mids()
    with pytest.raises(error):
        client.categories()


def test_a_venue_that_lists_nothing_is_nonsense(client: HyperliquidClient, server: Server) -> None:
    server.default = but("metaAndAssetCtxs", Reply(body=[{"universe": []}, []]))
    server.replies.extend(
        [
            Reply(body=[None]),
            Reply(body=[{"universe": []}, []]),
            Reply(body=[{"tokens": [], "universe": []}, []]),
        ]
    )
    with pytest.raises(VenueNonsense, match="no asset at all"):
        client.universe()


def test_mids(client: HyperliquidClient, server: Server) -> None:
    assert client.mids()[0]["@107"] == 38.125
    assert client.mids("xyz") == ({"xyz:TSLA": 381.385}, {})
    server.default = but("allMids", Reply(body={"A": "1", "B": "0", "C": None}))
    mids, rejected = client.mids()
    assert mids == {"A": 1.0}
    assert set(rejected) == {"B", "C"}
    assert client.rejected[0] == 2
    server.default = but("allMids", Reply(body={}))
    assert client.mids("xyz") == ({}, {}), "a dex may have no coins yet"
    for nothing in ({}, {"A": None}):
        server.default = but("allMids", Reply(body=nothing))
        with pytest.raises(VenueNonsense):
            client.mids()


def test_candles_are_clipped(client: HyperliquidClient, server: Server) -> None:
    """The exchange adds the candle that contains the start: it opens before it, so it is cut."""
    start = from_ms(OPEN_MS + 30_000)
    candles = client.candles("BTC", "1m", start, from_ms(OPEN_MS + 3 * MINUTE_MS))
    assert [candle.open_ms - OPEN_MS for candle in candles] == [MINUTE_MS, 2 * MINUTE_MS]
    assert server.requests == [
        (
            "/info",
            {
                "type": "candleSnapshot",
                "req": {
                    "coin": "BTC",
                    "interval": "1m",
                    "startTime": OPEN_MS,
                    "endTime": OPEN_MS + 3 * MINUTE_MS - 1,
                },
            },
        )
    ]
    assert candles[0] == (
        *("BTC", "1m", OPEN_MS + MINUTE_MS),
        *(64340.0, 64347.0, 64339.0, 64346.0, 0.15124, 21, True),
    )


@pytest.mark.parametrize(
    ("after_end", "is_closed"),
    [(-30.0, False), (0.0, False), (0.9, False), (1.1, True), (60.0, True)],
)
def test_a_candle_is_closed_a_moment_after_its_end(
    server: Server, after_end: float, *, is_closed: bool
) -> None:
    """Nothing in the answer says so: the clock does, with a margin for the last trades."""
    end = from_ms(OPEN_MS + MINUTE_MS)
    clock = ManualClock(end + timedelta(seconds=after_end))
    client = HyperliquidClient(server.url, clock=clock, retries=AT_ONCE)
    candles = client.candles("BTC", "1m", from_ms(OPEN_MS), end)
    assert [(candle.open_ms, candle.is_closed) for candle in candles] == [(OPEN_MS, is_closed)]
    client.close()


def test_bad_candles_cost_themselves(client: HyperliquidClient, server: Server) -> None:
    rows = [payloads.candle(OPEN_MS + n * MINUTE_MS) for n in range(6)]
    rows[1] |= {"o": "NaN"}
    rows[2] |= {"l": "99999999.0"}
    rows[3] |= {"s": "ETH"}
    rows[4] |= {"v": None}
    server.default = but("candleSnapshot", Reply(body=rows))
    candles = client.candles("BTC", "1m", from_ms(OPEN_MS), NOW)
    assert [candle.open_ms - OPEN_MS for candle in candles] == [0, 5 * MINUTE_MS]
    count, samples = client.rejected
    assert count == 4
    assert "candles of BTC" in samples[-1]
    server.default = but("candleSnapshot", Reply(body=rows[1:3]))
    with pytest.raises(VenueNonsense, match="no candle of BTC 1m is sound"):
        client.candles("BTC", "1m", from_ms(OPEN_MS), NOW)


def test_no_candles_is_an_answer(client: HyperliquidClient, server: Server) -> None:
    """A range before an asset was listed, or older than what the exchange keeps."""
    server.default = but("candleSnapshot", Reply(body=[]))
    assert client.candles("BTC", "1m", from_ms(OPEN_MS), NOW) == []
    asked = len(server.requests)
    assert client.candles("BTC", "1m", NOW, NOW) == []
    assert len(server.requests) == asked, "nothing is asked for an empty range"


def test_an_unknown_coin_is_rejected(client: HyperliquidClient, server: Server) -> None:
    """500 with body null, twice; elsewhere it is plain trouble."""
    server.default = but("candleSnapshot", Reply(500, None))
    with pytest.raises(VenueRejected) as refused:
        client.candles("NOPE", "1m", from_ms(OPEN_MS), NOW)
    assert len(server.requests) == 2
    assert refused.value.may_be_trouble


@pytest.mark.parametrize("symbol", ["SOL", "PURR/USDC", "@107", "xyz:TSLA"])
def test_a_passing_500_null_is_asked_again(
    client: HyperliquidClient, server: Server, symbol: str
) -> None:
    """It comes to listed coins too, and passes at once."""
    server.replies.append(Reply(500, None))
    server.default = but("candleSnapshot", Reply(body=[]))
    assert client.candles(symbol, "1m", from_ms(OPEN_MS), NOW) == []
    assert len(server.requests) == 2


def test_a_refusal_of_the_request_itself_is_not_asked_again(
    client: HyperliquidClient, server: Server
) -> None:
    server.default = but("candleSnapshot", Reply(422, b"Failed to deserialize"))
    with pytest.raises(VenueRejected) as refused:
        client.candles("BTC", "1m", from_ms(OPEN_MS), NOW)
    assert len(server.requests) == 1
    assert not refused.value.may_be_trouble


def test_an_unknown_interval_is_a_fault(client: HyperliquidClient) -> None:
    with pytest.raises(ValueError, match="unknown candle interval"):
        client.candles("BTC", "7m", from_ms(OPEN_MS), NOW)


def test_long_ranges_are_paged(server: Server) -> None:
    """5000 rows a request, no row twice or missing, and never beyond the present."""
    start = NOW - timedelta(minutes=12_000)
    client = HyperliquidClient(server.url, clock=ManualClock(NOW), retries=AT_ONCE)
    candles = client.candles("BTC", "1m", start, NOW + timedelta(days=30))
    opens = [candle.open_ms for candle in candles]
    assert opens == list(range(opens[0], opens[0] + 12_000 * MINUTE_MS, MINUTE_MS))
    assert len(server.requests) == 3
    assert not candles[-1].is_closed
    assert all(candle.is_closed for candle in candles[:-1])
    client.close()


def test_requests_weigh_what_the_exchange_says(server: Server, tmp_path: Path) -> None:
    """20 each, 2 for mids, and one more for each 60 candles that may come."""
    budget = weight_budget(tmp_path / "budget")
    client = HyperliquidClient(server.url, budget=budget, user="backfill", clock=ManualClock(NOW))

    def cost(call: Callable[[], object]) -> int:
        before = budget.stats().spent.get("backfill", 0)
        call()
        return budget.stats().spent["backfill"] - before

    assert cost(client.universe) == 80
    assert cost(client.mids) == 2
    assert cost(client.categories) == 20
    hour = timedelta(hours=1)
    assert cost(lambda: client.candles("BTC", "1m", NOW - hour, NOW)) == 22
    assert cost(lambda: client.candles("BTC", "1m", NOW - 24 * hour, NOW)) == 45
    assert cost(lambda: client.candles("BTC", "1m", NOW - 83 * hour, NOW)) == 20 + 84
    client.close()


def test_a_budget_too_small_for_the_largest_request_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="largest request weighs 104"):
        weight_budget(tmp_path / "budget", share=0.05)
    assert weight_budget(tmp_path / "budget").per_window == 960


def test_categories(client: HyperliquidClient, server: Server) -> None:
    assert client.categories() == [("xyz:TSLA", "stocks"), ("xyz:HOOD", "Pre-IPO & new")]
    server.default = but("perpCategories", Reply(body=[["xyz:TSLA", "stocks"], 5]))
    assert client.categories() == [("xyz:TSLA", "stocks")]
    server.default = but("perpCategories", Reply(body=[5]))
    with pytest.raises(VenueNonsense):
        client.categories()


def test_passing_trouble_is_not_seen(client: HyperliquidClient, server: Server) -> None:
    """429 with null, then fine: the caller gets the answer, the counts tell the story."""
    server.replies.append(BAD["429"])
    assert client.mids()[0]
    server.replies.append(BAD["502"])
    assert client.mids()[0]
    assert client.stats().by_status == {"429": 1, "502": 1, "200": 2}
    assert client.stats().retries == 2


def test_threads_share_a_client(client: HyperliquidClient) -> None:
    got: list[int] = []

    def read() -> None:
        got.extend(len(client.candles("BTC", "1m", from_ms(OPEN_MS), NOW)) for _ in range(5))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [11] * 40
    assert client.stats().requests == 40


def test_before_the_epoch_is_not_asked_for(client: HyperliquidClient, server: Server) -> None:
    """A negative start would be a 422."""
    server.default = but("candleSnapshot", Reply(body=[]))
    early = datetime(1969, 12, 31, 23, tzinfo=UTC)
    client.candles("BTC", "1h", early, datetime(1970, 1, 1, 1, tzinfo=UTC))
    assert server.requests[0][1]["req"]["startTime"] == 0
