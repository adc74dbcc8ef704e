"""The recorder: what is kept, what waits while the clock is in doubt, and what is noticed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from market_assets.clock import ManualClock
from market_assets.streams.candles.candle_book import Hole
from market_assets.streams.candles.quiet import QuietWatch
from market_assets.streams.core.venue_clock import VenueClock
from market_assets.streams.hyperliquid.recorder import HELD_S, Recorder
from market_assets_tests.streams.hyperliquid.stories import MINUTE_MS, START, START_MS, update

SYMBOLS = ("BTC", "ETH", "SOL")


@dataclass
class Desk:
    """A recorder of three symbols."""

    wall: ManualClock = field(default_factory=lambda: ManualClock(START, 1000.0))
    holes: list[Hole] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = VenueClock(self.wall)
        self.recorder = Recorder(self.clock, on_holes=self.holes.extend)
        self.recorder.keep(
            mids=[*SYMBOLS, "LOW"], candles=SYMBOLS, known=[*SYMBOLS, "LOW", "OLD"], cause="fresh"
        )

    def settle(self) -> None:
        """The first frames confirm the clock."""
        for symbol in SYMBOLS:
            self.frame(symbol, 0, 1)

    def frame(self, symbol: str, minute: int, trades: int) -> None:
        self.recorder.candle(update(symbol, minute, 100.0, trades), self.clock.now())

    def mids(self, **mids: float) -> None:
        self.recorder.mids("", mids, self.clock.now())

    def run(self, seconds: int, *, busy: bool = False) -> None:
        """Seconds pass, with a tick each, and with frames of all symbols if it is busy."""
        for _ in range(seconds):
            self.wall.advance(1)
            minute = int((self.wall.elapsed - 1000) // 60)
            second = int(self.wall.elapsed - 1000) % 60
            if busy:
                for symbol in SYMBOLS:
                    for step in range(4):
                        self.frame(symbol, minute, 2 + 4 * second + step)
            self.recorder.tick()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def mid_rows(desk: Desk) -> list[tuple[object, ...]]:
    frame = desk.recorder.take().mids.frame.sort("symbol", "bucket_at")
    return frame.select("symbol", "bucket_at", "mid", "samples").rows()


def test_only_live_symbols_are_kept(desk: Desk) -> None:
    """Delisted coins stay in the venue's mids for ever, and outcome markets are there too."""
    desk.settle()
    desk.mids(**{"BTC": 1.0, "LOW": 2.0, "OLD": 3.0, "#10": 0.5})
    assert [row[0] for row in mid_rows(desk)] == ["BTC", "LOW"]
    desk.frame("LOW", 0, 5)
    assert desk.recorder.waiting == 0


def test_an_unknown_coin_is_told_once(desk: Desk) -> None:
    desk.mids(BTC=1.0, NEW=2.0, **{"#10": 0.5})
    assert desk.recorder.take_unknown() == {"NEW"}
    desk.mids(NEW=2.0)
    assert desk.recorder.take_unknown() == frozenset()


def test_mids_wait_until_the_clock_is_settled(desk: Desk) -> None:
    """Then they stand in the buckets of their receipt, by the time that turned out to be right."""
    desk.mids(BTC=1.0)
    desk.run(6)
    desk.mids(BTC=2.0)
    assert mid_rows(desk) == []
    assert desk.recorder.waiting == 2
    desk.settle()
    desk.recorder.tick()
    assert mid_rows(desk) == [
        ("BTC", START, 1.0, 1),
        ("BTC", START + timedelta(seconds=5), 2.0, 1),
    ]


def test_after_a_suspend_mids_stand_where_they_belong(desk: Desk) -> None:
    """The first mids after a resume come before the candles that tell the time."""
    desk.settle()
    desk.run(3)
    desk.wall.jump(3600)
    desk.recorder.tick()
    desk.mids(BTC=7.0)
    assert mid_rows(desk) == []
    for symbol in SYMBOLS:
        desk.frame(symbol, 60, 1)
    desk.recorder.tick()
    assert mid_rows(desk) == [("BTC", START + timedelta(hours=1), 7.0, 1)]


