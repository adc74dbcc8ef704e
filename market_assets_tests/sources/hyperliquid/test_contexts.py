"""Asset contexts: joins, tokens, NULLs, and what one bad answer costs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from market_assets.clock import ManualClock
from market_assets.sources.errors import VenueError, VenueNonsense
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.contexts import perp_contexts, spot_contexts
from market_assets.sources.hyperliquid.market_wire import decode_perp_markets, decode_spot_markets
from market_assets.sources.hyperliquid.model import DEXS, SPOT, AssetContext
from market_assets.sources.hyperliquid.quotes import ONLY_USDC, Quote
from market_assets.sources.retry import RetryPolicy
from market_assets_tests.sources.http_server import Reply, Server, serving

from . import payloads

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
QUOTES = {**ONLY_USDC, 360: Quote("USDH", 0.998), 235: Quote("USDE", None)}
ANSWERS = {
    ("perpDexs", ""): payloads.DEXS,
    ("metaAndAssetCtxs", ""): payloads.META_AND_CONTEXTS,
    ("metaAndAssetCtxs", "xyz"): payloads.DEX_META_AND_CONTEXTS,
    ("spotMetaAndAssetCtxs", ""): payloads.SPOT_META_AND_CONTEXTS,
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        running.default = lambda request: Reply(body=ANSWERS[_name(request)])
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[HyperliquidClient]:
    once = RetryPolicy(attempts=1, first_delay=0, longest_delay=0, busy_delay=0)
    made = HyperliquidClient(server.url, clock=ManualClock(NOW), timeout=2.0, retries=once)
    yield made
    made.close()


def _name(request: dict[str, Any]) -> tuple[str, str]:
    return request["type"], request.get("dex", "")


def _copy(answer: Any) -> Any:
    return json.loads(json.dumps(answer))


def _perps(answer: Any, dex: str = "") -> tuple[dict[str, AssetContext], dict[str, str]]:
    decoded = decode_perp_markets(json.dumps(answer).encode())
    found, rejected = perp_contexts(dex, decoded, QUOTES, NOW)
    return {one.symbol: one for one in found}, rejected


def test_a_perp_as_the_exchange_gives_it() -> None:
    found, rejected = _perps(payloads.META_AND_CONTEXTS)
    assert rejected == {}
    assert found["BTC"] == AssetContext(
        symbol="BTC",
        received_at=NOW,
        mark_px=66344.0,
        oracle_px=66383.0,
        mid_px=66371.5,
        funding_rate=0.0000125,
        premium=-0.0001657051,
        open_interest=22727.78266,
        volume_24h_quote=12377419030.3486595154,
        volume_24h_base=189106.61428,
        prev_day_px=69557.0,
        impact_bid_px=66371.0,
        impact_ask_px=66372.0,
        quote_token="USDC",
        quote_usd=1.0,
        is_delisted=False,
    )


def test_what_is_not_given_is_none_and_a_delisted_asset_keeps_its_stale_mark() -> None:
    found, _ = _perps(payloads.META_AND_CONTEXTS)
    gone = found["MATIC"]
    assert gone.is_delisted
    assert gone.mark_px == 0.37621
    assert (gone.mid_px, gone.premium, gone.impact_bid_px) == (None, None, None)
    assert found["kPEPE"].funding_rate is None


@pytest.mark.parametrize("value", ["0.0", "-1.5", "nan", "inf"])
def test_a_price_that_is_none_becomes_null_and_costs_no_row(value: str) -> None:
    answer = _copy(payloads.META_AND_CONTEXTS)
    answer[1][0]["markPx"] = value
    found, rejected = _perps(answer)
    assert found["BTC"].mark_px is None
    assert rejected == {}


@pytest.mark.parametrize("bad", [None, "what", [], 7], ids=str)
def test_nonsense_for_one_asset_costs_its_row_and_names_it(bad: Any) -> None:
    answer = _copy(payloads.META_AND_CONTEXTS)
    answer[1][0] = bad
    found, rejected = _perps(answer)
    assert set(found) == {"MATIC", "kPEPE"}
    assert set(rejected) == {"BTC"}


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("markPx", [1], "mark_px"),
        ("openInterest", {}, "open_interest"),
        ("impactPxs", ["1"], "impact_bid_px"),
        ("funding", True, "funding_rate"),
    ],
)
def test_a_value_of_another_type_costs_only_itself(key: str, value: Any, field: str) -> None:
    """It is named beside the asset's symbol; all other values are as they were."""
    whole, _ = _perps(payloads.META_AND_CONTEXTS)
    answer = _copy(payloads.META_AND_CONTEXTS)
    answer[1][0][key] = value
    found, rejected = _perps(answer)
    assert list(rejected) == [f"BTC {key}"]
    assert getattr(found["BTC"], field) is None
    lost = {field: None, "impact_ask_px": None} if key == "impactPxs" else {field: None}
    assert found == {**whole, "BTC": whole["BTC"]._replace(**lost)}


def test_lists_of_different_lengths_say_nothing() -> None:
    answer = _copy(payloads.META_AND_CONTEXTS)
    answer[1].pop()
    with pytest.raises(VenueNonsense, match="2 contexts for 3 assets"):
        _perps(answer)


