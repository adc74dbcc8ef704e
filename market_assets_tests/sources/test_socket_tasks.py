"""The tasks of sockets: they run together, and one with a fault ends them all."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import pytest

from market_assets.sources.socket_tasks import SocketTasks


class MadeUpSocket:
    """Runs until cancelled, or until it is told to fail."""

    def __init__(self) -> None:
        self.runs = False
        self.fault: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()

    async def run(self) -> NoReturn:
        self.runs = True
        try:
            return await self.fault
        finally:
            self.runs = False


async def _turn() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_fault_of_one_socket_is_raised_and_no_other_goes_on() -> None:
    async def story() -> None:
        tasks, first, added = SocketTasks(), MadeUpSocket(), MadeUpSocket()
        running = asyncio.create_task(tasks.run([first]))
        await _turn()
        tasks.start(added)
        await _turn()
        assert first.runs
        assert added.runs
        added.fault.set_exception(ValueError("no address"))
        with pytest.raises(ValueError, match="no address"):
            await running
        assert not first.runs

    asyncio.run(story())


def test_the_first_of_two_faults_is_raised() -> None:
    async def story() -> None:
        tasks, first, second = SocketTasks(), MadeUpSocket(), MadeUpSocket()
        running = asyncio.create_task(tasks.run([first, second]))
        await _turn()
        first.fault.set_exception(ValueError("first"))
        second.fault.set_exception(ValueError("second"))
        with pytest.raises(ValueError, match="first"):
            await running

    asyncio.run(story())


def test_a_socket_that_is_stopped_ends_alone() -> None:
    async def story() -> None:
        tasks, kept, stopped = SocketTasks(), MadeUpSocket(), MadeUpSocket()
        running = asyncio.create_task(tasks.run([kept, stopped]))
        await _turn()
        tasks.stop(stopped)
        tasks.stop(MadeUpSocket())  # one that was never there
        await _turn()
        assert not stopped.runs
        assert kept.runs
        assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not kept.runs

    asyncio.run(story())


def test_outside_of_a_run_no_socket_is_started() -> None:
    """Neither before it nor after it."""

    async def story() -> None:
        tasks, socket = SocketTasks(), MadeUpSocket()
        tasks.start(socket)
        await _turn()
        assert not socket.runs
        running = asyncio.create_task(tasks.run([]))
        await _turn()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        tasks.start(socket)
        await _turn()
        assert not socket.runs

    asyncio.run(story())
