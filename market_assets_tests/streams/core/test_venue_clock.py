"""The session's clock believes the wall clock only as far as the venue agrees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.clock import ManualClock, floor_ms, to_ms
from market_assets.streams.core.venue_clock import (
    LATE_MS,
    PATIENCE_S,
    START_PATIENCE_S,
    VenueClock,
)

START = datetime(2026, 3, 1, 12, 0, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Venue:
    """A venue with its own, right clock; each `heartbeat` is a frame of each symbol."""

    def __init__(self, wall: ManualClock, *, ahead: float = 0.0) -> None:
        """`ahead`: seconds by which the machine's clock is ahead of the venue's."""
        self.wall = wall
        self.truth = ManualClock(wall.now() - timedelta(seconds=ahead), wall.monotonic())
        self.clock = VenueClock(wall)
        self.symbols = ("BTC", "ETH", "SOL")

    def advance(self, seconds: float) -> None:
        """Time passes, second by second, with frames and ticks."""
        for _ in range(round(seconds)):
            self.wall.advance(1)
            self.truth.advance(1)
            self.clock.tick()
            self.frames()

    def suspend(self, seconds: float) -> None:
        """The machine sleeps: time passes on the wall and at the venue, not for the process."""
        self.wall.jump(seconds)
        self.truth.jump(seconds)

    def frames(self) -> None:
        """One frame of the venue's present minute for each symbol."""
        for symbol in self.symbols:
            self.clock.witness(symbol, floor_ms(to_ms(self.truth.now()), MINUTE))

    @property
    def error_s(self) -> float:
        """How far the clock is from the truth."""
        return (self.clock.now() - self.truth.now()).total_seconds()


def venue(ahead: float = 0.0) -> Venue:
    return Venue(ManualClock(START), ahead=ahead)


def test_a_right_clock_is_confirmed_by_the_first_frames() -> None:
    """In doubt only until three symbols have spoken."""
    v = venue()
    assert v.clock.in_doubt
    v.frames()
    assert not v.clock.in_doubt
    assert v.error_s == 0


def test_without_frames_the_wall_is_believed_after_a_while() -> None:
    v = venue()
    v.symbols = ()
    v.advance(START_PATIENCE_S + 2)
    assert not v.clock.in_doubt
    v.wall.jump(3600)
    v.advance(5)
    assert v.clock.in_doubt
    v.advance(PATIENCE_S + 2)
    assert not v.clock.in_doubt
    assert v.clock.wall_offset == 0
    assert v.clock.take_shift() == pytest.approx(3600)


@pytest.mark.parametrize("seconds", [3600, -3600, 120, -120, 86_400, 30, -30, 4, -4])
def test_a_wall_that_somebody_sets_wrong_is_not_followed(seconds: float) -> None:
    """A jump that the venue's minutes contradict changes nothing."""
    v = venue()
    v.advance(90)
    v.wall.jump(seconds)
    v.advance(100)
    assert not v.clock.in_doubt
    assert abs(v.error_s) <= 2
    assert v.clock.jumps == 1
    assert v.clock.take_shift() == 0


def test_a_wall_that_jumps_there_and_back_leaves_no_trace() -> None:
    v = venue()
    v.advance(70)
    v.wall.jump(20)
    v.advance(3)
    assert v.clock.in_doubt
    v.wall.jump(-20)
    v.advance(2)
    assert not v.clock.in_doubt
    assert v.clock.take_shift() == 0


@pytest.mark.parametrize("seconds", [20, 90, 3600, 8 * 3600])
def test_a_suspend_is_followed(seconds: float) -> None:
    """After a resume the wall is right and the monotonic clock has not moved."""
    v = venue()
    v.advance(70)
    v.suspend(seconds)
    v.advance(100)
    assert not v.clock.in_doubt
    assert abs(v.error_s) <= 2
    assert v.clock.take_shift() == pytest.approx(seconds, abs=2)


@pytest.mark.parametrize("ahead", [3600, 120, -30, -120, -3600, -400 * 86_400])
def test_a_clock_that_is_wrong_from_the_start_is_found_out(ahead: float) -> None:
    """The venue's minutes win over a wall clock that was never right."""
    v = venue(ahead)
    v.advance(150)
    assert not v.clock.in_doubt
    assert abs(v.error_s) <= 2


def test_a_wrong_clock_that_is_then_put_right_is_followed() -> None:
    v = venue(3600)
    v.advance(150)
    v.wall.jump(-3600)
    v.advance(10)
    assert not v.clock.in_doubt
    assert abs(v.error_s) <= 2
    assert abs(v.clock.wall_offset) <= 2


def test_one_symbols_nonsense_does_not_set_the_clock() -> None:
    """A frame from the year 2100, again and again, is refused and changes nothing."""
    v = venue()
    v.advance(70)
    far = to_ms(datetime(2100, 1, 1, tzinfo=UTC))
    for step in range(200):
        assert not v.clock.witness("JUNK", far + step * 60_000)
        v.advance(1)
    assert v.error_s == 0
    assert not v.clock.in_doubt


def test_a_small_difference_is_followed_at_once() -> None:
    """NTP slews: a second is not a jump."""
    v = venue()
    v.advance(5)
    v.wall.jump(1)
    v.clock.tick()
    assert v.clock.wall_offset == 0
    assert v.clock.jumps == 0


def test_at_and_elapsed_at_are_inverse() -> None:
    clock = VenueClock(ManualClock(START, 123.5))
    assert clock.at(clock.elapsed_at(to_ms(START))) == START
    assert clock.at(123.5) == START


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["jump", "suspend", "run"]),
            st.floats(-7200, 7200).map(round),
        ),
        max_size=6,
    ),
    st.sampled_from([0, 0, 3600, -3600]),
)
def test_whatever_happens_the_clock_ends_right(story: list[tuple[str, int]], ahead: int) -> None:
    """Any story of jumps and suspends at once: never further off than a fresh frame can show."""
    v = venue(ahead)
    v.advance(5)
    for what, seconds in story:
        if what == "jump":
            v.wall.jump(seconds)
        elif what == "suspend":
            v.suspend(abs(seconds))
        else:
            v.advance(abs(seconds) % 80)
    v.advance(200)
    assert not v.clock.in_doubt
    assert abs(v.error_s) <= LATE_MS / 1000
