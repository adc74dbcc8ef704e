"""`POST /info` over the wire: what is refused and how, what it weighs, and listings that change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest

from market_assets_tests.simulated import Simulated, simulated
from market_assets_tests.simulator.test_stream import connected
from market_simulator.hyperliquid.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

MISFIT = "Failed to deserialize the JSON body into the target type"


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulated]:
    with simulated(limits=Limits(weight_per_minute=10**9)) as running:
        yield running


def post(venue: Simulated, body: object = None, content: bytes | None = None) -> httpx.Response:
    headers = {"content-type": "application/json"}
    if content is not None:
        return httpx.post(f"{venue.url}/info", content=content, headers=headers, trust_env=False)
    return httpx.post(f"{venue.url}/info", json=body, trust_env=False)


def candles(**more: object) -> dict[str, object]:
    request = {"coin": "BTC", "interval": "1m", "startTime": 0, "endTime": 1} | more
    return {"type": "candleSnapshot", "req": {k: v for k, v in request.items() if v is not None}}


@pytest.mark.parametrize(
    "body",
    [
        {"type": "nope"},
        {},
        [],
        {"type": "candleSnapshot", "coin": "BTC", "interval": "1m", "startTime": 0},
        candles(coin=None),
        candles(interval="7m"),
        candles(startTime=-1),
        candles(startTime="0"),
        candles(startTime=None),
        {"type": "l2Book"},
        {"type": "l2Book", "coin": 7},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 9},
        {"type": "perpDexLimits"},
        {"type": "fundingHistory", "coin": "BTC", "startTime": 1.5},
    ],
)
def test_what_cannot_be_read_is_422(venue: Simulated, body: object) -> None:
    """Unknown type, missing field, wrong JSON type, negative time: text/plain, one sentence."""
    answer = post(venue, body)
    assert (answer.status_code, answer.text) == (422, MISFIT)
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (candles(coin="NOPE"), 500),
        ({"type": "recentTrades", "coin": "NOPE"}, 500),
        ({"type": "meta", "dex": "nope"}, 500),
        ({"type": "perpDexLimits", "dex": ""}, 500),
        ({"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 1}, 500),
        ({"type": "l2Book", "coin": "NOPE"}, 200),
    ],
)
def test_what_is_not_there_is_null(venue: Simulated, body: object, status: int) -> None:
    """500 with the body null; a book of an unknown coin is null with 200."""
    answer = post(venue, body)
    assert (answer.status_code, answer.text) == (status, "null")


def test_bodies_that_are_not_json(venue: Simulated) -> None:
    """400 for broken JSON, 415 without the media type, 405 for GET, 404 elsewhere."""
    assert post(venue, content=b"{").status_code == 400
    assert httpx.post(f"{venue.url}/info", content=b"{}", trust_env=False).status_code == 415
    assert httpx.get(f"{venue.url}/info", trust_env=False).status_code == 405
    assert httpx.get(f"{venue.url}/", trust_env=False).status_code == 404


def test_weights_are_counted_with_their_rows_and_enforced() -> None:
    """20 for candles and 1 per 60 rows, 2 for mids; beyond 1,200: 429 with the body null."""
    with simulated(main=1, builder=0, spot=1) as venue:
        now = venue.now_ms()
        span = {"startTime": now - 6_000_000_000, "endTime": now}
        answer = post(venue, candles(**span))
        assert len(answer.json()) == 5000
        assert venue.stats()["weight_last_minute"] == {"127.0.0.1": 103}
        post(venue, {"type": "allMids"})
        assert venue.stats()["weight_last_minute"] == {"127.0.0.1": 105}
        for _ in range(10):
            assert post(venue, candles(**span)).status_code == 200
        assert venue.stats()["weight_last_minute"] == {"127.0.0.1": 1135}
        assert post(venue, {"type": "meta"}).status_code == 200
        assert post(venue, {"type": "meta"}).status_code == 200
        assert post(venue, {"type": "meta"}).status_code == 200
        refused = post(venue, {"type": "meta"})
        assert (refused.status_code, refused.text) == (429, "null")
        assert post(venue, {"type": "allMids"}).status_code == 200
        assert venue.stats()["requests"]["meta"] == {"200": 3, "429": 1}


def test_weight_comes_back_after_a_minute_of_the_venue_s_clock() -> None:
    """The window slides."""
    with simulated(main=1, builder=0, spot=1, speed=120, limits=Limits(weight_per_minute=20)) as v:
        assert post(v, {"type": "meta"}).status_code == 200
        assert post(v, {"type": "meta"}).status_code == 429
        deadline = time.monotonic() + 5
        while post(v, {"type": "meta"}).status_code == 429:
            assert time.monotonic() < deadline


def test_spot_contexts_are_not_aligned_with_the_pairs() -> None:
    """More contexts than pairs, in another order; every pair's context is found by its coin."""
    with simulated(main=1, builder=0, spot=30) as venue:
        meta, contexts = venue.info(type="spotMetaAndAssetCtxs")
        pairs = [pair["name"] for pair in meta["universe"]]
        coins = [context["coin"] for context in contexts]
        assert len(coins) > len(pairs)
        assert coins[: len(pairs)] != pairs
        assert set(pairs) < set(coins)
        positions = [pair["index"] for pair in meta["universe"]]
        assert positions != list(range(len(pairs)))
        assert [f"@{p}" if p else "PURR/USDC" for p in positions] == pairs


