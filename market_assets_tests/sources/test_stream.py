"""One socket kept alive, against real servers: endings told apart, delays, pings."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from websockets.asyncio.server import ServerConnection, serve

from market_assets.clock import ManualClock, SystemClock
from market_assets.sources.stream import Ending, Pacer, Stream, StreamPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

DEADLINE_S = 10.0
QUICK = StreamPolicy(
    tick=0.01,
    ping_every=0.05,
    silence=5.0,
    first_delay=0.01,
    longest_delay=0.02,
    close_timeout=0.1,
    connect_timeout=0.5,
    send_timeout=0.2,
)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition; fail where it does not come true."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - the conditions are of many kinds
            await asyncio.sleep(0.005)


class Listener:
    """A handler that keeps what happens, and says `hello` upon connecting."""

    def __init__(self) -> None:
        self.openings = 0
        self.heard: list[bytes] = []
        self.endings: list[Ending] = []
        self.useless = ""

    def opened(self) -> None:
        self.openings += 1

    async def talk(self, send: Callable[[str], Awaitable[None]]) -> NoReturn:
        await send("hello")
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    def received(self, raw: bytes) -> None:
        self.heard.append(raw)

    def overdue(self) -> str | None:
        return self.useless or None

    def closed(self, ending: Ending) -> None:
        self.endings.append(ending)


def stream(url: str, handler: Listener, policy: StreamPolicy = QUICK, **options: Any) -> Stream:
    clock = SystemClock()
    return Stream(
        url,
        handler,
        policy=policy,
        clock=clock,
        connects=Pacer(10_000, 60, clock),
        messages=Pacer(10_000, 60, clock),
        **options,
    )


@contextlib.asynccontextmanager
async def running(made: Stream) -> AsyncIterator[asyncio.Task[NoReturn]]:
    task = asyncio.create_task(made.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


@contextlib.asynccontextmanager
async def server(handler: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, close_timeout=0.1) as made:
        yield f"ws://127.0.0.1:{made.sockets[0].getsockname()[1]}"


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


def test_talks_listens_and_pings() -> None:
    async def story() -> None:
        listener = Listener()
        async with server(echo) as url:
            made = stream(url, listener, ping="are you there")
            async with running(made):
                await until(lambda: b"are you there" in listener.heard)
                assert listener.heard[0] == b"hello"
                assert made.connected
                assert listener.endings == []
            assert not made.connected
        assert [ending.cause for ending in listener.endings] == ["stopped"]

    asyncio.run(story())


def test_comes_back_after_every_kind_of_ending() -> None:
    """Closed politely, cut, refused at the door: the delays are those of the policy."""

    async def polite_then_cut(connection: ServerConnection) -> None:
        seen.append(connection)
        if len(seen) % 2:
            await connection.close(1013, "try again later")
        else:
            connection.transport.abort()

    seen: list[ServerConnection] = []

    async def story() -> None:
        listener = Listener()
        async with server(polite_then_cut) as url, running(stream(url, listener)):
            await until(lambda: len(listener.endings) >= 6)
        details = " ".join(ending.detail for ending in listener.endings)
        assert "try again later" in details
        assert {ending.cause for ending in listener.endings[:6]} == {"reconnect"}

    asyncio.run(story())


def test_delays_double_and_start_anew_after_a_stable_connection() -> None:
    """A venue that hangs up at once is left alone for longer and longer; one that held is not."""
    slept: list[float] = []
    clock = ManualClock(datetime(2026, 11, 20, tzinfo=UTC))
    lives = iter([0, 0, 0, 0, 120, 0, 0])

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    class Short(Stream):
        async def _serve(self, socket: Any) -> None:  # noqa: ARG002 - the base class's signature
            lived = next(lives, None)
            if lived is None:
                raise asyncio.CancelledError
            clock.advance(lived)

    async def story() -> None:
        async with server(echo) as url:
            made = Short(
                url,
                Listener(),
                policy=StreamPolicy(first_delay=1, longest_delay=5),
                clock=clock,
                connects=Pacer(100, 60, clock),
                messages=Pacer(100, 60, clock),
                jitter=lambda: 1.0,
                sleep=sleep,
            )
            with pytest.raises(asyncio.CancelledError):
                await made.run()

    asyncio.run(story())
    assert slept == [1, 2, 4, 5, 1, 2, 4]


def test_silence_and_uselessness_are_told_from_a_lost_connection() -> None:
    async def mute(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async def story() -> None:
        listener = Listener()
        policy = StreamPolicy(**{**vars(QUICK), "silence": 0.1})
        async with server(mute) as url, running(stream(url, listener, policy, ping="?")):
            await until(lambda: listener.endings)
        assert listener.endings[0].cause == "silence"
        assert "nothing came for 0." in listener.endings[0].detail

        listener = Listener()
        listener.useless = "no data for ages"
        async with server(echo) as url, running(stream(url, listener)):
            await until(lambda: listener.endings)
        assert listener.endings[0] == Ending("silence", "no data for ages")

    asyncio.run(story())


def test_a_handshake_that_never_ends_is_given_up() -> None:
    """A host that accepts connections and says nothing."""

    async def story() -> None:
        listener = Listener()
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            policy = StreamPolicy(**{**vars(QUICK), "connect_timeout": 0.05})
            url = f"ws://127.0.0.1:{deaf.getsockname()[1]}"
            async with running(stream(url, listener, policy)):
                deaf.setblocking(False)
                loop = asyncio.get_running_loop()
                for _ in range(2):
                    connection, _ = await asyncio.wait_for(loop.sock_accept(deaf), 5)
                    connection.close()
        assert listener.openings == 0

    asyncio.run(story())


def test_a_message_that_cannot_be_sent_ends_the_connection() -> None:
    """The other side reads nothing: our buffers fill, and sending would wait for ever."""

    class Chatty(Listener):
        async def talk(self, send: Callable[[str], Awaitable[None]]) -> NoReturn:
            while True:
                await send("x" * 1_000_000)

    async def stuck(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await over.wait()

    over = asyncio.Event()

    async def story() -> None:
        listener = Chatty()
        async with server(stuck) as url:
            async with running(stream(url, listener)):
                await until(lambda: listener.endings)
            over.set()
        assert listener.endings[0] == Ending("silence", "a message could not be sent")

    asyncio.run(story())


def test_a_stall_of_our_own_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process was stopped for longer than the limit: the venue gets a new chance."""
    monkeypatch.setattr("market_assets.sources.stream._STALL_S", 0.1)

    async def story() -> None:
        listener = Listener()
        policy = StreamPolicy(**{**vars(QUICK), "silence": 0.2})
        async with server(echo) as url, running(stream(url, listener, policy, ping="?")):
            await until(lambda: b"?" in listener.heard)
            time.sleep(0.4)  # noqa: ASYNC251 - this is the stall
            heard = len(listener.heard)
            await until(lambda: len(listener.heard) > heard + 2)
            assert listener.endings == []

    asyncio.run(story())


