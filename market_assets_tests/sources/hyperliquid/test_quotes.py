"""What tokens are worth: their own mid against USDC, and nothing in its place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from market_assets.clock import ManualClock
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.contexts import spot_contexts
from market_assets.sources.hyperliquid.market_wire import decode_spot_markets
from market_assets.sources.hyperliquid.quotes import Quote, collateral_of, quotes_of
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.http_server import Reply, serving
from market_assets_tests.sources.hyperliquid import payloads

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAIRS = {"@193": (360, 0), "@150": (235, 0), "@151": (235, 0), "@9": (235, 360), "@8": (0, 360)}
TOKENS = {0: "USDC", 360: "USDH", 235: "USDE", 7: "NONE"}


def spot(**mids: Any) -> Any:
    """`spotMetaAndAssetCtxs` of these pairs; a mid, or a mid and a volume."""
    rows = []
    for coin, said in mids.items():
        mid, volume = said if isinstance(said, tuple) else (said, "10.0")
        rows.append({"coin": coin.replace("at", "@"), "midPx": mid, "dayNtlVlm": volume})
    meta = {
        "tokens": [{"name": n, "index": i, "szDecimals": 2} for i, n in TOKENS.items()],
        "universe": [
            {"name": name, "tokens": list(tokens), "index": 1} for name, tokens in PAIRS.items()
        ],
    }
    return [meta, rows]


def quotes(answer: Any) -> dict[int, Quote]:
    decoded = decode_spot_markets(json.dumps(answer).encode())
    return quotes_of(decoded.tokens.items, decoded.pairs.items, decoded.markets.items)


@pytest.mark.parametrize(
    ("mids", "usdh", "usde"),
    [
        ({"at193": "0.998", "at150": "1.002"}, 0.998, 1.002),
        ({"at193": None, "at150": "1.002"}, None, 1.002),
        ({"at193": "0.0", "at150": "-1"}, None, None),
        ({"at193": "nan", "at150": "inf"}, None, None),
        ({}, None, None),
        ({"at9": "1.5", "at8": "0.5"}, None, None),
        ({"at150": ("0.5", "1.0"), "at151": ("1.001", "9.0")}, None, 1.001),
        ({"at150": ("0.5", None), "at151": (None, "9.0")}, None, 0.5),
    ],
    ids=[
        "mids",
        "nobody quotes it",
        "no prices",
        "no numbers",
        "no pairs",
        "pairs against others",
        "the most traded of two",
        "the one with a mid",
    ],
)
def test_a_token_is_worth_its_mid_against_usdc(
    mids: dict[str, Any], usdh: float | None, usde: float | None
) -> None:
    found = quotes(spot(**mids))
    assert (found[360], found[235]) == (Quote("USDH", usdh), Quote("USDE", usde))
    assert found[0] == Quote("USDC", 1.0)
    assert found[7] == Quote("NONE", None)


def test_what_a_dex_is_settled_in() -> None:
    """The exchange's own was in USDC before it said so; no other dex is taken to be."""
    known = quotes(spot(at193="0.998"))
    assert collateral_of("", None, known) == Quote("USDC", 1.0)
    assert collateral_of("km", 360, known) == Quote("USDH", 0.998)
    for unsaid in (None, 999):
        assert collateral_of("km", unsaid, known) is None


def exchange(spot_says: Any) -> Any:
    """Two dexs of equal figures, settled in USDC and in USDH."""

    def answer(request: dict[str, Any]) -> Reply:
        dex = request.get("dex", "")
        if request["type"] == "perpDexs":
            return Reply(body=[None, {"name": "km"}, {"name": "xyz"}])
        if request["type"] == "spotMetaAndAssetCtxs":
            return spot_says if isinstance(spot_says, Reply) else Reply(body=spot_says)
        prefix = f"{dex}:" if dex else ""
        market = {"markPx": "2.0", "midPx": "2.0", "openInterest": "50.0", "dayNtlVlm": "1000.0"}
        asset = {"name": f"{prefix}A", "szDecimals": 1, "maxLeverage": 5}
        collateral = {"km": 360, "xyz": 0, "": 0}[dex]
        return Reply(body=[{"universe": [asset], "collateralToken": collateral}, [market]])

    return answer


@pytest.mark.parametrize(
    ("spot_says", "price"),
    [(spot(at193="0.5"), 0.5), (spot(at193=None), None), (Reply(500, None), None)],
    ids=["a mid", "no mid", "no spot"],
)
def test_a_dex_settled_in_another_token_has_dollars_by_its_mid(
    spot_says: Any, price: float | None
) -> None:
    """Contexts and registry alike: half the open interest, half the volume, half the rank."""
    once = RetryPolicy(attempts=1, first_delay=0, longest_delay=0, busy_delay=0)
    with serving() as server:
        server.default = exchange(spot_says)
        client = HyperliquidClient(server.url, clock=ManualClock(NOW), retries=once)
        frame = frames.asset_contexts(client.asset_contexts().contexts, NOW)
        listed = {one.symbol: one.volume_24h for one in client.universe().listings}
        client.close()
    rows = {row["symbol"]: row for row in frame.iter_rows(named=True)}
    usd = {name: rows[name]["quote_usd"] for name in ("A", "xyz:A", "km:A")}
    assert usd == {"A": 1.0, "xyz:A": 1.0, "km:A": price}
    assert rows["km:A"]["open_interest_usd"] == (None if price is None else 50.0)
    assert rows["km:A"]["volume_24h_usd"] == (None if price is None else 500.0)
    assert rows["xyz:A"]["open_interest_usd"] == 100.0
    assert listed["km:A"] == (None if price is None else 500.0)
    assert (listed["A"], listed["xyz:A"]) == (1000.0, 1000.0)


def test_a_spot_pair_quoted_in_another_token() -> None:
    """HYPE in USDT0, whose own pair is not there: no dollars; against USDC they are."""
    answer = json.loads(json.dumps(payloads.SPOT_META_AND_CONTEXTS))
    answer[0]["universe"].append({"tokens": [268, 0], "name": "@166", "index": 166})
    for mid, volume in ((None, None), ("1.25", 5.5 * 1.25)):
        answer[1][0] = {"coin": "@166", "midPx": mid}
        decoded = decode_spot_markets(json.dumps(answer).encode())
        found, _ = spot_contexts(decoded, NOW)
        rows = frames.asset_contexts(found, NOW)
        assert rows.filter(symbol="@207")["volume_24h_usd"].item() == volume
