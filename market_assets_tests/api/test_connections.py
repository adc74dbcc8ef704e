"""Connections that never ask, half ask, do not take their answer, or are too many."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from market_assets.api.protocol import Bounds
from market_assets_tests.api.serving import error_of, served

HEAD_S = 0.5
ASK = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n"
LONG = 30.0
"""Seconds that nothing here takes, however busy the machine."""


@pytest.fixture(scope="module")
def hasty(published: Path) -> Iterator[httpx.Client]:
    """A client of a server that waits half a second for a request."""
    with served(published, bounds=Bounds(head_s=HEAD_S, unread_s=HEAD_S)) as client:
        yield client


def connect(client: httpx.Client, *, small: bool = False) -> socket.socket:
    """A connection; a small one takes a few kilobytes of an answer before it is read."""
    where = urlsplit(str(client.base_url))
    made = socket.socket()
    if small:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.settimeout(LONG)
    made.connect((where.hostname, where.port))
    return made


def is_closed(connection: socket.socket) -> bool:
    """Wait until the other side has closed it; what comes before is thrown away."""
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True
    return True


@pytest.mark.parametrize(
    "said",
    [b"", b"G", b"\r\n", b"GET / HT", ASK, ASK + b"X-More: ", ASK + b"\r\n" + b"GET / HT"],
    ids=[
        "nothing",
        "a letter",
        "a blank line",
        "half a line",
        "no end",
        "half a header",
        "then half",
    ],
)
def test_who_does_not_ask_is_closed(hasty: httpx.Client, said: bytes) -> None:
    """Whatever was sent of a request; after an answer too."""
    with closing(connect(hasty)) as connection:
        connection.sendall(said)
        assert is_closed(connection)
    assert hasty.get("/openapi.json").status_code == 200


@pytest.mark.parametrize(
    "begin", [b"GET /", ASK, ASK + b"\r\nGET /"], ids=["first", "header", "second"]
)
def test_byte_after_byte_is_not_asking(hasty: httpx.Client, begin: bytes) -> None:
    """The time is that of the whole head, not of a pause in it."""
    began = time.monotonic()
    with closing(connect(hasty)) as connection:
        connection.sendall(begin)
        connection.settimeout(HEAD_S / 20)
        closed = False
        while not closed and time.monotonic() - began < LONG:
            try:
                connection.sendall(b"G")
                closed = connection.recv(65536) == b""
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                closed = True
    assert closed


def test_a_body_that_never_ends_does_not_keep_a_connection(hasty: httpx.Client) -> None:
    """It is answered at once, and what comes then is no request."""
    head = b"POST /openapi.json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
    began = time.monotonic()
    with closing(connect(hasty)) as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 405 ")
        closed = False
        while not closed and time.monotonic() - began < LONG:
            try:
                connection.sendall(b"x")
            except OSError:
                closed = True
            time.sleep(HEAD_S / 20)
    assert closed


def test_who_does_not_take_the_answers_is_broken_off(hasty: httpx.Client) -> None:
    """A hundred answers are asked for and none is read."""
    with closing(connect(hasty, small=True)) as connection:
        connection.sendall((ASK + b"\r\n") * 100)
        time.sleep(HEAD_S)
        deadline = time.monotonic() + LONG
        broken = False
        while not broken and time.monotonic() < deadline:
            time.sleep(HEAD_S / 5)
            try:
                connection.sendall(b"\r\n")
            except OSError:
                broken = True
    assert broken
    assert hasty.get("/openapi.json").status_code == 200


def test_a_slow_reader_gets_everything(hasty: httpx.Client) -> None:
    """As long as it takes some of it within the time."""
    whole = len(hasty.get("/openapi.json").content)
    got = b""
    with closing(connect(hasty, small=True)) as connection:
        connection.sendall((ASK + b"\r\n") * 10)
        while len(got) < 10 * whole:
            part = connection.recv(20_000)
            assert part
            got += part
            time.sleep(HEAD_S / 100)
    assert got.count(b"HTTP/1.1 200 OK") == 10


def test_who_is_too_many_is_told_and_closed(published: Path) -> None:
    """503 with Retry-After; when others have gone there is room again."""
    with served(published, bounds=Bounds(connections=4)) as client, ExitStack() as stack:
        idle = [stack.enter_context(closing(connect(client))) for _ in range(4)]
        wait_for_room(client, has_room=False)
        with httpx.Client(base_url=client.base_url, trust_env=False, timeout=LONG) as late:
            answer = late.get("/openapi.json")
        assert error_of(answer)[:2] == (503, "busy")
        assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")
        for one in idle:
            one.close()
        wait_for_room(client, has_room=True)


def test_a_flood_is_cut_off_and_the_server_is_there_afterwards(published: Path) -> None:
    """Hundreds of silent connections at once leave no file open."""
    with served(published, bounds=Bounds(connections=10, head_s=HEAD_S)) as client:
        with ExitStack() as stack:
            flood = [stack.enter_context(closing(connect(client))) for _ in range(300)]
            assert all(is_closed(one) for one in flood)
        wait_for_room(client, has_room=True)


def wait_for_room(client: httpx.Client, *, has_room: bool) -> None:
    """Until a new connection is answered, or until it is not."""
    deadline = time.monotonic() + LONG
    while True:
        with httpx.Client(base_url=client.base_url, trust_env=False, timeout=LONG) as new:
            try:
                is_answered = new.get("/openapi.json").status_code == 200
            except httpx.TransportError:
                is_answered = False
        if is_answered == has_room:
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)
