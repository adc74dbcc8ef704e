"""How long a run may lose to a venue that is away: all of its requests together, never each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.clock import SystemClock
from market_assets.sources.errors import VenueRejected, VenueUnavailable
from market_assets.sources.http import HttpTransport
from market_assets.sources.retry import (
    FOR_A_BACKFILL,
    RUN_PATIENCE_S,
    RetryPolicy,
    Trouble,
    for_a_run,
)

from .http_server import Reply, Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

DOWN = Reply(503, b"<html>Service Unavailable</html>")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


class Hours(SystemClock):
    """Time that passes only where somebody sleeps."""

    elapsed = 0.0

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.elapsed += seconds


Connect = Callable[..., HttpTransport]


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    """Makes transports, each with the clock's own sleep where it has one."""
    with ExitStack() as stack:

        def make(policy: RetryPolicy, clock: Hours | None = None, **more: Any) -> HttpTransport:
            if clock is not None:
                more |= {"clock": clock, "sleep": clock.sleep}
            made = HttpTransport(server.url, "venue", retry=policy, **more)
            stack.callback(made.close)
            return made

        yield make


@pytest.mark.parametrize("bad", [DOWN, Reply(200, b"<html>"), Reply(200, [1, 2, 3], cut=True)])
def test_a_run_waits_half_a_minute_however_much_it_asks_for(
    server: Server, connect: Connect, bad: Reply
) -> None:
    """Three hosts, forty requests, one patience; from then on each is sent once."""
    server.default = lambda _request: bad
    clock, policy = Hours(), for_a_run()
    hosts = [connect(policy, clock) for _ in range(3)]
    for _ in range(13):
        for host in hosts:
            with pytest.raises(VenueUnavailable):
                host.get_json("/page")
    assert RUN_PATIENCE_S / 2 < clock.elapsed <= RUN_PATIENCE_S
    sent = len(server.requests)
    with pytest.raises(VenueUnavailable):
        hosts[0].get_json("/page")
    assert len(server.requests) == sent + 1


def test_a_venue_that_restarts_within_a_quarter_of_a_minute_costs_a_run_nothing(
    server: Server, connect: Connect
) -> None:
    clock = Hours()
    server.default = lambda _request: Reply(body=[]) if clock.elapsed > 15 else DOWN
    assert connect(for_a_run(), clock).get_json("/page") == b"[]"


def test_what_cannot_succeed_fails_at_once(server: Server, connect: Connect) -> None:
    for status in (400, 401, 403, 404, 410, 422, 451):
        server.default = lambda _request, status=status: Reply(status, b"{}")
        clock = Hours()
        with pytest.raises(VenueRejected):
            connect(for_a_run(), clock).get_json("/page")
        assert clock.elapsed == 0
    assert len(server.requests) == 7


@pytest.mark.parametrize("status", [408, 425])
def test_a_refusal_that_passes_is_asked_again(
    server: Server, connect: Connect, status: int
) -> None:
    server.replies.append(Reply(status, b""))
    assert connect(for_a_run(), Hours()).get_json("/page") == b"[]"


def test_a_host_that_hangs_is_given_up_and_one_that_answers_is_not(
    server: Server, connect: Connect
) -> None:
    """Each silent attempt costs its time-out: ten more requests would cost ten of them."""
    server.route = lambda path, _body: Reply(body=[]) if path == "/good" else Reply(hang=True)
    policy = RetryPolicy(attempts=8, first_delay=0.01, longest_delay=0.01, trouble=Trouble(0.3))
    silent, speaking = connect(policy, timeout=0.1), connect(policy, timeout=0.1)
    for _ in range(20):
        with pytest.raises(VenueUnavailable):
            silent.get_json("/bad")
    assert 3 <= len(server.requests) <= 6, "the others were not sent"
    with pytest.raises(VenueUnavailable, match="GET /good: not asked: GET /bad: ReadTimeout"):
        silent.get_json("/good")
    assert speaking.get_json("/good") == b"[]"


def test_a_backfill_sits_out_eight_minutes(server: Server, connect: Connect) -> None:
    clock = Hours()
    server.default = lambda _request: Reply(body=[]) if clock.elapsed > 480 else DOWN
    assert connect(FOR_A_BACKFILL, clock, jitter=lambda: 1.0).get_json("/page") == b"[]"


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0.01, 20)), min_size=1, max_size=8))
def test_time_in_which_several_requests_fail_counts_once(spans: list[tuple[float, float]]) -> None:
    """What is used up is the length of the union of the spans."""
    moments = sorted(
        [(begin, 0, begin) for begin, _ in spans]
        + [(begin + length, 1, begin) for begin, length in spans]
    )
    trouble, union, open_spans, since = Trouble(1000.0), 0.0, 0, 0.0
    for at, is_end, _ in moments:
        if is_end:
            open_spans -= 1
            trouble.ends(at)
            union += at - since if open_spans == 0 else 0.0
        else:
            since = at if open_spans == 0 else since
            open_spans += 1
            trouble.begins(at)
    end = moments[-1][0]
    assert trouble.left(end) == pytest.approx(1000.0 - union)


def test_threads_share_one_patience(server: Server, connect: Connect) -> None:
    server.default = lambda _request: DOWN
    policy = RetryPolicy(attempts=50, first_delay=0.02, longest_delay=0.02, trouble=Trouble(0.3))
    host = connect(policy, jitter=lambda: 1.0)
    failed: list[VenueUnavailable] = []

    def ask() -> None:
        for _ in range(3):
            try:
                host.get_json("/page")
            except VenueUnavailable as error:
                failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 12
    assert policy.trouble is not None
    assert policy.trouble.left(SystemClock().monotonic()) <= 0.02
    assert len(server.requests) < 4 * 15 + 12, "not one patience after the other"
