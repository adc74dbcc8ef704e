"""The simulated venues as one process on one port: what they are, and how they are served.

`serve` blocks and is what the command line calls; `Simulator` runs in an event loop of one's own.
Which venues there are is said in `venues.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import uvicorn
from starlette.applications import Starlette

from market_simulator import venues
from market_simulator.control import Control
from market_simulator.faults import FaultPlan, parsed
from market_simulator.hyperliquid.venue import HyperliquidVenue
from market_simulator.traffic import Traffic
from market_simulator.transports import Transports
from market_simulator.venue import Surroundings
from market_simulator.venue_clock import VenueClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_simulator.config import SimulatorConfig

_POLL_S: Final = 0.02


@dataclass(frozen=True)
class Listening:
    """A simulator that accepts connections.

    Attributes:
        port: where it listens.
        environment: the variables that point the project at it.
        notes: what a user should know of the data: how recordings were moved, what they lack.
    """

    port: int
    environment: dict[str, str]
    notes: tuple[str, ...] = ()


class Simulator:
    """All simulated venues on one port; `run` serves them in the running event loop."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.faults = FaultPlan()
        self.clock = VenueClock(speed=config.speed, start=config.start, offset_s=config.offset_s)
        self._transports = Transports()
        self._around = Surroundings(
            config.seed, self.clock, self.faults, Traffic(), self._transports
        )
        self.venues = venues.made(config, self._around)
        self._notes = tuple(note for one in self.venues for note in one.notes)
        if config.recordings is not None:
            self._notes += (venues.made_up(config.recordings),)
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        for text in config.faults:
            self.faults.add(parsed(text))

    @property
    def venue(self) -> HyperliquidVenue:
        """Hyperliquid."""
        return next(one for one in self.venues if isinstance(one, HyperliquidVenue))

    async def run(self, on_ready: Callable[[Listening], None]) -> None:
        """Serve until `stop` is called or a signal says so."""
        control = Control(
            self.venues,
            around=self._around,
            about={"seed": self.config.seed, "speed": self.config.speed, "notes": self._notes},
        )
        own = [route for one in self.venues for route in one.routes()]
        app = Starlette(routes=[*own, *control.routes()])
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=self._transports.protocol(),
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                ws_ping_interval=None,
                lifespan="off",
                log_level="critical",
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        listener = socket.create_server((self.config.host, self.config.port))
        self._port = port = listener.getsockname()[1]
        serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        work = [asyncio.create_task(one.run()) for one in self.venues]
        work.append(asyncio.create_task(self._outages()))
        stopping = asyncio.create_task(self._stop.wait())
        # A signal that comes as soon as somebody knows of this is heard: its handlers are there.
        while not (self._server.started or serving.done()):  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(_POLL_S)
        if not serving.done():
            on_ready(Listening(port, environment(port, self.config.host), self._notes))
        try:
            await asyncio.wait({serving, stopping, *work}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._server.should_exit = True
            for task in (stopping, *work):
                task.cancel()
            for one in self.venues:
                one.close()
            await serving
        for outcome in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    def stop(self) -> None:
        """End `run`, from any thread."""
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._stop.set)

    async def _outages(self) -> None:
        """With the fault `refuse`, nobody listens for a while, and open connections are reset."""
        while True:
            await asyncio.sleep(_POLL_S)  # so the answer to whoever asked for it goes out first
            for fault in self.faults.due(("refuse",)):
                for listener in self._server.servers:
                    listener.close()
                self._transports.reset_all()
                await asyncio.sleep(fault.seconds or 0)
                again = socket.create_server((self.config.host, self._port))
                await self._server.startup(sockets=[again])


def serve(config: SimulatorConfig, *, on_ready: Callable[[Listening], None]) -> None:
    """Serve until a signal; `on_ready` is told where, once connections are accepted.

    Raises:
        OSError: the port cannot be listened on.
        BadFault: a fault of the configuration cannot be put in force.
    """
    asyncio.run(Simulator(config).run(on_ready))


def environment(port: int, host: str = "127.0.0.1") -> dict[str, str]:
    """The variables that point the project at a simulator on that port."""
    return venues.environment(host, port)
