"""The book of candles: whatever the order of the frames, the rows are the true candles."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.streams.candles.candle_book import KEEP, Hole
from market_assets_tests.streams.hyperliquid.stories import (
    MINUTE_MS,
    MINUTES,
    SEEDS,
    START,
    START_MS,
    Desk,
    deliveries,
    frames,
    markets,
    truth,
    update,
)


@pytest.fixture
def desk() -> Desk:
    """A book of two symbols that have been covered for a minute when the story starts."""
    desk = Desk()
    desk.begin({"BTC": 100.0, "ETH": 10.0})
    return desk


@given(st.data())
@settings(max_examples=32, deadline=None)
def test_any_order_of_frames_ends_in_the_true_candles(data: st.DataObject) -> None:
    """Late, doubled and interleaved frames: after all of them, the rows are folded trades."""
    trades = data.draw(markets())
    desk = Desk()
    desk.begin(SEEDS)
    desk.run(MINUTES * 60 + 110, data.draw(deliveries(trades)))
    assert desk.rows(MINUTES) == truth(trades, SEEDS, MINUTES)
    assert not desk.holes


@given(
    markets(),
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from([3600, -3600, 70, -70, 25, -25])),
        max_size=3,
    ),
)
@settings(max_examples=24, deadline=None)
def test_a_wall_clock_that_jumps_leaves_no_wrong_row(trades: list, jumps: list) -> None:
    """Somebody sets the clock, wherever and whenever: the venue's minutes are what counts."""
    desk = Desk()
    desk.begin(SEEDS)
    waiting = frames(trades)
    heartbeat = [(float(s), s) for s in range(0, MINUTES * 60 + 70, 2)]
    for at, second in heartbeat:
        desk.wall.advance(2)
        for when, seconds in jumps:
            if second <= when < second + 2:
                desk.wall.jump(seconds)
        # A busy symbol, of which nothing is asserted, tells the minute as the venue has it.
        desk.clock.witness("BUSY", START_MS + int(second // 60) * MINUTE_MS)
        while waiting and waiting[0][0] <= at:
            desk.hear(waiting.pop(0)[1])
        if second % 4 == 0:
            desk.flush()
    desk.flush()
    assert desk.rows(MINUTES) == truth(trades, SEEDS, MINUTES)
    assert all(minute <= MINUTES + 1 for _, minute in desk.table)


def test_a_minute_is_closed_by_the_clock_where_nothing_else_speaks(desk: Desk) -> None:
    """2.5 s after its end, well before the 8 s that a minute has."""
    desk.wall.advance(10)
    desk.hear(update("BTC", 0, 101.0, 3))
    desk.wall.advance(52)
    desk.flush()
    assert desk.table["BTC", 0][1][-1] is False
    desk.wall.advance(1)
    desk.flush()
    assert desk.table["BTC", 0][1] == (101.0, 101.0, 101.0, 101.0, 3.0, 3, True)
    assert desk.table["ETH", 0][1] == (10.0, 10.0, 10.0, 10.0, 0.0, 0, True)


def test_a_symbols_own_next_open_closes_its_bar_at_once(desk: Desk) -> None:
    desk.hear(update("BTC", 0, 101.0, 3))
    desk.wall.advance(60.2)
    desk.hear(update("BTC", 1, 102.0, 1))
    desk.flush()
    assert desk.table["BTC", 0][1][-1] is True
    assert desk.table["BTC", 1][1][-1] is False
    assert ("ETH", 0) not in desk.table


def test_another_symbols_next_open_closes_after_the_grace(desk: Desk) -> None:
    """Different sockets: the last frame of a minute may come after another's first of the next."""
    desk.clock.witness("BTC", START_MS)
    desk.wall.jump(-30)
    desk.clock.tick()
    desk.wall.advance(58)
    desk.hear(update("ETH", 0, 11.0, 1))
    desk.hear(update("BTC", 1, 101.0, 1))
    desk.wall.advance(1.9)
    desk.flush()
    assert desk.table["ETH", 0][1][-1] is False
    desk.wall.advance(0.2)
    desk.flush()
    assert desk.table["ETH", 0][1][-1] is True
    assert desk.table["BTC", 0][1] == (100.0, 100.0, 100.0, 100.0, 0.0, 0, True)


def test_a_stream_that_lags_is_waited_for(desk: Desk) -> None:
    """While frames of the minute still come, the clock alone does not close it."""
    for second in range(0, 80, 2):
        desk.wall.advance(2)
        desk.hear(update("BTC", 0, 101.0, second + 1))
        desk.flush()
    assert desk.table["BTC", 0][1][-1] is False
    desk.wall.advance(20)
    desk.flush()
    assert desk.table["BTC", 0][1][-1] is True


def test_a_late_frame_corrects_the_closed_bar_and_the_flat_ones_after_it(desk: Desk) -> None:
    desk.hear(update("BTC", 0, 101.0, 1))
    desk.run(190, [])
    assert desk.table["BTC", 2][1][3] == 101.0
    desk.hear(update("BTC", 0, 99.0, 2, high=101.0, open=101.0))
    desk.flush()
    assert desk.table["BTC", 0][1] == (101.0, 101.0, 99.0, 99.0, 2.0, 2, True)
    assert desk.table["BTC", 1][1] == (99.0, 99.0, 99.0, 99.0, 0.0, 0, True)
    assert desk.table["BTC", 2][1] == (99.0, 99.0, 99.0, 99.0, 0.0, 0, True)


def test_a_duplicate_or_older_state_changes_nothing(desk: Desk) -> None:
    """Trades count: a bar never moves back."""
    desk.hear(update("BTC", 0, 101.0, 5))
    assert desk.book.take().frame.height == 1
    desk.hear(update("BTC", 0, 101.0, 5))
    desk.hear(update("BTC", 0, 90.0, 4))
    assert desk.book.take().frame.height == 0


def test_an_older_state_of_an_earlier_minute_changes_nothing(desk: Desk) -> None:
    """Held up somewhere, it comes after the next minute has begun."""
    desk.hear(update("BTC", 0, 101.0, 5))
    desk.run(61, [])
    desk.hear(update("BTC", 1, 102.0, 1))
    desk.hear(update("BTC", 0, 90.0, 4))
    desk.flush()
    assert desk.table["BTC", 0][1][3] == 101.0
    assert desk.book.take().frame.is_empty()


def test_flat_bars_follow_a_late_frame_whatever_others_have_traded_since(desk: Desk) -> None:
    desk.run(130, [])
    desk.hear(update("ETH", 2, 11.0, 1))
    desk.hear(update("BTC", 0, 99.0, 1))
    desk.flush()
    assert desk.table["BTC", 0][1] == (99.0, 99.0, 99.0, 99.0, 1.0, 1, True)
    assert desk.table["BTC", 1][1] == (99.0, 99.0, 99.0, 99.0, 0.0, 0, True)


def test_a_minute_after_an_uncertain_one_is_uncertain_too(desk: Desk) -> None:
    """The close before it may be another: it cannot be flat at that one."""
    desk.wall.advance(30)
    desk.hear(update("BTC", 0, 101.0, 1))
    desk.book.lost(["BTC"], desk.clock.now(), "reconnect")
    desk.wall.advance(3)
    desk.book.covered(["BTC"])
    desk.run(90, [])
    assert desk.holes == [
        Hole("BTC", START_MS + MINUTE_MS * m, START_MS + MINUTE_MS * (m + 1), "reconnect")
        for m in (0, 1)
    ]


def test_a_late_first_frame_completes_a_minute_that_was_heard_as_a_whole(desk: Desk) -> None:
    """It was a hole only because nothing was known of the minute before."""
    desk.book.keep(["BTC", "ETH", "NEW"], "listing")
    desk.book.covered(["NEW"])
    desk.run(130, [])
    assert ("NEW", 1) not in desk.table
    desk.hear(update("NEW", 1, 5.0, 2))
    desk.flush()
    assert desk.table["NEW", 1][1] == (5.0, 5.0, 5.0, 5.0, 2.0, 2, True)


def test_minutes_without_coverage_are_holes_not_flat_rows(desk: Desk) -> None:
    """Lost in minute 1, acknowledged again in minute 3: 1 to 3 are holes, 4 is flat again."""
    desk.run(90, [])
    desk.holes += desk.book.lost(["BTC"], START + timedelta(seconds=80), "silence")
    desk.run(100, [])
    desk.book.covered(["BTC"])
    desk.run(120, [])
    assert desk.holes == [
        Hole("BTC", START_MS + MINUTE_MS * m, START_MS + MINUTE_MS * (m + 1), "silence")
        for m in (1, 2, 3, 4)
    ]
    assert desk.rows(5).keys() == {("BTC", 0), *(("ETH", m) for m in range(5))}
    desk.book.seed("BTC", START_MS + 4 * MINUTE_MS, 77.0)
    desk.run(60, [])
    assert desk.table["BTC", 5][1] == (77.0, 77.0, 77.0, 77.0, 0.0, 0, True)


def test_a_loss_found_late_takes_back_what_was_said_since(desk: Desk) -> None:
    """A socket silent for two minutes: its flat rows of that time become holes to be healed."""
    desk.hear(update("BTC", 0, 101.0, 1))
    desk.run(185, [])
    assert desk.table["BTC", 2][1][-1] is True
    holes = desk.book.lost(["BTC"], START + timedelta(seconds=20), "silence")
    assert holes == [Hole("BTC", START_MS, START_MS + 3 * MINUTE_MS, "silence")]
    desk.book.covered(["BTC"])
    desk.run(60, [])
    assert desk.holes == [
        Hole("BTC", START_MS + 3 * MINUTE_MS, START_MS + 4 * MINUTE_MS, "silence")
    ]


def test_a_loss_near_the_start_of_a_minute_casts_doubt_on_the_one_before(desk: Desk) -> None:
    """By the venue's clock, which is not quite ours, its last trades may have come then."""
    desk.run(65, [])
    holes = desk.book.lost(["BTC"], START + timedelta(seconds=61), "silence")
    assert holes == [Hole("BTC", START_MS, START_MS + MINUTE_MS, "silence")]


def test_a_short_loss_costs_nothing_where_a_frame_follows_in_the_same_minute(desk: Desk) -> None:
    """A frame is the whole state: heard again after the reconnect, the bar is complete."""
    desk.wall.advance(10)
    desk.hear(update("BTC", 0, 101.0, 1))
    assert desk.book.lost(["BTC"], desk.clock.now(), "reconnect") == []
    desk.wall.advance(3)
    desk.book.covered(["BTC"])
    desk.hear(update("BTC", 0, 102.0, 4))
    desk.run(60, [])
    assert not desk.holes
    assert desk.table["BTC", 0][1][-1] is True


def test_a_bar_that_may_lack_trades_is_not_called_closed(desk: Desk) -> None:
    desk.wall.advance(10)
    desk.hear(update("BTC", 0, 101.0, 1))
    desk.book.lost(["BTC"], desk.clock.now(), "reconnect")
    desk.wall.advance(3)
    desk.book.covered(["BTC"])
    desk.run(60, [])
    assert desk.table["BTC", 0][1][-1] is False
    assert desk.holes == [Hole("BTC", START_MS, START_MS + MINUTE_MS, "reconnect")]


def test_without_a_known_previous_close_there_is_no_flat_row() -> None:
    """A symbol that has not traded since it was subscribed: REST must tell its price first."""
    desk = Desk()
    desk.book.keep(["BTC"], "listing")
    desk.book.covered(["BTC"])
    desk.run(125, [])
    assert not desk.table
    assert {hole.cause for hole in desk.holes} == {"listing"}
    desk.book.seed("BTC", START_MS + MINUTE_MS, 5.0)
    desk.run(60, [])
    assert desk.rows(5) == {("BTC", 2): (5.0, 5.0, 5.0, 5.0, 0.0, 0, True)}


def test_symbols_that_are_not_kept_leave_no_rows(desk: Desk) -> None:
    desk.book.keep(["BTC"], "fresh")
    desk.hear(update("ETH", 0, 10.0, 1))
    desk.hear(update("GONE", 0, 10.0, 1))
    desk.run(65, [])
    assert {symbol for symbol, _ in desk.table} == {"BTC"}


def test_rows_that_could_not_be_written_come_again_with_what_is_newer(desk: Desk) -> None:
    desk.hear(update("BTC", 0, 101.0, 1))
    batch = desk.book.take()
    desk.hear(update("BTC", 0, 102.0, 2))
    desk.hear(update("ETH", 0, 11.0, 1))
    desk.book.restore(batch)
    again = desk.book.take().frame
    assert dict(again.select("symbol", "close").iter_rows()) == {"BTC": 102.0, "ETH": 11.0}


def test_what_cannot_be_written_for_hours_is_given_up_as_holes(desk: Desk) -> None:
    desk.hear(update("BTC", 0, 101.0, 1))
    desk.run(61, [])
    desk.hear(update("BTC", 1, 101.0, 1))
    holes = desk.book.shed(START + timedelta(seconds=60))
    assert holes == []
    desk.hear(update("BTC", 1, 101.0, 2))
    holes = desk.book.shed(START + timedelta(minutes=5))
    assert holes == [Hole("BTC", START_MS + MINUTE_MS, START_MS + 2 * MINUTE_MS, "downtime")]
    assert desk.book.waiting() == 0


def test_a_clock_that_was_ahead_is_unmade() -> None:
    """Without frames to tell, the wall is followed for a while; its flat minutes are taken back."""
    desk = Desk()
    desk.begin({"BTC": 100.0})
    desk.run(65, [])
    desk.wall.jump(600)
    desk.run(100, [])
    desk.book.seed("BTC", desk.book.concluded_ms, 100.0)
    desk.run(120, [])
    assert max(minute for _, minute in desk.table) > 10
    desk.wall.jump(-600)
    desk.run(100, [])
    assert desk.clock.take_shift() == pytest.approx(0, abs=2)
    desk.book.rewind()
    desk.table.clear()
    desk.run(30, [])
    assert max(minute for _, minute in desk.table) <= 6


def test_memory_is_bounded_by_what_late_frames_need(desk: Desk) -> None:
    minutes = KEEP // timedelta(minutes=1)
    desk.run(60 * (minutes + 10), [])
    series = desk.book._series["BTC"]
    assert len(series.bars) <= minutes + 2
