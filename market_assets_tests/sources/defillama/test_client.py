"""The routes over real HTTP: what is asked for, and what each way of saying no becomes."""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from market_assets.clock import ManualClock
from market_assets.sources.bodies import Collector
from market_assets.sources.defillama.client import request_budget
from market_assets.sources.errors import (
    VenueBusy,
    VenueNonsense,
    VenueRejected,
    VenueUnavailable,
)
from market_assets.sources.http import HttpTransport
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.defillama.shapes import (
    NOW,
    TODAY,
    YESTERDAY,
    Llama,
    chain,
    chain_locked,
    charted,
    llama,
    locked,
    overview,
    pegged,
    protocol,
    turnover,
)
from market_assets_tests.sources.http_server import Reply, serving

BUSY = Reply(429, {"message": "Too Many Requests"}, {"Retry-After": "7"})
GATEWAY = Reply(502, b"<html>bad gateway</html>", {"Content-Type": "text/html"})


@pytest.fixture
def venue() -> Iterator[Llama]:
    with llama() as running:
        yield running


def test_every_route(venue: Llama) -> None:
    """Paths, escaped names, and charts left out where they are not read."""
    points = {YESTERDAY: 1.0}
    venue.routes = {
        "/protocols": [protocol(1)],
        "/v2/chains": [chain("Ethereum")],
        "/stablecoinchains": [{"name": "Ethereum", "totalCirculatingUSD": {"peggedUSD": 1}}],
        "/overview/fees?dailyRevenue": overview(turnover(1)),
        "/v2/historicalChainTvl/OP Mainnet": chain_locked(points),
        "/protocol/pump.fun": locked(points),
        "/overview/dexs/OP Mainnet": charted(points),
        "/summary/fees/pump.fun?dailyFees": charted(points),
        "/stablecoincharts/OP Mainnet": pegged(points),
    }
    client = venue.client()
    assert client.protocols().items[0].slug == "protocol-1"
    assert client.chains().items[0].name == "Ethereum"
    assert client.stablecoin_chains().items[0].total_usd == 1.0
    assert client.overview("fees", "dailyRevenue").turnovers.items[0].total_7d == 70.0
    for series in (
        client.chain_tvl("OP Mainnet"),
        client.protocol_tvl("pump.fun"),
        client.chain_turnover("dexs", "OP Mainnet"),
        client.protocol_turnover("fees", "pump.fun", "dailyFees"),
        client.chain_stablecoins("OP Mainnet"),
    ):
        assert series.days == ((YESTERDAY, 1.0),)
    queries = {
        urlsplit(path).path: parse_qs(urlsplit(path).query) for path, _ in venue.server.requests
    }
    both = {"excludeTotalDataChart", "excludeTotalDataChartBreakdown", "dataType"}
    assert set(queries["/overview/fees"]) == both
    assert set(queries["/overview/dexs/OP%20Mainnet"]) == {"excludeTotalDataChartBreakdown"}
    assert client.stats().requests == len(venue.routes)
    client.close()


def test_the_running_day_follows_the_clock(venue: Llama) -> None:
    """What was running yesterday is complete today."""
    venue.routes["/protocol/a"] = locked({YESTERDAY: 1.0, TODAY: 2.0})
    clock = ManualClock(NOW)
    client = venue.client(clock=clock)
    assert client.protocol_tvl("a").running == (TODAY, 2.0)
    clock.advance(86_400)
    assert client.protocol_tvl("a").days[-1] == (TODAY, 2.0)
    client.close()


def test_an_unknown_protocol_is_refused_at_once(venue: Llama) -> None:
    """400 with plain text: one request, and the route in the message."""
    client = venue.client()
    with pytest.raises(VenueRejected, match="GET /protocol/nobody: 400 Protocol is not in our"):
        client.protocol_tvl("nobody")
    assert client.stats().requests == 1
    client.close()


