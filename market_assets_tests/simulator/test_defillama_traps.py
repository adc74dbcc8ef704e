"""What makes the real DefiLlama easy to misread is there in the simulated one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from market_assets_tests.simulator.llama import (
    AT,
    DAY_S,
    LITE,
    RUN_S,
    SMALL,
    TODAY_S,
    Llama,
    llama,
)
from market_simulator.defillama.pegs import Pegs
from market_simulator.defillama.world import World


@pytest.fixture(scope="module")
def venue() -> Iterator[Llama]:
    with llama() as running:
        yield running


@pytest.fixture(scope="module")
def protocols(venue: Llama) -> list[dict[str, Any]]:
    return venue.api("/protocols")


@pytest.fixture(scope="module")
def dexs(venue: Llama) -> list[dict[str, Any]]:
    return venue.api("/overview/dexs", **LITE)["protocols"]


@pytest.fixture(scope="module")
def fees(venue: Llama) -> list[dict[str, Any]]:
    return venue.api("/overview/fees", **LITE)["protocols"]


@pytest.fixture(scope="module")
def summaries(venue: Llama, dexs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lean = {"excludeTotalDataChartBreakdown": "true"}
    return [venue.api(f"/summary/dexs/{row['slug']}", **lean) for row in dexs]


def test_one_ticker_belongs_to_several(protocols: list[dict[str, Any]], venue: Llama) -> None:
    """With different ids, on protocols and chains; the real owner is among them."""
    owners: dict[str, set[str]] = {}
    for row in [*protocols, *venue.api("/v2/chains")]:
        symbol = row.get("tokenSymbol") or row.get("symbol")
        if row["gecko_id"] and symbol:
            owners.setdefault(symbol, set()).add(row["gecko_id"])
    shared = {symbol for symbol, ids in owners.items() if len(ids) > 1}
    assert {"S", "OP", "SKY"} <= shared
    assert "sonic-3" in owners["S"]


def test_rows_that_are_no_defi_stand_among_protocols(venue: Llama) -> None:
    """Exchanges always; chains, of another shape, where they are asked for."""
    rows = venue.api("/protocols", includeChains="true")
    assert any(row.get("category") == "CEX" for row in rows)
    chains = [row for row in rows if "slug" not in row]
    assert {"Ethereum", "BSC"} <= {row["name"] for row in chains}
    assert len(venue.api("/protocols")) == len(rows) - len(chains)


def test_keys_that_are_no_chains_stand_among_chains(protocols: list[dict[str, Any]]) -> None:
    """All of them would be counted several times."""
    keys = Counter(key for row in protocols for key in row["chainTvls"])
    named = {key.partition("-")[2] or key for key in keys if key.partition("-")[0] in keys}
    extras = {"borrowed", "staking", "pool2", "doublecounted", "liquidstaking", "dcAndLsOverlap"}
    assert extras | {"vesting", "offers", "treasury"} <= named
    aave = next(row for row in protocols if row["slug"] == "aave-v3")
    assert aave["chainTvls"]["Ethereum-borrowed"] > 0
    assert sum(aave["chainTvls"][chain] for chain in aave["chains"]) == pytest.approx(aave["tvl"])
    assert sum(aave["chainTvls"].values()) > 1.2 * aave["tvl"]


def test_values_of_protocols_are_null_zero_or_of_odd_types(
    protocols: list[dict[str, Any]], venue: Llama
) -> None:
    """Each field that a client wants is null somewhere."""
    for field in ("tvl", "mcap", "gecko_id", "cmcId", "change_7d", "forkedFrom", "address"):
        assert any(row[field] is None for row in protocols), field
    assert any(0 in row["chainTvls"].values() for row in protocols)
    assert all(isinstance(row["id"], str) for row in protocols)
    assert any(row["tvl"] is None and row["chains"] == [] for row in protocols)
    assert any(row["symbol"] == "-" for row in protocols)
    chains = venue.api("/v2/chains")
    assert {type(row["cmcId"]) for row in chains} == {str, type(None)}
    assert any("chainId" not in row for row in chains)
    assert any(row["tvl"] == 0 for row in chains)


def test_names_differ_from_slugs_and_modules(venue: Llama) -> None:
    """A dot in a slug, another name of the module, a former name."""
    assert venue.api("/protocol/ether.fi-stake")["module"].startswith("etherfi")
    assert venue.api("/summary/dexs/pump.fun")["name"] == "pump.fun"
    sky = venue.api("/summary/fees/sky-lending", **LITE)
    assert (sky["module"], sky["previousNames"]) == ("makerdao", ["MakerDAO"])


def test_a_chain_has_another_name_on_another_route(venue: Llama) -> None:
    """`BSC` is `Binance` in protocols; `OP Mainnet` is `Optimism` there and among stablecoins."""
    lists = {row["name"] for row in venue.api("/v2/chains")}
    inside = {chain for row in venue.api("/protocols") for chain in row["chains"]}
    flows = set(venue.api("/overview/dexs", **LITE)["allChains"])
    pegs = {row["name"] for row in venue.stablecoins("/stablecoinchains")}
    for names, here, not_here in (
        (lists, {"BSC", "OP Mainnet", "Gnosis", "Hyperliquid L1"}, {"Binance", "Optimism", "xDai"}),
        (inside, {"Binance", "Optimism", "xDai", "Hyperliquid"}, {"BSC", "OP Mainnet", "Gnosis"}),
        (flows, {"BSC", "OP Mainnet", "Gnosis"}, {"Binance", "Optimism", "xDai"}),
        (pegs, {"BSC", "Optimism", "Gnosis"}, {"Binance", "OP Mainnet", "xDai"}),
    ):
        assert here <= names
        assert not not_here & names
    assert venue.stablecoins("/stablecoincharts/OP Mainnet") == []
    assert venue.api("/v2/historicalChainTvl/binance") == venue.api("/v2/historicalChainTvl/BSC")


def test_series_of_a_protocol_have_different_lengths(venue: Llama) -> None:
    """A chain's begins when the protocol came there; all end with the newest run."""
    page = venue.api("/protocol/uniswap-v3")
    series = [page["chainTvls"][chain]["tvl"] for chain in page["chains"]]
    assert len({len(points) for points in series}) > 5
    assert {points[-1]["date"] for points in series} == {RUN_S}
    assert len(page["tokens"]) == len(page["tokensInUsd"]) == len(page["tvl"])


