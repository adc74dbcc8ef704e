"""The keeper of many books: what is handed out, what is asked for, and what it writes down."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from market_assets.clock import ManualClock, to_ms
from market_assets.sources.polymarket.market_channel import decode_frame
from market_assets.sources.polymarket.order_book.exact import ExactBook, decode_exact_books
from market_assets.sources.polymarket.order_book.rows import Token
from market_assets.streams.core.venue_clock import VenueClock
from market_assets.streams.polymarket.book_keeper import AHEAD_MS, BookKeeper
from market_assets.streams.polymarket.book_needs import FIRST_BOOK_S
from market_assets.streams.polymarket.books_batch import BooksBatch
from market_assets.streams.polymarket.rest_doubts import GRACE_S
from market_assets_tests.sources.polymarket.order_book.exchange import (
    MARKET,
    NO,
    YES,
    Exchange,
    body,
)

NOW = datetime(2026, 2, 28, 23, 59, 12, tzinfo=UTC)
TOKENS = [Token(YES, MARKET, "Yes"), Token(NO, MARKET, "No")]


class Desk:
    """A keeper that follows both tokens of an exchange."""

    def __init__(self) -> None:
        self.time = ManualClock(NOW)
        self.clock = VenueClock(self.time)
        self.clock.quorum = 1
        self.exchange = Exchange(trade="0.41", at_ms=to_ms(NOW))
        self.keeper = BookKeeper(self.clock)
        self.keeper.keep(TOKENS)

    def hear(self, *frames: dict[str, Any]) -> None:
        for frame in frames:
            for event in decode_frame(json.dumps(frame).encode()).events:
                self.keeper.event(event)

    def start(self) -> None:
        """First books, and what the hash covers."""
        self.hear(*(self.exchange.book(token, first=True) for token in (YES, NO)))
        self.rest()
        self.keeper.take(leads=True)

    def rest(self, *without: str) -> None:
        tokens = [token for token in (YES, NO) if token not in without]
        self.keeper.rest(self.books(*tokens), [YES, NO])

    def books(self, *tokens: str) -> dict[str, ExactBook]:
        rows = [self.exchange.rest(token) for token in tokens]
        return dict(decode_exact_books(body(rows), tokens).books)

    def pass_time(self, seconds: float) -> None:
        self.time.advance(seconds)
        self.clock.tick()
        self.keeper.tick()

    def take(self) -> BooksBatch:
        return self.keeper.take(leads=True)


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.start()
    return made


def proven(batch: BooksBatch) -> dict[str, bool | None]:
    return {one.token.token_id: one.proven for one in batch.books}


def test_only_what_changed_is_handed_out(desk: Desk) -> None:
    assert desk.take() == BooksBatch((), (), (), ())
    desk.hear(*desk.exchange.batch(("BUY", "0.4", "11")))
    assert proven(desk.take()) == {YES: True, NO: True}
    assert desk.take().books == ()


def test_who_does_not_lead_hands_out_no_book_and_forgets_none(desk: Desk) -> None:
    desk.hear(*desk.exchange.batch(("BUY", "0.4", "11")))
    assert desk.keeper.take(leads=False).books == ()
    assert proven(desk.take()) == {YES: True, NO: True}


def test_what_could_not_be_put_on_disk_is_handed_out_again_as_it_is_by_then(desk: Desk) -> None:
    desk.hear(*desk.exchange.batch(("BUY", "0.4", "11")))
    batch = desk.take()
    desk.hear(*desk.exchange.batch(("BUY", "0.4", "12")))
    desk.keeper.restore(batch, books=True, tops=False, gaps=False)
    again = desk.take()
    [yes] = [one for one in again.books if one.token.token_id == YES]
    assert yes.settled.bids[-1].size == "12"


def test_before_rest_has_said_what_the_hash_covers_nothing_is_proved() -> None:
    desk = Desk()
    desk.hear(*(desk.exchange.book(token, first=True) for token in (YES, NO)))
    assert proven(desk.take()) == {YES: None, NO: None}
    desk.rest()
    assert proven(desk.take()) == {YES: True, NO: True}
    assert (desk.keeper.counts.judged, desk.keeper.counts.proven) == (2, 2)
    assert desk.keeper.counts.proven_share == 1.0


def test_a_break_is_written_down_told_and_healed_by_a_snapshot(desk: Desk) -> None:
    desk.hear(desk.exchange.batch(("BUY", "0.3", "1"), ("BUY", "0.31", "1"))[0])
    desk.pass_time(2.0)
    broken = desk.take()
    assert proven(broken) == {YES: False, NO: False}
    assert {(gap.token_id, gap.cause, gap.healed_at) for gap in broken.gaps} == {
        (YES, "mismatch", None),
        (NO, "mismatch", None),
    }
    assert sorted(desk.keeper.snapshots_wanted()) == [YES, NO]
    assert desk.keeper.snapshots_wanted() == []
    desk.hear(*(desk.exchange.book(token) for token in (YES, NO)))
    healed = desk.take()
    assert proven(healed) == {YES: True, NO: True}
    assert all(gap.healed_at == desk.clock.now() for gap in healed.gaps)
    assert {gap.since for gap in healed.gaps} == {gap.since for gap in broken.gaps}
    assert desk.keeper.counts.proven_share < 1.0


def test_what_goes_wrong_while_a_book_is_missing_is_the_same_gap(desk: Desk) -> None:
    """Its record is closed by the next book; none is left open beside it."""
    desk.keeper.lost([YES], desk.clock.now(), "reconnect")
    desk.pass_time(3.0)
    tick = {"event_type": "tick_size_change", "asset_id": YES, "market": MARKET}
    desk.hear(tick | {"new_tick_size": "0.001", "timestamp": str(desk.exchange.at_ms)})
    assert desk.keeper.snapshots_wanted() == [YES]
    desk.exchange.facts = desk.exchange.facts._replace(tick_size="0.001")
    desk.hear(desk.exchange.book(YES, first=True))
    gaps = {(gap.since, gap.cause): gap.healed_at for gap in desk.take().gaps}
    assert list(gaps.values()) == [desk.clock.now()]
    assert [cause for _, cause in gaps] == ["reconnect"]


def test_a_snapshot_that_does_not_come_is_asked_for_ever_less_often(desk: Desk) -> None:
    desk.keeper.lost([YES], desk.clock.now(), "reconnect")
    asked = []
    for second in range(1, 1200):
        desk.pass_time(1.0)
        asked += [second for _ in desk.keeper.snapshots_wanted()]
    assert asked == [10, 20, 40, 80, 160, 320, 620, 920]


def test_a_book_that_has_never_come_is_missed_after_a_while() -> None:
    desk = Desk()
    desk.keeper.asked([YES, NO])
    desk.pass_time(FIRST_BOOK_S / 2)
    assert desk.keeper.snapshots_wanted() == []
    desk.pass_time(FIRST_BOOK_S)
    assert sorted(desk.keeper.snapshots_wanted()) == [YES, NO]
    assert {gap.cause for gap in desk.take().gaps} == {"no snapshot"}


def test_a_token_without_a_book_is_not_missed() -> None:
    """Rest leaves it out: it has settled, or was never opened."""
    desk = Desk()
    desk.keeper.asked([YES, NO])
    desk.keeper.rest({}, [YES, NO])
    assert desk.keeper.settled_count == 2
    desk.pass_time(2 * FIRST_BOOK_S)
    desk.keeper.snapshots_wanted()
    assert desk.take().gaps == ()


def test_what_rest_knows_better_replaces_and_is_counted(desk: Desk) -> None:
    """Frames were lost, and nobody noticed: no other batch has come since."""
    desk.exchange.batch(("BUY", "0.3", "1"))
    desk.rest()
    desk.pass_time(GRACE_S / 2)
    assert desk.take().books == ()
    desk.pass_time(GRACE_S)
    batch = desk.take()
    assert {one.source for one in batch.books} == {"rest"}
    assert proven(batch) == {YES: True, NO: True}
    assert {(gap.cause, gap.healed_at is None) for gap in batch.gaps} == {("missed", False)}
    assert desk.keeper.counts.rest_differs == 2


def test_a_book_that_is_only_sooner_over_rest_is_no_loss(desk: Desk) -> None:
    """The frames are on their way."""
    frames = desk.exchange.batch(("BUY", "0.3", "1"))
    desk.rest()
    desk.hear(*frames)
    desk.pass_time(2 * GRACE_S)
    batch = desk.take()
    assert {one.source for one in batch.books} == {"stream"}
    assert batch.gaps == ()
    assert desk.keeper.counts.rest_differs == 0


def test_a_book_of_rest_that_makes_no_sense_changes_nothing(desk: Desk) -> None:
    crossed = desk.books(YES)[YES]._replace(timestamp=str(desk.exchange.at_ms + 5), hash="other")
    crossed = crossed._replace(bids=(*crossed.bids, crossed.asks[-1]))
    desk.keeper.rest({YES: crossed}, [YES, NO])
    desk.pass_time(2 * GRACE_S)
    assert desk.take().books == ()
    assert desk.keeper.counts.nonsense == 1


def test_an_older_book_of_rest_is_left_alone(desk: Desk) -> None:
    old = desk.books(YES, NO)
    desk.hear(*desk.exchange.batch(("BUY", "0.3", "1")))
    desk.take()
    desk.keeper.rest(old, [YES, NO])
    assert desk.take().books == ()
    assert desk.keeper.counts.rest_differs == 0


def test_what_is_no_more_followed_goes(desk: Desk) -> None:
    desk.keeper.keep(TOKENS[:1])
    assert desk.take().gone == (NO,)
    desk.hear(*desk.exchange.batch(("BUY", "0.3", "1")))
    assert proven(desk.take()) == {YES: True}


@pytest.mark.parametrize(
    "spoil",
    [
        {"size": "many"},
        {"price": "7"},
        {"side": "HOLD"},
    ],
)
def test_a_frame_that_makes_no_sense_costs_its_token(desk: Desk, spoil: dict[str, str]) -> None:
    [frame] = desk.exchange.batch(("BUY", "0.3", "1"))
    frame["price_changes"][0] |= spoil
    desk.hear(frame)
    assert proven(desk.take()) == {YES: False, NO: True}
    assert desk.keeper.counts.nonsense == 1
    assert desk.keeper.snapshots_wanted() == [YES]


def test_a_frame_of_the_future_is_nonsense(desk: Desk) -> None:
    """Believed, it would make every later frame an old one."""
    [frame] = desk.exchange.batch(("BUY", "0.3", "1"), later_ms=2 * AHEAD_MS)
    desk.pass_time(15.0)
    desk.hear(frame)
    assert desk.take().books == ()
    assert desk.keeper.counts.nonsense == 1


def test_tops_are_of_the_books_as_they_stood_when_the_instant_passed(desk: Desk) -> None:
    desk.pass_time(15.0)
    desk.take()
    before = desk.clock.now()
    desk.time.advance(30.0)
    desk.clock.tick()
    desk.hear(*desk.exchange.batch(("BUY", "0.41", "11")))
    tops = desk.take().tops
    assert {top.observed_at for top in tops} == {NOW.replace(second=30)}
    assert before < NOW.replace(second=30) + timedelta(seconds=60)
    [yes] = [top for top in tops if top.token_id == YES]
    assert yes.top.best_bid == 0.4


def test_a_gap_and_its_end_are_one_row(desk: Desk) -> None:
    desk.keeper.lost([YES], desk.clock.now(), "silence")
    desk.hear(desk.exchange.book(YES))
    [piece] = [one for one in desk.take().pieces if one.table.name == "ingestion_gaps"]
    assert piece.frame.height == 1
    assert piece.frame.select("symbol", "cause", pl.col("healed_at").is_null()).rows() == [
        (YES, "silence", False)
    ]
