"""Sending to a real server on loopback, on its bad days too; nothing of the address gets out."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

import pytest

from market_assets.operations.alerts import delivery
from market_assets.operations.alerts.delivery import (
    BUDGET_S,
    MOST_WAITING,
    Answer,
    Outbox,
    deliver,
    http_post,
)
from market_assets.operations.alerts.memory import Memory, recall
from market_assets.operations.alerts.message import body
from market_assets.operations.alerts.policy import Incident, Message, State
from market_assets.proxies import parse
from market_assets_tests.operations.alerts.examples import ALERT, MIDS, NOW, RECOVERY
from market_assets_tests.sources.http_server import Reply, Server, serving
from market_assets_tests.sources.proxy_servers import NAME, Proxy, http_proxy, socks_proxy

SECRET = "T0PSECRETPATH"
TWO = Outbox(waiting=(ALERT, RECOVERY))


@pytest.fixture
def receiver() -> Iterator[Server]:
    with serving() as server:
        yield server


def _send(server: Server, outbox: Outbox, later: timedelta = timedelta(0)) -> Outbox:
    url = f"{server.url}/{SECRET}?token={SECRET}"

    def post(message: Message) -> Answer:
        return http_post(url, body(message, url=url, ui_url="http://127.0.0.1:3000"), NOW + later)

    return deliver(outbox, post, NOW + later)


def test_messages_arrive_in_order_and_the_outbox_is_empty(receiver: Server) -> None:
    assert _send(receiver, TWO) == Outbox()
    assert [sent["event"] for _, sent in receiver.requests] == ["alert", "recovery"]
    assert receiver.requests[0][0] == f"/{SECRET}?token={SECRET}"


def test_a_webhook_that_answers_500_is_asked_again_later_and_later(
    receiver: Server, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.replies.extend([Reply(500, {"no": 1})] * 8)
    outbox, waits, at = TWO, [], timedelta(0)
    for _ in range(8):
        outbox = _send(receiver, outbox, at)
        assert outbox.next_try_at is not None
        waits.append((outbox.next_try_at - (NOW + at)).total_seconds())
        before = len(receiver.requests)
        assert _send(receiver, outbox, at + timedelta(seconds=waits[-1] - 1)) == outbox
        assert len(receiver.requests) == before, "not asked before its time"
        at = outbox.next_try_at - NOW
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    assert outbox.waiting == TWO.waiting
    assert outbox.last_failure == "answered 500"
    assert _send(receiver, outbox, at) == Outbox()
    assert SECRET not in caplog.text


def test_a_webhook_that_hangs_takes_a_bounded_time(
    receiver: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(delivery, "POST_S", 0.2)
    receiver.replies.append(Reply(hang=True))
    outbox = _send(receiver, TWO)
    assert outbox.last_failure.startswith("no answer within")
    assert len(receiver.requests) == 1, "the second message is not tried on a webhook that hangs"
    assert SECRET not in caplog.text


def test_a_webhook_that_drips_its_answer_takes_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A header now and then outlives every time-out of a socket; Dagster gives a tick a minute."""
    monkeypatch.setattr(delivery, "POST_S", 0.5)
    threads = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hung_up = threading.Event()

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not hung_up.wait(0.02):
                    connection.sendall(b"X: y\r\n")
                    connection.setblocking(False)
                    with contextlib.suppress(BlockingIOError):
                        while chunk := connection.recv(4096):
                            assert chunk
                        hung_up.set()
                    connection.setblocking(True)
            hung_up.set()

        receiver = threading.Thread(target=drip)
        receiver.start()
        answer = http_post(f"http://127.0.0.1:{listener.getsockname()[1]}/{SECRET}", b"{}")
        assert answer == Answer(None, "no answer within 0.5 s")
        receiver.join(30)
        assert hung_up.is_set(), "the connection was closed, and the attempt ended"
    deadline = time.monotonic() + 30
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == threads


def test_many_messages_are_sent_over_several_calls_if_they_take_long() -> None:
    elapsed = iter(range(0, 1000, 4))
    sent: list[Message] = []

    def post(message: Message) -> Answer:
        sent.append(message)
        return Answer(200, "")

    outbox = Outbox(waiting=(ALERT,) * 10)
    left = deliver(outbox, post, NOW, monotonic=lambda: float(next(elapsed)))
    assert 0 < len(sent) <= BUDGET_S / 4 + 1
    assert len(left.waiting) == 10 - len(sent)
    assert left.failures == 0


