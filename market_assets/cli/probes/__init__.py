"""What `probe` does for each venue: the same client and the same frames as the assets, printed.

A module per venue, of its name, with a function `probe(settings, limit)`. Only the one that is
asked for is imported: each brings its clients.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_assets.settings import Settings

SOURCES: Final = ("hyperliquid", "polymarket", "defillama")


def probe_of(source: str) -> Callable[[Settings, int], None]:
    """What calls a venue and prints so many rows of what it says."""
    probe: Callable[[Settings, int], None] = import_module(f"{__name__}.{source}").probe
    return probe