def test_a_suspend_makes_holes_of_what_was_not_heard(desk: Desk) -> None:
    desk.recorder.subscribed(SYMBOLS, desk.clock.now())
    desk.settle()
    desk.run(20)
    desk.wall.jump(3600)
    desk.run(2)
    for symbol in SYMBOLS:
        desk.frame(symbol, 60, 1)
    desk.run(5)
    btc = [hole for hole in desk.holes if hole.symbol == "BTC"]
    assert btc == [Hole("BTC", START_MS, START_MS + 60 * MINUTE_MS, "downtime")]


def test_a_frame_from_ahead_is_held_until_its_minute_begins(desk: Desk) -> None:
    """The machine's clock is a little behind: nothing is lost."""
    desk.settle()
    desk.recorder.take()
    desk.run(30)
    desk.frame("BTC", 1, 1)
    assert desk.recorder.take().candles.frame.is_empty()
    assert desk.recorder.waiting == 1
    desk.run(25)
    frame = desk.recorder.take().candles.frame
    assert ("BTC", START + timedelta(minutes=1)) in frame.select("symbol", "open_at").rows()


def test_nonsense_from_the_far_future_is_dropped_and_counted(desk: Desk) -> None:
    desk.settle()
    desk.frame("BTC", 500_000, 1)
    desk.run(int(HELD_S) + 2)
    assert desk.recorder.refused_frames == 1
    assert desk.recorder.take().candles.frame["open_at"].max() < START + timedelta(hours=1)


def test_a_silence_in_a_busy_stream_is_healed(desk: Desk) -> None:
    """Eleven seconds without a frame where twelve a second are usual, over the end of a minute."""
    desk.recorder.subscribed(SYMBOLS, desk.clock.now())
    desk.run(54, busy=True)
    desk.run(11)
    assert [hole for hole in desk.holes if hole.start_ms >= START_MS + MINUTE_MS] == []
    desk.run(60, busy=True)
    missing = {(hole.symbol, hole.start_ms, hole.cause) for hole in desk.holes}
    assert {(symbol, START_MS, "silence") for symbol in SYMBOLS} <= missing


def test_a_quiet_market_is_no_silence() -> None:
    """A frame each five seconds, then none for a minute: that is chance."""
    watch = QuietWatch()
    for second in range(300):
        if second % 5 == 0 and watch.is_quiet:
            assert watch.end() is None
        watch.tick(int(second % 5 == 0), second)
    for _ in range(60):
        watch.tick(0, 295.0)
    assert watch.end() is None


def test_a_process_that_stood_still_is_no_silence() -> None:
    """No tick, no silence: the frames of that time wait in the sockets."""
    watch = QuietWatch()
    for second in range(100):
        watch.tick(20, second)
    assert not watch.is_quiet
    for _ in range(10):
        watch.tick(0, 200.0)
    assert watch.end() == 200.0
    watch.tick(20, 220.0)
    for _ in range(5):
        watch.tick(0, 221.0)
    watch.heard_anew(230.0)
    for _ in range(5):
        watch.tick(0, 221.0)
    assert watch.end() is None
    for _ in range(9):
        watch.tick(0, 221.0)
    assert watch.end() == 230.0


def test_a_clock_that_was_ahead_is_told(desk: Desk) -> None:
    """The session then deletes rows from beyond the present."""
    desk.wall.jump(7200)
    late = Desk(wall=desk.wall)
    for minute in range(2):
        for symbol in SYMBOLS:
            late.frame(symbol, minute, 1)
        late.run(60)
    assert late.recorder.clock_was_ahead


def test_what_could_not_be_written_is_taken_back(desk: Desk) -> None:
    desk.settle()
    desk.mids(BTC=1.0)
    batch = desk.recorder.take()
    assert sum(piece.frame.height for piece in batch.pieces) == 4
    desk.recorder.restore(batch, mids=False)
    assert sum(piece.frame.height for piece in desk.recorder.take().pieces) == 3
    desk.recorder.restore(batch)
    assert sum(piece.frame.height for piece in desk.recorder.take().pieces) == 4


def test_for_want_of_a_place_old_rows_are_given_up(desk: Desk) -> None:
    desk.recorder.subscribed(SYMBOLS, desk.clock.now())
    desk.settle()
    desk.mids(BTC=1.0)
    later = START + timedelta(minutes=1)
    assert desk.recorder.shed(mids_before=later, candles_before=later) == 4
    assert {hole.symbol for hole in desk.holes} == set(SYMBOLS)
    assert desk.recorder.waiting == 0
