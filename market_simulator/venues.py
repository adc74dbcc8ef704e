"""Which venues there are, how each is made from the configuration, and where each is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_simulator.defillama.venue import DefillamaVenue
from market_simulator.hyperliquid import building as hyperliquid
from market_simulator.hyperliquid.recorded import files as hyperliquid_recordings
from market_simulator.hyperliquid.venue import HyperliquidVenue
from market_simulator.polymarket import building as polymarket
from market_simulator.polymarket.recorded import files as polymarket_recordings
from market_simulator.polymarket.venue import PolymarketVenue

if TYPE_CHECKING:
    from pathlib import Path

    from market_simulator.config import SimulatorConfig
    from market_simulator.venue import Surroundings, Venue

_KINDS: Final[tuple[type[Venue], ...]] = (HyperliquidVenue, PolymarketVenue, DefillamaVenue)
_HOLDS: Final = {
    "hyperliquid": hyperliquid_recordings.holds,
    "polymarket": polymarket_recordings.holds,
}


def made(config: SimulatorConfig, around: Surroundings) -> list[Venue]:
    """Every venue, Hyperliquid first: from recordings where there are any of it, else made up.

    Raises:
        FileNotFoundError: recordings are to be served, and there are none of any venue.
    """
    folders = {} if config.recordings is None else _folders(config.recordings)
    return [
        hyperliquid.venue(
            around,
            size=config.size,
            limits=config.limits,
            recordings=folders.get("hyperliquid"),
        ),
        polymarket.venue(
            around,
            size=config.polymarket_size,
            limits=config.polymarket_limits,
            recordings=folders.get("polymarket"),
        ),
        DefillamaVenue(around, size=config.defillama_size, limits=config.defillama_limits),
    ]


def made_up(folder: Path) -> str:
    """A note on which venues are made up although recordings are served."""
    absent = sorted({kind.__module__.split(".")[1] for kind in _KINDS} - _folders(folder).keys())
    return f"no recordings of {', '.join(absent)}: these are made up"


def _folders(folder: Path) -> dict[str, Path]:
    """Where the recordings of each venue are: in a folder of its name, or in the one given."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}")
    found: dict[str, Path] = {}
    for name, holds in _HOLDS.items():
        place = folder / name if (folder / name).is_dir() else folder
        if holds(place):
            found[name] = place
    if not found:
        raise FileNotFoundError(f"no recordings of any venue in {folder}")
    return found


def environment(host: str, port: int) -> dict[str, str]:
    """The variables that point the project at all of them.

    Only of venues that are simulated: the others stay where they are.
    """
    return {name: value for kind in _KINDS for name, value in kind.environment(host, port).items()}


def unrecorded(folder: Path) -> tuple[str, ...]:
    """The paths of the venues in a folder of recordings for which it holds none.

    Raises:
        FileNotFoundError: there is no such folder, or no recording in it.
    """
    listing = {"hyperliquid": hyperliquid.unrecorded, "polymarket": polymarket.unrecorded}
    return tuple(path for name, place in _folders(folder).items() for path in listing[name](place))