def test_nobody_there(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/{SECRET}"
        answer = http_post(url, b"{}")
    assert (answer.arrived, answer.status) == (False, None)
    assert "Connection refused" in answer.reason
    assert SECRET not in answer.reason + caplog.text


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:port/{SECRET}",
        f"http://user:{SECRET}@127.0.0.1:1/",
        f"http://127.0.0.1:1/{SECRET} and more",
        f"gopher://127.0.0.1:1/{SECRET}",
        f"http://{SECRET}.invalid/",
    ],
)
def test_an_address_that_cannot_be_used_is_not_quoted(url: str) -> None:
    answer = http_post(url, b"{}")
    assert not answer.arrived
    assert answer.reason
    assert SECRET not in answer.reason


def test_a_redirect_is_not_followed(receiver: Server) -> None:
    receiver.replies.append(Reply(302, headers={"Location": f"{receiver.url}/elsewhere"}))
    assert _send(receiver, TWO).last_failure == "answered 302"
    assert len(receiver.requests) == 1


def test_a_receiver_says_when_it_wants_to_be_asked_again(receiver: Server) -> None:
    receiver.replies.append(Reply(429, headers={"Retry-After": "100"}))
    assert _send(receiver, TWO).next_try_at == NOW + timedelta(seconds=100)
    receiver.replies.append(Reply(429, headers={"Retry-After": "99999"}))
    assert _send(receiver, TWO).next_try_at == NOW + timedelta(minutes=15)
    date = format_datetime(NOW + timedelta(seconds=200), usegmt=True)
    receiver.replies.append(Reply(503, headers={"Retry-After": date}))
    assert _send(receiver, TWO).next_try_at == NOW + timedelta(seconds=200)
    receiver.replies.append(Reply(503, headers={"Retry-After": "soon"}))
    assert _send(receiver, TWO).next_try_at == NOW + timedelta(seconds=30)


def test_a_message_that_is_refused_for_good_does_not_block_the_others(receiver: Server) -> None:
    receiver.replies.extend([Reply(400)] * 3)
    outbox = TWO
    for hour in range(3):
        outbox = _send(receiver, outbox, timedelta(hours=hour))
    assert outbox == Outbox(waiting=(RECOVERY,))


def test_a_webhook_that_was_down_is_no_refusal(receiver: Server) -> None:
    """Only what the receiver itself calls malformed counts towards giving a message up."""
    receiver.replies.extend([Reply(503)] * 3 + [Reply(400)])
    outbox = TWO
    for hour in range(4):
        outbox = _send(receiver, outbox, timedelta(hours=hour))
    assert (outbox.waiting, outbox.refusals) == (TWO.waiting, 1)


def test_a_clock_that_is_set_back_does_not_keep_messages_waiting(receiver: Server) -> None:
    outbox = replace(TWO, failures=5, next_try_at=NOW + timedelta(days=30))
    assert _send(receiver, outbox) == Outbox()


def test_of_too_many_the_oldest_are_given_up_and_that_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        outbox = Outbox().with_more([ALERT, *[RECOVERY] * MOST_WAITING])
    assert len(outbox.waiting) == MOST_WAITING
    assert "hyperliquid/mids has failed" in caplog.text


def test_the_memory_survives_as_text() -> None:
    incident = Incident(MIDS, NOW, seen=2, told_at=NOW, told_as="error")
    memory = Memory(
        State(NOW, NOW, {MIDS.key: incident}), replace(TWO, failures=2, next_try_at=NOW)
    )
    assert recall(memory.as_text(), NOW + timedelta(days=1)) == memory


@pytest.mark.parametrize("text", ["", None, "{", '{"state": 3}', "[]"])
def test_a_memory_that_cannot_be_read_begins_anew(text: str | None) -> None:
    assert recall(text, NOW) == Memory(State(deployed_at=NOW))


@pytest.mark.parametrize(
    ("kind", "scheme"), [(http_proxy, "http"), (socks_proxy, "socks5"), (socks_proxy, "socks")]
)
def test_the_receiver_is_reached_through_the_proxy_of_the_settings(
    kind: Callable[[str], AbstractContextManager[Proxy]],
    scheme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And through no other that the environment may name."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving() as receiver, kind("me:s3cr3t") as proxy:
        assert http_post(receiver.url, b"{}").arrived
        port = urlsplit(receiver.url).port
        proxies = parse({"ALL_PROXY": f"{scheme}://me:s3cr3t@127.0.0.1:{proxy.port}"})
        assert http_post(f"http://{NAME}:{port}/x", b"{}", proxies=proxies).arrived
        assert proxy.through == [(NAME, port)]
        proxies = parse({"ALL_PROXY": f"{scheme}://me:wr0ng@127.0.0.1:{proxy.port}"})
        refused = http_post(f"http://{NAME}:{port}/x", b"{}", proxies=proxies)
        assert not refused.arrived
        assert "wr0ng" not in refused.reason
