"""Failed and late channels are tried again: soon after their venue is back, and not for ever."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.operations.health.catching_up import (
    AGAIN_AFTER_S,
    LONGEST_PAUSE_S,
    Job,
    Tried,
    due,
    recall,
)

LOOK_S = 15
NOW = 1_790_000_000.0


def job(name: str, source: str = "venue", **more: object) -> Job:
    return Job(name, source, **{"is_late": True, **more})  # type: ignore[arg-type]


def look(jobs: list[Job], tried: Tried | None = None, now: float = NOW) -> tuple[list[str], Tried]:
    return due(jobs, tried or Tried(), now)


def test_what_is_late_is_asked_for_at_once_and_not_again_for_five_minutes() -> None:
    asked, tried = look([job("a"), job("b", is_late=False), job("c", is_ready=False)])
    assert asked == ["a"]
    assert look([job("a")], tried, NOW + AGAIN_AFTER_S - 1)[0] == []
    assert look([job("a")], tried, NOW + AGAIN_AFTER_S)[0] == ["a"]


def test_what_failed_is_tried_again_before_it_is_late() -> None:
    failed = job("tags", is_late=False, failed_at=NOW - 31)
    assert look([failed])[0] == ["tags"]
    assert look([job("tags", is_late=False, failed_at=NOW - 29)])[0] == []


def test_a_schedule_that_comes_as_soon_is_not_overtaken_until_it_is_late() -> None:
    failed = job("trades", is_late=False, failed_at=NOW - 100, is_frequent=True)
    assert look([failed])[0] == []
    assert look([job("trades", failed_at=NOW - 100, is_frequent=True)])[0] == ["trades"]


def test_pauses_double_to_three_minutes() -> None:
    tried, at, times = Tried(), NOW, []
    while at < NOW + 1800:
        asked, tried = look([job("a", failed_at=NOW)], tried, at)
        times += [at - NOW] * len(asked)
        at += 1
    assert times[:5] == [30, 90, 210, 390, 570]
    assert len(times) == 11


def test_of_a_source_one_is_tried_at_a_time_and_all_once_one_succeeded() -> None:
    names = ["a", "b", "c"]
    failed = [job(name, failed_at=NOW - 60) for name in names]
    other = job("x", "other", failed_at=NOW - 60)
    asked, tried = look([*failed, other])
    assert asked == ["a", "x"], "each source for itself"
    assert look(failed, tried, NOW + 61)[0] == ["b"], "in turns"
    back = [job("a", is_late=False), *failed[1:]]
    assert look(back, tried, NOW + 20)[0] == ["b", "c"]


def test_a_clock_that_was_set_back_keeps_nothing_waiting() -> None:
    _, tried = look([job("a"), job("b", "other", failed_at=NOW - 60)], now=NOW + 86400)
    later, _ = look([job("a"), job("b", "other", failed_at=NOW - 60)], tried, NOW)
    assert later == ["a", "b"]


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"job": 1.0}', '{"asked": 1}'])
def test_a_memory_that_cannot_be_read_begins_anew(text: str | None) -> None:
    assert recall(text) == Tried()


def test_the_memory_survives_as_text() -> None:
    _, tried = look([job("a"), job("b", failed_at=NOW - 60)])
    assert recall(tried.as_text()) == tried


@dataclass
class Venue:
    """A source that is away for a while, and the runs of its jobs."""

    jobs: list[str]
    away_until: float
    fails_after: float
    running: dict[str, float] = field(default_factory=dict)
    failed_at: dict[str, float] = field(default_factory=dict)
    fine_at: dict[str, float] = field(default_factory=dict)
    runs: int = 0

    def start(self, name: str, now: float) -> None:
        assert name not in self.running
        self.running[name] = now
        self.runs += 1

    def pass_time(self, now: float) -> None:
        for name, began in list(self.running.items()):
            fine = began >= self.away_until
            if now - began >= (20 if fine else self.fails_after):
                del self.running[name]
                self.failed_at.pop(name, None)
                (self.fine_at if fine else self.failed_at)[name] = now

    def seen(self) -> list[Job]:
        return [
            Job(
                name,
                "venue",
                is_late=name not in self.fine_at,
                failed_at=self.failed_at.get(name),
                is_ready=name not in self.running,
            )
            for name in self.jobs
        ]


@settings(max_examples=30)
@given(
    outage_s=st.integers(0, 3 * 3600),
    fails_after=st.sampled_from([10, 50, 70]),
    phase=st.integers(0, LOOK_S - 1),
    jobs=st.integers(1, 9),
)
def test_every_channel_is_back_within_five_minutes_of_its_venue(
    outage_s: int, fails_after: int, phase: int, jobs: int
) -> None:
    """Whatever the outage at the first start, and however many jobs ask the venue."""
    venue = Venue([f"job_{n}" for n in range(jobs)], NOW + outage_s, fails_after)
    tried, at = Tried(), NOW + phase
    while at < NOW + outage_s + 300:
        venue.pass_time(at)
        names, tried = due(venue.seen(), tried, at)
        for name in names:
            venue.start(name, at)
        at += LOOK_S
    venue.pass_time(at)
    assert set(venue.fine_at) == set(venue.jobs)
    assert venue.runs <= 2 * jobs + 6 + outage_s / LONGEST_PAUSE_S
