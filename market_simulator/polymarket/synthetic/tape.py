"""The tape: every fill there ever was and will be, as a function of the seed and the time.

It is made in chunks of five minutes. A taker's order is one transaction of one to six fills, each a
step deeper in the book, now and then two alike in every field. An order has a time, and a later one
at which the feed shows it: mostly within seconds, sometimes after minutes.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from market_simulator.polymarket.synthetic import prices
from market_simulator.polymarket.synthetic.prices import ONE
from market_simulator.randomness import bits, hashed, key_of, normal_quantiles

if TYPE_CHECKING:
    from market_simulator.polymarket.size import PolymarketSize
    from market_simulator.polymarket.synthetic.events import Catalogue
    from market_simulator.polymarket.synthetic.model import Market
    from market_simulator.randomness import F64, I64, U64, Flags

CHUNK_MS: Final = 300_000
_KEPT_CHUNKS: Final = 320
_KEPT_PARTS: Final = 1_024
_FILLS: Final = np.array([1] * 20 + [2] * 6 + [3] * 3 + [4, 5, 6], np.int64)
_SMALL: Final = (25.0, 1.3)
_LARGE: Final = (2500.0, 0.9)
"""Median in dollars, and spread of the logarithm, of an order's value."""
_TAKERS: Final = 4096
_CHEAP: Final = 0.05
"""Below this price orders are worth less than drawn: nobody takes a million shares for a cent."""
SHARES_PER_ORDER: Final = 850.0
"""What comes of all this on average, measured."""
_DUST: Final = 5.0
"""Dollars up to which an order is one fill."""
_ORDERS_PER_CHUNK: Final = 1_000_000


class Fills(NamedTuple):
    """Fills of one chunk, newest first: by second, then in the order of the feed.

    Attributes:
        markets: of each fill.
        seconds: the time that the feed shows.
        shown_ms: from when the feed shows it.
        order: the number of its order: its transaction.
        outcome: which token, 0 or 1.
        buys: whether the taker bought.
        price, size: as the feed says them.
        taker: the number of the wallet.
    """

    markets: list[Market]
    seconds: I64
    shown_ms: I64
    order: I64
    outcome: I64
    buys: Flags
    price: F64
    size: F64
    taker: I64


