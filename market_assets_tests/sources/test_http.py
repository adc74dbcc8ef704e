"""Requests against a real server that misbehaves: what is retried, what is not, what is raised."""

from __future__ import annotations

import ast
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import market_assets.sources
from market_assets.clock import SystemClock
from market_assets.sources.concurrency import AdaptiveLimit, fetch_all
from market_assets.sources.errors import (
    VenueBusy,
    VenueError,
    VenueNonsense,
    VenueRejected,
    VenueUnavailable,
)
from market_assets.sources.http import HttpTransport
from market_assets.sources.limits import WeightBudget
from market_assets.sources.retry import RetryPolicy

from .http_server import Reply, Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

HTML = Reply(502, b"<html><body>Bad Gateway</body></html>", {"Content-Type": "text/html"})
BUSY = Reply(429, None)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


class Patience:
    """Stands for sleeping: keeps what was asked for."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


def transport(url: str, **options: Any) -> HttpTransport:
    return HttpTransport(
        url,
        "venue",
        **{"sleep": Patience(), "jitter": lambda: 1.0, "timeout": 5.0, **options},
    )


def test_returns_the_body_and_sends_json(server: Server) -> None:
    server.replies.append(Reply(body={"a": 1}))
    http = transport(server.url + "/")
    assert http.post_json("/info", {"type": "meta"}) == b'{"a": 1}'
    assert server.requests == [("/info", {"type": "meta"})]
    assert http.stats().by_status == {"200": 1}
    assert http.stats().received_bytes == 8
    http.close()


def test_get_sends_parameters(server: Server) -> None:
    http = transport(server.url)
    assert http.get_json("/events", {"limit": "5"}) == b"[]"
    assert server.requests == [("/events?limit=5", None)]
    http.close()


@pytest.mark.parametrize(
    "bad",
    [
        Reply(500, None),
        HTML,
        Reply(503, b""),
        Reply(200, b"<html>Be right back</html>", {"Content-Type": "text/html"}),
        Reply(200, b'[{"a": 1}, {"a"'),
        Reply(200, b""),
        Reply(200, [1, 2, 3, 4, 5], cut=True),
        Reply(302, b"null", {"Location": "https://example.invalid/maintenance"}),
    ],
    ids=["500", "502-html", "503", "200-html", "200-cut", "200-empty", "hang-up", "redirect"],
)
def test_asks_again_where_that_may_help(server: Server, bad: Reply) -> None:
    """Trouble that passes costs retries; trouble that stays is `VenueUnavailable`."""
    server.replies.extend([bad, bad, Reply(body=[1])])
    patience = Patience()
    http = transport(server.url, sleep=patience)
    assert http.post_json("/info", {}) == b"[1]"
    assert patience.slept == [0.5, 1.0]
    assert http.stats().retries == 2

    server.replies.extend([bad] * 4)
    with pytest.raises(VenueUnavailable) as raised:
        http.post_json("/info", {})
    assert raised.value.venue == "venue"
    assert "\n" not in str(raised.value)
    assert not server.replies
    http.close()


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_does_not_ask_again_what_is_refused(server: Server, status: int) -> None:
    server.replies.append(Reply(status, b"Failed to deserialize the JSON body\ninto the target"))
    http = transport(server.url)
    with pytest.raises(VenueRejected, match=f"{status} Failed to deserialize the JSON body into"):
        http.post_json("/info", {})
    assert len(server.requests) == 1
    http.close()


def test_a_5xx_may_be_the_venues_way_to_refuse(server: Server) -> None:
    """The caller knows which answer means "no such thing"; any other 500 is trouble."""
    http = transport(server.url)
    server.replies.append(Reply(500, None))
    with pytest.raises(VenueRejected):
        http.post_json("/info", {}, refusal=(500, b"null"))
    assert len(server.requests) == 1
    server.replies.extend([Reply(500, b"oops"), Reply(body=[])])
    assert http.post_json("/info", {}, refusal=(500, b"null")) == b"[]"
    http.close()


def test_a_429_stops_every_process_and_passes(server: Server, tmp_path: Path) -> None:
    """The pause that the venue asks for is imposed on all who share the budget."""
    server.replies.extend([Reply(429, None, {"Retry-After": "7"}), Reply(body=[1])])
    budget = WeightBudget(tmp_path / "budget", per_window=100, reserves={}, sleep=lambda _s: None)
    patience = Patience()

    class Watched(WeightBudget):
        def spend(self, weight: int, user: str, *, wait: float) -> float:
            paid.append((weight, user))
            return wait * 0

    paid: list[tuple[int, str]] = []
    watched = Watched(tmp_path / "budget", per_window=100, reserves={})
    http = transport(server.url, budget=watched, user="stream", sleep=patience)
    assert http.post_json("/info", {}, weight=20) == b"[1]"
    assert paid == [(20, "stream")] * 2, "each attempt is paid for"
    assert patience.slept == [7.0]
    assert 6 < budget.stats().blocked_s <= 7
    assert budget.stats().refusals == 1
    http.close()


def test_every_429_lowers_the_concurrency(server: Server) -> None:
    """Those that are retried too; the counts say how low it went."""
    server.replies.extend([BUSY, Reply(500, None), BUSY, Reply(body=[1])])
    limit = AdaptiveLimit(8)
    http = transport(server.url, limit=limit)
    assert http.get_json("/page") == b"[1]"
    assert (http.stats().concurrency, http.stats().lowest_concurrency) == (2, 2)
    limit.succeeded()
    assert (http.stats().concurrency, http.stats().lowest_concurrency) == (3, 2)
    http.close()


def test_a_429_that_is_given_up_halves_what_may_run_once(server: Server, tmp_path: Path) -> None:
    """Not again by whoever fetches; the project's own empty budget changes nothing."""
    server.replies.append(BUSY)
    limit = AdaptiveLimit(64)
    http = transport(server.url, limit=limit, retry=RetryPolicy(attempts=1))
    assert fetch_all(["/page"], http.get_json, limit=limit).failures
    assert limit.now == 32
    http.close()
    budget = WeightBudget(tmp_path / "budget", per_window=1, reserves={})
    budget.spend(1, "runs", wait=0)
    http = transport(server.url, limit=limit, budget=budget, retry=RetryPolicy(deadline=0.01))
    failed = fetch_all(["/page"], lambda path: http.get_json(path, weight=1), limit=limit)
    assert isinstance(failed.failures["/page"], VenueBusy)
    assert limit.now == 32
    http.close()


