"""Threads that make answers, a fixed number of them, and a bound on how many requests wait."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
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

    async def run(self, work: Callable[[], T]) -> T:
        """What the work gives; its errors are raised here.

        Raises:
            ApiError: too many wait already.
        """
        if self._waiting >= self._most_waiting:
            raise ApiError("busy", f"{self._waiting} requests wait already", {"Retry-After": "1"})
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let what runs end, and nothing else begin."""
        self._pool.shutdown(cancel_futures=True)


class Recent(Generic[T]):
    """A value that is found out again only when it is older than some seconds.

    However many ask, it is found out once at a time; those who ask meanwhile wait for it. What the
    work raises is raised to the one who asked, and not kept.
    """

    def __init__(self, find: Callable[[], T], *, seconds: float) -> None:
        """Nothing is found out before the first call.

        Args:
            find: finds the value out; may take long.
            seconds: for which it is recent.
        """
        self._find = find
        self._seconds = seconds
        self._guard = Lock()
        self._found: tuple[float, T] | None = None

    def __call__(self) -> T:
        """The value, as old as it may be."""
        with self._guard:
            if self._found is None or time.monotonic() - self._found[0] > self._seconds:
                value = self._find()
                self._found = (time.monotonic(), value)
            return self._found[1]
