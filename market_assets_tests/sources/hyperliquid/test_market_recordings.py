"""Contexts, funding and books as they were recorded: they come out as they went in."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from market_assets.clock import ManualClock, from_ms
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.contexts import perp_contexts, spot_contexts
from market_assets.sources.hyperliquid.market_wire import (
    decode_book,
    decode_perp_markets,
    decode_spot_markets,
)
from market_assets.sources.hyperliquid.quotes import ONLY_USDC
from market_assets_tests.recordings import recordings
from market_assets_tests.sources.http_server import Reply, serving

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder() -> Path:
    found = recordings("hyperliquid")
    if found is None:
        pytest.skip("no recordings beside this repository")
    return found


def test_contexts_of_the_first_dex(folder: Path) -> None:
    """228 perps: every figure is the recorded one; delisted ones have a stale mark."""
    body = (folder / "rest_metaAndAssetCtxs_main_20260206.json").read_bytes()
    found, rejected = perp_contexts("", decode_perp_markets(body), ONLY_USDC, NOW)
    assert rejected == {}
    frame = frames.asset_contexts(found, NOW)
    meta, contexts = json.loads(body)
    assert frame["symbol"].to_list() == [asset["name"] for asset in meta["universe"]]
    for ours, column in (
        ("mark_px", "markPx"),
        ("oracle_px", "oraclePx"),
        ("mid_px", "midPx"),
        ("funding_rate", "funding"),
        ("premium", "premium"),
        ("open_interest", "openInterest"),
        ("volume_24h_usd", "dayNtlVlm"),
        ("prev_day_px", "prevDayPx"),
    ):
        theirs = [None if c[column] is None else float(c[column]) for c in contexts]
        assert frame[ours].to_list() == theirs, ours
    gone = frame.filter("is_delisted")
    assert gone.height == 38
    assert gone["mid_px"].null_count() == gone["premium"].null_count() == 38
    assert gone["mark_px"].null_count() == 0
    btc = frame.row(0, named=True)
    assert btc["open_interest_usd"] == pytest.approx(22727.78266 * 66344.0)


def test_contexts_of_spot_are_joined_by_coin(folder: Path) -> None:
    """Six pairs of July 2026, in another order than their contexts for once."""
    said = json.loads((folder / "rest_selection_20260719_m5.json").read_text())["selection"]
    meta = {"tokens": said["spotTokens"], "universe": said["spotUniverse"]}
    answer = [meta, said["spotAssetContexts"][::-1]]
    found, rejected = spot_contexts(decode_spot_markets(json.dumps(answer).encode()), NOW)
    assert rejected == {}
    theirs = {one["coin"]: float(one["markPx"]) for one in said["spotAssetContexts"]}
    assert {one.symbol: one.mark_px for one in found} == theirs
    assert len(theirs) == 6
    assert {one.quote_token for one in found} == {"USDC"}


def test_two_years_of_funding_page_by_page(folder: Path) -> None:
    """18,778 payments of BTC through pages of 500: floored, none twice, eras told apart."""
    with (folder / "funding_BTC_20230512_20250726.csv").open() as file:
        recorded = [(int(row["t"]), row["fundingRate"]) for row in csv.DictReader(file)]

    def page(request: dict[str, int]) -> Reply:
        rows = [
            {"coin": "BTC", "fundingRate": rate, "premium": None, "time": at}
            for at, rate in recorded
            if request["startTime"] <= at <= request["endTime"]
        ]
        return Reply(body=rows[:500])

    with serving() as server:
        server.default = page
        client = HyperliquidClient(server.url, clock=ManualClock(NOW))
        first, last = from_ms(recorded[0][0]), from_ms(recorded[-1][0])
        rates = client.funding_history("BTC", first, last + timedelta(hours=1)).rates
        client.close()
    assert len(server.requests) == 38
    hours = [at - at % 3_600_000 for at, _ in recorded]
    assert [rate.hour_ms for rate in rates] == sorted(set(hours))
    by_hour = dict(zip(hours, (float(rate) for _, rate in recorded), strict=True))
    assert {rate.hour_ms: rate.rate for rate in rates} == by_hour
    switch = next(i for i, rate in enumerate(rates) if rate.interval_hours == 1)
    steps = [b.hour_ms - a.hour_ms for a, b in pairwise(rates[:switch])]
    assert set(steps) == {8 * 3_600_000}
    assert rates[switch].hour_ms - rates[switch - 1].hour_ms == 3_600_000


def test_a_book_of_twenty_levels(folder: Path) -> None:
    body = (folder / "rest_l2Book_BTC_20250826.json").read_bytes()
    book = decode_book(body)
    assert book is not None
    frame = frames.book_levels([book])
    raw = json.loads(body)
    assert frame.height == 40
    for side, levels in zip(("bid", "ask"), raw["levels"], strict=True):
        ours = frame.filter(side=side).select("px", "sz", "n").rows()
        assert ours == [(float(lv["px"]), float(lv["sz"]), lv["n"]) for lv in levels]
    assert frame["book_at"].unique().to_list() == [from_ms(raw["time"])]
