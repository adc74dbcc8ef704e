"""Listings out of decoded answers: joins, names, flags, and entries that are left out."""

from __future__ import annotations

import json
from typing import Any

from market_assets.sources.hyperliquid import wire
from market_assets.sources.hyperliquid.model import Listing
from market_assets.sources.hyperliquid.universe import perp_listings, spot_listings

from . import payloads


def perps(dex: str, answer: Any) -> tuple[dict[str, Listing], dict[str, str]]:
    listings, rejected = perp_listings(dex, *wire.decode_perps(json.dumps(answer).encode()))
    return {listing.symbol: listing for listing in listings}, rejected


def spot(answer: Any) -> tuple[dict[str, Listing], dict[str, str]]:
    listings, rejected = spot_listings(*wire.decode_spot(json.dumps(answer).encode()))
    return {listing.symbol: listing for listing in listings}, rejected


def copy(answer: Any) -> Any:
    return json.loads(json.dumps(answer))


def test_perps() -> None:
    """Delisted ones stay, and their market is empty although their mark price is not."""
    listings, rejected = perps("", payloads.META_AND_CONTEXTS)
    assert rejected == {}
    assert listings["BTC"] == Listing(
        symbol="BTC",
        kind="perp",
        dex="",
        display_name="BTC",
        sz_decimals=5,
        max_leverage=40,
        only_isolated=False,
        is_delisted=False,
        volume_24h=12377419030.3486595154,
        mid=66371.5,
    )
    assert listings["MATIC"].is_delisted
    assert listings["MATIC"].mid is None
    assert listings["kPEPE"].only_isolated


def test_only_isolated_from_the_flag_or_the_margin_mode() -> None:
    """The flag is deprecated: `strictIsolated` and `noCross` both mean the same without it."""
    answer = copy(payloads.DEX_META_AND_CONTEXTS)
    answer[0]["universe"][2]["marginMode"] = "strictIsolated"
    answer[0]["universe"].append({"name": "xyz:E", "szDecimals": 1, "maxLeverage": 3})
    answer[0]["universe"][3]["marginMode"] = "someNewMode"
    answer[1].append({})
    listings, _ = perps("xyz", answer)
    assert {name: listing.only_isolated for name, listing in listings.items()} == {
        "xyz:TSLA": False,
        "xyz:HOOD": True,
        "xyz:OLD": True,
        "xyz:E": False,
    }


def test_impossible_entries_are_left_out_with_a_reason() -> None:
    answer = copy(payloads.META_AND_CONTEXTS)
    universe, contexts = answer[0]["universe"], answer[1]
    universe += [
        {"name": "", "szDecimals": 1, "maxLeverage": 3},
        {"name": "xyz:TSLA", "szDecimals": 1, "maxLeverage": 3},
        {"name": "BTC", "szDecimals": 9, "maxLeverage": 3},
        {"name": "NEG", "szDecimals": -1, "maxLeverage": 3},
        {"name": "LEV", "szDecimals": 1, "maxLeverage": 0},
        {"name": 5, "szDecimals": 1, "maxLeverage": 3},
    ]
    contexts += [{"midPx": "1"}] * 6
    listings, rejected = perps("", answer)
    assert set(listings) == {"BTC", "MATIC", "kPEPE"}
    assert listings["BTC"].sz_decimals == 5, "the first entry of a name counts"
    assert set(rejected) == {"", "xyz:TSLA", "BTC", "NEG", "LEV", "[8]"}


def test_a_bad_market_costs_no_listing() -> None:
    """No price and no volume where they make no sense; the neighbours keep theirs."""
    answer = copy(payloads.META_AND_CONTEXTS)
    answer[1][0] = {"dayNtlVlm": "-3", "midPx": "NaN"}
    answer[1][1] = "?"
    listings, _ = perps("", answer)
    assert (listings["BTC"].volume_24h, listings["BTC"].mid) == (None, None)
    assert listings["kPEPE"].volume_24h == 81234.5


def test_markets_that_cannot_be_aligned_are_not_used() -> None:
    """One market too few: every one after the hole would be somebody else's."""
    answer = copy(payloads.META_AND_CONTEXTS)
    del answer[1][0]
    listings, rejected = perps("", answer)
    assert len(listings) == 3
    assert all(listing.volume_24h is None for listing in listings.values())
    assert rejected == {"(markets)": "2 markets for 3 assets: none of them is used"}


def test_builder_coins_carry_their_dex() -> None:
    """One without the prefix would pass for a coin of the first dex."""
    answer = copy(payloads.DEX_META_AND_CONTEXTS)
    answer[0]["universe"][1]["name"] = "BTC"
    listings, rejected = perps("xyz", answer)
    assert set(listings) == {"xyz:TSLA", "xyz:OLD"}
    assert "no coin of dex 'xyz'" in rejected["BTC"]
    assert {listing.dex for listing in listings.values()} == {"xyz"}


def test_spot_is_joined_by_index_and_coin() -> None:
    """Neither positions nor lengths of the three lists agree."""
    listings, rejected = spot(payloads.SPOT_META_AND_CONTEXTS)
    assert rejected == {}
    assert {name: listing.display_name for name, listing in listings.items()} == {
        "PURR/USDC": "PURR/USDC",
        "@107": "HYPE/USDC",
        "@207": "HYPE/USDT0",
    }
    assert listings["@107"] == Listing(
        symbol="@107",
        kind="spot",
        dex="",
        display_name="HYPE/USDC",
        sz_decimals=2,
        max_leverage=None,
        only_isolated=False,
        is_delisted=False,
        volume_24h=77000000.25,
        mid=38.125,
    )
    assert listings["@207"].mid is None
    assert listings["PURR/USDC"].volume_24h == 179216.62822


def test_spot_pairs_that_cannot_be() -> None:
    answer = copy(payloads.SPOT_META_AND_CONTEXTS)
    answer[0]["universe"] += [
        {"tokens": [1, 999], "name": "@5", "index": 5},
        {"tokens": [1, 0], "name": "@107", "index": 107},
        {"tokens": [1], "name": "@6", "index": 6},
    ]
    answer[0]["tokens"].append({"name": "X"})
    answer[1] = []
    listings, rejected = spot(answer)
    assert set(listings) == {"PURR/USDC", "@107", "@207"}
    assert set(rejected) == {"@5", "@107", "@6", "token X"}
    assert listings["@107"].mid is None, "a pair without a market is listed all the same"
