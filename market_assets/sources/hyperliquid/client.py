"""Hyperliquid's info endpoint as typed calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from market_assets.clock import Clock, SystemClock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from market_assets.sources.limits import WeightBudget


@dataclass(frozen=True)
class Dex:
    """A perpetuals dex: the exchange's own (`name` is '') or a builder-deployed one."""

    name: str
    full_name: str


@dataclass(frozen=True)
class Listing:
    """One asset as the exchange lists it now.

    Attributes:
        symbol: the exchange's own coin name: BTC, kPEPE, PURR/USDC, @107, xyz:TSLA.
        kind: perp or spot.
        dex: the builder-deployed dex; '' for the first one and for spot.
        display_name: the coin name of a perp, BASE/QUOTE of a spot pair.
        sz_decimals: decimals of an order size.
        max_leverage: greatest leverage; None for spot.
        only_isolated: only isolated margin is allowed.
        is_delisted: not trading now; may come back.
        volume_24h: traded amount of the last 24 h in the quote token; None if not given.
        mid: mid price; None if not given.
    """

    symbol: str
    kind: Literal["perp", "spot"]
    dex: str
    display_name: str
    sz_decimals: int
    max_leverage: int | None
    only_isolated: bool
    is_delisted: bool
    volume_24h: float | None
    mid: float | None


@dataclass(frozen=True)
class Universe:
    """Every asset that the exchange lists, as far as it could be read.

    Attributes:
        listings: the assets; symbols are unique.
        failures: what could not be read, with the reason: a dex's name ('' is the first),
            `SPOT` or `DEXS`. Nothing is known about its assets: they are not gone.
        rejected: assets that were left out because their own entry made no sense, with the reason.
    """

    listings: tuple[Listing, ...]
    failures: Mapping[str, str]
    rejected: Mapping[str, str]


class Candle(NamedTuple):
    """One candle: `[open_ms, open_ms + interval)`, volume in base units."""

    symbol: str
    interval: str
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    is_closed: bool


class HyperliquidClient:
    """The info endpoint; thread-safe."""

    def __init__(
        self,
        base_url: str,
        *,
        budget: WeightBudget | None = None,
        user: str = "runs",
        clock: Clock | None = None,
        timeout: float = 10.0,
        retries: int = 3,
    ) -> None:
        self._clock = clock or SystemClock()

    def dexs(self) -> list[Dex]:
        """Every dex, the exchange's own ('') first."""
        raise NotImplementedError

    def universe(self) -> Universe:
        """All perps of all dexs and all spot pairs."""
        raise NotImplementedError

    def mids(self, dex: str = "") -> tuple[dict[str, float], dict[str, str]]:
        """Mid prices of a dex (with spot for ''), and the rejected ones with the reason."""
        raise NotImplementedError

    def candles(
        self, symbol: str, interval: str, start: datetime, end: datetime
    ) -> list[Candle]:
        """Candles that open in `[start, end)`, ascending."""
        raise NotImplementedError

    def categories(self) -> list[tuple[str, str]]:
        """(symbol, category) as the deployers of builder dexs chose them."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connections."""
        raise NotImplementedError
