"""The simulated market channel over real sockets: who is sent what, and that REST agrees."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from market_assets_tests.recordings import recordings
from market_assets_tests.simulator.market_channel import (
    Books,
    books,
    connected,
    sha1_of,
    stream,
    tokens_with_books,
)
from market_assets_tests.simulator.market_venue import SIZE, Api, polymarket
from market_assets_tests.waiting import until
from market_simulator.polymarket.size import PolymarketLimits, PolymarketSize

RECORDED = recordings("polymarket")


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with polymarket(limits=PolymarketLimits(scale=100)) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(api: Api) -> list[str]:
    return tokens_with_books(api, 60)


def kinds(frames: list[dict[str, Any]]) -> Counter[str]:
    return Counter(frame["event_type"] for frame in frames)


def test_first_books_are_one_array_of_what_rest_has(api: Api, tokens: list[str]) -> None:
    """With tick and last price, without the two keys that only REST has; the type comes last."""
    with connected(api) as ws:
        ws.begin(tokens)
        (text,) = ws.raw_frames()
        frame = json.loads(text)
        rest = books(api, tokens)
        assert [one["asset_id"] for one in frame] == tokens == [row["asset_id"] for row in rest]
        for one, row in zip(frame, rest, strict=True):
            assert list(one)[-1] == "event_type"
            more = {"min_order_size": row["min_order_size"], "neg_risk": row["neg_risk"]}
            assert one | more == row | {"event_type": "book"}
            assert sha1_of(row) == one["hash"]


def test_the_channel_and_rest_tell_the_same_state(api: Api, tokens: list[str]) -> None:
    """After each move of the clock, level by level and by hash, for every asset."""
    with connected(api) as ws:
        ws.begin(tokens, custom_feature_enabled=True)
        ws.raw_frames()
        kept = Books(books(api, tokens))
        seen: Counter[str] = Counter()
        for seconds in (0.7, 3, 5, 12, 0.01):
            api.venue.jump(seconds)
            for frame in ws.frames():
                seen[frame["event_type"]] += 1
                kept.take(frame)
            for row in books(api, tokens):
                assert kept.of[row["asset_id"]].row() == row
    assert seen.keys() >= {"price_change", "book", "last_trade_price", "best_bid_ask"}
    assert seen["price_change"] > 100


def test_the_control_route_tells_the_books_too(api: Api, tokens: list[str]) -> None:
    """Those of REST, without faults; and those of a moment ago."""
    before = books(api, tokens)
    then_ms = api.venue.now_ms()
    api.venue.control(name="http_500", path="/books", count=1)
    assert api.venue.books(*tokens) == before
    api.venue.clear()
    api.venue.jump(1.5)
    assert api.venue.books(*tokens, at_ms=then_ms) == before
    assert api.venue.books(*tokens) == books(api, tokens) != before
    with pytest.raises(AssertionError, match="at_ms is not in the running five minutes"):
        api.venue.books(*tokens, at_ms=then_ms - 3_600_000)


def test_pings_and_what_is_passed_over(api: Api, tokens: list[str]) -> None:
    """Only the text PING is answered; nonsense and operations that come too early are not."""
    with connected(api) as ws:
        for message in ("ping", "hello", "[]", '{"type":"user","assets_ids":[]}', '{"a":1}'):
            ws.send(message)
        ws.operate("subscribe", tokens[:1])
        ws.send({"type": "market", "assets_ids": tokens[0]})
        assert ws.raw_frames() == []
        ws.begin(["77", "no number", tokens[0]])
        assert [frame["asset_id"] for frame in ws.frames()] == [tokens[0]]
        ws.operate("dance", tokens[1:2])
        assert ws.raw_frames() == []
    with connected(api) as ws:
        ws.begin([])
        assert ws.raw_frames() == []
        ws.operate("subscribe", tokens[:1])
        assert kinds(ws.frames()) == {"book": 1}


def test_a_second_subscription_gets_nothing(api: Api, tokens: list[str]) -> None:
    """Of an asset that is there already; after unsubscribing it gets its book again."""
    one, two = tokens[:2]
    with connected(api) as ws:
        ws.begin([one])
        ws.raw_frames()
        ws.operate("subscribe", [one])
        ws.begin([two])
        assert ws.raw_frames() == []
        ws.operate("subscribe", [one, two])
        (text,) = ws.raw_frames()
        (frame,) = json.loads(text)
        assert frame["asset_id"] == two
        ws.operate("unsubscribe", [one])
        ws.operate("subscribe", [one])
        assert [frame["asset_id"] for frame in ws.frames()] == [one]


def test_without_an_initial_dump_only_changes_come(api: Api, tokens: list[str]) -> None:
    """They come for all assets; later subscriptions get their books."""
    with connected(api) as ws:
        ws.begin(tokens[:40], initial_dump=False)
        assert ws.raw_frames() == []
        api.venue.jump(5)
        assert kinds(ws.frames())["price_change"] > 20
        ws.operate("subscribe", tokens[40:41])
        assert kinds(ws.frames()) == {"book": 1}


def test_unsubscribed_assets_are_quiet(api: Api, tokens: list[str]) -> None:
    """One token of a market keeps its changes coming, which name both; its trades' books do not."""
    yes, no = tokens[:2]
    with connected(api) as ws:
        ws.begin(tokens[:8])
        ws.raw_frames()
        ws.operate("unsubscribe", [no, *tokens[2:8]])
        ws.raw_frames()
        api.venue.jump(20)
        found = ws.frames()
        changed = [f for f in found if f["event_type"] == "price_change"]
        assert changed
        for frame in changed:
            assert {c["asset_id"] for c in frame["price_changes"]} == {yes, no}
        assert {f["asset_id"] for f in found if f["event_type"] != "price_change"} <= {yes}
        ws.operate("unsubscribe", [yes])
        ws.raw_frames()
        api.venue.jump(20)
        assert ws.raw_frames() == []
        until(lambda: stream(api)["markets"] == 0, "let go of what nobody wants")


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


