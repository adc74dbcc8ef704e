"""The exchange's own Python client reads the simulator, REST and WebSocket, without a complaint."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from market_assets_tests.simulated import Simulated, simulated
from market_simulator.hyperliquid.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

hyperliquid_info = pytest.importorskip("hyperliquid.info", reason="hyperliquid-python-sdk")


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulated]:
    with simulated(limits=Limits(weight_per_minute=10**9)) as running:
        yield running


def test_rest(venue: Simulated) -> None:
    """Names, metas, mids, candles, funding and books."""
    info = hyperliquid_info.Info(venue.url, skip_ws=True, perp_dexs=["", "xyz"], timeout=10)
    now = venue.now_ms()
    assert info.name_to_coin["HYPE/USDC"] == "@107"
    assert info.asset_to_sz_decimals[info.coin_to_asset["BTC"]] == 5
    assert info.coin_to_asset["xyz:TSLA"] >= 110_000
    assert info.meta()["universe"][0]["name"] == "BTC"
    meta, contexts = info.meta_and_asset_ctxs()
    assert len(meta["universe"]) == len(contexts)
    spot, spot_contexts = info.spot_meta_and_asset_ctxs()
    assert len(spot["universe"]) < len(spot_contexts)
    assert spot["universe"] == info.spot_meta()["universe"]
    assert set(info.all_mids()) >= {"BTC", "@107"}
    assert set(info.all_mids("xyz")) >= {"xyz:TSLA"}
    rows = info.candles_snapshot("HYPE/USDC", "1h", now - 10**8, now)
    assert {row["s"] for row in rows} == {"@107"}
    history = info.funding_history("BTC", now - 10**8, now)
    assert [row["time"] for row in history] == sorted(row["time"] for row in history)
    book = info.l2_snapshot("BTC")
    assert float(book["levels"][0][0]["px"]) < float(book["levels"][1][0]["px"])
    assert info.perp_dexs()[0] is None


def test_websocket(venue: Simulated, capsys: pytest.CaptureFixture[str]) -> None:
    """Every market subscription calls back, and nothing arrives that the client does not expect."""
    info = hyperliquid_info.Info(venue.url, timeout=10)
    wanted = [
        {"type": "allMids"},
        {"type": "candle", "coin": "BTC", "interval": "1m"},
        {"type": "trades", "coin": "BTC"},
        {"type": "l2Book", "coin": "BTC"},
        {"type": "bbo", "coin": "BTC"},
        {"type": "activeAssetCtx", "coin": "BTC"},
        {"type": "activeAssetCtx", "coin": "@107"},
    ]
    heard: dict[int, list[Any]] = {i: [] for i in range(len(wanted))}
    try:
        for i, subscription in enumerate(wanted):
            info.subscribe(subscription, heard[i].append)
        deadline = time.monotonic() + 20
        while not all(heard.values()) and time.monotonic() < deadline:
            threading.Event().wait(0.05)
        assert all(heard.values())
        assert heard[1][0]["data"]["s"] == "BTC"
        assert heard[6][0]["channel"] == "activeSpotAssetCtx"
    finally:
        info.ws_manager.stop_event.set()
        info.disconnect_websocket()
    said = [
        line for line in capsys.readouterr().out.splitlines() if "subscriptionResponse" not in line
    ]
    assert said == []
