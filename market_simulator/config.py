"""What is simulated, and how: the size of each venue, its limits, its time, its faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from market_simulator.defillama.venue import Limits as DefillamaLimits
from market_simulator.defillama.world import Size as DefillamaSize
from market_simulator.hyperliquid.limits import Limits
from market_simulator.hyperliquid.synthetic.universe import Size
from market_simulator.polymarket.size import PolymarketLimits, PolymarketSize

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True)
class SimulatorConfig:
    """What is simulated, and how.

    Attributes:
        host: where to listen; loopback.
        port: 0 takes any free one.
        seed: everything made up follows from it.
        recordings: a folder with recordings to serve instead of made-up data, of one venue, or
            with a folder for each: `hyperliquid`, `polymarket`.
        speed: venue seconds per second.
        start: the venue's time at the beginning; the present if None.
        offset_s: seconds by which the venue's clock is ahead of that.
        size: how much Hyperliquid lists, and how busy it is.
        limits: what one address may do at Hyperliquid.
        polymarket_size: how much Polymarket lists, how much is traded, how full of traps it is.
        polymarket_limits: what one address may do there.
        defillama_size: how much exists at DefiLlama, and how long its list of protocols is.
        defillama_limits: what one address may do there.
        faults: faults in force from the beginning, in the form of `--fault`: `drop,every=30`.
    """

    host: str = "127.0.0.1"
    port: int = 8787
    seed: int = 1
    recordings: Path | None = None
    speed: float = 1.0
    start: datetime | None = None
    offset_s: float = 0.0
    size: Size = field(default_factory=Size)
    limits: Limits = field(default_factory=Limits)
    polymarket_size: PolymarketSize = field(default_factory=PolymarketSize)
    polymarket_limits: PolymarketLimits = field(default_factory=PolymarketLimits)
    defillama_size: DefillamaSize = field(default_factory=DefillamaSize)
    defillama_limits: DefillamaLimits = field(default_factory=DefillamaLimits)
    faults: tuple[str, ...] = ()
