"""All routes of the simulated DefiLlama tell one story."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from market_assets_tests.simulator.llama import (
    AT,
    DAY_S,
    LITE,
    RUN_S,
    TODAY_S,
    Llama,
    llama,
)
from market_simulator.defillama.world import Size


@pytest.fixture(scope="module")
def venue() -> Iterator[Llama]:
    with llama() as running:
        yield running


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-9)


def test_the_list_of_chains_is_where_their_histories_end(venue: Llama) -> None:
    """The last point has the stamp of the running day, and the value of the newest run."""
    chains = {row["name"]: row["tvl"] for row in venue.api("/v2/chains")}
    total = venue.api("/v2/historicalChainTvl")
    assert total[-1] == {"date": TODAY_S, "tvl": near(sum(chains.values()))}
    for name in ("Ethereum", "BSC", "OP Mainnet", "Hyperliquid L1"):
        history = venue.api(f"/v2/historicalChainTvl/{name}")
        assert history[-1] == {"date": TODAY_S, "tvl": near(chains[name])}
        assert all(b["date"] - a["date"] == DAY_S for a, b in pairwise(history))


def test_a_chain_is_the_sum_of_its_counted_protocols(venue: Llama) -> None:
    """Without exchanges, liquid staking and what is counted twice."""
    counted: dict[str, float] = {}
    for row in venue.api("/protocols"):
        if row["category"] in ("CEX", "Liquid Staking") or row.get("doublecounted"):
            continue
        for chain in row["chains"]:
            counted[chain] = counted.get(chain, 0.0) + row["chainTvls"][chain]
    chains = {row["name"]: row["tvl"] for row in venue.api("/v2/chains")}
    assert counted["Ethereum"] == near(chains["Ethereum"])
    assert counted["Binance"] == near(chains["BSC"])
    assert counted["Hyperliquid"] == near(chains["Hyperliquid L1"])


def test_the_past_of_a_chain_is_the_sum_of_its_protocols_pasts(venue: Llama) -> None:
    """Day by day, back to the first; for a chain that has few."""
    on: dict[str, list[str]] = {}
    for row in venue.api("/protocols"):
        if row["category"] not in ("CEX", "Liquid Staking") and not row.get("doublecounted"):
            for chain in row["chains"]:
                on.setdefault(chain, []).append(row["slug"])
    chain = min((c for c in on if len(on[c]) > 2), key=lambda c: len(on[c]))
    sums: dict[int, float] = {}
    for slug in on[chain]:
        for point in venue.api(f"/protocol/{slug}")["chainTvls"][chain]["tvl"][:-2]:
            sums[point["date"]] = sums.get(point["date"], 0.0) + point["totalLiquidityUSD"]
    history = venue.api(f"/v2/historicalChainTvl/{chain}")[:-1]
    assert len(history) > 300
    assert {p["date"]: pytest.approx(p["tvl"], abs=0.01) for p in history} == sums


def test_a_protocol_is_the_same_on_every_route(venue: Llama) -> None:
    """List, page and bare number; the page ends with the newest run, off the grid of days."""
    row = next(r for r in venue.api("/protocols") if r["slug"] == "uniswap-v3")
    page = venue.api("/protocol/uniswap-v3")
    assert venue.api("/tvl/uniswap-v3") == near(row["tvl"])
    assert page["tvl"][-1] == {"date": RUN_S, "totalLiquidityUSD": near(row["tvl"])}
    assert page["tvl"][-2]["date"] == TODAY_S
    assert sum(page["currentChainTvls"][c] for c in page["chains"]) == near(row["tvl"])
    day_ago = row["tvl"] / (1 + row["change_1d"] / 100)
    assert min(abs(p["totalLiquidityUSD"] - day_ago) for p in page["tvl"][-3:]) < 0.02 * day_ago


def test_tokens_add_up_to_the_tvl_of_their_day(venue: Llama) -> None:
    """In dollars on each chain and in all."""
    page = venue.api("/protocol/upshift")
    for series in (page, page["chainTvls"]["Ethereum"]):
        for usd, tokens in zip(series["tvl"], series["tokensInUsd"], strict=True):
            assert usd["date"] == tokens["date"]
            assert sum(tokens["tokens"].values()) == pytest.approx(
                usd["totalLiquidityUSD"], abs=1e-3
            )


def test_a_parent_is_the_sum_of_its_children(venue: Llama) -> None:
    """It is on no list of its own."""
    rows = {r["slug"]: r for r in venue.api("/protocols")}
    own = [r["tvl"] for r in rows.values() if r.get("parentProtocol") == "parent#uniswap"]
    assert len(own) == 3
    assert "uniswap" not in rows
    assert venue.api("/tvl/uniswap") == near(sum(own))
    assert venue.api("/protocol/uniswap")["tvl"][-1]["totalLiquidityUSD"] == near(sum(own))


@pytest.mark.parametrize("kind", ["dexs", "fees", "options", "open-interest"])
def test_totals_of_overviews_are_sums_over_complete_days(venue: Llama, kind: str) -> None:
    """For all chains and for one; the last point of the chart is the running day."""
    for path in (f"/overview/{kind}", f"/overview/{kind}/Ethereum"):
        body = venue.api(path, excludeTotalDataChartBreakdown="true")
        stamps, values = zip(*body["totalDataChart"], strict=True)
        assert stamps[-1] == TODAY_S
        assert body["total24h"] == near(values[-2])
        assert body["total48hto24h"] == near(values[-3])
        assert body["total7d"] == near(sum(values[-8:-1]))
        assert body["total14dto7d"] == near(sum(values[-15:-8]))
        assert body["total30d"] == near(sum(values[-31:-1]))
        change = (values[-2] - values[-3]) / values[-3] * 100
        assert body["change_1d"] == pytest.approx(change, abs=0.006)
        lite = venue.api(path, **LITE)
        assert lite == body | {"totalDataChart": []}


def test_the_breakdown_adds_up_to_the_chart(venue: Llama) -> None:
    """Day by day, the running one apart."""
    body = venue.api("/overview/options")
    chart = dict(body["totalDataChart"][:-1])
    split = {stamp: sum(amounts.values()) for stamp, amounts in body["totalDataChartBreakdown"]}
    assert {stamp: near(split.get(stamp, 0.0)) for stamp in chart} == chart
    assert venue.api("/overview/options", excludeTotalDataChart="true")["totalDataChart"] == []


def test_rows_of_overviews_agree_with_summaries(venue: Llama) -> None:
    """Every total that both have."""
    rows = [r for r in venue.api("/overview/dexs", **LITE)["protocols"] if r.get("total24h")]
    assert len(rows) > 20
    for row in rows[:12]:
        summary = venue.api(f"/summary/dexs/{row['slug']}", **LITE)
        both = {"total24h", "total48hto24h", "total7d"} & row.keys() & summary.keys()
        assert {k: summary[k] for k in both} == {k: near(row[k]) for k in both}


def test_revenue_is_a_part_of_fees(venue: Llama) -> None:
    """And holders' revenue a part of that; the default is fees."""
    kinds = ("dailyFees", "dailyRevenue", "dailyHoldersRevenue")
    fees, revenue, holders = (
        venue.api("/overview/fees", dataType=kind, **LITE)["total7d"] for kind in kinds
    )
    assert fees > revenue > holders > 0
    assert venue.api("/overview/fees", **LITE)["total7d"] == fees
    premium = venue.api("/overview/options", dataType="dailyPremiumVolume", **LITE)
    notional = venue.api("/overview/options", **LITE)
    assert notional["total24h"] > premium["total24h"] > 0


