"""Recorded payloads are the judge: simulated answers have the same keys and types of values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from market_assets_tests.recordings import recordings
from market_assets_tests.simulated import Simulated, simulated
from market_assets_tests.simulator.test_stream import connected
from market_simulator.hyperliquid.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDED = recordings("hyperliquid")

pytestmark = pytest.mark.skipif(RECORDED is None, reason="the recordings are not on this machine")

TOLERATED = {
    "growthMode",  # newer than the recorded meta
    "lastGrowthModeChangeTime",
    "fast",  # newer than the recorded acknowledgement
    "assetToFundingInterestRate",  # newer than the recorded perpDexs
}
"""Keys that the fact sheet knows and that are younger than the recording."""


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulated]:
    limits = Limits(weight_per_minute=10**9)
    with simulated(main=60, builder=20, spot=60, limits=limits) as running:
        yield running


def recorded(name: str) -> Any:
    assert RECORDED is not None
    return json.loads((RECORDED / name).read_bytes())


def lines(name: str) -> list[Any]:
    assert RECORDED is not None
    return [json.loads(line) for line in (RECORDED / name).read_text().splitlines() if line]


def kind(value: object) -> str:
    """The type of a value; a string that is a number is told from one that is not."""
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return "text"
        return "number in text"
    return type(value).__name__


def shape(values: list[Any], at: str = "", found: dict[str, set[str]] | None = None) -> dict:
    """For each path in some values the kinds of what stands there."""
    found = {} if found is None else found
    for value in values:
        found.setdefault(at, set()).add(kind(value))
        if isinstance(value, dict):
            for key, inner in value.items():
                if key not in TOLERATED:
                    shape([inner], f"{at}.{key}", found)
        elif isinstance(value, list):
            shape(value, f"{at}[]", found)
    return found


def assert_same_shape(made: object, real: object, *, optional: tuple[str, ...] = ()) -> None:
    """Same paths, and at each path only kinds that the recording has there too.

    Args:
        made: the simulated answer.
        real: the recorded one.
        optional: paths that may be missing on either side.
    """
    ours, theirs = shape([made]), shape([real])
    for paths in (ours, theirs):
        for path in optional:
            for known in list(paths):
                if known.startswith(path):
                    del paths[known]
    assert set(ours) == set(theirs)
    for path, kinds in ours.items():
        assert kinds <= theirs[path] | {"number in text" if "text" in theirs[path] else ""}, path


def test_meta_and_contexts(venue: Simulated) -> None:
    """`metaAndAssetCtxs`, with delisted assets, nulls and float noise."""
    made, real = (
        venue.info(type="metaAndAssetCtxs"),
        recorded("rest_metaAndAssetCtxs_main_20260206.json"),
    )
    assert_same_shape(made, real)
    assert set(made[1][0]) == set(real[1][0])
    noisy = [c for c in made[1] if len(c["dayNtlVlm"].partition(".")[2]) > 8]
    assert noisy, "volumes carry the noise of floats"


def test_meta_of_a_builder_dex(venue: Simulated) -> None:
    """The keys of an asset are among those recorded of a builder's."""
    real = recorded("rest_selection_20260719_m1.json")["selection"]["hip3Universe"]
    allowed = {key for asset in real for key in asset} - {"index"} | {"isDelisted"}
    for asset in venue.info(type="meta", dex="xyz")["universe"]:
        assert set(asset) <= allowed
        assert asset["name"].startswith("xyz:")


def test_spot_meta(venue: Simulated) -> None:
    """`spotMeta`: pairs, tokens, contracts or null."""
    made = venue.info(type="spotMeta")
    real = recorded("rest_spotMeta_20250822.json")
    assert_same_shape(made, real)


def test_spot_contexts(venue: Simulated) -> None:
    """A spot context has the recorded keys."""
    real = recorded("rest_selection_20260719_m5.json")["selection"]["spotAssetContexts"]
    made = venue.info(type="spotMetaAndAssetCtxs")[1]
    for row in made:
        assert set(row) == set(real[0]) - {"index"}
        assert {kind(row[k]) for k in ("markPx", "prevDayPx", "dayNtlVlm")} == {"number in text"}


