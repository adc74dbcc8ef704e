"""Every fault of the market channel happens on the wire, and is counted so that it can be found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from market_assets_tests.simulator.market_channel import (
    Books,
    books,
    connected,
    stream,
    tokens_with_books,
)
from market_assets_tests.simulator.market_venue import Api, polymarket
from market_assets_tests.waiting import until
from market_simulator.faults import FaultPlan
from market_simulator.polymarket.size import PolymarketLimits


@pytest.fixture(scope="module")
def shared() -> Iterator[Api]:
    with polymarket(limits=PolymarketLimits(scale=100)) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(shared: Api) -> list[str]:
    return tokens_with_books(shared, 40)


@pytest.fixture
def api(shared: Api) -> Iterator[Api]:
    yield shared
    shared.venue.clear()


def fault(api: Api, name: str, **more: object) -> None:
    api.venue.control(name=name, venue="polymarket", **more)


def counted(api: Api, name: str) -> int:
    """How often a fault has struck frames so far."""
    return int(stream(api)["injected"].get(name, 0))


def newest(api: Api, name: str) -> list[dict[str, Any]]:
    return [one for one in stream(api)["newest"] if one["fault"] == name]


def test_drop_resets_and_close_is_polite(api: Api, tokens: list[str]) -> None:
    """An abnormal closure of as many as were asked for, and a closing handshake."""
    with connected(api) as one, connected(api) as two:
        one.begin(tokens)
        fault(api, "drop", count=1)
        with pytest.raises(ConnectionClosed) as closed:
            list(iter(one.raw.recv, None))
        assert closed.value.rcvd is None
        two.send("PING")
        assert two.raw.recv(5) == "PONG"
        fault(api, "close")
        with pytest.raises(ConnectionClosedOK):
            two.raw.recv(5)


def test_a_frozen_feed_answers_pings(api: Api, tokens: list[str]) -> None:
    """No data for as long as it lasts, nor later what was missed; then the books are wrong."""
    with connected(api) as ws:
        ws.begin(tokens)
        ws.raw_frames()
        kept = Books(books(api, tokens))
        fault(api, "silent_but_pong")
        api.venue.jump(10)
        assert ws.raw_frames() == []
        api.venue.clear()
        assert ws.raw_frames() == []
        rows = books(api, tokens)
        assert all(kept.of[row["asset_id"]].row()["hash"] != row["hash"] for row in rows)
        api.venue.jump(5)
        assert ws.raw_frames()


def test_freeze_answers_nothing(api: Api, tokens: list[str]) -> None:
    """Not even PING; afterwards what was asked meanwhile is answered."""
    with connected(api, ping_interval=None) as ws:
        ws.begin(tokens[:2])
        ws.raw_frames()
        fault(api, "freeze")
        before = stream(api)["beats"]
        until(lambda: stream(api)["beats"] > before + 2, "frozen")
        ws.send("PING")
        with pytest.raises(TimeoutError):
            ws.raw.recv(0.3)
        api.venue.clear()
        assert ws.raw.recv(5) == "PONG"


@pytest.mark.parametrize("one_in", [1, 3])
def test_lost_frames_leave_the_book_wrong(api: Api, tokens: list[str], one_in: int) -> None:
    """Exactly those that the venue says it has left out are missing."""
    before = counted(api, "lost")
    with connected(api) as ws, connected(api) as other:
        for one in (ws, other):
            one.begin(tokens)
            one.raw_frames()
        number = min(map(int, stream(api)["connections"]))
        fault(api, "lost", channel="price_change", one_in=one_in)
        api.venue.jump(5)
        mine, others = ws.frames(), other.frames()
        lost = newest(api, "lost")[before - counted(api, "lost") :]
        assert lost
        missed = {one["frame"] for one in lost if one["connection"] == number}
        assert missed
        whole = Counter(json.dumps(f) for f in mine) + Counter(
            json.dumps(json.loads(one["frame"])) for one in lost if one["connection"] == number
        )
        theirs = Counter(json.dumps(f) for f in others) + Counter(
            json.dumps(json.loads(one["frame"])) for one in lost if one["connection"] != number
        )
        assert whole == theirs


def test_a_lost_frame_is_seen_by_the_hash(api: Api, tokens: list[str]) -> None:
    """One frame of a batch is left out: the book has another hash than its frames say."""
    with connected(api) as ws:
        ws.begin(tokens)
        ws.raw_frames()
        kept = Books(books(api, tokens))
        fault(api, "lost", channel="price_change", count=1)
        api.venue.jump(0.9)
        for frame in ws.frames():
            kept.take(frame)
        (lost,) = newest(api, "lost")[-1:]
        market = json.loads(lost["frame"])["market"]
        for row in books(api, tokens):
            same = kept.of[row["asset_id"]].row()["hash"] == row["hash"]
            assert same == (row["market"] != market)


def test_repeated_and_reordered_frames(api: Api, tokens: list[str]) -> None:
    """Twice in a row; or after frames that came later."""
    with connected(api) as ws, connected(api) as other:
        for one in (ws, other):
            one.begin(tokens)
            one.raw_frames()
        for name in ("duplicate", "late"):
            before = counted(api, name)
            fault(api, name, channel="price_change", one_in=5)
            api.venue.jump(5)
            mine = [f for f in ws.frames() if f["event_type"] == "price_change"]
            other.frames()
            api.venue.clear()
            times = [(f["market"], int(f["timestamp"])) for f in mine]
            assert counted(api, name) > before
            if name == "duplicate":
                assert sum(one == two for one, two in pairwise(mine)) >= 3
            else:
                by_market: dict[str, list[int]] = {}
                for market, at_ms in times:
                    by_market.setdefault(market, []).append(at_ms)
                assert any(found != sorted(found) for found in by_market.values())


def test_a_wrong_hash_is_the_same_in_its_whole_batch(api: Api, tokens: list[str]) -> None:
    """Nothing else is wrong: what the frames lead to has the hash that was replaced."""
    with connected(api) as ws:
        ws.begin(tokens)
        ws.raw_frames()
        kept = Books(books(api, tokens))
        fault(api, "wrong_hash", channel="price_change", one_in=2)
        api.venue.jump(1.9)
        sent: set[str] = set()
        for frame in ws.frames():
            kept.take(frame)
            if frame["event_type"] == "price_change":
                sent |= {change["hash"] for change in frame["price_changes"]}
        noted = newest(api, "wrong_hash")
        assert noted
        for one in noted:
            assert one["wrong"] != one["right"]
            assert one["wrong"] in sent
            assert one["right"] not in sent
        for row in books(api, tokens):
            assert kept.of[row["asset_id"]].row() == row


def test_a_wrong_hash_of_books_after_trades(api: Api, tokens: list[str]) -> None:
    """With the channel `book`; the batches of orders keep theirs."""
    with connected(api) as ws:
        ws.begin(tokens)
        ws.raw_frames()
        fault(api, "wrong_hash", channel="book")
        before = counted(api, "wrong_hash")
        api.venue.jump(20)
        sent = {f["hash"] for f in ws.frames() if f["event_type"] == "book"}
        wrong = newest(api, "wrong_hash")[before - counted(api, "wrong_hash") :]
        assert sent
        assert sent == {one["wrong"] for one in wrong}


def test_first_books_that_never_come(api: Api, tokens: list[str]) -> None:
    """For so many subscriptions, or for a share of them; the changes come all the same."""
    with connected(api) as ws:
        fault(api, "no_snapshot", count=3)
        ws.begin(tokens)
        assert [f["asset_id"] for f in ws.frames()] == tokens[3:]
        missing = {one["asset"] for one in newest(api, "no_snapshot")}
        assert missing == set(tokens[:3])
        api.venue.jump(5)
        changed = {
            change["asset_id"]
            for frame in ws.frames()
            if frame["event_type"] == "price_change"
            for change in frame["price_changes"]
        }
        assert changed >= missing
        fault(api, "no_snapshot", one_in=4)
        ws.operate("unsubscribe", tokens)
        ws.operate("subscribe", tokens)
        assert len(ws.frames()) == 30
    assert api.venue.stats()["strikes"]["no_snapshot"] == 13


def test_binary_frames_hold_the_same_text(api: Api, tokens: list[str]) -> None:
    with connected(api) as ws:
        ws.begin(tokens)
        ws.raw_frames()
        fault(api, "binary", one_in=2)
        api.venue.jump(5)
        found = ws.raw_frames()
        binary = [frame for frame in found if isinstance(frame, bytes)]
        assert len(binary) == len(found) // 2 > 5
        assert {one["frame"] for one in newest(api, "binary")} == {f.decode() for f in binary}


def test_frames_that_nobody_expects(api: Api, tokens: list[str]) -> None:
    """An unknown type, none at all, and no JSON; to everybody, subscribed or not."""
    with connected(api) as ws:
        ws.begin(tokens[:1])
        ws.raw_frames()
        fault(api, "unknown_channel")
        assert json.loads(ws.raw.recv(5))["event_type"] == "brand_new_type"
        fault(api, "untyped")
        assert "event_type" not in json.loads(ws.raw.recv(5))
        fault(api, "not_json")
        with pytest.raises(json.JSONDecodeError):
            json.loads(ws.raw.recv(5))


def test_faults_of_one_market_leave_the_others_alone(api: Api, tokens: list[str]) -> None:
    """`coin` is a condition id here."""
    with connected(api) as ws:
        ws.begin(tokens)
        ws.raw_frames()
        rows = books(api, tokens)
        market = rows[0]["market"]
        fault(api, "silent_but_pong", coin=market)
        api.venue.jump(5)
        found = {f["market"] for f in ws.frames()}
        assert found == {row["market"] for row in rows} - {market}
        api.venue.clear()
        fault(api, "wrong_types", coin=market)
        api.venue.jump(5)
        mine = [f for f in ws.frames() if market in json.dumps(f["market"])]
        assert all(isinstance(f["timestamp"], list) for f in mine)
        assert mine


def test_unavailable_resets_the_channel(api: Api, tokens: list[str]) -> None:
    with connected(api) as ws:
        ws.begin(tokens[:1])
        fault(api, "unavailable")
        with pytest.raises(ConnectionClosed):
            list(iter(ws.raw.recv, None))


def test_a_socket_fault_without_a_venue_strikes_each_of_them_once() -> None:
    """Whichever asks first; with a venue it strikes that one only, and is over then."""
    plan = FaultPlan()
    one, two = plan.of("hyperliquid"), plan.of("polymarket")
    for venue in (one, two):
        venue.has_sockets()
    plan.add({"name": "drop", "count": 1})
    assert [f.name for f in one.due(("drop",))] == ["drop"]
    assert one.due(("drop",)) == []
    assert [f.name for f in two.due(("drop",))] == ["drop"]
    assert plan.in_force == []
    plan.add({"name": "close", "venue": "polymarket"})
    assert one.due(("close",)) == []
    assert [f.name for f in two.due(("close",))] == ["close"]
    assert plan.in_force == []
    plan.add({"name": "drop", "every": 0.0})
    for venue in (one, one, two, two):
        assert len(venue.due(("drop",))) == 1
    assert len(plan.in_force) == 1
