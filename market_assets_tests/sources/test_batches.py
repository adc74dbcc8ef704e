"""Batches of identifiers: one that the venue chokes on costs itself, an absence is one error."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.sources.batches import MOST_EXTRA, ask_in_batches
from market_assets.sources.concurrency import AdaptiveLimit
from market_assets.sources.errors import (
    VenueBusy,
    VenueError,
    VenueNonsense,
    VenueRejected,
    VenueUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_assets.sources.batches import Batches

FAULTS = {
    "refused": lambda: VenueRejected("venue", "400 no such id", 400),
    "unprocessable": lambda: VenueRejected("venue", "422 no such id", 422),
    "broken": lambda: VenueUnavailable("venue", "500 internal error", 500),
    "a gateway": lambda: VenueUnavailable("venue", "502 <html>", 502),
    "another shape": lambda: VenueNonsense("venue", "an object"),
}


class Venue:
    """Answers with what it was asked for, unless a bad identifier is among it."""

    def __init__(self, bad: set[str], fault: Callable[[], VenueError]) -> None:
        self.bad = bad
        self.fault = fault
        self.asked: list[tuple[str, ...]] = []
        self._lock = threading.Lock()

    def __call__(self, batch: tuple[str, ...]) -> tuple[str, ...]:
        with self._lock:
            self.asked.append(batch)
        if self.bad.intersection(batch):
            raise self.fault()
        return batch


def ids(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def found(venue: Venue, wanted: list[str], most: int = 60) -> Batches[tuple[str, ...]]:
    return ask_in_batches(wanted, most, venue, limit=AdaptiveLimit(4))


@pytest.mark.parametrize("fault", FAULTS)
@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(2, 300),
    places=st.sets(st.integers(0, 299), min_size=1, max_size=2),
)
def test_one_bad_identifier_costs_itself(fault: str, count: int, places: set[int]) -> None:
    """All others have their answer, once each and in order; the bad one is named."""
    wanted = ids(count)
    bad = {str(place) for place in places if place < count}
    venue = Venue(bad, FAULTS[fault])
    if len(bad) == count:
        with pytest.raises(VenueError):
            found(venue, wanted)
        return
    read = found(venue, wanted)
    assert [one for answer in read.answers for one in answer] == [w for w in wanted if w not in bad]
    assert read.unanswered == {one: str(FAULTS[fault]()) for one in bad}
    whole = -(-count // 60)
    assert len(venue.asked) <= whole + MOST_EXTRA


@pytest.mark.parametrize("fault", FAULTS)
def test_a_venue_that_is_away_is_one_error(fault: str) -> None:
    """It is not asked for every identifier: what is spent on it is bounded."""
    venue = Venue(set(ids(1000)), FAULTS[fault])
    with pytest.raises(VenueError, match=str(FAULTS[fault]())):
        found(venue, ids(1000))
    assert len(venue.asked) <= 17 + MOST_EXTRA
    if not isinstance(FAULTS[fault](), VenueRejected):
        assert len(venue.asked) <= 8


def test_a_venue_that_goes_away_in_the_middle_is_one_error() -> None:
    """It is asked again for what it answered before, and so found out; nobody is blamed."""
    venue = Venue(set(), FAULTS["broken"])

    def ask(batch: tuple[str, ...]) -> tuple[str, ...]:
        if len(venue.asked) == 3:
            venue.bad = set(ids(1000))
        return venue(batch)

    with pytest.raises(VenueUnavailable):
        ask_in_batches(ids(1000), 60, ask, limit=AdaptiveLimit(1))
    assert len(venue.asked) < 12


@pytest.mark.parametrize(
    "error",
    [
        VenueBusy("venue", "429"),
        VenueUnavailable("venue", "ConnectError"),
        VenueRejected("venue", "401 who are you", 401),
        VenueRejected("venue", "403 not from here", 403),
    ],
)
def test_what_is_no_identifiers_fault_is_raised_at_once(error: VenueError) -> None:
    venue = Venue({"5"}, lambda: error)
    with pytest.raises(type(error)):
        found(venue, ids(60))
    assert len(venue.asked) == 1


def test_many_bad_ones_cost_a_bounded_number_of_requests() -> None:
    """What is not found out in time is named with those that it may be; the rest is answered."""
    bad = {str(number) for number in range(0, 1000, 7)}
    venue = Venue(bad, FAULTS["refused"])
    read = found(venue, ids(1000))
    answered = {one for answer in read.answers for one in answer}
    assert len(venue.asked) <= 17 + MOST_EXTRA
    assert answered | read.unanswered.keys() == set(ids(1000))
    assert not answered & bad
    assert any("one of" in reason for reason in read.unanswered.values())


def test_a_question_that_is_too_long_is_halved_whatever_it_takes() -> None:
    class Narrow(Venue):
        def __call__(self, batch: tuple[str, ...]) -> tuple[str, ...]:
            super().__call__(batch)
            if len(batch) > 5:
                raise VenueRejected("venue", "414", 414)
            return batch

    venue = Narrow(set(), FAULTS["refused"])
    read = found(venue, ids(1000))
    assert [one for answer in read.answers for one in answer] == ids(1000)
    assert read.unanswered == {}
