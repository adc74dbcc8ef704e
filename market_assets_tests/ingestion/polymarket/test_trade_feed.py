"""The way down the feed: every second is seen whole, however feed and venue behave."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.ingestion.polymarket.trade_feed import FAR, FeedWalk, Stretch
from market_assets.ingestion.polymarket.trade_keys import keyed
from market_assets.sources.errors import VenueNonsense, VenueRejected, VenueUnavailable
from market_assets_tests.ingestion.polymarket.feeds import (
    NOW,
    SECOND,
    MemoryFeed,
    ago,
    fills,
    page,
    trade,
    trades,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from market_assets.sources.polymarket.model import Trade, TradePage


def walk(feed: MemoryFeed, floor: datetime, *, page_rows: int = 10, **more: object) -> FeedWalk:
    options = {"top": FAR, "min_usd": 0.0} | more
    return FeedWalk(feed, floor=floor, page_rows=page_rows, **options)  # type: ignore[arg-type] - a test's


def read_all(way: FeedWalk, most: int = 500) -> tuple[dict[str, Trade], list[Stretch]]:
    """Every fill by key, as the table would have them, and the stretches."""
    found: dict[str, Trade] = {}
    stretches = []
    for _ in range(most):
        stretch = way.read()
        stretches.append(stretch)
        found |= dict(keyed(stretch.trades))
        if stretch.is_last:
            return found, stretches
    raise AssertionError(f"no end after {most} pages")


def since(rows: list[Trade], floor: datetime, before: datetime = FAR) -> list[Trade]:
    return [row for row in rows if floor <= row.traded_at < before]


@pytest.mark.parametrize("page_rows", [2, 3, 10, 499, 500])
def test_a_feed_that_stands_still(page_rows: int) -> None:
    """Every fill down to the floor, alike ones too, whatever the page."""
    feed = MemoryFeed(trades(300, every=0.4))
    floor = ago(80)
    found, stretches = read_all(walk(feed, floor, page_rows=page_rows))
    assert fills(since(list(found.values()), floor)) == fills(since(feed.rows, floor))
    whole = [(s.from_at, s.to_at) for s in stretches if s.from_at < s.to_at]
    assert all(lower[1] == upper[0] for upper, lower in pairwise(whole))
    assert whole[-1][0] == floor


def test_what_lies_outside_is_neither_given_nor_claimed() -> None:
    """The last page reaches below the floor, the first above the top: that is others' matter."""
    feed = MemoryFeed(trades(100), includes_end=True)
    found, stretches = read_all(walk(feed, ago(60), top=ago(30), page_rows=500))
    assert fills(found.values()) == fills(since(feed.rows, ago(60), ago(30)))
    assert [(s.from_at, s.to_at) for s in stretches] == [(ago(60), ago(30))]


