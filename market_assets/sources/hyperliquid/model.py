"""What Hyperliquid lists and trades, in the project's own terms: plain values, no wire names.

Made by `universe.py` and `client.py`, put into tables by `frames.py`. Streamed candles are
`CandleUpdate`s (`wire.py`): they are made by the thousand and stay as they were decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

SPOT: Final = "(spot)"
"""Under this key `Universe.failures` says that spot could not be read."""
DEXS: Final = "(dexs)"
"""Under this key `Universe.failures` says that the list of dexs could not be read."""


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
            `SPOT` or `DEXS`. Nothing is known about the assets in it: they are not gone.
        rejected: single entries that made no sense, with the reason, by symbol where it could be
            read, else by place (`xyz[3]`). They are left out.
    """

    listings: tuple[Listing, ...]
    failures: Mapping[str, str]
    rejected: Mapping[str, str]


class Candle(NamedTuple):
    """One candle: `[open_ms, open_ms + interval)`; prices in quote, volume in base units."""

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