def test_a_coin_of_another_dex_and_one_listed_twice_are_left_out() -> None:
    answer = _copy(payloads.META_AND_CONTEXTS)
    answer[0]["universe"][1]["name"] = "xyz:TSLA"
    answer[0]["universe"][2]["name"] = "BTC"
    found, rejected = _perps(answer)
    assert found["BTC"].mark_px == 66344.0
    assert set(rejected) == {"xyz:TSLA", "BTC"}


@pytest.mark.parametrize(
    ("collateral", "dex", "quote"),
    [(0, "xyz", "USDC"), (360, "xyz", "USDH"), (999, "xyz", None), (None, "xyz", None)],
)
def test_the_token_of_a_dex_is_its_collateral(
    collateral: int | None, dex: str, quote: str | None
) -> None:
    answer = _copy(payloads.DEX_META_AND_CONTEXTS)
    answer[0]["collateralToken"] = collateral
    found, _ = _perps(answer, dex)
    assert found["xyz:TSLA"].quote_token == quote


def test_the_first_dex_was_settled_in_usdc_before_it_said_so() -> None:
    answer = _copy(payloads.META_AND_CONTEXTS)
    del answer[0]["collateralToken"]
    assert _perps(answer)[0]["BTC"].quote_token == "USDC"


def test_figures_in_dollars_by_the_price_of_the_token() -> None:
    """USDC is a dollar; another token has its own price, or nobody knows."""
    answer = _copy(payloads.DEX_META_AND_CONTEXTS)
    answer[1][0] |= {"openInterest": "10.0", "markPx": "2.5"}
    for collateral, usd in (
        (0, (25.0, 1892351.8189499998)),
        (360, (25.0 * 0.998, 1892351.8189499998 * 0.998)),
        (235, (None, None)),
        (999, (None, None)),
    ):
        answer[0]["collateralToken"] = collateral
        found, _ = _perps(answer, "xyz")
        row = frames.asset_contexts([found["xyz:TSLA"]], NOW).row(0, named=True)
        assert (row["open_interest_usd"], row["volume_24h_usd"]) == usd
        assert row["volume_24h_quote"] == 1892351.8189499998
        assert (row["observed_at"], row["ingested_at"]) == (NOW, NOW)


def test_spot_is_joined_by_coin_and_names_its_quote_token() -> None:
    decoded = decode_spot_markets(json.dumps(payloads.SPOT_META_AND_CONTEXTS).encode())
    found, rejected = spot_contexts(decoded, NOW)
    by_symbol = {one.symbol: one for one in found}
    assert rejected == {}
    assert {s: (c.mid_px, c.quote_token) for s, c in by_symbol.items()} == {
        "PURR/USDC": (0.073122, "USDC"),
        "@107": (38.125, "USDC"),
        "@207": (None, "USDT0"),
    }
    assert by_symbol["@107"].open_interest is None
    assert by_symbol["@107"].funding_rate is None


def test_a_pair_whose_context_is_null_is_named() -> None:
    answer = _copy(payloads.SPOT_META_AND_CONTEXTS)
    answer[1][2] = None
    found, rejected = spot_contexts(decode_spot_markets(json.dumps(answer).encode()), NOW)
    assert {one.symbol for one in found} == {"PURR/USDC", "@207"}
    assert "@107" in rejected


def test_every_dex_and_spot_in_one_poll(client: HyperliquidClient) -> None:
    answer = client.asset_contexts()
    assert len(answer.contexts) == 9
    assert (answer.failures, answer.rejected) == ({}, {})
    assert frames.asset_contexts(answer.contexts, NOW).height == 9


BAD = {
    "null": Reply(200, None),
    "500": Reply(500, None),
    "html": Reply(502, b"<html>Bad Gateway</html>"),
    "other": Reply(200, {"universe": "none"}),
    "cut": Reply(200, b'[{"universe":['),
}


COSTS = {
    "xyz": (("metaAndAssetCtxs", "xyz"), {"BTC", "MATIC", "kPEPE", "PURR/USDC"}),
    SPOT: (("spotMetaAndAssetCtxs", ""), {"BTC", "xyz:TSLA"}),
    DEXS: (("perpDexs", ""), {"BTC", "PURR/USDC"}),
}
"""The request that fails by the name under which that is said, and what is there all the same."""


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("failure", COSTS)
def test_a_bad_answer_costs_its_own_rows_and_is_named(
    server: Server, client: HyperliquidClient, bad: str, failure: str
) -> None:
    name, left = COSTS[failure]
    good = server.default
    server.default = lambda request: BAD[bad] if _name(request) == name else good(request)
    answer = client.asset_contexts()
    assert set(answer.failures) == {failure}
    assert left <= {one.symbol for one in answer.contexts}


def test_a_venue_that_is_away_is_an_error_after_two_requests(
    server: Server, client: HyperliquidClient
) -> None:
    server.default = lambda _: Reply(502, b"<html></html>")
    with pytest.raises(VenueError):
        client.asset_contexts()
    assert len(server.requests) == 2
