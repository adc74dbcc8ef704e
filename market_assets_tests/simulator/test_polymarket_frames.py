"""The frames that tell of a change of simulated books: batches, trades, best prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from market_assets_tests.simulator.channel_world import BUSY, NOW_MS, decoded, told, worlds_markets
from market_assets_tests.simulator.market_channel import Kept
from market_assets_tests.simulator.market_venue import NOW_S
from market_simulator.polymarket.channel import frames
from market_simulator.polymarket.synthetic.world import SyntheticWorld

Message = dict[str, Any]


@pytest.fixture(scope="module")
def world() -> SyntheticWorld:
    return SyntheticWorld(1, BUSY, NOW_MS)


@pytest.fixture(scope="module")
def markets(world: SyntheticWorld) -> list[Message]:
    return worlds_markets(world)


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
        named = [
            {(c["asset_id"], c["side"], c["price"]) for c in frame["price_changes"]}
            for frame in changes
        ]
        new = [names - set().union(*named[:i]) for i, names in enumerate(named)]
        last_new = max((i for i, names in enumerate(new) if names), default=0)
        repeated += not all(new)
        split += last_new > 0
        for number, frame in enumerate(changes):
            assert frame.keys() == {"market", "price_changes", "timestamp", "event_type"}
            assert frame["timestamp"] == happening.after[0]["timestamp"]
            assert {c["asset_id"] for c in frame["price_changes"]} == set(ends)
            for change in frame["price_changes"]:
                assert change["hash"] == ends[change["asset_id"]]
                assert all(isinstance(value, str) for value in change.values())
                by_asset[change["asset_id"]].change(change, frame["timestamp"])
            for asset, kept in by_asset.items():
                assert (kept.row()["hash"] == ends[asset]) == (number >= last_new)
        for frame in changes:
            for change in frame["price_changes"]:
                best = by_asset[change["asset_id"]].best()
                assert (change["best_bid"], change["best_ask"]) == best
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
