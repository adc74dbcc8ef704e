"""What a simulated venue is to the server: routes, work in the background, and what it tells.

A new venue is a folder beside `hyperliquid/` with a class of this shape, made in `venues.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from market_simulator.faults import FaultPlan
    from market_simulator.traffic import Traffic
    from market_simulator.transports import Transports
    from market_simulator.venue_clock import VenueClock


@dataclass(frozen=True)
class Surroundings:
    """What all venues of one simulator share.

    Attributes:
        seed: everything made up follows from it.
        clock: the present, the same for every venue.
        faults: what goes wrong; a venue asks `faults.of(its name)`.
        traffic: where answers are counted; kinds carry the venue's prefix where it has one.
        transports: the connections below HTTP.
    """

    seed: int
    clock: VenueClock
    faults: FaultPlan
    traffic: Traffic
    transports: Transports


class Venue(Protocol):
    """One simulated venue."""

    notes: tuple[str, ...]
    """What a user should know of its data: how recordings were moved, what they lack."""

    @staticmethod
    def environment(host: str, port: int) -> dict[str, str]:
        """The variables that point the project at this venue."""
        ...

    def routes(self) -> list[BaseRoute]:
        """Its own routes. Paths of venues must not collide; the environment may name a prefix."""
        ...

    def control_routes(self) -> list[BaseRoute]:
        """Routes below `/__control__/` that only this venue has."""
        ...

    async def run(self) -> None:
        """What it does by itself, until cancelled."""
        ...

    def close(self) -> None:
        """Let threads go."""
        ...

    def state(self) -> dict[str, object]:
        """What `stats` says of it; the keys are its own among all venues."""
        ...

    def clock_was_set(self) -> None:
        """The shared clock has jumped."""
        ...
