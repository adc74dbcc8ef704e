"""What a run launcher and its warm process tell each other: one JSON object per line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

if TYPE_CHECKING:
    import socket

Message = TypeVar("Message", bound=msgspec.Struct)
_MOST_BYTES: Final = 1 << 20


class Start(msgspec.Struct, frozen=True):
    """Fork a process for this run.

    Attributes:
        run_id: the run's.
        arguments: what `dagster api execute_run` takes, as Dagster serialized it.
        tells: the run's name for people.
    """

    run_id: str
    arguments: str
    tells: str


class Started(msgspec.Struct, frozen=True):
    """The answer: the process of the run, as `str(ProcessIdentity)`; empty if it has ended."""

    worker: str


class Ready(msgspec.Struct, frozen=True):
    """The first message of a warm process: it is loaded, and has `threads` threads.

    Attributes:
        threads: how many; it can be forked from only while there is one.
        error: why it is of no use; empty: it is.
    """

    threads: int
    error: str = ""


class Lines:
    """One end of a stream socket, read and written message by message."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._unread = b""

    def fileno(self) -> int:
        """The socket's descriptor, for `select`."""
        return self._end.fileno()

    def close(self) -> None:
        """Close this end."""
        self._end.close()

    def send(self, message: msgspec.Struct) -> None:
        """Send a message.

        Raises:
            OSError: the other end is closed.
        """
        self._end.sendall(msgspec.json.encode(message) + b"\n")

    def receive(self, kind: type[Message], *, within_s: float | None) -> Message | None:
        """The next message; None when the other end is closed.

        Raises:
            TimeoutError: none came in time.
            msgspec.ValidationError: it is none of that kind.
        """
        self._end.settimeout(within_s)
        while b"\n" not in self._unread:
            if len(self._unread) > _MOST_BYTES:
                raise msgspec.ValidationError("a message without an end")
            try:
                read = self._end.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not read:
                return None
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        return msgspec.json.decode(line, type=kind)
