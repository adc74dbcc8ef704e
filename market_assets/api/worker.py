"""Threads that make answers, a fixed number of them, and a bound on how many requests wait."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from market_assets.api.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MOST_WAITING: Final = 1000
"""Requests that may wait for a thread: some seconds of work. More are told to come back."""


class Worker:
    """Runs blocking work away from the event loop."""

    def __init__(self, name: str, *, threads: int, most_waiting: int = MOST_WAITING) -> None:
        """No thread is started before there is work.

        Args:
            name: of the threads.
            threads: how many work at a time.
            most_waiting: requests that may wait or be worked on at a time.
        """
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most_waiting = most_waiting
        self._waiting = 0

    async def run(self, work: Callable[[], T], *, within_s: float | None = None) -> T:
        """What the work gives; its errors are raised here.

        Args:
            work: what a thread does. It cannot be broken off: when its time is over, its thread
                stays with it, and only the one who asked goes on.
            within_s: seconds that it may wait and work; None: as long as it takes.

        Raises:
            ApiError: too many wait already, or the time is over.
        """
        if self._waiting >= self._most_waiting:
            raise ApiError("busy", f"{self._waiting} requests wait already", {"Retry-After": "1"})
        self._waiting += 1
        try:
            working = asyncio.get_running_loop().run_in_executor(self._pool, work)
            return await asyncio.wait_for(working, within_s)
        except TimeoutError as error:
            if within_s is None:
                raise
            raise ApiError("timed_out", f"no answer within {within_s:g} s") from error
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let what runs end, and nothing else begin."""
        self._pool.shutdown(cancel_futures=True)


class Recent(Generic[T]):
    """A value that is found out again only when it is older than some seconds.

    However many ask, it is found out once at a time, in a thread of its own; those who ask
    meanwhile wait for it, but not for ever. What the work raises is raised to all who waited, and
    not kept.
    """

    def __init__(
        self,
        find: Callable[[], T],
        *,
        seconds: float,
        patience_s: float = 5.0,
        first_s: float = 20.0,
    ) -> None:
        """Nothing is found out before the first call.

        Args:
            find: finds the value out; may take long, or never come back.
            seconds: for which the value is recent.
            patience_s: for how long anybody waits, counted from when finding out began.
            first_s: the same, until there has been a value: the first time may import much.
        """
        self._find = find
        self._seconds = seconds
        self._patience_s = first_s
        self._next_patience_s = patience_s
        self._guard = Lock()
        self._found: tuple[float, T] | None = None
        self._search: _Search[T] | None = None

    def __call__(self) -> T:
        """The value, as old as it may be.

        Raises:
            TimeoutError: it is not there in time.
        """
        with self._guard:
            if self._found is not None and _since(self._found[0]) <= self._seconds:
                return self._found[1]
            if self._search is None:
                self._search = _Search()
                # A daemon: one that never comes back does not keep the process from ending.
                Thread(target=self._look, args=(self._search,), daemon=True).start()
            search, patience_s = self._search, self._patience_s
        return search.result(patience_s)

    def _look(self, search: _Search[T]) -> None:
        try:
            search.value = self._find()
        except Exception as error:  # noqa: BLE001 - raised to those who wait
            search.error = error
        with self._guard:
            self._search = None
            if search.error is None:
                self._found = (time.monotonic(), search.value)
                self._patience_s = self._next_patience_s
        search.done.set()


class _Search(Generic[T]):
    """One time that the value is found out."""

    value: T

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.done = Event()
        self.error: Exception | None = None

    def result(self, patience_s: float) -> T:
        if not self.done.wait(max(0.0, patience_s - _since(self.began))):
            raise TimeoutError(f"no answer for {_since(self.began):.0f} s")
        if self.error is not None:
            raise self.error
        return self.value


def _since(instant: float) -> float:
    """Seconds since a monotonic instant."""
    return time.monotonic() - instant
