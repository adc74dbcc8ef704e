"""The simulated Polymarket's books as a function of time, and the frames that lead through it."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets_tests.simulator.market_channel import Books, Kept, sha1_of
from market_assets_tests.simulator.market_venue import NOW_S
from market_simulator.polymarket.channel import frames
from market_simulator.polymarket.live import Followed, Happening
from market_simulator.polymarket.size import PolymarketSize
from market_simulator.polymarket.synthetic import prices
from market_simulator.polymarket.synthetic.world import SyntheticWorld

NOW_MS = NOW_S * 1000
STEP_MS = 5_000
BUSY = PolymarketSize(events=60, trades_per_minute=2000, updown_days=1, book_changes=2.0)
Message = dict[str, Any]


def worlds_markets(world: SyntheticWorld, now_ms: int = NOW_MS) -> list[Message]:
    """Markets that have books."""
    rows = world.truth_of_markets([], now_ms)
    return [row for row in rows if world.book(row["token_ids"][0], now_ms) is not None]


@pytest.fixture(scope="module")
def world() -> SyntheticWorld:
    return SyntheticWorld(1, BUSY, NOW_MS)


@pytest.fixture(scope="module")
def markets(world: SyntheticWorld) -> list[Message]:
    return worlds_markets(world)


def told(
    world: SyntheticWorld, tokens: list[str], instants: list[int]
) -> tuple[list[Followed], list[Happening]]:
    """What happens to markets from the first of the instants to the last, and where they are."""
    start, *later = instants
    found = [world.live.follow(token, start) for token in tokens]
    followed = [one for one in found if one is not None]
    return followed, [h for at_ms in later for _, h in world.live.advance(followed, at_ms)]


def decoded(happening: Happening) -> list[Message]:
    return [json.loads(frame.text) for frame in frames.of(happening)]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 3_000_000),
    st.lists(st.integers(1, 20_000), min_size=1, max_size=4),
    st.data(),
)
def test_the_frames_between_two_instants_lead_from_one_book_to_the_other(
    world: SyntheticWorld, markets: list[Message], start: int, gaps: list[int], data: st.DataObject
) -> None:
    """For any t1 < t2, whatever the beats between them."""
    wanted = data.draw(st.lists(st.sampled_from(markets), min_size=1, max_size=6))
    at_ms = NOW_MS - NOW_MS % 300_000 + start
    instants = [at_ms]
    for gap in gaps:
        instants.append(instants[-1] + gap)
    there = [m for m in wanted if world.book(m["token_ids"][0], instants[-1]) is not None]
    tokens = sorted({m["token_ids"][0] for m in there})
    pairs = [token for m in there for token in m["token_ids"]]
    before = [row for token in pairs if (row := world.book(token, at_ms)) is not None]
    kept = Books(before)
    if len(kept.of) < len(set(pairs)):
        return  # a market whose book is new between the two instants
    _, happenings = told(world, tokens, instants)
    for happening in happenings:
        for frame in decoded(happening):
            kept.take(frame)
    for token in pairs:
        assert kept.of[token].row() == world.book(token, instants[-1])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3_000_000))
def test_a_book_is_one_the_venue_could_have(
    world: SyntheticWorld, markets: list[Message], after: int
) -> None:
    """On the tick, within 0 and 1, not crossed, mirrored, two decimals, and its own hash."""
    at_ms = NOW_MS - NOW_MS % 300_000 + after
    for market in markets[after % 5 :: 5]:
        yes, no = (world.book(token, at_ms) for token in market["token_ids"])
        if yes is None or no is None:
            assert yes is no
            continue
        tick = Decimal(yes["tick_size"])
        for book in (yes, no):
            bids, asks = ([Decimal(x["price"]) for x in book[side]] for side in ("bids", "asks"))
            assert bids == sorted(set(bids))
            assert asks == sorted(set(asks), reverse=True)
            assert not bids or not asks or bids[-1] < asks[-1]
            assert all(0 < price < 1 and price % tick == 0 for price in (*bids, *asks))
            sizes = [Decimal(x["size"]) for side in ("bids", "asks") for x in book[side]]
            assert all(size > 0 and size == round(size, 2) for size in sizes)
            assert book["hash"] == sha1_of(book)
            assert int(book["timestamp"]) <= at_ms
        for here, there in (("bids", "asks"), ("asks", "bids")):
            turned = [(1 - Decimal(x["price"]), x["size"]) for x in no[there]]
            assert [(Decimal(x["price"]), x["size"]) for x in yes[here]] == turned
        assert yes["timestamp"] == no["timestamp"]
        (true,) = world.truth_of_markets([market["condition_id"]], at_ms)
        for side, name in (("bids", "best_bid"), ("asks", "best_ask")):
            best = float(yes[side][-1]["price"]) if yes[side] else None
            assert best == true[name]


def test_a_batch_is_only_right_as_a_whole(world: SyntheticWorld, markets: list[Message]) -> None:
    """Each frame says how it ends; until the last of them the book is another one."""
    tokens = [m["token_ids"][0] for m in markets[:40]]
    _, happenings = told(world, tokens, [NOW_MS, NOW_MS + 20_000])
    batches = [h for h in happenings if not h.fills and h.before is not None]
    split, repeated = 0, 0
    for happening in batches:
        assert happening.before is not None
        changes = [f for f in decoded(happening) if f["event_type"] == "price_change"]
        mine = [Kept(dict(row)) for row in happening.before]
        for kept, row in zip(mine, happening.before, strict=True):
            kept.start(row)
            kept.facts["tick_size"] = happening.after[0]["tick_size"]
            kept.facts["last_trade_price"] = happening.after[0]["last_trade_price"]
        by_asset = {row["asset_id"]: kept for row, kept in zip(happening.after, mine, strict=True)}
        ends = {row["asset_id"]: row["hash"] for row in happening.after}
        seen: set[tuple[str, str]] = set()
        wrong_before = 0
        for number, frame in enumerate(changes):
            assert frame.keys() == {"market", "price_changes", "timestamp", "event_type"}
            assert frame["timestamp"] == happening.after[0]["timestamp"]
            assert {c["asset_id"] for c in frame["price_changes"]} == set(ends)
            for change in frame["price_changes"]:
                assert change["hash"] == ends[change["asset_id"]]
                assert all(isinstance(value, str) for value in change.values())
                by_asset[change["asset_id"]].change(change, frame["timestamp"])
            names = {(c["asset_id"], c["price"]) for c in frame["price_changes"]}
            repeated += bool(names & seen)
            whole = names <= seen or number == len(changes) - 1
            seen |= names
            rights = [kept.row()["hash"] == ends[asset] for asset, kept in by_asset.items()]
            wrong_before += not any(rights)
            assert whole or len(changes) > 1
        for asset, kept in by_asset.items():
            assert kept.row()["hash"] == ends[asset]
            last = [c for c in changes[-1]["price_changes"] if c["asset_id"] == asset][-1]
            assert (last["best_bid"], last["best_ask"]) == kept.best()
        distinct = len({c["price"] for f in changes for c in f["price_changes"]}) // 2
        if len(changes) > 1 and distinct > 1:
            split += 1
            assert wrong_before > 0
    assert split > 20
    assert repeated > 5


def test_trades_come_with_whole_books(world: SyntheticWorld, markets: list[Message]) -> None:
    """`last_trade_price` for each fill and a `book` of both tokens, and no `price_change`."""
    tokens = [m["token_ids"][0] for m in markets]
    _, happenings = told(world, tokens, [NOW_MS, NOW_MS + 20_000])
    trades = [h for h in happenings if h.fills]
    assert len(trades) > 50
    orders = set()
    for happening in trades:
        found = decoded(happening)
        kinds = [frame["event_type"] for frame in found]
        assert sorted(set(kinds)) == ["book", "last_trade_price"]
        assert kinds.count("book") == 2
        assert kinds.count("last_trade_price") == len(happening.fills)
        orders.add(kinds[0])
        for frame in found:
            assert next(iter(frame)) != "event_type"
            assert frame["timestamp"] == happening.after[0]["timestamp"]
            if frame["event_type"] == "book":
                assert not {"tick_size", "last_trade_price", "min_order_size"} & frame.keys()
        price = [frame["price"] for frame in found if frame["event_type"] == "last_trade_price"][-1]
        assert Decimal(price) == Decimal(happening.after[0]["last_trade_price"])
        assert frame["market"] == happening.after[0]["market"]
    assert orders == {"book", "last_trade_price"}


def test_the_trades_are_those_of_the_data_api(
    world: SyntheticWorld, markets: list[Message]
) -> None:
    """By transaction, token, side, price and size."""
    from market_simulator.polymarket.world import TradeQuery  # noqa: PLC0415 - for this test only

    names = frozenset(m["condition_id"] for m in markets)
    tokens = [m["token_ids"][0] for m in markets]
    _, happenings = told(world, tokens, [NOW_MS, NOW_MS + 10_000])
    channel = sorted(
        (f.transaction, f.token, f.side, float(f.price), float(f.size))
        for h in happenings
        for f in h.fills
    )
    query = TradeQuery(start_s=NOW_S + 1, end_s=NOW_S + 10, conditions=names)
    rows = world.trades(query, NOW_MS + 600_000)
    feed = sorted(
        (r["transactionHash"], r["asset"], r["side"], round(r["price"], 5), float(r["size"]))
        for r in rows
    )
    assert channel == feed
    assert len(feed) > 50


def test_best_prices_are_told_before_their_batch_and_not_always(
    world: SyntheticWorld, markets: list[Message]
) -> None:
    """For both tokens, sometimes a millisecond late, sometimes not at all."""
    tokens = [m["token_ids"][0] for m in markets]
    _, happenings = told(world, tokens, [NOW_MS, NOW_MS + 40_000])
    untold = late = told_of = 0
    for happening in happenings:
        assert happening.before is not None
        moved = frames.best(happening.before[0]) != frames.best(happening.after[0])
        found = decoded(happening)
        bests = [f for f in found if f["event_type"] == "best_bid_ask"]
        if not moved:
            assert not bests
            continue
        if not bests:
            untold += 1
            continue
        told_of += 1
        assert found.index(bests[0]) < [f["event_type"] for f in found].index("price_change")
        assert len(bests) == 2
        late += bests[0]["timestamp"] != happening.after[0]["timestamp"]
    assert untold
    assert late
    assert told_of > untold


def test_some_batches_share_their_instant(world: SyntheticWorld, markets: list[Message]) -> None:
    """So that a time does not name a batch; the hash does."""
    tokens = [m["token_ids"][0] for m in markets]
    _, happenings = told(world, tokens, [NOW_MS, NOW_MS + 20_000])
    rows = [h.after[0] for h in happenings]
    pairs = [(row["asset_id"], row["timestamp"]) for row in rows]
    assert len(set(pairs)) < len(pairs)
    assert len({(row["asset_id"], row["hash"]) for row in rows}) == len(rows)


@pytest.mark.parametrize("rate", [0.5, 4.0])
def test_books_change_as_often_as_is_asked_for(rate: float) -> None:
    """Per second and market, on average, where the book has orders."""
    world = SyntheticWorld(1, PolymarketSize(events=40, trades_per_minute=1, book_changes=rate), 0)
    rows = worlds_markets(world)
    tokens = [m["token_ids"][0] for m in rows if m["best_bid"] or m["best_ask"]][:60]
    seconds = 60
    _, happenings = told(world, tokens, [NOW_MS, NOW_MS + seconds * 1000])
    changes = sum(not h.fills for h in happenings)
    assert changes == pytest.approx(rate * seconds * len(tokens), rel=0.05)


def test_a_step_begins_with_a_change(world: SyntheticWorld, markets: list[Message]) -> None:
    """So the time of a book with orders is never older than its step."""
    for market in markets:
        for step in range(12):
            at_ms = NOW_MS + step * STEP_MS
            book = world.book(market["token_ids"][0], at_ms)
            if book is not None and (book["bids"] or book["asks"]):
                assert int(book["timestamp"]) == at_ms - at_ms % STEP_MS


def test_a_tick_changes_where_the_price_passes_the_threshold() -> None:
    """`tick_size_change` for both tokens before the batch, and no book that would help."""
    world = SyntheticWorld(1, PolymarketSize(events=60, trades_per_minute=1), NOW_MS)
    catalogue = world.catalogue
    rows = [m for m in worlds_markets(world) if m["best_bid"] and m["best_ask"]]
    markets = [catalogue.by_condition(m["condition_id"], NOW_MS) for m in rows]
    assert all(markets)
    steps = NOW_MS - NOW_MS % STEP_MS + np.arange(0, 3_600_000, STEP_MS)
    found = None
    for market in markets:
        assert market is not None
        until_ms = min(market.life.closed, int(steps[-1]))
        ticks = prices.quotes([market] * len(steps), steps).tick
        at = next((i for i, (a, b) in enumerate(pairwise(ticks.tolist())) if a != b), None)
        if at is not None and steps[at + 1] < until_ms:
            found = (market, int(steps[at + 1]))
            break
    assert found is not None
    market, at_ms = found
    _, happenings = told(world, [market.token_ids[0]], [at_ms - 1, at_ms])
    (happening,) = [h for h in happenings if not h.fills]
    sent = decoded(happening)
    assert happening.before is not None
    old, new = happening.before[0]["tick_size"], happening.after[0]["tick_size"]
    assert {old, new} == {"0.01", "0.001"}
    for frame, token in zip(sent[:2], market.token_ids, strict=True):
        assert frame["event_type"] == "tick_size_change"
        assert frame["asset_id"] == token
        assert (frame["old_tick_size"], frame["new_tick_size"]) == (old, new)
    assert "book" not in {frame["event_type"] for frame in sent}


def test_books_without_orders_are_told_of_too() -> None:
    """They have a time and a hash, which a book of its own renews; trades happen without orders."""
    size = PolymarketSize(events=250, trades_per_minute=4000, updown_days=1)
    world = SyntheticWorld(1, size, NOW_MS)
    empty = [m["token_ids"] for m in worlds_markets(world) if not (m["best_bid"] or m["best_ask"])]
    assert empty
    start = NOW_MS - NOW_MS % 300_000
    followed, happenings = told(
        world, [pair[0] for pair in empty], [start + 290_000, start + 310_000, start + 340_000]
    )
    for one in followed:
        assert one.rows == tuple(world.book(token, start + 340_000) for token in one.tokens)
    assert happenings
    for happening in happenings:
        kinds = [frame["event_type"] for frame in decoded(happening)]
        assert kinds.count("book") == 2
        assert "price_change" not in kinds


def test_after_a_leap_of_the_clock_one_batch_leads_to_the_present(
    world: SyntheticWorld, markets: list[Message]
) -> None:
    """Forward by hours, or back."""
    tokens = [m["token_ids"][0] for m in markets[:20]]
    for leap_ms in (7_200_000, -60_000):
        followed, happenings = told(world, tokens, [NOW_MS, NOW_MS + leap_ms])
        there = [one for one in followed if one.rows is not None]
        assert len(there) == len(happenings) > 5
        for one in there:
            assert one.rows is not None
            assert one.rows[0] == world.book(one.tokens[0], NOW_MS + leap_ms)
        for happening in happenings:
            assert not happening.fills
            kept = Books(list(happening.before or ()))
            for frame in decoded(happening):
                kept.take(frame)
            for row in happening.after:
                mine = kept.of[row["asset_id"]].row()
                assert (mine["bids"], mine["asks"]) == (row["bids"], row["asks"])
