"""How the simulated Polymarket is put together: from a seed, or from a folder of recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_assets.simulator.polymarket.synthetic.world import SyntheticWorld
from market_assets.simulator.polymarket.venue import PolymarketVenue

if TYPE_CHECKING:
    from market_assets.simulator.polymarket.size import PolymarketLimits, PolymarketSize
    from market_assets.simulator.venue import Surroundings


def venue(
    around: Surroundings, *, size: PolymarketSize, limits: PolymarketLimits
) -> PolymarketVenue:
    """The venue."""
    world = SyntheticWorld(around.seed, size, around.clock.now_ms())
    return PolymarketVenue(world, around=around, limits=limits)