@pytest.mark.parametrize("where", ["opened", "received", "overdue", "talk"])
def test_a_fault_of_the_handler_is_raised(where: str) -> None:
    """It is a fault of the program, not of the network: no retry hides it."""

    async def story() -> None:
        listener = Listener()

        def fault(*_args: Any) -> Any:
            raise ZeroDivisionError

        setattr(listener, where, fault)
        async with server(echo) as url, running(stream(url, listener)) as task:
            with pytest.raises(ZeroDivisionError):
                await asyncio.wait_for(asyncio.shield(task), 5)
        assert [ending.cause for ending in listener.endings] == ["stopped"]

    asyncio.run(story())


def test_a_frame_over_the_limit_ends_the_connection() -> None:
    async def shout(connection: ServerConnection) -> None:
        await connection.send("x" * 5000)
        await connection.wait_closed()

    async def story() -> None:
        listener = Listener()
        policy = StreamPolicy(**{**vars(QUICK), "max_frame": 1000})
        async with server(shout) as url, running(stream(url, listener, policy)):
            await until(lambda: listener.endings)
        assert listener.heard == []
        assert "1009" in listener.endings[0].detail

    asyncio.run(story())


def test_pacer_lets_through_so_many_in_any_period() -> None:
    async def story() -> None:
        clock = SystemClock()
        pacer = Pacer(3, 0.2, clock)
        taken = []
        for _ in range(7):
            await pacer.take()
            taken.append(clock.monotonic())
        for first, fourth in zip(taken, taken[3:], strict=False):
            assert fourth - first >= 0.2
        assert taken[2] - taken[0] < 0.2

    asyncio.run(story())


def test_what_does_not_wait_counts_all_the_same() -> None:
    async def story() -> None:
        clock = SystemClock()
        pacer = Pacer(1, 0.1, clock)
        pacer.note()
        started = clock.monotonic()
        await pacer.take()
        assert clock.monotonic() - started >= 0.1

    asyncio.run(story())
