"""The tasks of a feed's sockets, of which each runs until it is cancelled.

Not here: one socket (`stream.py`), which socket is there for what (the venue's feed).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class Socket(Protocol):
    """One connection that is kept alive."""

    async def run(self) -> NoReturn:
        """Stay connected until cancelled; a fault ends it."""
        ...


class SocketTasks:
    """A task for each socket while the feed runs. On the event loop of the feed."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._tasks: dict[Socket, asyncio.Task[NoReturn]] = {}
        self._broken: asyncio.Future[NoReturn] | None = None

    async def run(self, sockets: Iterable[Socket]) -> None:
        """Run these, and those that `start` adds, until cancelled; none runs afterwards.

        Raises:
            Exception: what the first socket with a fault raised.
        """
        self._broken = asyncio.get_running_loop().create_future()
        try:
            for socket in sockets:
                self.start(socket)
            await self._broken
        finally:
            self._broken = None
            tasks = list(self._tasks.values())
            self._tasks.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, socket: Socket) -> None:
        """Run one more; nothing happens outside of `run`, which is told of all that there are."""
        if self._broken is None:
            return
        task = asyncio.create_task(socket.run())
        task.add_done_callback(self._ended)
        self._tasks[socket] = task

    def stop(self, socket: Socket) -> None:
        """End one; nothing happens if it does not run."""
        task = self._tasks.pop(socket, None)
        if task is not None:
            task.cancel()

    def _ended(self, task: asyncio.Task[NoReturn]) -> None:
        """A socket's task only ends by being cancelled, or by a fault that ends the feed."""
        if task.cancelled() or self._broken is None or self._broken.done():
            return
        fault = task.exception()
        if fault is not None:
            self._broken.set_exception(fault)