def test_mids(venue: Simulated) -> None:
    """A flat map of numbers in text, delisted assets in it."""
    made, real = venue.info(type="allMids"), recorded("rest_allMids_main_20251213T212831.json")
    assert {kind(v) for v in made.values()} == {kind(v) for v in real.values()}
    assert list(made) == sorted(made)
    assert {"MATIC", "PURR/USDC", "@107"} <= set(made) & set(real)


def test_candles(venue: Simulated) -> None:
    """`candleSnapshot` rows."""
    now = venue.now_ms()
    request = {"coin": "kPEPE", "interval": "1h", "startTime": now - 10**8, "endTime": now}
    made = venue.info(type="candleSnapshot", req=request)
    real = recorded("rest_candleSnapshot_kPEPE_1h_202305.json")
    assert_same_shape(made, real)
    assert_same_shape(made, recorded("rest_candleSnapshot_spot_@107_1d_202501.json"))
    assert made[1]["t"] - made[0]["t"] == real[1]["t"] - real[0]["t"]
    assert made[0]["T"] - made[0]["t"] == real[0]["T"] - real[0]["t"]


def test_books_trades_funding_and_dexs(venue: Simulated) -> None:
    """The other bodies that were recorded whole."""
    assert_same_shape(
        venue.info(type="l2Book", coin="BTC"), recorded("rest_l2Book_BTC_20250826.json")
    )
    assert_same_shape(
        venue.info(type="recentTrades", coin="BTC"),
        recorded("rest_recentTrades_BTC_2rows_20260906.json"),
    )
    start = venue.now_ms() - 10**8
    assert_same_shape(
        venue.info(type="fundingHistory", coin="BTC", startTime=start),
        recorded("rest_fundingHistory_BTC_8h_era_20230512_0523.json"),
    )
    assert_same_shape(venue.info(type="perpDexs"), recorded("rest_perpDexs_20251213T1322.json"))
    for kind_ in ("perpDexLimits", "perpDexStatus"):
        assert_same_shape(
            venue.info(type=kind_, dex="xyz"), recorded(f"rest_{kind_}_xyz_20251213.json")
        )


def test_annotations(venue: Simulated) -> None:
    """What is known from the documentation only."""
    samples = recorded("docs_samples_categories_outcomes_fastctx.json")
    made = venue.info(type="perpCategories")
    assert {tuple(map(kind, row)) for row in made} == {("text", "text")}
    assert {kind(row) for row in samples["perpCategories"]} == {"list"}
    annotation = venue.info(type="perpAnnotation", coin="xyz:TSLA")
    assert set(annotation) == set(samples["perpAnnotation"])
    assert venue.info(type="perpAnnotation", coin="BTC") is None
    assert_same_shape(venue.info(type="perpConciseAnnotations"), samples["perpConciseAnnotations"])


def test_frames(venue: Simulated) -> None:
    """Acknowledgement and first data of each recorded channel."""
    pairs = [x["msg"] for x in lines("ws_subscribe_ack_data_pairs_HYPE_202512.jsonl")]
    for i in range(0, len(pairs), 3):
        asked, ack, data = pairs[i : i + 3]
        wanted = dict(asked["subscription"])
        if wanted.get("interval"):
            wanted["interval"] = "1m"
        with connected(venue) as ws:
            ws.subscribe(**wanted)
            assert_same_shape(ws.until("subscriptionResponse"), ack)
            made = ws.until(data["channel"])
            if data["channel"] == "allMids":
                assert set(made["data"]) == {"mids"}
            else:
                assert_same_shape(made, data)


def test_contexts_and_pongs(venue: Simulated) -> None:
    """`activeAssetCtx` (recorded on the testnet) and pong, which has no data key."""
    with connected(venue) as ws:
        ws.subscribe(type="activeAssetCtx", coin="BTC")
        made = ws.until("activeAssetCtx")
        assert_same_shape(made, recorded("ws_activeAssetCtx_BTC_testnet_20260725.json"))
        ws.send({"method": "ping"})
        assert ws.until("pong") == lines("ws_ack_and_pong_frames.jsonl")[1]
    texts = [frame["data"] for frame in lines("ws_error_channel_limits_20251110.jsonl")]
    assert "Cannot subscribe to more than 1000 channels." in texts
    assert "Cannot send more than 2000 messages per minute." in texts