def test_the_default_listing_is_of_the_real_size() -> None:
    """About 400 live assets; 38 delisted; builder dexs with other collateral, and with nulls."""
    with simulated(main=190, builder=60, spot=150) as venue:
        main, contexts = venue.info(type="metaAndAssetCtxs", dex="")
        delisted = [a["name"] for a in main["universe"] if a.get("isDelisted")]
        assert (len(main["universe"]), len(delisted)) == (228, 38)
        assert {"kPEPE", "kBONK", "HYPE"} <= {a["name"] for a in main["universe"]}
        assert all(a.get("isDelisted") is not False for a in main["universe"])
        dexs = venue.info(type="perpDexs")
        assert dexs[0] is None
        metas = venue.info(type="allPerpMetas")
        assert len(metas) == len(dexs) == 5
        assert {m["collateralToken"] for m in metas} == {0, 360, 235}
        live = sum(not a.get("isDelisted") for m in metas for a in m["universe"])
        assert 380 <= live + len(venue.info(type="spotMeta")["universe"]) <= 420
        xyz, rows = venue.info(type="metaAndAssetCtxs", dex="xyz")
        null = [
            a["name"]
            for a, row in zip(xyz["universe"], rows, strict=True)
            if row["midPx"] is None and not a.get("isDelisted")
        ]
        assert null == ["xyz:COST", "xyz:KR200"]
        thin = [r for r in contexts if r["midPx"] is not None and r["impactPxs"] is None]
        assert thin


def test_listing_delisting_and_relisting() -> None:
    """A new asset trades from its listing on; a delisted one keeps its mark and its place."""
    with simulated(main=2, builder=1, spot=1, speed=60) as venue, connected(venue) as ws:
        before = [a["name"] for a in venue.info(type="meta")["universe"]]
        venue.list_asset("NEWCOIN", anchor=12.5)
        assert [a["name"] for a in venue.info(type="meta")["universe"]] == [*before, "NEWCOIN"]
        ws.subscribe(type="candle", coin="NEWCOIN", interval="1m")
        assert ws.until("candle")["data"]["s"] == "NEWCOIN"
        now = venue.now_ms()
        rows = venue.truth("NEWCOIN", "1m", now - 10**7, now)
        assert 1 <= len(rows) < 60
        assert float(rows[0]["o"]) == pytest.approx(12.5, rel=1)

        venue.delist("NEWCOIN")
        asset = venue.info(type="meta")["universe"][-1]
        assert asset["isDelisted"] is True
        context = venue.info(type="metaAndAssetCtxs")[1][-1]
        assert context["midPx"] is None
        mark = venue.info(type="allMids")["NEWCOIN"]
        end = venue.now_ms() + 180_000
        while venue.now_ms() < end:
            assert venue.info(type="allMids")["NEWCOIN"] == mark

        venue.relist("NEWCOIN")
        assert "isDelisted" not in venue.info(type="meta")["universe"][-1]
        assert ws.until("candle")["data"]["t"] >= end - 60_000

        venue.list_asset("xyz:FRESH")
        assert venue.info(type="meta", dex="xyz")["universe"][-1]["name"] == "xyz:FRESH"


