"""How the simulated Polymarket is put together: from a seed, or from a folder of recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_simulator.polymarket.recorded.files import Recordings
from market_simulator.polymarket.recorded.world import RecordedWorld, missing
from market_simulator.polymarket.synthetic.world import SyntheticWorld
from market_simulator.polymarket.venue import PolymarketVenue

if TYPE_CHECKING:
    from pathlib import Path

    from market_simulator.polymarket.size import PolymarketLimits, PolymarketSize
    from market_simulator.polymarket.world import World
    from market_simulator.venue import Surroundings


def venue(
    around: Surroundings,
    *,
    size: PolymarketSize,
    limits: PolymarketLimits,
    recordings: Path | None,
) -> PolymarketVenue:
    """The venue.

    Raises:
        FileNotFoundError: there is no folder of that name, or no recording in it.
    """
    now_ms = around.clock.now_ms()
    world: World
    if recordings is None:
        world = SyntheticWorld(around.seed, size, now_ms)
    else:
        world = RecordedWorld(recordings, now_ms)
    return PolymarketVenue(world, around=around, limits=limits)


def unrecorded(folder: Path) -> tuple[str, ...]:
    """The paths for which a folder holds no recording.

    Raises:
        FileNotFoundError: there is no such folder, or no recording in it.
    """
    return missing(Recordings(folder))
