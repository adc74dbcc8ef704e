"""What `probe` does for each venue: the same client and the same frames as the assets, printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_assets.cli.probes.defillama import probe_defillama
from market_assets.cli.probes.hyperliquid import probe_hyperliquid
from market_assets.cli.probes.polymarket import probe_polymarket

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_assets.settings import Settings

PROBES: Final[dict[str, Callable[[Settings, int], None]]] = {
    "hyperliquid": probe_hyperliquid,
    "polymarket": probe_polymarket,
    "defillama": probe_defillama,
}
