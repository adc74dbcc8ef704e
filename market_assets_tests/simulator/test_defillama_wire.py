"""The simulated DefiLlama on the wire: refusals, limits, caching, faults, and very large bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from market_assets_tests.simulator.llama import LITE, Llama, llama
from market_simulator.defillama.venue import Limits
from market_simulator.defillama.world import Size, World

TINY = Size(chains=52, protocols=60, stablecoins=14)


@pytest.fixture(scope="module")
def shared() -> Iterator[Llama]:
    with llama(TINY) as running:
        yield running


@pytest.fixture
def venue(shared: Llama) -> Iterator[Llama]:
    yield shared
    shared.simulated.clear()


@pytest.mark.parametrize(
    ("host", "path", "status", "text"),
    [
        ("api", "/protocol/nobody", 400, "Protocol not found"),
        ("api", "/tvl/nobody", 400, "Protocol not found"),
        ("api", "/tvl/pendle-finance", 400, "bad parent protocol"),
        ("api", "/v2/historicalChainTvl/nowhere", 400, "There is no chain with that name"),
        ("api", "/overview/meteors", 500, "Adaptor meteors not supported"),
        ("api", "/overview/derivatives", 402, "paid"),
        ("api", "/summary/derivatives/gmx", 402, "paid"),
        ("api", "/overview/dexs/nowhere", 500, "Internal server error"),
        ("api", "/overview/dexs?dataType=dailyFees", 500, "Data type not supported"),
        ("api", "/summary/dexs/aave", 400, "Dexs for aave not found"),
        ("api", "/summary/fees/nobody", 400, "Fees for nobody not found"),
        ("coins", "/prices/historical/soon/coingecko:ethereum", 400, "not a number"),
    ],
)
def test_refusals_are_plain_text(
    venue: Llama, host: str, path: str, status: int, text: str
) -> None:
    """With the status of the venue, which is not always the fitting one."""
    answer = venue.client.get(f"{venue.simulated.url}/defillama/{host}{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/plain")
    assert text in answer.text
    assert "cache-control" not in answer.headers


def test_an_unknown_chain_is_nothing_and_an_unknown_coin_an_error(venue: Llama) -> None:
    """The stablecoin routes differ from each other."""
    assert venue.stablecoins("/stablecoincharts/nowhere") == []
    answer = venue.response("/stablecoin/999", "stablecoins")
    assert (answer.status_code, list(answer.json())) == (400, ["message"])


def test_a_known_chain_without_reporters_is_good_and_empty_or_an_error(venue: Llama) -> None:
    """Nobody can know which."""
    chains = [row["name"] for row in venue.api("/v2/chains")]
    there = set(venue.api("/overview/options", **LITE)["allChains"])
    seen = set()
    for name in [name for name in chains if name not in there][:8]:
        answer = venue.response(f"/overview/options/{name}")
        seen.add(answer.status_code)
        if answer.status_code == 200:
            assert answer.json()["protocols"] == answer.json()["totalDataChart"] == []
            assert "total24h" not in answer.json()
    assert seen == {200, 500}


def test_answers_may_be_kept_for_ten_minutes(venue: Llama) -> None:
    """Those in pieces too."""
    for path in ("/v2/chains", "/protocols"):
        assert venue.response(path).headers["cache-control"] == "public, max-age=600"


def test_the_limit_names_when_to_come_back() -> None:
    """Over any minute and all hosts; what is refused does not count."""
    with llama(TINY, defillama_limits=Limits(requests_per_minute=3)) as venue:
        for path, host in (("/v2/chains", "api"), ("/stablecoinchains", "stablecoins")):
            assert venue.response(path, host).status_code == 200
        assert venue.api("/tvl/lido") > 0
        for _ in range(2):
            refused = venue.response("/v2/chains")
            assert refused.status_code == 429
            assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_the_time_to_wait_is_that_of_the_wall() -> None:
    """A clock that runs faster makes it shorter."""
    with llama(TINY, speed=30, defillama_limits=Limits(requests_per_minute=1)) as venue:
        assert venue.response("/v2/chains").status_code == 200
        refused = venue.response("/v2/chains")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) <= 2


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ({"name": "http_502"}, 502, "<html>"),
        ({"name": "http_html"}, 200, "<!DOCTYPE html>"),
        ({"name": "http_500"}, 500, "null"),
        ({"name": "http_429", "retry_after": 2}, 429, "null"),
        ({"name": "unavailable"}, 502, "<html>"),
    ],
)
def test_faults_strike_where_they_are_meant_to(
    venue: Llama, fault: dict[str, object], status: int, text: str
) -> None:
    """One path of this venue, large body or small, and no other."""
    for path in ("/protocols", "/v2/chains"):
        venue.simulated.control(venue="defillama", path=path, **fault)
        answer = venue.response(path)
        assert (answer.status_code, answer.text[: len(text)]) == (status, text)
        assert venue.response("/tvl/lido").status_code == 200
        assert venue.simulated.info(type="meta")
        venue.simulated.clear()


def test_a_body_is_cut(venue: Llama) -> None:
    """In its middle, however it would have been sent."""
    venue.simulated.control(venue="defillama", path="/protocols", name="http_cut")
    with pytest.raises(httpx.RemoteProtocolError):
        venue.response("/protocols")


def test_one_protocol_has_values_of_the_wrong_types(venue: Llama) -> None:
    """The others are as they were."""
    clean = {row["slug"]: row for row in venue.api("/protocols")}
    venue.simulated.control(
        venue="defillama", path="/protocols", name="wrong_types", coin="aave-v3"
    )
    spoilt = venue.api("/protocols")
    assert len(spoilt) == len(clean)
    odd = [row for row in spoilt if clean.get(row["slug"]) != row]
    assert [row["tvl"] for row in odd] == [[{"unexpected": clean["aave-v3"]["tvl"]}]]


@pytest.mark.parametrize("megabytes", [3, 9])
def test_the_list_of_protocols_is_as_long_as_is_asked_for(megabytes: int) -> None:
    """Within a twentieth, and still the same protocols."""
    with llama(Size(chains=52, protocols=400, stablecoins=14, body_mb=megabytes)) as venue:
        answer = venue.response("/protocols")
    assert len(answer.content) == pytest.approx(megabytes * 1e6, rel=0.25)
    assert len(answer.json()) > 300


def test_a_long_list_is_sent_in_pieces(venue: Llama) -> None:
    """Nobody holds it whole, and nobody says how long it will be."""
    answer = venue.response("/protocols")
    assert "content-length" not in answer.headers
    assert answer.headers["transfer-encoding"] == "chunked"
    assert json.loads(answer.content)[0]["tvl"] > 0


def test_a_world_of_any_size_has_the_real_ones() -> None:
    """First, and each name once."""
    world = World(1, Size(chains=320, protocols=5_000))
    assert len({protocol.slug for protocol in world.protocols}) == 5_000
    assert len({chain.name for chain in world.chains}) == 320
    assert [chain.name for chain in world.chains[:2]] == ["Ethereum", "Solana"]
    assert all(chain in world.chain_places for p in world.protocols for chain in p.chains)