def test_a_refusal_carries_its_status(server: Server) -> None:
    """What a client may do about it depends on it: a query too long is not a route that is gone."""
    server.replies.append(Reply(414, {"error": "URI too long"}))
    http = transport(server.url)
    with pytest.raises(VenueRejected, match="414") as refusal:
        http.get_json("/page")
    assert refusal.value.status == 414
    http.close()


def test_a_parameter_with_several_values_is_repeated(server: Server) -> None:
    http = transport(server.url)
    http.get_json("/page", {"id": ("1", "2"), "limit": "20"})
    assert server.requests[-1][0] == "/page?id=1&id=2&limit=20"
    http.close()


def test_a_429_that_stays_is_busy(server: Server) -> None:
    """Without `Retry-After` the policy's pause counts."""
    server.replies.extend([BUSY] * 4)
    patience = Patience()
    http = transport(server.url, sleep=patience, retry=RetryPolicy(busy_delay=11))
    with pytest.raises(VenueBusy):
        http.post_json("/info", {})
    assert patience.slept == [11, 11, 11]
    assert http.stats().by_status == {"429": 4}
    http.close()


def test_does_not_wait_beyond_the_deadline(server: Server) -> None:
    server.replies.append(Reply(429, None, {"Retry-After": "3600"}))
    patience = Patience()
    http = transport(server.url, sleep=patience)
    with pytest.raises(VenueBusy):
        http.post_json("/info", {})
    assert patience.slept == []
    http.close()


def test_an_empty_budget_is_busy(server: Server, tmp_path: Path) -> None:
    """Nothing is sent when the weight does not become free in time."""
    budget = WeightBudget(tmp_path / "budget", per_window=20, reserves={})
    budget.spend(20, "runs", wait=0)
    http = transport(server.url, budget=budget, retry=RetryPolicy(deadline=0.05))
    with pytest.raises(VenueBusy, match="no weight of 20"):
        http.post_json("/info", {}, weight=20)
    assert server.requests == []
    http.close()


def test_times_out(server: Server) -> None:
    """A server that says nothing, and one that says it byte by byte for ever."""
    server.default = lambda _request: Reply(hang=True)
    http = transport(server.url, timeout=0.05, retry=RetryPolicy(attempts=2))
    with pytest.raises(VenueUnavailable, match="ReadTimeout"):
        http.post_json("/info", {})
    assert http.stats().by_status == {"ReadTimeout": 2}
    http.close()

    server.default = lambda _request: Reply(body=b"[" + b"1," * 5000 + b"1]", drip=True)
    http = transport(server.url, retry=RetryPolicy(deadline=0.1))
    with pytest.raises(VenueUnavailable, match="deadline passed"):
        http.post_json("/info", {})
    http.close()


def test_a_body_over_the_limit_is_nonsense(server: Server) -> None:
    server.replies.append(Reply(body=["x" * 5000]))
    http = transport(server.url, max_body=1000)
    with pytest.raises(VenueNonsense, match="over 1000 bytes"):
        http.post_json("/info", {})
    http.close()


def test_nobody_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    http = transport(f"http://127.0.0.1:{port}", retry=RetryPolicy(attempts=2))
    with pytest.raises(VenueUnavailable, match="ConnectError"):
        http.post_json("/info", {})
    http.close()


def test_logs_no_parameters(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """A query may hold a key: neither a log line nor an error repeats it."""
    caplog.set_level("DEBUG")
    server.replies.extend([HTML] * 4)
    http = transport(server.url)
    with pytest.raises(VenueError) as raised:
        http.get_json("/events", {"key": "hush"})
    assert "asking again" in caplog.text
    assert "hush" not in caplog.text + str(raised.value)
    http.close()


def test_shared_modules_name_no_venue() -> None:
    """What every source uses knows none of them."""
    folder = Path(market_assets.sources.__file__).parent
    for name in ("http", "limits", "stream", "retry"):
        text = (folder / f"{name}.py").read_text("utf-8")
        ast.parse(text)
        for venue in ("hyperliquid", "polymarket", "defillama"):
            assert venue not in text.lower(), name


def test_deadline_is_on_the_given_clock(server: Server) -> None:
    """Sleeping on the same clock as the deadline, retries end when it has passed."""

    class Sleepy(SystemClock):
        elapsed = 0.0

        def monotonic(self) -> float:
            return self.elapsed

    clock = Sleepy()

    def sleep(seconds: float) -> None:
        clock.elapsed += seconds

    server.default = lambda _request: HTML
    http = transport(
        server.url, clock=clock, sleep=sleep, retry=RetryPolicy(attempts=99, deadline=60)
    )
    with pytest.raises(VenueUnavailable):
        http.post_json("/info", {})
    assert 40 < clock.elapsed < 60
    http.close()
