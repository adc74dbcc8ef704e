"""The steps of a handover, one by one, on real locks and a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from market_assets.clock import ManualClock, floor_ms, to_ms
from market_assets.streams.core.flow import Coverage
from market_assets.streams.core.handover import PATIENCE_S, READY_PATIENCE_S, Handover
from market_assets.streams.core.lease import Lease, LeaseHeldError
from market_assets.streams.core.options import StreamOptions
from market_assets.streams.core.venue_clock import VenueClock

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = timedelta(minutes=1)
HOUR_S = 3600.0


@dataclass
class FakeStream:
    """What a handover asks of streaming and flow."""

    wanted: int = 500
    dexs: tuple[str, ...] = ("", "xyz")
    flushes: int = 0
    covered: int = 0
    dexs_heard: frozenset[str] = frozenset()
    concluded_ms: int = 0
    used: list[int] = field(default_factory=list)

    def coverage(self) -> Coverage:
        heard = self.covered + len(self.dexs_heard)
        return Coverage(self.wanted, heard, len(self.dexs), self.concluded_ms)

    def use(self, *, subscriptions: int) -> None:
        self.used.append(subscriptions)
        self.wanted = min(self.wanted, subscriptions)

    def hear(self) -> None:
        """Everything is acknowledged, and a flush follows."""
        self.covered, self.dexs_heard = self.wanted - 2, frozenset(self.dexs)
        self.flushes += 1


class Party:
    """One session's part."""

    def __init__(self, folder: Path, wall: ManualClock) -> None:
        self.wall = wall
        self.stream = FakeStream()
        self.lease = Lease(folder)
        self.handover = Handover(
            lease=self.lease,
            flow=self.stream,
            streaming=self.stream,
            clock=VenueClock(wall),
            options=StreamOptions(subscriptions=800, session_length=timedelta(hours=1)),
        )

    def begin(self) -> bool:
        return self.handover.begin(run_id="test", code_version="1")

    def conclude(self) -> None:
        """The minute before the present one has been judged."""
        self.stream.concluded_ms = floor_ms(to_ms(self.wall.now()), MINUTE) - 60_000


@pytest.fixture
def wall() -> ManualClock:
    return ManualClock(datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC))


@pytest.fixture
def old(tmp_path: Path, wall: ManualClock) -> Party:
    """A leader whose hour is over: it wants to be relieved."""
    party = Party(tmp_path, wall)
    assert party.begin()
    party.handover.step()
    assert party.handover.phase == "streaming"
    wall.advance(HOUR_S)
    party.handover.step()
    assert party.handover.phase == "handing_over"
    return party


@pytest.fixture
def new(tmp_path: Path, wall: ManualClock, old: Party) -> Party:
    """The one that comes to relieve it."""
    assert old.handover.phase == "handing_over"
    party = Party(tmp_path, wall)
    assert not party.begin()
    return party


def test_the_successor_waits_until_it_hears_everything(old: Party, new: Party) -> None:
    """Ready once all is acknowledged and a flush since then is on disk."""
    new.handover.step()
    assert not old.lease.successor_is_ready()
    new.stream.hear()
    new.handover.step()
    assert not old.lease.successor_is_ready()
    new.stream.flushes += 1
    new.handover.step()
    assert old.lease.successor_is_ready()


def test_the_leader_leaves_after_the_minute_in_which_the_successor_got_ready(
    old: Party, new: Party, wall: ManualClock
) -> None:
    """Every later minute is the successor's as a whole."""
    for _ in range(2):
        new.stream.hear()
        new.handover.step()
    old.handover.step()
    old.conclude()
    old.handover.step()
    assert old.handover.end is None
    wall.advance(33)
    old.conclude()
    old.handover.step()
    assert old.handover.end == "handed_over"
    assert new.handover.step() is None
    old.lease.release()
    assert new.handover.step() == "promoted"
    assert new.handover.phase == "streaming"
    assert new.stream.used == [800]


def test_a_leader_whose_minute_does_not_end_leaves_all_the_same(
    old: Party, new: Party, wall: ManualClock
) -> None:
    """A stream that has stopped concluding must not keep a good one waiting for ever."""
    for _ in range(2):
        new.stream.hear()
        new.handover.step()
    old.handover.step()
    wall.advance(PATIENCE_S + 1)
    old.handover.step()
    assert old.handover.end == "handed_over"


def test_if_nobody_comes_the_leader_goes_on(old: Party, wall: ManualClock) -> None:
    for _ in range(100):
        wall.advance(HOUR_S)
        old.conclude()
        old.handover.step()
    assert old.handover.end is None
    assert old.lease.peek().wants_session


def test_if_the_successor_goes_away_the_leader_goes_on(
    old: Party, new: Party, wall: ManualClock
) -> None:
    """Ready and then gone: the next one that comes has its own minute to be ready in."""
    for _ in range(2):
        new.stream.hear()
        new.handover.step()
    old.handover.step()
    new.lease.release()
    wall.advance(60)
    old.conclude()
    old.handover.step()
    assert old.handover.end is None


def test_both_together_stay_within_the_subscriptions(old: Party, new: Party) -> None:
    """The leader makes room for its successor's mids; the successor takes what is left."""
    assert old.stream.used == [798]
    old.handover.step()
    assert new.handover.room() == 300
    assert old.handover.room() == 800


def test_some_refused_subscriptions_do_not_hold_a_handover_up(
    old: Party, new: Party, wall: ManualClock
) -> None:
    new.stream.covered = new.stream.wanted - 5
    new.handover.step()
    wall.advance(READY_PATIENCE_S + 1)
    new.handover.step()
    new.stream.flushes += 1
    new.handover.step()
    assert old.lease.successor_is_ready()


def test_a_successor_that_waits_in_vain_ends(old: Party, new: Party, wall: ManualClock) -> None:
    wall.advance(601)
    new.handover.step()
    assert new.handover.end == "handover_timeout"
    assert old.handover.end is None


def test_a_second_successor_is_refused(tmp_path: Path, new: Party, wall: ManualClock) -> None:
    assert new.handover.phase == "standby"
    with pytest.raises(LeaseHeldError):
        Party(tmp_path, wall).begin()


def test_a_leader_is_relieved_when_somebody_asks(tmp_path: Path, wall: ManualClock) -> None:
    party = Party(tmp_path, wall)
    party.begin()
    assert Lease(tmp_path).request_handover("code changed")
    party.handover.step()
    assert party.handover.phase == "handing_over"