def test_stablecoins_of_chains_are_where_their_charts_end(venue: Llama) -> None:
    """In US dollars, over all pegs."""
    rows = {r["name"]: r["totalCirculatingUSD"] for r in venue.stablecoins("/stablecoinchains")}
    for name in ("Ethereum", "BSC", "Hyperliquid L1", "Optimism"):
        last = venue.stablecoins(f"/stablecoincharts/{name}")[-1]
        assert last["date"] == str(TODAY_S)
        assert sum(last["totalCirculatingUSD"].values()) == near(sum(rows[name].values()))
    everywhere = venue.stablecoins("/stablecoincharts/all")[-1]["totalCirculatingUSD"]
    assert sum(everywhere.values()) == near(sum(sum(r.values()) for r in rows.values()))


def test_net_mint_is_the_difference_to_before(venue: Llama) -> None:
    """List, page and chart of one coin agree on what circulates, and on what did a week ago."""
    coins = venue.stablecoins("/stablecoins", includePrices="true")["peggedAssets"]
    tether = next(coin for coin in coins if coin["symbol"] == "USDT")
    page = venue.stablecoins(f"/stablecoin/{tether['id']}")
    chart = venue.stablecoins("/stablecoincharts/all", stablecoin=tether["id"])
    now = tether["circulating"]["peggedUSD"]
    assert page["tokens"][-1] == {
        "date": RUN_S,
        "circulating": {"peggedUSD": near(now)},
        "minted": 0,
        "unreleased": {"peggedUSD": 0},
        "bridgedTo": 0,
    }
    assert chart[-1]["totalCirculating"]["peggedUSD"] == near(now)
    on_chains = [c["current"]["peggedUSD"] for c in tether["chainCirculating"].values()]
    assert sum(on_chains) == near(now)
    week_ago = tether["circulatingPrevWeek"]["peggedUSD"]
    between = [p["circulating"]["peggedUSD"] for p in page["tokens"][-10:-6]]
    assert min(between) * 0.99 < week_ago < max(between) * 1.01


