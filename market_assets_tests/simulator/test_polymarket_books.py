"""The simulated Polymarket's books as a function of time, and the frames that lead through it."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets_tests.simulator.channel_world import BUSY, NOW_MS, decoded, told, worlds_markets
from market_assets_tests.simulator.market_channel import Books, sha1_of
from market_simulator.polymarket.size import PolymarketSize
from market_simulator.polymarket.synthetic import prices
from market_simulator.polymarket.synthetic.world import SyntheticWorld

STEP_MS = 5_000
Message = dict[str, Any]


@pytest.fixture(scope="module")
def world() -> SyntheticWorld:
    return SyntheticWorld(1, BUSY, NOW_MS)


@pytest.fixture(scope="module")
def markets(world: SyntheticWorld) -> list[Message]:
    return worlds_markets(world)


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


def test_a_new_book_begins_with_a_batch_that_adds_all_of_it(markets: list[Message]) -> None:
    """Whoever subscribed before there was a book is sent no book, only what it is made of."""
    opened_ms = markets[0]["opened_at_ms"]
    world = SyntheticWorld(1, BUSY, opened_ms)
    token = markets[0]["token_ids"][0]
    born_ms = opened_ms + 60_000
    assert world.book(token, born_ms - 1) is None
    (one,), happenings = told(world, [token], [born_ms - 1, born_ms + 1])
    first = happenings[0]
    assert first.before is None
    kept = Books([row | {"bids": [], "asks": []} for row in first.after])
    sent = decoded(first)
    assert {frame["event_type"] for frame in sent} <= {"best_bid_ask", "price_change"}
    for frame in sent:
        kept.take(frame)
    for row in first.after:
        assert kept.of[row["asset_id"]].row() == row
    assert one.rows is not None
    assert one.rows[0] == world.book(token, born_ms + 1)
    _, happenings = told(world, [token], [markets[0]["opened_at_ms"], born_ms - 1])
    assert happenings == []


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