def test_some_parents_have_no_tokens(venue: Llama) -> None:
    """Null on every chain and for the whole; keys that are no chains never have any."""
    for slug, has in (("hyperliquid", True), ("sky", True), ("pancakeswap", False)):
        page = venue.api(f"/protocol/{slug}")
        own = [page["chainTvls"][chain] for chain in page["chains"]]
        assert {
            part[key] is None for part in (page, *own) for key in ("tokens", "tokensInUsd")
        } == {not has}
    assert venue.api("/protocol/sky-lending")["chainTvls"]["borrowed"]["tokens"] is None


def test_the_newest_total_is_of_another_day_from_answer_to_answer(
    summaries: list[dict[str, Any]],
) -> None:
    """With a running day: it, the day before yesterday, and seven days up to yesterday."""
    kinds = Counter[str]()
    for body in summaries:
        chart = body["totalDataChart"]
        gapless = all(b[0] - a[0] == DAY_S for a, b in pairwise(chart))
        if len(chart) < 30 or "total7d" not in body or not gapless:
            continue
        values = [value for _, value in chart]
        if chart[-1][0] == TODAY_S:
            kinds["running"] += 1
            assert body["total48hto24h"] == values[-3]
            assert body["total7d"] == pytest.approx(sum(values[-8:-1]))
        else:
            kinds["complete" if chart[-1][0] == TODAY_S - DAY_S else "behind"] += 1
            assert body["total48hto24h"] == values[-2]
            assert body["total7d"] == pytest.approx(sum(values[-7:]))
        assert body["total24h"] == values[-1]
    assert min(kinds[kind] for kind in ("running", "complete", "behind")) >= 1


def test_totals_are_missing_or_null(dexs: list[dict[str, Any]], venue: Llama) -> None:
    """Left out much more often than null; percentages are left out beside a zero."""
    old = [row for row in dexs if row.get("total30DaysAgo")]
    assert any("total7d" not in row for row in old)
    assert any("total30d" not in row for row in old)
    assert any("totalAllTime" not in row for row in old)
    assert sum("change_1d" not in row for row in dexs) > len(dexs) / 4
    assert any(row["total24h"] is None for row in dexs if "total24h" in row)
    zeros = [row for row in dexs if row.get("total24h") == 0]
    assert zeros
    assert all("change_1d" not in row for row in zeros)
    hyperliquid = venue.api("/overview/dexs/Hyperliquid L1", **LITE)
    assert hyperliquid["total48hto24h"] == "None"
    assert "total7d" not in venue.api("/overview/dexs/Gnosis", **LITE)


