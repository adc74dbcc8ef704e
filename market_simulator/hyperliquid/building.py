"""How the simulated exchange is put together: from a seed, or from a folder of recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_simulator.hyperliquid.recorded.files import Recordings
from market_simulator.hyperliquid.recorded.market import RecordedMarket, missing
from market_simulator.hyperliquid.synthetic.market import SyntheticMarket
from market_simulator.hyperliquid.synthetic.universe import Size, Universe
from market_simulator.hyperliquid.venue import HyperliquidVenue

if TYPE_CHECKING:
    from pathlib import Path

    from market_simulator.hyperliquid.limits import Limits
    from market_simulator.venue import Surroundings


def venue(
    around: Surroundings, *, size: Size, limits: Limits, recordings: Path | None
) -> HyperliquidVenue:
    """The exchange.

    Raises:
        FileNotFoundError: there is no folder of that name, or no recording in it.
    """
    if recordings is None:
        universe = Universe(around.seed, size)
        return HyperliquidVenue(
            SyntheticMarket(universe), around=around, limits=limits, universe=universe
        )
    files = Recordings(recordings)
    recorded = RecordedMarket(files, around.clock.now_ms())
    notes = (*recorded.notes, f"no recording of: {', '.join(missing(files))}")
    return HyperliquidVenue(recorded, around=around, limits=limits, notes=notes)


def unrecorded(folder: Path) -> tuple[str, ...]:
    """The requests and channels of the exchange for which a folder holds no recording.

    Raises:
        FileNotFoundError: there is no such folder, or no recording in it.
    """
    return missing(Recordings(folder))