class Tape:
    """All fills of a catalogue."""

    def __init__(self, seed: int, size: PolymarketSize, catalogue: Catalogue) -> None:
        self._key = key_of(seed, "polymarket tape")
        self._size = size
        self._catalogue = catalogue
        self._orders = size.trades_per_minute * CHUNK_MS / 60_000
        self.orders_per_day = size.trades_per_minute * 1440
        self.chunk = functools.lru_cache(_KEPT_CHUNKS)(self._made)
        self._large = functools.lru_cache(_KEPT_PARTS)(self._made)

    def fills(self, number: int, events: frozenset[int] | None, min_dollars: float) -> Fills:
        """The fills of a chunk, perhaps without those that these limits shut out; see `_made`."""
        if events is not None:
            return self._made(number, events, min_dollars)
        return self._large(number, None, min_dollars) if min_dollars > 0 else self.chunk(number)

    def forget(self) -> None:
        """What trades depend on has changed."""
        self.chunk.cache_clear()
        self._large.cache_clear()

    def _made(
        self, number: int, events: frozenset[int] | None = None, min_dollars: float = 0.0
    ) -> Fills:
        """The fills of the chunk that begins at `number · CHUNK_MS`, those to come included.

        Args:
            number: of the chunk.
            events: only fills in markets of these; all if None.
            min_dollars: only orders that are worth more; a fill is worth at most a dollar more
                than its order, through the rounding of sizes.
        """
        begin = number * CHUNK_MS
        key = np.uint64(key_of(self._key, number))
        index = np.arange(int(self._orders + (int(key) % 1000) / 1000))
        at, chance, value, taker, late = (
            hashed(key ^ np.uint64(salt), index) for salt in (1, 2, 3, 4, 5)
        )
        at_ms = begin + bits(at, 0, 32) % CHUNK_MS
        dollars = _dollars(value, self._size.large_share)
        numbers = self._catalogue.calendar.running(_share(chance, 11), at_ms)
        asked = dollars >= min_dollars
        if events is not None:
            asked &= np.isin(numbers, list(events))
        found = {
            i: market
            for i in np.flatnonzero(asked).tolist()
            for event in (self._catalogue.event(int(numbers[i])),)
            for market in (event.traded(float(_share(at[i : i + 1], 33, 20)[0]), int(at_ms[i])),)
            if market is not None
        }
        markets, orders = list(found.values()), np.array(list(found), np.int64)
        fills = np.where(dollars > _DUST, _FILLS[bits(taker, 0, 5)], 1)[orders]
        quoted = prices.quotes(markets, at_ms[orders])
        row = np.repeat(np.arange(len(orders)), fills)
        depth = np.arange(len(row)) - np.repeat(np.cumsum(fills) - fills, fills)
        order = orders[row]
        depth = np.where(bits(late, 50, 4)[order] == 0, 0, depth)  # all fills of these are alike
        outcome, buys = bits(value, 40, 1)[order], bits(value, 41, 1)[order] == 0
        units = _touched(quoted, row, depth, outcome, buys)
        draw = hashed(key ^ np.uint64(6), order * 8 + depth)
        price = _as_computed(units, draw)
        size = _as_sent((dollars[orders] / fills)[row] / np.maximum(price, _CHEAP), draw)
        seconds = at_ms[order] // 1000
        newest = np.lexsort((np.arange(len(row)), -order, -seconds))
        order = order[newest]
        return Fills(
            [markets[i] for i in row[newest].tolist()],
            seconds[newest],
            at_ms[order] + self._delays(late)[order],
            order + number * _ORDERS_PER_CHUNK,
            outcome[newest],
            buys[newest],
            price[newest],
            size[newest],
            (bits(taker, 10, 12) * bits(taker, 22, 12) // _TAKERS)[order],
        )

    def _delays(self, draws: U64) -> I64:
        """Milliseconds after which each order is in the feed."""
        usual = 800 + bits(draws, 0, 11)
        late = bits(draws, 11, 16) < self._size.late_share * (1 << 16)
        longest = max(round(self._size.late_s * 1000), 5001)
        delays = np.where(late, 5000 + bits(draws, 27, 20) % (longest - 5000), usual)
        return np.asarray(delays, np.int64)


def _share(draws: U64, low: int, count: int = 53) -> F64:
    """Bits of each hash as a number in [0, 1)."""
    return bits(draws, low, count).astype(np.float64) / (1 << count)


def _dollars(draws: U64, large_share: float) -> F64:
    normal = normal_quantiles()[bits(draws, 0, 12)]
    large = bits(draws, 12, 16) < large_share * (1 << 16)
    median, spread = (np.where(large, a, b) for a, b in zip(_LARGE, _SMALL, strict=True))
    return np.asarray(median * np.exp(spread * normal), np.float64)


def _touched(quoted: prices.Quotes, row: I64, depth: I64, outcome: I64, buys: Flags) -> I64:
    """What a fill costs: the best price of its side of its token, some steps deeper.

    Where the side is empty somebody else's order met this one at what the market is worth.
    """
    ticks = quoted.tick[row]
    worth = quoted.value[row] // ticks * ticks
    bid = np.where(quoted.bid[row] > 0, quoted.bid[row], worth)
    ask = np.where(quoted.ask[row] < ONE, quoted.ask[row], worth)
    takes_ask = buys == (outcome == 0)
    first = np.where(takes_ask, ask + depth * ticks, bid - depth * ticks)
    first = np.clip(first, ticks, ONE - ticks)
    return np.asarray(np.where(outcome == 0, first, ONE - first), np.int64)


def _as_computed(units: I64, draws: U64) -> F64:
    """Prices as the feed has them: one in eight is the quotient of rounded amounts."""
    exact = np.round(units / ONE, 5)
    off = (1 + bits(draws, 3, 6)) * 1e-10
    return np.where(bits(draws, 0, 3) == 0, np.round(exact - off, 10), exact)


def _as_sent(shares: F64, draws: U64) -> F64:
    """Sizes as the feed has them: whole, with two decimals, or with six."""
    kind = bits(draws, 9, 2)
    rounded = np.where(kind == 0, np.round(shares), np.where(kind == 1, np.round(shares, 2), 0.0))
    return np.where((kind < 2) & (rounded > 0), rounded, np.round(shares, 6))  # noqa: PLR2004 - two kinds are rounded