ROWS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from("abc"), st.sampled_from([3.0, 4.0])),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(
    ROWS,
    st.lists(ROWS, max_size=6),
    st.integers(1, 9),
    st.booleans(),
    st.sampled_from([(7, 10_000), (20, 10_000), (10_000, 10_000), (10_000, 3)]),
    st.integers(0, 2**32),
)
def test_any_feed_that_moves_in_any_way(  # noqa: PLR0917 - what may vary
    first: list[tuple[int, str, float]],
    later: list[list[tuple[int, str, float]]],
    page_rows: int,
    includes_end: bool,  # noqa: FBT001 - drawn
    most: tuple[int, int],
    seed: int,
) -> None:
    """New trades on top, late ones in the middle, seconds in any order, offsets and pages cut.

    What was in the feed at the beginning is found; nothing is found that is not in it; and when it
    stands still, a second way down finds exactly the feed, each alike fill once.
    """
    chance = random.Random(seed)
    made = [trade(40 + back, name, size=size) for back, name, size in first]
    most_offset, most_rows = most
    feed = MemoryFeed(includes_end=includes_end, most_offset=most_offset, most_rows=most_rows)
    feed.beyond = (lambda _: 0) if seed % 2 else None
    feed.add(*made)
    floor = ago(48)
    feed.add(*(trade(60 + n, "old") for n in range(3)))

    def move(number: int) -> None:
        if number <= len(later):
            for back, name, size in later[number - 1]:
                up = chance.choice([0, 30 - number])
                feed.add(trade(40 + back - up, f"{name}{number}", size=size))
        if sees_seconds_whole:
            chance.shuffle(feed.rows)
            feed.rows.sort(key=lambda row: row.traded_at, reverse=True)

    # A second that is larger than any answer is put together from several: then the order within
    # it must last, and alike fills on both sides of a cut count once.
    sees_seconds_whole = most_rows > 100
    count = fills if sees_seconds_whole else lambda rows: Counter(set(fills(rows)))
    before = count(since(feed.rows, floor))
    feed.before = move
    found, _ = read_all(walk(feed, floor, page_rows=page_rows))
    got = count(since(list(found.values()), floor))
    assert before <= got <= count(since(feed.rows, floor))
    feed.before = lambda _: None
    again, _ = read_all(walk(feed, floor, page_rows=page_rows))
    both = list((found | again).values())
    assert count(since(both, floor)) == count(since(feed.rows, floor))


def test_more_new_trades_than_a_page_between_two_requests() -> None:
    """The next page shows only new ones: a window takes over, and nothing is asked twice."""
    feed = MemoryFeed(trades(100))
    before = list(feed.rows)
    feed.before = lambda n: feed.add(*(trade(0, f"n{n}-{k}") for k in range(25 if n == 2 else 0)))
    found, stretches = read_all(walk(feed, ago(60)))
    assert fills(since(before, ago(60))) <= fills(found.values())
    assert feed.asked[2]["end"] == stretches[0].from_at


@pytest.mark.parametrize("includes_end", [True, False])
def test_a_second_larger_than_a_page(includes_end: bool) -> None:  # noqa: FBT001 - a parameter
    """The page grows until it shows the second whole, alike fills too; then it is small again."""
    crowd = [trade(20, f"c{n % 30}") for n in range(90)]
    feed = MemoryFeed([*trades(15), *crowd, *trades(300, first=21)], includes_end=includes_end)
    found, _ = read_all(walk(feed, ago(250)))
    assert fills(since(list(found.values()), ago(250))) == fills(since(feed.rows, ago(250)))
    limits = [asked["limit"] for asked in feed.asked]
    assert max(limits) == 160
    assert limits[-1] == 10


def test_a_second_larger_than_any_answer() -> None:
    """Where pages do not grow, the second is put together from several."""
    crowd = [trade(20, f"c{n}") for n in range(90)]
    feed = MemoryFeed([*trades(15), *crowd, *trades(40, first=21)], most_rows=10)
    found, _ = read_all(walk(feed, ago(40)))
    assert fills(since(list(found.values()), ago(40))) == fills(since(feed.rows, ago(40)))


def test_a_second_larger_than_all_offsets_is_nonsense() -> None:
    """It is said, and does not go on for ever."""
    feed = MemoryFeed([trade(20, f"c{n}") for n in range(400)], most_rows=10, most_offset=200)
    with pytest.raises((VenueNonsense, VenueRejected)):
        read_all(walk(feed, ago(40)))


@pytest.mark.parametrize(
    "beyond",
    [None, lambda _: 0, lambda offset: offset % 100],
    ids=["refused", "the first page", "an earlier page"],
)
def test_offsets_that_end(beyond: Callable[[int], int] | None) -> None:
    """Refused, or the same rows again: windows with offsets of their own take over."""
    feed = MemoryFeed(trades(1500), most_offset=100, beyond=beyond)
    found, _ = read_all(walk(feed, ago(1200), page_rows=30))
    floor = ago(1200)
    assert fills(since(list(found.values()), floor)) == fills(since(feed.rows, floor))
    assert len({asked["end"] for asked in feed.asked}) > 5


