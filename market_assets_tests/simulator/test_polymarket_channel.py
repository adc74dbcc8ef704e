"""The simulated market channel over real sockets: who is sent what, and that REST agrees."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from websockets.exceptions import ConnectionClosed

from market_assets_tests.recordings import recordings
from market_assets_tests.simulator.market_channel import (
    Books,
    books,
    connected,
    kinds,
    sha1_of,
    stream,
    tokens_with_books,
)
from market_assets_tests.simulator.market_venue import SIZE, Api, polymarket
from market_assets_tests.waiting import until
from market_simulator.polymarket.size import PolymarketLimits, PolymarketSize

RECORDED = recordings("polymarket")


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


def test_what_is_sent_while_time_passes_is_the_truth_of_its_instant() -> None:
    """The last state of each asset is the book that the venue had at the time that it names."""
    size = replace(SIZE, book_changes=5.0)
    with polymarket(size, speed=1.0) as api, connected(api) as ws:
        tokens = tokens_with_books(api, 60)
        ws.begin(tokens)
        until(lambda: stream(api)["batches"] > 300, "told of a few hundred changes")
        frames = ws.frames()
        first = {one["asset_id"]: one for one in frames[: len(tokens)]}
        kept = Books([{**row, **first[row["asset_id"]]} for row in books(api, tokens)])
        for frame in frames[len(tokens) :]:
            kept.take(frame)
        for token, one in kept.of.items():
            (row,) = api.venue.books(token, at_ms=int(one.facts["timestamp"]))
            assert (one.row()["bids"], one.row()["asks"]) == (row["bids"], row["asks"])


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