def test_the_truth_is_what_the_routes_say_of_complete_days(venue: Llama) -> None:
    """Whatever the subject's spelling on its route."""
    history = venue.api("/v2/historicalChainTvl/BSC")
    truth = venue.truth("chain:bsc", "tvl")
    assert truth["complete"] == [[p["date"], near(p["tvl"])] for p in history[:-1]]
    assert truth["running"] == [TODAY_S, near(history[-1]["tvl"])]
    page = venue.api("/protocol/uniswap")
    midnights = [[p["date"], near(p["totalLiquidityUSD"])] for p in page["tvl"][:-2]]
    assert venue.truth("protocol:uniswap", "tvl")["complete"] == midnights
    chart = venue.api("/summary/fees/hyperliquid")["totalDataChart"]
    assert venue.truth("protocol:hyperliquid", "fees")["complete"] == chart
    of_chain = venue.api("/overview/dexs/Ethereum")["totalDataChart"]
    assert venue.truth("chain:ethereum", "dex_volume")["complete"] == of_chain[:-1]
    pegs = venue.truth("chain:op-mainnet", "stablecoin_mcap")["running"]
    last = venue.stablecoins("/stablecoincharts/Optimism")[-1]["totalCirculatingUSD"]
    assert pegs == [TODAY_S, near(sum(last.values()))]


@pytest.mark.parametrize(
    ("subject", "metric"),
    [("chain:none", "tvl"), ("protocol:uniswap", "stablecoin_mcap"), ("chain:bsc", "none")],
)
def test_no_truth_about_what_is_not_there(venue: Llama, subject: str, metric: str) -> None:
    """A 400 that names it."""
    url = f"{venue.simulated.url}/__control__/defillama/truth"
    answer = venue.client.get(url, params={"subject": subject, "metric": metric})
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_it_moves_once_an_hour_and_the_past_stays() -> None:
    """Within an hour nothing changes; after it the present does, and no complete day."""
    with llama(Size(chains=52, protocols=60, stablecoins=14)) as venue:
        before = venue.api("/v2/historicalChainTvl/Ethereum")
        venue.simulated.jump(1_200)
        assert venue.api("/v2/historicalChainTvl/Ethereum") == before
        venue.simulated.jump(3_600)
        after = venue.api("/v2/historicalChainTvl/Ethereum")
        assert after[:-1] == before[:-1]
        assert after[-1]["tvl"] != before[-1]["tvl"]
        venue.simulated.jump(DAY_S)
        later = venue.api("/v2/historicalChainTvl/Ethereum")
        assert later[: len(before) - 1] == before[:-1]
        assert later[-1]["date"] == TODAY_S + DAY_S


def test_until_the_run_after_midnight_the_day_before_is_the_running_one() -> None:
    """At five past midnight the newest run was yesterday's last."""
    midnight = AT.replace(hour=0, minute=5)
    with llama(Size(chains=52, protocols=60, stablecoins=14), start=midnight) as venue:
        assert venue.api("/v2/historicalChainTvl/Ethereum")[-1]["date"] == TODAY_S - DAY_S
        assert venue.api("/overview/dexs")["totalDataChart"][-1][0] == TODAY_S - DAY_S


def test_a_world_is_its_seed() -> None:
    """The same seed and time make the same bytes, another seed makes others."""
    small = Size(chains=52, protocols=80, stablecoins=14)
    bodies = []
    for seed in (3, 3, 4):
        with llama(small, seed=seed) as venue:
            paths = ("/protocols", "/overview/options", "/protocol/felix-cdp")
            bodies.append([venue.response(path).content for path in paths])
    assert bodies[0] == bodies[1]
    assert all(a != b for a, b in zip(bodies[1], bodies[2], strict=True))