def test_above_the_limit_changes_come_and_books_never() -> None:
    """500 assets are well; with one more no book comes, neither at first nor after trades."""
    size = PolymarketSize(events=120, trades_per_minute=3000, updown_days=1)
    with polymarket(size, PolymarketLimits(scale=100)) as api:
        tokens = tokens_with_books(api, 501)
        assert len(tokens) == 501
        with connected(api) as ws:
            ws.begin(tokens[:500])
            assert kinds(ws.frames()) == {"book": 500}
            api.venue.jump(5)
            assert kinds(ws.frames())["book"] > 0
            ws.operate("subscribe", tokens[500:])
            assert ws.raw_frames() == []
            api.venue.jump(5)
            found = kinds(ws.frames())
            assert found["price_change"] > 500
            assert found["book"] == 0
            ws.operate("unsubscribe", tokens[:1])
            ws.operate("unsubscribe", tokens[500:])
            ws.operate("subscribe", tokens[500:])
            assert kinds(ws.frames()) == {"book": 1}
        with connected(api) as ws:
            ws.begin(tokens)
            assert ws.raw_frames() == []


def test_a_client_that_does_not_read_is_cut_off() -> None:
    """Once more frames wait than the venue keeps for one."""
    with polymarket(limits=PolymarketLimits(scale=100, backlog=50)) as api:
        tokens = tokens_with_books(api, 60)
        with connected(api, max_queue=1) as ws:
            ws.begin(tokens)

            def gone() -> bool:
                api.venue.jump(10)
                return not stream(api)["connections"]

            until(gone, "cut off")
            with pytest.raises(ConnectionClosed) as closed:
                list(iter(ws.raw.recv, None))
            assert closed.value.rcvd is None


def test_a_silent_client_is_reset() -> None:
    """Whoever says nothing for too long loses the connection; protocol pings say nothing."""
    limits = PolymarketLimits(silence_s=3)
    with polymarket(limits=limits) as api, connected(api) as ws, connected(api) as talker:
        ws.raw.ping()

        def reset() -> bool:
            talker.send("PING")
            assert talker.raw.recv(5) == "PONG"
            return len(stream(api)["connections"]) == 1

        until(reset, "reset", every_s=0.2)
        with pytest.raises(ConnectionClosed) as closed:
            ws.raw.recv(5)
        assert closed.value.rcvd is None


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


def test_the_environment_names_the_channel(api: Api) -> None:
    url = api.venue.environment["POLYMARKET_WS_URL"]
    assert url == api.venue.url.replace("http", "ws") + "/polymarket/ws/market"


def test_assets_and_messages_are_counted() -> None:
    """By connection in the stream's state, by kind in `stats`."""
    with polymarket(SIZE) as api, connected(api) as ws:
        tokens = tokens_with_books(api, 4)
        ws.begin([*tokens, "77"])
        ws.operate("unsubscribe", tokens[:1])
        ws.raw_frames()
        assert list(stream(api)["connections"].values()) == [4]
        counted = api.venue.stats()
        assert counted["messages"]["polymarket market"] == 1
        assert counted["messages"]["polymarket unsubscribe"] == 1
        assert counted["handshakes"]["polymarket accepted"] == 1
        assert counted["frames"]["polymarket book"] == 1
