"""Several calls at once: never too many, fewer when the venue is busy, every outcome told."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.sources.concurrency import AdaptiveLimit, fetch_all
from market_assets.sources.errors import VenueBusy, VenueRejected, VenueUnavailable

PATIENCE_S = 60.0


class Running:
    """Counts the calls that run at one time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self.now -= 1


def test_what_is_busy_halves_and_what_succeeds_adds_one() -> None:
    limit = AdaptiveLimit(9)
    seen = []
    for step in "bbbbssssssssssb":
        limit.busy() if step == "b" else limit.succeeded()
        seen.append(limit.now)
    assert seen == [4, 2, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 4]
    assert (limit.most, limit.lowest) == (9, 1)


def test_a_limit_allows_at_least_one() -> None:
    with pytest.raises(ValueError, match="not 0"):
        AdaptiveLimit(0)


def test_as_many_run_at_once_as_are_allowed() -> None:
    """Four calls that wait for each other come through only if all four run."""
    together = threading.Barrier(4)

    def meet(item: int) -> int:
        together.wait(PATIENCE_S)
        return item * 10

    outcomes = fetch_all(range(4), meet, limit=AdaptiveLimit(4))
    assert outcomes.results == {0: 0, 1: 10, 2: 20, 3: 30}
    assert outcomes.failures == {}


def test_never_more_than_the_limit() -> None:
    running = Running()

    def call(item: int) -> int:
        with running:
            return item

    fetch_all(range(40), call, limit=AdaptiveLimit(2))
    assert running.most <= 2


def test_a_busy_venue_is_asked_one_at_a_time() -> None:
    """While every answer is a 429, the limit stays at one; afterwards it grows again."""
    limit = AdaptiveLimit(4)
    limit.busy()
    limit.busy()
    running = Running()

    def refuse(_item: int) -> None:
        with running:
            raise VenueBusy("venue", "429")

    outcomes = fetch_all(range(12), refuse, limit=limit)
    assert running.most == 1
    assert limit.now == 1
    assert list(outcomes.failures) == list(range(12))
    fetch_all(range(12), str, limit=limit)
    assert limit.now == 4


def test_threads_that_share_a_limit_share_its_slots() -> None:
    """Two who fetch at one time from one venue do not run twice as many calls."""
    limit, running = AdaptiveLimit(2), Running()

    def call(item: int) -> int:
        with running:
            return item

    others = [
        threading.Thread(target=fetch_all, args=(range(30), call), kwargs={"limit": limit})
        for _ in range(3)
    ]
    for other in others:
        other.start()
    for other in others:
        other.join(PATIENCE_S)
    assert running.most <= 2


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 50)), st.sets(st.integers(0, 50)), st.integers(1, 5))
def test_every_item_ends_in_one_of_the_two_in_order(
    items: list[int], bad: set[int], most: int
) -> None:
    """Each item once, results and failures in the order of the items, whatever ran first."""

    def fetch(item: int) -> int:
        if item in bad:
            raise VenueUnavailable("venue", str(item))
        return -item

    outcomes = fetch_all(items, fetch, limit=AdaptiveLimit(most))
    wanted = list(dict.fromkeys(items))
    assert list(outcomes.results.items()) == [(i, -i) for i in wanted if i not in bad]
    assert [str(error) for error in outcomes.failures.values()] == [
        f"venue: {i}" for i in wanted if i in bad
    ]


def test_all_or_nothing_raises_the_first_failure_and_leaves_the_rest() -> None:
    """What had not begun is not asked for any more."""
    asked: list[int] = []

    def fetch(item: int) -> int:
        asked.append(item)
        if item == 2:
            raise VenueRejected("venue", "no such thing", 404)
        return item

    with pytest.raises(VenueRejected, match="no such thing"):
        fetch_all(range(20), fetch, limit=AdaptiveLimit(1), all_or_nothing=True)
    assert asked == [0, 1, 2]


def test_a_defect_is_raised_as_it_is() -> None:
    """Only the venue's errors are outcomes; the slot of a call that broke is free again."""
    limit = AdaptiveLimit(1)

    def broken(_item: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fetch_all([1, 2, 3], broken, limit=limit)
    assert fetch_all([1], str, limit=limit).results == {1: "1"}


def test_nothing_to_fetch_is_no_error() -> None:
    assert fetch_all([], str, limit=AdaptiveLimit(3)).results == {}
