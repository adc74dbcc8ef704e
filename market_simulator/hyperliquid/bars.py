"""Bars: open, high, low, close, volume and trade count of a span of trades, exact, in whole units.

One type for both markets (synthetic and recorded), the calendar of the exchange's intervals, and
how a bar looks on the wire. How bars come about is the markets' business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from market_simulator.hyperliquid.numbers import Scale

MINUTE_MS: Final = 60_000
KEPT_ROWS: Final = 5000
"""How many of the newest candles of an interval the exchange keeps."""

INTERVALS: Final[dict[str, int]] = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "8h": 480,
    "12h": 720,
    "1d": 1440,
    "3d": 4320,
    "1w": 10_080,
    "1M": 43_200,
}
"""Minutes per interval. All bins are counted from the epoch, so a week opens on a Thursday and a
month is 30 days."""


class Bar(NamedTuple):
    """Prices in price units, volume in lots, `n` trades. `n` 0 means flat: nothing traded."""

    open: int
    high: int
    low: int
    close: int
    lots: int
    n: int

    def then(self, later: Bar) -> Bar:
        """This bar and a later one as one bar; the open is the first price that traded."""
        if not later.n:
            return self
        if not self.n:
            return later
        return Bar(
            self.open,
            max(self.high, later.high),
            min(self.low, later.low),
            later.close,
            self.lots + later.lots,
            self.n + later.n,
        )


def flat(price: int) -> Bar:
    """A bar without trades, at the previous close."""
    return Bar(price, price, price, price, 0, 0)


class Minute(NamedTuple):
    """One minute of one coin: after each block with trades, when it was and the bar so far."""

    times: list[int]
    bars: list[Bar]


def bucket_minute(minute: int, interval: str) -> int:
    """The first minute of the interval's bin that holds `minute`."""
    return minute - minute % INTERVALS[interval]


def wire_row(coin: str, interval: str, minute: int, bar: Bar, scale: Scale) -> dict[str, str | int]:
    """A candle as the exchange sends it; `minute` is the first of its bin."""
    t = minute * MINUTE_MS
    return {
        "t": t,
        "T": t + INTERVALS[interval] * MINUTE_MS - 1,
        "s": coin,
        "i": interval,
        "o": scale.price(bar.open),
        "c": scale.price(bar.close),
        "h": scale.price(bar.high),
        "l": scale.price(bar.low),
        "v": scale.size(bar.lots),
        "n": bar.n,
    }
