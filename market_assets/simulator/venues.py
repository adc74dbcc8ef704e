"""Which venues there are, how each is made from the configuration, and where each is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_assets.simulator.defillama.venue import DefillamaVenue
from market_assets.simulator.hyperliquid import building as hyperliquid
from market_assets.simulator.hyperliquid.venue import HyperliquidVenue
from market_assets.simulator.polymarket import building as polymarket
from market_assets.simulator.polymarket.venue import PolymarketVenue

if TYPE_CHECKING:
    from pathlib import Path

    from market_assets.simulator.server import SimulatorConfig
    from market_assets.simulator.venue import Surroundings, Venue

_KINDS: Final[tuple[type[Venue], ...]] = (HyperliquidVenue, PolymarketVenue, DefillamaVenue)


def made(config: SimulatorConfig, around: Surroundings) -> list[Venue]:
    """Every venue, Hyperliquid first.

    Raises:
        FileNotFoundError: recordings are to be served, and there are none.
    """
    return [
        hyperliquid.venue(
            around, size=config.size, limits=config.limits, recordings=config.recordings
        ),
        polymarket.venue(around, size=config.polymarket_size, limits=config.polymarket_limits),
        DefillamaVenue(around, size=config.defillama_size, limits=config.defillama_limits),
    ]


def environment(host: str, port: int) -> dict[str, str]:
    """The variables that point the project at all of them.

    Only of venues that are simulated: the others stay where they are.
    """
    return {name: value for kind in _KINDS for name, value in kind.environment(host, port).items()}


def unrecorded(folder: Path) -> tuple[str, ...]:
    """The paths of the simulated venues for which a folder holds no recording.

    Raises:
        FileNotFoundError: there is no such folder, or no recording in it.
    """
    return hyperliquid.unrecorded(folder)