def test_a_summary_can_be_good_and_empty(
    venue: Llama, fees: list[dict[str, Any]], protocols: list[dict[str, Any]]
) -> None:
    """No charts, no totals; the overview does not have it. Others report no revenue."""
    listed = {row["slug"] for row in fees}
    empty = []
    for slug in [row["slug"] for row in protocols if row["slug"] not in listed]:
        answer = venue.response(f"/summary/fees/{slug}")
        assert answer.status_code in (200, 400)
        if answer.status_code == 200:
            empty.append(answer.json())
    assert len(empty) >= 1
    assert all(body["totalDataChart"] == [] and "total24h" not in body for body in empty)
    revenue = venue.api("/overview/fees", dataType="dailyRevenue", **LITE)["protocols"]
    assert len(revenue) < 0.9 * len(fees)


def test_series_have_holes_and_ends(summaries: list[dict[str, Any]]) -> None:
    """Some days were never reported, and some reporters are days behind."""
    charts = [body["totalDataChart"] for body in summaries]
    gaps = {b[0] - a[0] for chart in charts for a, b in pairwise(chart)}
    assert {DAY_S, 2 * DAY_S} <= gaps
    assert TODAY_S - 10 * DAY_S in {chart[-1][0] for chart in charts}


def test_rows_do_not_add_up_to_the_overview(venue: Llama) -> None:
    """Aggregators are listed and not counted, and some totals are of other days."""
    body = venue.api("/overview/dexs", **LITE)
    listed = sum(row.get("total24h") or 0 for row in body["protocols"])
    assert abs(listed / body["total24h"] - 1) > 0.01
    assert any(row.get("doublecounted") for row in body["protocols"])


def test_late_reporters_complete_yesterday_in_the_morning() -> None:
    """In the first hours of a day the day before is not whole yet."""
    lean = {"excludeTotalDataChartBreakdown": "true"}
    with llama(start=AT.replace(hour=0, minute=30)) as venue:
        early = dict(venue.api("/overview/dexs", **lean)["totalDataChart"])
        venue.simulated.jump(5 * 3600)
        later = dict(venue.api("/overview/dexs", **lean)["totalDataChart"])
    assert early[TODAY_S - DAY_S] < later[TODAY_S - DAY_S]
    assert early[TODAY_S - 2 * DAY_S] == later[TODAY_S - 2 * DAY_S]


def test_a_running_day_is_a_mix(venue: Llama) -> None:
    """What has not been reported today is there with yesterday's amount."""
    last, running = venue.api("/overview/dexs", excludeTotalDataChart="true")[
        "totalDataChartBreakdown"
    ][-2:]
    same = [name for name, amount in running[1].items() if last[1].get(name) == amount > 0]
    assert 0 < len(same) < len(running[1])


def test_ids_are_text_or_numbers_and_chains_are_rows(fees: list[dict[str, Any]]) -> None:
    """A chain's row is its gas fees."""
    assert {type(row["defillamaId"]) for row in fees} == {int, str}
    chains = [row for row in fees if row["protocolType"] == "chain"]
    assert {"chain#1027", "chain#32196"} & {row["id"] for row in chains}
    assert all(row["category"] == "Chain" for row in chains)


def test_a_parent_in_summaries(venue: Llama) -> None:
    """It has no module and no category, and no point of the running day."""
    body = venue.api("/summary/dexs/uniswap")
    assert body["id"] == body["defillamaId"] == "parent#uniswap"
    assert (body["module"], body["category"]) == (None, None)
    assert {child["name"] for child in body["childProtocols"]} == {
        "Uniswap V2",
        "Uniswap V3",
        "Uniswap V4",
    }
    assert body["totalDataChart"][-1][0] < TODAY_S
    assert "Uniswap V3" in body["totalDataChartBreakdown"][-1][1]["ethereum"]


def test_open_interest_is_summed_as_if_it_flowed(venue: Llama) -> None:
    """A week's total is seven snapshots; there is no summary of it."""
    body = venue.api("/overview/open-interest", **LITE)
    assert 6 < body["total7d"] / body["total24h"] < 8
    assert venue.response("/summary/open-interest/hyperliquid-perps").status_code == 500


