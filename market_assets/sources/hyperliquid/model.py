"""What Hyperliquid lists and trades, in the project's own terms: plain values, no wire names.

Made by `universe.py` and `client.py`, put into tables by `frames.py`. Streamed candles are
`CandleUpdate`s (`wire.py`): they are made by the thousand and stay as they were decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SPOT: Final = "(spot)"
"""Under this key `Universe.failures` says that spot could not be read."""
DEXS: Final = "(dexs)"
"""Under this key `Universe.failures` says that the list of dexs could not be read."""


def in_words(failures: Mapping[str, str]) -> dict[str, str]:
    """Parts of the exchange that could not be read, as people call them, with the reasons.

    Args:
        failures: by dex ('' is the exchange's own), `SPOT` or `DEXS`.
    """
    special = {"": "the main dex", SPOT: "spot", DEXS: "all builder dexs"}
    return {special.get(part, f"dex {part}"): why for part, why in failures.items()}


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
        volume_24h: traded value of the last 24 h in dollars; None if not given, or not known of
            the token that it is quoted in.
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


class AssetContext(NamedTuple):
    """The market of one asset at the time of the answer; None is what was not given.

    Attributes:
        symbol: the exchange's own coin name.
        received_at: when the answer came: it carries no time of its own.
        mark_px: mark price in the quote token; that of a delisted asset is stale.
        oracle_px: oracle price; None for spot.
        mid_px: mid price.
        funding_rate: rate of the running hour; None for spot.
        premium: impact price over oracle, less one; None for spot.
        open_interest: open positions of one side in base units; None for spot.
        volume_24h_quote: traded value of the rolling day in the quote token.
        volume_24h_base: traded size of the rolling day in base units.
        prev_day_px: price 24 hours ago.
        impact_bid_px: average price of selling the impact notional.
        impact_ask_px: average price of buying it.
        quote_token: name of the token of prices and values; None if it is not known.
        quote_usd: what one of that token is worth in dollars; None if it is not known.
        is_delisted: not trading now.
    """

    symbol: str
    received_at: datetime
    mark_px: float | None
    oracle_px: float | None
    mid_px: float | None
    funding_rate: float | None
    premium: float | None
    open_interest: float | None
    volume_24h_quote: float | None
    volume_24h_base: float | None
    prev_day_px: float | None
    impact_bid_px: float | None
    impact_ask_px: float | None
    quote_token: str | None
    quote_usd: float | None
    is_delisted: bool


@dataclass(frozen=True)
class AssetContexts:
    """Every asset's context, as far as they could be read; as `Universe` says what could not.

    Attributes:
        contexts: one per asset.
        failures: dexs (or `SPOT`, `DEXS`) that could not be read, with the reason.
        rejected: assets whose context made no sense, and values left out of one, with the reason.
    """

    contexts: tuple[AssetContext, ...]
    failures: Mapping[str, str]
    rejected: Mapping[str, str]


class FundingRate(NamedTuple):
    """One payment: `rate` is paid by longs to shorts for the `interval_hours` that ended then.

    Attributes:
        symbol: a perp.
        hour_ms: the hour at which it was paid, Unix milliseconds; payments come a little later.
        rate: a fraction of the position's value at the oracle price.
        premium: mean premium of the interval; None if not given.
        interval_hours: 1; 8 until June 2023.
    """

    symbol: str
    hour_ms: int
    rate: float
    premium: float | None
    interval_hours: int


@dataclass(frozen=True)
class Universe:
    """Every asset that the exchange lists, as far as it could be read.

    Attributes:
        listings: the assets; symbols are unique.
        failures: what could not be read, with the reason: a dex's name ('' is the first),
            `SPOT` or `DEXS`. Nothing is known about the assets in it: they are not gone.
        rejected: single entries that made no sense, with the reason, by symbol where it could be
            read, else by place (`xyz[3]`). They are left out.
        dexs: names of the dexs that the exchange has, those without an asset too.
    """

    listings: tuple[Listing, ...]
    failures: Mapping[str, str]
    rejected: Mapping[str, str]
    dexs: tuple[str, ...] = ()

    def says_nothing_of(self, symbol: str, kind: str, dex: str) -> bool:
        """Whether an asset that is not listed here may be listed all the same.

        Its dex could not be read, or the entry that is missing is one that made no sense.
        """
        if symbol in self.rejected:
            return True
        if kind == "spot":
            return SPOT in self.failures or self._has_nameless("spot", "token")
        return (
            dex in self.failures or (DEXS in self.failures and dex != "") or self._has_nameless(dex)
        )

    def _has_nameless(self, *lists: str) -> bool:
        places = tuple(f"{name}[" for name in lists)
        return any(name.startswith(places) for name in self.rejected)


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
