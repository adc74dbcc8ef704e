"""The fees that the simulated Gamma tells, and what the recorded one has told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from market_assets_tests.recordings import recordings
from market_assets_tests.simulator.market_venue import Api

RECORDED = recordings("polymarket")
KEYS = ("feesEnabled", "feeType", "feeSchedule")


def fees(market: dict[str, Any]) -> str:
    """All that a market says of its fees, as one text; what is null is not said."""
    said = {key: market[key] for key in KEYS if market.get(key) is not None}
    return json.dumps(said, sort_keys=True)


def markets(tree: object) -> Iterator[dict[str, Any]]:
    """Gamma's markets anywhere in a payload."""
    if isinstance(tree, dict):
        if {"conditionId", "outcomes", "outcomePrices"} <= tree.keys():
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for one in tree:
            yield from markets(one)


def payloads(folder: Path) -> Iterator[object]:
    for path in sorted(folder.glob("*gamma*.json*")):
        text = path.read_text("utf-8")
        yield from map(json.loads, text.splitlines() if path.suffix == ".jsonl" else [text])


def test_open_markets_charge_by_category(api: Api) -> None:
    """The rate is where the schedule is; of some nothing is known."""
    rates: dict[str, set[float | None]] = {}
    for market in api.walk("/markets/keyset", "markets"):
        rate = market["feeSchedule"]["rate"] if "feeSchedule" in market else None
        rates.setdefault(market.get("feeType", "none"), set()).add(rate)
        assert market.get("feesEnabled") is not False or "feeSchedule" not in market
    assert {kind: rate for kind, rate in rates.items() if kind.endswith("_v2")} == {
        "crypto_fees_v2": {0.07},
        "sports_fees_v2": {0.03},
    }
    assert rates["none"] == rates["crypto_fees"] == {None}
    assert 0.04 in rates["politics_fees"]


@pytest.mark.skipif(RECORDED is None, reason="the recordings are not on this machine")
def test_fees_are_told_as_they_were_recorded(api: Api) -> None:
    """Word for word: each way in which a simulated market tells of fees has been seen."""
    assert RECORDED is not None
    real = {fees(market) for payload in payloads(RECORDED) for market in markets(payload)}
    told = [market for market in api.walk("/markets/keyset", "markets") if market.get("feeType")]
    made = {fees(market) for market in told if "feeSchedule" in market}
    assert len(made) == 4
    assert made <= real
    without = {fees(market) for market in told if market["feeType"] == "crypto_fees"}
    assert without <= real