def test_html_of_the_gateway_is_tried_again(venue: Llama) -> None:
    venue.server.replies.append(GATEWAY)
    venue.routes["/v2/chains"] = [chain("Ethereum")]
    client = venue.client()
    assert len(client.chains().items) == 1
    venue.server.replies.extend([GATEWAY, GATEWAY])
    with pytest.raises(VenueUnavailable, match="502"):
        client.chains()
    client.close()


def test_a_429_is_waited_for_and_lowers_what_runs_at_once(venue: Llama) -> None:
    """`Retry-After` is obeyed by all processes; two at once after four."""
    waits: list[float] = []
    venue.server.replies.append(BUSY)
    venue.routes["/v2/chains"] = [chain("Ethereum")]
    client = venue.client(sleep=waits.append)
    client.chains()
    assert waits == [7.0]
    stats = client.stats()
    assert (stats.by_status["429"], stats.lowest_concurrency) == (1, 2)
    venue.server.replies.extend([BUSY, BUSY])
    with pytest.raises(VenueBusy, match="429"):
        client.chains()
    client.close()


def test_requests_of_both_hosts_draw_on_one_budget(venue: Llama, tmp_path: Path) -> None:
    """The third of two a minute is not sent."""
    clock = ManualClock(NOW)
    budget = request_budget(tmp_path / "defillama.budget", per_minute=2, clock=clock)
    venue.routes = {"/v2/chains": [chain("A")], "/stablecoinchains": []}
    client = venue.client(clock=clock, budget=budget, retries=RetryPolicy(deadline=0.0))
    client.chains()
    client.stablecoin_chains()
    with pytest.raises(VenueBusy, match="no weight of 1"):
        client.chains()
    assert client.stats().requests == 2
    client.close()


def test_json_of_another_shape(venue: Llama) -> None:
    """Named with the route and the beginning of the body."""
    venue.routes = {"/protocols": {"message": "maintenance"}, "/v2/chains": [{"no": "name"}]}
    client = venue.client()
    with pytest.raises(VenueNonsense, match=r"/protocols: .*maintenance"):
        client.protocols()
    with pytest.raises(VenueNonsense, match="/v2/chains: none of 1 rows makes sense"):
        client.chains()
    client.close()


def test_a_large_body_is_cut_off_with_a_clear_error() -> None:
    """Above the limit nothing is decoded; under it a mapped body reads as any other."""
    with serving() as server:
        server.route = lambda _path, _body: Reply(body=[protocol(n) for n in range(40)])
        size = len(server.route("", None).content)
        limited = HttpTransport(server.url, "defillama", max_body=size - 1)
        with pytest.raises(VenueNonsense, match=f"GET /protocols: a body over {size - 1} bytes"):
            limited.get_large_json("/protocols")
        limited.close()
        whole = HttpTransport(
            server.url, "defillama", max_body=size, retry=RetryPolicy(attempts=2, first_delay=0.001)
        )
        assert whole.get_large_json("/protocols")[:] == whole.get_json("/protocols")
        server.replies.extend([Reply(body=b""), Reply(body=b"")])
        with pytest.raises(VenueUnavailable):
            whole.get_large_json("/protocols")
        whole.close()


@pytest.mark.parametrize("ask", ["protocols", "protocol_tvl"])
def test_the_largest_answers_are_collected_on_disk(
    venue: Llama, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    venue.routes["/protocols"] = [protocol(1)]
    venue.routes["/protocol/aave"] = locked({YESTERDAY: 5.0})
    seen: list[type] = []
    whole = Collector.whole
    monkeypatch.setattr(
        Collector, "whole", lambda self: (seen.append(type(body := whole(self))), body)[1]
    )
    client = venue.client()
    assert client.protocol_tvl("aave").days if ask == "protocol_tvl" else client.protocols().items
    assert seen == [mmap]
    client.close()


def test_nothing_of_a_mapped_body_is_kept(venue: Llama) -> None:
    """Protocols outlive the file that their list came in."""
    venue.routes["/protocols"] = [protocol(n) for n in range(200)]
    client = venue.client()
    kept = client.protocols().items
    again = client.protocols().items
    assert kept == again
    client.close()
