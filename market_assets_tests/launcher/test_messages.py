"""Messages arrive whole however the socket cuts them, and an end is told from silence."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import msgspec
import pytest

from market_assets.launcher.messages import Lines, Ready, Start, Started

Ends = tuple[Lines, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """What is tested, and the bare other end."""
    ours, theirs = socket.socketpair()
    lines = Lines(ours)
    yield lines, theirs
    lines.close()
    theirs.close()


def test_a_message_arrives_as_it_was_sent(ends: Ends) -> None:
    lines, other = ends
    start = Start(run_id="r", arguments='{"a": "line\\nbreak"}', tells="job")
    Lines(other).send(start)
    assert lines.receive(Start, within_s=5) == start


def test_messages_are_cut_and_joined_by_the_socket(ends: Ends) -> None:
    lines, other = ends
    raw = b"".join(msgspec.json.encode(Started(worker=str(k))) + b"\n" for k in range(3))
    for at in range(len(raw)):
        other.send(raw[at : at + 1])
    assert [lines.receive(Started, within_s=5) for _ in range(3)] == [
        Started(worker=str(k)) for k in range(3)
    ]


def test_the_other_ends_end_is_none(ends: Ends) -> None:
    lines, other = ends
    other.send(b'{"worker": "half')
    other.close()
    assert lines.receive(Started, within_s=5) is None


def test_silence_is_a_time_out(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        ends[0].receive(Started, within_s=0.05)


def test_another_kind_of_message_is_refused(ends: Ends) -> None:
    lines, other = ends
    other.send(b'{"threads": "one"}\n')
    with pytest.raises(msgspec.ValidationError):
        lines.receive(Ready, within_s=5)


def test_a_message_without_an_end_is_refused(ends: Ends) -> None:
    lines, other = ends

    def write() -> None:
        with contextlib.suppress(OSError):
            other.sendall(b"x" * (1 << 21))

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(msgspec.ValidationError, match="without an end"):
        lines.receive(Started, within_s=5)
    lines.close()
    writer.join()
