"""One book: batches in parts, losses, repetitions, and the proof by the venue's hash."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.sources.polymarket.order_book.hashing import Level
from market_assets.sources.polymarket.order_book.token_book import (
    BATCH_S,
    GIVE_UP,
    QUIET_S,
    Change,
    Fate,
    MarketFacts,
    Part,
    TokenBook,
)
from market_assets_tests.sources.polymarket.order_book.exchange import (
    FACTS,
    MARKET,
    NO,
    YES,
    Exchange,
)

Frame = dict[str, Any]


class Told:
    """A book that hears an exchange."""

    def __init__(self, exchange: Exchange, token: str = YES, *, knows: bool = True) -> None:
        self.exchange, self.token = exchange, token
        self.shared = MarketFacts()
        if knows:
            self.shared.know(exchange.facts)
            self.shared.traded(exchange.trade)
        self.book = TokenBook(token, MARKET, self.shared)
        self.elapsed = 100.0

    def snapshot(self, **other: str) -> Fate:
        bids, asks = self.exchange.sides(self.token)
        hash_ = other.get("hash_", self.exchange.hash(self.token))
        return self.book.snapshot(bids, asks, str(self.exchange.at_ms), hash_)

    def hear(self, frame: Frame) -> Fate:
        self.elapsed += 0.001
        [own] = [one for one in frame["price_changes"] if one["asset_id"] == self.token]
        change = Change(own["side"], own["price"], own["size"])
        bests = own["best_bid"], own["best_ask"]
        part = Part([change], frame["timestamp"], own["hash"], *bests)
        return self.book.change(part, self.elapsed)

    def look(self, after: float) -> Fate:
        self.elapsed += after
        return self.book.look(self.elapsed)

    @property
    def shown(self) -> tuple[Sequence[Level], Sequence[Level]]:
        assert self.book.settled is not None
        return list(self.book.settled.bids), list(reversed(self.book.settled.asks))

    @property
    def is_the_venues(self) -> bool:
        return self.shown == self.exchange.sides(self.token)


@pytest.fixture(params=[YES, NO])
def told(request: pytest.FixtureRequest) -> Told:
    made = Told(Exchange(trade="0.41"), request.param)
    assert made.snapshot() is Fate.SETTLED
    assert made.book.settled is not None
    assert made.book.settled.proven is True
    return made


def test_a_batch_is_shown_when_its_last_frame_has_come(told: Told) -> None:
    before = told.shown
    frames = told.exchange.batch(("BUY", "0.41", "3"), ("SELL", "0.42", "0"), ("BUY", "0.4", "1"))
    assert [told.hear(frame) for frame in frames[:2]] == [Fate.OPEN, Fate.OPEN]
    assert told.shown == before
    assert told.hear(frames[2]) is Fate.SETTLED
    assert told.is_the_venues
    assert told.book.settled is not None
    assert told.book.settled.proven is True


def test_a_book_that_is_crossed_within_a_batch_is_never_shown(told: Told) -> None:
    """A new bid at the ask comes before the ask goes."""
    first, second = told.exchange.batch(("BUY", "0.42", "5"), ("SELL", "0.42", "0"))
    assert told.hear(first) is Fate.OPEN
    bids, asks = told.shown
    assert Decimal(bids[-1].price) < Decimal(asks[-1].price)
    assert told.hear(second) is Fate.SETTLED
    assert told.is_the_venues


def test_two_batches_may_share_an_instant(told: Told) -> None:
    for frame in [
        *told.exchange.batch(("BUY", "0.4", "11")),
        *told.exchange.batch(("BUY", "0.4", "12"), later_ms=0),
    ]:
        assert told.hear(frame) is Fate.SETTLED
    assert told.is_the_venues


def test_a_change_that_is_repeated_changes_nothing(told: Told) -> None:
    first, second = told.exchange.batch(("BUY", "0.4", "11"), ("SELL", "0.5", "0"))
    assert told.hear(first) is Fate.OPEN
    assert told.hear(first) is Fate.OPEN
    assert told.hear(second) is Fate.SETTLED
    assert told.hear(second) is Fate.SETTLED
    assert told.is_the_venues


def test_a_batch_that_comes_again_after_the_next_is_old(told: Told) -> None:
    """Within the same millisecond, too."""
    [first] = told.exchange.batch(("BUY", "0.4", "11"))
    [second] = told.exchange.batch(("BUY", "0.4", "12"), later_ms=0)
    assert [told.hear(frame) for frame in (first, second, first)] == [
        Fate.SETTLED,
        Fate.SETTLED,
        Fate.OLD,
    ]
    assert told.is_the_venues


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_lost_frame_is_noticed_when_the_next_batch_begins(told: Told, lost: int) -> None:
    frames = told.exchange.batch(("BUY", "0.41", "3"), ("SELL", "0.42", "0"), ("BUY", "0.3", "1"))
    heard = [told.hear(frame) for number, frame in enumerate(frames) if number != lost]
    assert heard == [Fate.OPEN, Fate.OPEN]
    [following] = told.exchange.batch(("BUY", "0.2", "9"))
    assert told.hear(following) is Fate.BROKEN
    assert not told.book.is_sound


def test_a_lost_frame_is_noticed_when_nothing_more_comes(told: Told) -> None:
    first, _ = told.exchange.batch(("BUY", "0.41", "3"), ("BUY", "0.3", "1"))
    assert told.hear(first) is Fate.OPEN
    assert told.look(BATCH_S / 2) is Fate.OPEN
    assert told.look(BATCH_S) is Fate.BROKEN


def test_a_whole_batch_that_is_lost_is_noticed_by_the_next(told: Told) -> None:
    told.exchange.batch(("BUY", "0.3", "1"))
    [following] = told.exchange.batch(("BUY", "0.2", "9"))
    assert told.hear(following) is Fate.OPEN
    assert told.look(BATCH_S * 2) is Fate.BROKEN


def test_a_broken_book_is_healed_by_a_snapshot_only(told: Told) -> None:
    told.book.lose()
    [frame] = told.exchange.batch(("BUY", "0.3", "1"))
    assert told.hear(frame) is Fate.BROKEN
    assert told.snapshot() is Fate.SETTLED
    assert told.book.is_sound
    assert told.is_the_venues


def test_frames_of_before_the_snapshot_are_old(told: Told) -> None:
    """They crossed it on the way."""
    [before] = told.exchange.batch(("BUY", "0.3", "1"))
    told.exchange.batch(("BUY", "0.3", "0"))
    assert told.snapshot() is Fate.SETTLED
    assert told.hear(before) is Fate.OLD
    assert told.is_the_venues


def test_a_snapshot_of_before_what_stands_is_old(told: Told) -> None:
    """REST may be behind the socket."""
    old = told.exchange.sides(told.token)
    old_at, old_hash = str(told.exchange.at_ms), told.exchange.hash(told.token)
    [frame] = told.exchange.batch(("BUY", "0.3", "1"))
    assert told.hear(frame) is Fate.SETTLED
    assert told.book.snapshot(*old, old_at, old_hash) is Fate.OLD
    assert told.is_the_venues


def test_before_the_first_snapshot_nothing_can_be_changed() -> None:
    told = Told(Exchange())
    assert told.hear(told.exchange.batch(("BUY", "0.3", "1"))[0]) is Fate.EARLY
    assert told.book.settled is None


def test_a_trade_that_is_told_after_the_book_is_waited_for(told: Told) -> None:
    """The hash covers the last trade: the book cannot be proved until it is known."""
    told.exchange.trade = "0.43"
    [frame] = told.exchange.batch(("SELL", "0.42", "6"))
    assert told.hear(frame) is Fate.OPEN
    assert told.shared.traded("0.43")
    assert told.look(0.01) is Fate.OPEN
    assert told.look(BATCH_S) is Fate.SETTLED
    assert told.book.settled is not None
    assert told.book.settled.proven is True


def test_a_trade_that_is_told_before_its_book_leaves_the_book_proved(told: Told) -> None:
    """The one before it is tried, too."""
    [frame] = told.exchange.batch(("SELL", "0.42", "6"))
    told.shared.traded("0.43")
    assert told.hear(frame) is Fate.SETTLED


def test_the_last_trade_is_spelled_with_the_decimals_of_the_tick() -> None:
    exchange = Exchange(trade="0.5", facts=FACTS._replace(tick_size="0.001"))
    told = Told(exchange)
    assert told.snapshot() is Fate.SETTLED
    assert told.book.settled is not None
    assert told.book.settled.proven is True


def test_without_facts_a_book_is_shown_unproved_once_its_batch_is_quiet() -> None:
    told = Told(Exchange(), knows=False)
    assert told.snapshot() is Fate.SETTLED
    assert told.book.settled is not None
    assert told.book.settled.proven is None
    first, second = told.exchange.batch(("BUY", "0.4", "11"), ("BUY", "0.38", "2"))
    assert told.hear(first) is Fate.OPEN
    assert told.look(QUIET_S / 2) is Fate.OPEN
    assert told.hear(second) is Fate.OPEN
    assert told.look(QUIET_S) is Fate.SETTLED
    assert told.is_the_venues
    assert told.shared.know(told.exchange.facts)
    assert told.book.prove_again()
    assert told.book.settled.proven is True
    assert not told.book.prove_again()


def test_a_hash_that_no_spelling_gives_is_a_book_that_is_not_proved(told: Told) -> None:
    """It stays, as one that differs; after a few snapshots its batches are taken as they come."""
    for number in range(1, GIVE_UP + 1):
        assert told.snapshot(hash_="f" * 40) is Fate.SETTLED
        assert told.book.unproved == number
        assert told.book.settled is not None
        assert told.book.settled.proven is False
    told.exchange.facts = told.exchange.facts._replace(min_order_size="1")
    [frame] = told.exchange.batch(("BUY", "0.4", "11"))
    assert told.hear(frame) is Fate.OPEN
    assert told.look(QUIET_S) is Fate.SETTLED
    assert told.is_the_venues
    assert told.book.settled.proven is False


def test_after_the_tick_size_has_changed_there_is_no_book_until_a_snapshot(told: Told) -> None:
    told.book.forget()
    assert told.book.settled is None
    [frame] = told.exchange.batch(("BUY", "0.3", "1"))
    assert told.hear(frame) is Fate.EARLY
    assert told.snapshot() is Fate.SETTLED


@pytest.mark.parametrize(
    "changes",
    [
        [Change("HOLD", "0.3", "1")],
        [Change("BUY", "0.3x", "1")],
        [Change("BUY", "1.5", "1")],
        [Change("BUY", "0", "1")],
        [Change("BUY", "0.3", "-1")],
        [Change("BUY", "0.3", "")],
        [Change("BUY", "0.3", "1e3")],
    ],
)
def test_a_change_that_makes_no_sense_is_refused(told: Told, changes: list[Change]) -> None:
    with pytest.raises(ValueError, match=r"side|price|size|level"):
        told.book.change(Part(changes, str(told.exchange.at_ms + 1), "h", "0.4", "0.42"), 1.0)
    assert not told.book.is_sound


@pytest.mark.parametrize(
    ("bids", "asks", "at"),
    [
        ([Level("0.5", "1")], [Level("0.5", "1")], "1800000000001"),
        ([Level("0.5", "1"), Level("0.50", "2")], [], "1800000000001"),
        ([Level("0.5", "0")], [], "1800000000001"),
        ([Level("1", "2")], [], "1800000000001"),
        ([Level("0.5", "1")], [], "soon"),
        ([Level("0.5", "1")], [], "-5"),
    ],
)
def test_a_snapshot_that_makes_no_sense_changes_nothing(
    told: Told, bids: list[Level], asks: list[Level], at: str
) -> None:
    with pytest.raises(ValueError, match=r"crossed|twice|size|level|timestamp"):
        told.book.snapshot(bids, asks, at, "h")
    assert told.is_the_venues
    assert told.book.is_sound


PRICES = st.sampled_from([f"0.{n:02d}".rstrip("0") for n in range(1, 100)])
SIZES = st.sampled_from(["0", "1", "2.5", "100", "0.01"])


@given(
    moves=st.lists(
        st.lists(st.tuples(PRICES, SIZES), min_size=1, max_size=4), min_size=1, max_size=8
    ),
    order=st.randoms(use_true_random=False),
)
def test_whatever_the_venue_does_the_book_is_its_own_after_each_batch(
    moves: list[list[tuple[str, str]]], order: Any
) -> None:
    """The frames of a batch may come in any order, and each of them twice."""
    exchange = Exchange()
    books = [Told(exchange, YES), Told(exchange, NO)]
    for told in books:
        told.snapshot()
    for move in moves:
        middle = Decimal("0.41")
        changes = [
            ("BUY" if Decimal(price) < middle else "SELL", price, size)
            for price, size in dict(move).items()
            if Decimal(price) != middle
        ]
        frames = exchange.batch(*changes)
        frames = [frame for frame in frames for _ in range(order.choice([1, 2]))]
        order.shuffle(frames)
        for told in books:
            fates = [told.hear(frame) for frame in frames]
            assert Fate.BROKEN not in fates
            assert told.is_the_venues
            assert told.book.settled is not None
            assert told.book.settled.proven is True