def test_an_asset_and_a_dex_are_taken_back_and_come_again() -> None:
    """From every list, and refused by name; who watches an asset hears nothing until it is back."""
    with simulated(main=3, builder=3, spot=2, speed=60) as venue, connected(venue) as ws:
        dexs = [dex["name"] for dex in venue.info(type="perpDexs")[1:]]
        ws.subscribe(type="candle", coin="ETH", interval="1m")
        ws.until("candle")
        for name in ("ETH", "@107", "xyz"):
            venue.remove(name)
        meta, contexts = venue.info(type="metaAndAssetCtxs")
        names = [asset["name"] for asset in meta["universe"]]
        assert "ETH" not in names
        assert len(names) == len(contexts)
        assert "@107" not in [pair["name"] for pair in venue.info(type="spotMeta")["universe"]]
        assert [dex["name"] for dex in venue.info(type="perpDexs")[1:]] == dexs[1:]
        assert not {"ETH", "@107"} & venue.info(type="allMids").keys()
        for request in (
            {"type": "l2Book", "coin": "ETH"},
            candles(coin="ETH"),
            {"type": "meta", "dex": "xyz"},
            {"type": "allMids", "dex": "xyz"},
        ):
            answer = post(venue, request)
            assert (answer.status_code, answer.text) in ((500, "null"), (200, "null")), request
        now = venue.now_ms()
        for name in ("ETH", "@107", "xyz"):
            venue.restore(name)
        assert ws.until("candle")["data"]["T"] >= now
        assert [asset["name"] for asset in venue.info(type="meta")["universe"]][: len(names)]
        assert [dex["name"] for dex in venue.info(type="perpDexs")[1:]] == dexs
        assert venue.info(type="meta", dex="xyz")["universe"]


@pytest.mark.parametrize(
    "body",
    [
        {"action": "list", "coin": "BTC"},
        {"action": "list", "coin": "nodex:X"},
        {"action": "delist", "coin": "NOPE"},
        {"action": "remove", "coin": "NOPE"},
        {"action": "restore", "coin": "nodex"},
        {"action": "explode", "coin": "BTC"},
        {"coin": "BTC"},
        None,
    ],
)
def test_listings_that_make_no_sense_are_refused(venue: Simulated, body: object) -> None:
    """400 with a reason, and nothing changes."""
    answer = httpx.post(f"{venue.url}/__control__/listing", json=body, trust_env=False)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_clock_can_be_set(venue: Simulated) -> None:
    """Forward and back; candles end at the venue's own present."""
    before = venue.now_ms()
    venue.jump(7200)
    assert venue.now_ms() - before >= 7_200_000
    rows = venue.truth("BTC", "1m", venue.now_ms() - 60_000, venue.now_ms())
    assert rows[-1]["t"] > before + 7_000_000
    venue.jump(-7200)
    assert venue.now_ms() - before < 600_000
    answer = httpx.post(f"{venue.url}/__control__/clock", json={"jump_s": "x"}, trust_env=False)
    assert answer.status_code == 400


def test_truth_needs_its_parameters(venue: Simulated) -> None:
    """400 with a reason."""
    answer = httpx.get(f"{venue.url}/__control__/truth?coin=BTC", trust_env=False)
    assert answer.status_code == 400