def test_stablecoins_are_counted_in_their_peg(venue: Llama) -> None:
    """Amounts as text or numbers, prices as text, numbers or null, a bare 0 before birth."""
    coins = venue.stablecoins("/stablecoins", includePrices="true")["peggedAssets"]
    assert {type(coin["price"]) for coin in coins} == {float, str, type(None)}
    assert {coin["pegType"] for coin in coins} >= {"peggedUSD", "peggedEUR", "peggedJPY"}
    assert {type(coin["circulating"][coin["pegType"]]) for coin in coins} == {float, str}
    assert all(isinstance(coin["chainCirculating"], dict) for coin in coins)
    gyen = next(coin for coin in coins if coin["symbol"] == "GYEN")
    chart = venue.stablecoins("/stablecoincharts/all", stablecoin=gyen["id"])[-1]
    units, usd = chart["totalCirculating"]["peggedJPY"], chart["totalCirculatingUSD"]["peggedJPY"]
    assert usd == pytest.approx(units * gyen["price"])
    assert usd < units / 100
    assert all("price" not in c for c in venue.stablecoins("/stablecoins")["peggedAssets"])


def test_a_young_stablecoin_had_nothing(venue: Llama) -> None:
    """A bare 0, where others have an object."""
    bare = venue.stablecoins("/stablecoins")["peggedAssets"]
    amounts = [chain for coin in bare for chain in coin["chainCirculating"].values()]
    months = [chain["circulatingPrevMonth"] for chain in amounts]
    assert any(isinstance(month, dict) for month in months)
    born = Pegs(World(1, SMALL)).born_days[20]
    with llama(start=datetime.fromtimestamp((born + 10) * DAY_S, UTC)) as then:
        coins = then.stablecoins("/stablecoins")["peggedAssets"]
    young = next(coin for coin in coins if coin["circulatingPrevMonth"] == 0)
    assert young["circulatingPrevWeek"][young["pegType"]] > 0
    assert any(c["circulatingPrevMonth"] == 0 for c in young["chainCirculating"].values())


def test_charts_of_stablecoins_have_text_for_dates(venue: Llama) -> None:
    """Pegs are missing or 0 before their first coin; what was minted only grows."""
    chart = venue.stablecoins("/stablecoincharts/Ethereum")
    assert all(isinstance(row["date"], str) for row in chart)
    minted = [row["totalMintedUSD"]["peggedUSD"] for row in chart]
    assert minted[-1] > chart[-1]["totalCirculatingUSD"]["peggedUSD"] * 0.5
    everywhere = venue.stablecoins("/stablecoincharts/all")
    pegs = {peg for row in everywhere for peg in row["totalCirculating"]}
    early = [row["totalCirculating"] for row in everywhere[:400]]
    assert any(len(row) < len(pegs) or 0 in row.values() for row in early)
    assert everywhere[-1]["totalMintedUSD"]["peggedUSD"] == 0


def test_the_page_of_a_stablecoin(venue: Llama) -> None:
    """Minted or bridged are a bare 0 or an object; it ends with the newest run."""
    page = venue.stablecoins("/stablecoin/1")
    first, second = (page["chainBalances"][name]["tokens"][-1] for name in ("Tron", "Ethereum"))
    assert first["bridgedTo"] == 0
    assert first["minted"]["peggedUSD"] > first["circulating"]["peggedUSD"]
    assert second["minted"] == 0
    assert second["bridgedTo"] == second["circulating"]
    prices = venue.stablecoins("/stablecoinprices")
    assert None in prices[-1]["prices"].values()
    assert prices[-1]["date"] == TODAY_S


def test_prices_of_coins(venue: Llama) -> None:
    """Unknown coins are left out; no decimals for ids, no confidence in the past."""
    native = "bsc:0x0000000000000000000000000000000000000000"
    others = (native.upper(), native.replace("bsc", "binance"), "coingecko:nobody")
    keys = ",".join(("coingecko:ethereum", native, *others))
    now = venue.coins(f"/prices/current/{keys}")["coins"]
    assert set(now) == {"coingecko:ethereum", native}
    assert "decimals" not in now["coingecko:ethereum"]
    assert now[native] | {"price": 1} == {
        "decimals": 18,
        "symbol": "BNB",
        "price": 1,
        "timestamp": RUN_S - 47,
        "confidence": now[native]["confidence"],
    }
    then = venue.coins(f"/prices/historical/{TODAY_S}/{keys}")["coins"]
    assert "confidence" not in then[native]
    chart = venue.coins("/chart/coingecko:ethereum", span=5, period="1d")["coins"]
    points = chart["coingecko:ethereum"]["prices"]
    assert len(points) == 5
    assert points[-1]["price"] == now["coingecko:ethereum"]["price"]
    assert venue.response("/chart/coingecko:ethereum", "coins", period="soon").status_code == 400