def test_the_venues_own_greatest_offset_is_kept() -> None:
    """Past 10,000 rows nothing is asked for beyond the offset that the venue has."""
    feed = MemoryFeed(trades(25_000, every=0.5), most_offset=10_000)
    found, _ = read_all(walk(feed, ago(12_000), page_rows=2000))
    floor = ago(12_000)
    assert fills(since(list(found.values()), floor)) == fills(since(feed.rows, floor))
    assert max(int(str(asked["offset"])) for asked in feed.asked) <= 10_000
    assert len(feed.asked) < 20


def test_a_cached_answer_of_before_leaves_no_hole() -> None:
    """The second page is older than the first and begins too far down: it proves nothing."""
    fresh = trades(200)
    old = fresh[30:]
    feed = MemoryFeed(fresh)

    def stale(number: int) -> None:
        feed.rows = old if number == 2 else fresh

    feed.before = stale
    found, stretches = read_all(walk(feed, ago(100)))
    assert stretches[1].from_at == stretches[1].to_at
    assert fills(since(list(found.values()), ago(100))) == fills(since(fresh, ago(100)))


def test_rows_that_vanish_leave_no_hole() -> None:
    """The venue takes back what it showed: what lies below moves up, and is read all the same."""
    feed = MemoryFeed(trades(200))
    kept = feed.rows[25:]
    feed.before = lambda number: setattr(feed, "rows", kept) if number == 3 else None
    found, _ = read_all(walk(feed, ago(100)))
    assert fills(since(kept, ago(100))) <= fills(found.values())


@pytest.mark.parametrize("empty", [1, 2, 3])
@pytest.mark.parametrize("top", [FAR, ago(10)], ids=["the present", "a window"])
def test_one_empty_answer_is_asked_for_again(empty: int, top: datetime) -> None:
    """Neither the first nor one in the midst is the end."""
    feed = MemoryFeed(trades(200))
    rows = feed.rows
    feed.before = lambda number: setattr(feed, "rows", [] if number == empty else rows)
    found, _ = read_all(walk(feed, ago(100), top=top))
    assert fills(found.values()) == fills(since(rows, ago(100), top))


def test_empty_answers_where_there_were_trades_are_nonsense() -> None:
    """The venue keeps to it: that is no end."""
    feed = MemoryFeed(trades(200))
    feed.before = lambda number: feed.rows.clear() if number == 3 else None
    with pytest.raises(VenueNonsense, match=r"from row 0 on are none"):
        read_all(walk(feed, ago(100)))


def test_no_trade_at_all_is_nonsense() -> None:
    """The present of a whole venue is never empty; a window may be, if the present is not."""
    with pytest.raises(VenueNonsense, match="are none"):
        read_all(walk(MemoryFeed(), ago(100)))
    with pytest.raises(VenueNonsense, match="are none"):
        read_all(walk(MemoryFeed(), ago(100), top=NOW))
    found, stretches = read_all(walk(MemoryFeed([trade(0)]), ago(100), top=ago(50)))
    assert found == {}
    assert (stretches[-1].from_at, stretches[-1].to_at) == (ago(100), ago(50))


def test_the_feeds_end_is_an_end() -> None:
    """A young feed that does not reach the floor; its last row is believed when nothing follows."""
    feed = MemoryFeed(trades(35))
    found, stretches = read_all(walk(feed, ago(1000)))
    assert fills(found.values()) == fills(feed.rows)
    assert stretches[-1].from_at == ago(1000)


def test_a_feed_that_ends_above_a_trade_that_it_had_is_nonsense() -> None:
    """A venue that lost its past does not pass for one that had none."""
    feed = MemoryFeed(trades(35))
    with pytest.raises(VenueNonsense, match=r"but one is of 2026-11-19 11:55:00"):
        read_all(walk(feed, ago(1000), known_at=ago(300)))
    with pytest.raises(VenueNonsense, match=r"but one is of"):
        read_all(walk(MemoryFeed(), ago(1000), known_at=ago(300)))


