"""What happens to whole markets, over real sockets: they open, change, end, are taken back."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import httpx
import pytest

from market_assets_tests.recordings import recordings
from market_assets_tests.simulator.market_channel import (
    Books,
    books,
    connected,
    kinds,
    sha1_of,
    tokens_with_books,
)
from market_assets_tests.simulator.market_venue import Api, polymarket

RECORDED = recordings("polymarket")


def test_custom_events_are_for_those_who_asked() -> None:
    """`best_bid_ask`, `new_market` and `market_resolved` never come to others."""
    with polymarket() as api, connected(api) as ws, connected(api) as plain:
        tokens = tokens_with_books(api, 60)
        ws.begin(tokens, custom_feature_enabled=True)
        plain.begin(tokens)
        ws.raw_frames()
        plain.raw_frames()
        all_kinds: Counter[str] = Counter()
        for _ in range(20):  # beyond the next five minutes, when up/down events open and end
            api.venue.jump(15)
            all_kinds += kinds(ws.frames())
            plain_kinds = kinds(plain.frames())
            assert set(plain_kinds) <= {"book", "price_change", "last_trade_price"}
        assert all_kinds["best_bid_ask"]
        assert all_kinds["new_market"]
        assert all_kinds["market_resolved"]


def test_news_is_for_everybody_and_repeated() -> None:
    """Sent to a client without assets; several copies of each, named by id, lists as lists."""
    with polymarket() as api, connected(api) as ws:
        ws.begin([], custom_feature_enabled=True)
        found: list[dict[str, Any]] = []
        for _ in range(20):
            api.venue.jump(15)
            found += ws.frames()
        assert set(kinds(found)) == {"new_market", "market_resolved"}
        for kind in ("new_market", "market_resolved"):
            mine = [f for f in found if f["event_type"] == kind]
            copies = Counter(f["id"] for f in mine)
            assert min(copies.values()) > 1
        known = {m["market_id"] for m in api.venue.markets()}
        for frame in found:
            if frame["event_type"] == "new_market":
                assert frame["id"] in known
                assert frame["assets_ids"] == frame["clob_token_ids"]
                assert frame["line"] == frame["game_start_time"] == ""
            elif frame["winning_outcome"]:
                index = frame["outcomes"].index(frame["winning_outcome"])
                assert frame["winning_asset_id"] == frame["assets_ids"][index]


def test_a_resolved_market_has_no_book_any_more() -> None:
    """Everybody is told; the channel and REST have nothing more to say of it."""
    with polymarket() as api, connected(api) as ws:
        tokens = tokens_with_books(api, 2)
        (row, _) = books(api, tokens)
        ws.begin(tokens, custom_feature_enabled=True)
        ws.raw_frames()
        api.venue.resolve_market(row["market"])
        api.venue.jump(2)
        found = ws.frames()
        resolved = [f for f in found if f["event_type"] == "market_resolved"]
        assert {f["market"] for f in resolved} >= {row["market"]}
        assert books(api, tokens) == []
        api.venue.jump(20)
        assert set(kinds(ws.frames())) <= {"market_resolved", "new_market"}
        ws.operate("unsubscribe", tokens)
        ws.operate("subscribe", tokens)
        assert not [f for f in ws.frames() if f["event_type"] == "book"]
        (true,) = api.venue.markets(row["market"])
        assert true["resolved"]


def test_the_tick_of_a_named_market_changes() -> None:
    """With the next step of prices: told once for each token, then a batch, and REST agrees."""
    with polymarket() as api, connected(api) as ws:
        tokens = tokens_with_books(api, 60)
        rows = books(api, tokens)
        row = next(row for row in rows if row["tick_size"] == "0.01")
        pair = [one["asset_id"] for one in rows if one["market"] == row["market"]]
        ws.begin(pair)
        ws.raw_frames()
        kept = Books(books(api, pair))
        api.venue.change_tick(row["market"], "0.005")
        api.venue.jump(6)
        found = ws.frames()
        changed = [f for f in found if f["event_type"] == "tick_size_change"]
        assert [f["asset_id"] for f in changed] == pair
        assert {(f["old_tick_size"], f["new_tick_size"]) for f in changed} == {("0.01", "0.005")}
        for frame in found:
            kept.take(frame)
        for one in books(api, pair):
            assert one["tick_size"] == "0.005"
            assert kept.of[one["asset_id"]].row() == one
        gamma = api.gamma("/markets", condition_ids=row["market"]).json()
        assert [m["orderPriceMinTickSize"] for m in gamma] == [0.005]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"action": "tick", "condition_id": "0x0", "tick_size": "0.001"}, "no market"),
        ({"action": "tick", "condition_id": ""}, "tick_size"),
        ({"action": "tick", "tick_size": "0.5"}, "must be one of"),
        ({"action": "tick", "tick_size": "fine"}, "could not convert"),
        ({"action": "explode"}, "unknown action"),
        ({}, "action"),
        ([], "list indices"),
    ],
)
def test_changes_that_make_no_sense_are_refused(
    api: Api, tokens: list[str], body: Any, why: str
) -> None:
    """With 400 and the reason; markets without a name are the first one here."""
    if isinstance(body, dict) and body.get("condition_id") is None:
        (row,) = books(api, tokens[:1])
        body = {"condition_id": row["market"], **body}
    answer = httpx.post(
        f"{api.venue.url}/__control__/polymarket/market", json=body, trust_env=False
    )
    assert answer.status_code == 400
    assert why in answer.json()["error"]


def test_a_closed_market_cannot_be_resolved_again() -> None:
    """Nor one that is resolved."""
    with polymarket() as api:
        (row,) = books(api, tokens_with_books(api, 1))
        api.venue.resolve_market(row["market"])
        api.venue.jump(1)
        with pytest.raises(AssertionError, match="closed already"):
            api.venue.resolve_market(row["market"])


def test_a_market_that_was_taken_back_is_quiet(api: Api, tokens: list[str]) -> None:
    """No book and no change of it, as REST has none."""
    pair = tokens[10:12]
    (row, _) = books(api, pair)
    with connected(api) as ws:
        ws.begin(pair)
        ws.raw_frames()
        api.venue.remove_market(row["market"])
        api.venue.jump(10)
        assert ws.raw_frames() == []
        ws.operate("unsubscribe", pair)
        ws.operate("subscribe", pair)
        assert ws.raw_frames() == []
        api.venue.restore_market(row["market"])
        api.venue.jump(5)
        assert kinds(ws.frames())["price_change"]


@pytest.mark.skipif(RECORDED is None, reason="the recordings are not on this machine")
def test_recorded_books_come_once_and_stand_still() -> None:
    """As they were recorded; nothing about them can be changed."""
    assert RECORDED is not None
    rows = json.loads((RECORDED / "trebuchet-clob-books-1.json").read_text())
    names = [row["asset_id"] for row in rows]
    with polymarket(recordings=RECORDED, speed=60) as api, connected(api) as ws:
        ws.begin([*names, "77"], custom_feature_enabled=True)
        (text,) = ws.raw_frames()
        first = json.loads(text)
        served = {row["asset_id"]: row for row in books(api, names)}
        assert [frame["asset_id"] for frame in first] == names
        for frame in first:
            row = served[frame["asset_id"]]
            assert frame["hash"] == row["hash"] == sha1_of(row)
            assert (frame["bids"], frame["asks"]) == (row["bids"], row["asks"])
        assert ws.raw_frames(beats=5) == []
        with pytest.raises(AssertionError, match="recordings do not change"):
            api.venue.resolve_market(rows[0]["market"])
        with pytest.raises(AssertionError, match="recordings do not change"):
            api.venue.change_tick(rows[0]["market"], "0.001")