def test_a_window_that_is_not_kept_is_nonsense() -> None:
    """A venue that overlooks `end` would give the top of the feed for the past."""
    feed = MemoryFeed(trades(50))
    feed.window = lambda *_: feed.rows  # type: ignore[method-assign] - a bad venue
    with pytest.raises(VenueNonsense, match=r"up to 2026-11-19 11:59:30 from row 0 on hold one of"):
        read_all(walk(feed, ago(45), top=ago(30)))


def test_an_offset_that_is_not_kept_is_nonsense_not_a_loop() -> None:
    """The same rows again and again, in a second that cannot be seen whole."""
    feed = MemoryFeed([trade(5, f"c{n}") for n in range(1000)])
    feed.trades = lambda **_: page(feed.rows[:1000])  # type: ignore[method-assign] - a bad venue
    with pytest.raises(VenueNonsense, match="more than 10000 of 2026-11-19 11:59:55"):
        read_all(walk(feed, ago(45), page_rows=500), most=20)


def test_rows_out_of_order_are_kept_and_said() -> None:
    """Nothing can be concluded from such a page; its trades are good all the same."""
    feed = MemoryFeed([trade(5, "b"), trade(3, "a"), trade(9, "c")])
    stretch = walk(feed, ago(45)).read()
    assert isinstance(stretch.trouble, VenueNonsense)
    assert "not newest first" in str(stretch.trouble)
    assert len(stretch.trades) == 3
    assert stretch.from_at == ago(3) + SECOND


def test_rows_that_make_no_sense_cost_themselves() -> None:
    """They are named; the way goes on, and all good rows are found."""
    feed = MemoryFeed(trades(100), bad=frozenset({0, 4, 9}))
    found, stretches = read_all(walk(feed, ago(60)))
    assert sum(len(s.rejected) for s in stretches) >= 3
    assert not any(s.from_at > s.to_at for s in stretches)
    assert len(since(list(found.values()), ago(60))) > 40


def test_a_page_of_nothing_but_nonsense_is_passed_over() -> None:
    """A few bad rows at the top: what lies below them is read."""
    feed = MemoryFeed(trades(30))
    good = list(feed.rows)
    answers = iter([page(good[:3], frozenset({0, 1, 2}))])
    usual = feed.trades

    def ask(**asked: object) -> TradePage:
        return next(answers, None) or usual(**asked)  # type: ignore[arg-type] - passed through

    feed.trades = ask  # type: ignore[method-assign] - one bad answer
    found, stretches = read_all(walk(feed, ago(20), page_rows=3))
    assert len(stretches[0].rejected) == 3
    assert fills(good[3:20]) <= fills(found.values())


def test_an_answer_that_could_not_be_had_can_be_asked_for_again() -> None:
    """An error leaves the way where it was."""
    feed = MemoryFeed(trades(100))
    way = walk(feed, ago(60))
    first = way.read()

    def fail(_: int) -> None:
        raise VenueUnavailable("polymarket", "GET /trades: 502")

    feed.before = fail
    with pytest.raises(VenueUnavailable):
        way.read()
    feed.before = lambda _: None
    found, _ = read_all(way)
    assert fills(since(feed.rows, ago(60))) == fills(
        since(list((found | dict(keyed(first.trades))).values()), ago(60))
    )


def test_a_window_is_asked_with_both_ends() -> None:
    """Its begin lies an hour lower than what is wanted: an older trade proves the end."""
    feed = MemoryFeed(trades(100))
    read_all(walk(feed, ago(60), top=ago(30)))
    assert feed.asked[0] == {
        "limit": 10,
        "offset": 0,
        "start": ago(60) - timedelta(hours=1),
        "end": ago(30),
    }
