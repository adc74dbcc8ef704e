"""What the tape has done to each market: volume, and the price of the last trade.

From the moment the simulator starts volumes are the sums of the tape's fills. What was before is a
smooth function of a market's age, because adding up years of fills would take minutes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from market_simulator.polymarket.synthetic import prices
from market_simulator.polymarket.synthetic.tape import CHUNK_MS, SHARES_PER_ORDER
from market_simulator.randomness import hash_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.polymarket.synthetic.events import Catalogue
    from market_simulator.polymarket.synthetic.model import Market
    from market_simulator.polymarket.synthetic.tape import Tape

_DAY_MS: Final = 86_400_000
_MOST_CHUNKS: Final = 12 * 24 * 2
"""How far the ledger is carried on by fills; after a longer leap of the clock it starts anew."""
_MOST_RECALLED: Final = 200_000
_Sum = tuple[float, int | None]
_NONE: Final[_Sum] = (0.0, None)


class Traded(NamedTuple):
    """A market's trading so far.

    Attributes:
        shares: since it opened.
        day_shares: in the last 24 hours.
        last: the price of the last trade in units of the traded token; None: never traded.
    """

    shares: float
    day_shares: float
    last: int | None


class Ledger:
    """Sums over the tape from `start_ms` on."""

    def __init__(self, tape: Tape, catalogue: Catalogue, start_ms: int) -> None:
        self._tape = tape
        self._catalogue = catalogue
        self._shares_per_day = tape.orders_per_day * SHARES_PER_ORDER
        self._begin(start_ms)

    def read(self, markets: Sequence[Market], now_ms: int) -> list[Traded]:
        """Each market's trading until now."""
        self._carry_on(now_ms)
        self._recall(markets)
        return [self._read(market, now_ms) for market in markets]

    def _read(self, market: Market, now_ms: int) -> Traded:
        until = min(now_ms, market.life.known)
        before = self._smooth(market, min(until, self._start_ms))
        day_ago = self._smooth(market, min(now_ms - _DAY_MS, until, self._start_ms))
        more, newer = self._current.get(market.number, _NONE)
        shares, last = self._sums.get(market.number, _NONE)
        in_day = before - day_ago + self._day.get(market.number, 0.0) + more
        if newer is None:
            newer = last if last is not None else self._earlier.get(market.number)
        return Traded(before + shares + more, max(in_day, 0.0), newer)

    def _begin(self, now_ms: int) -> None:
        self._start_ms = now_ms - now_ms % CHUNK_MS
        self._done = self._start_ms // CHUNK_MS
        self._sums: dict[int, _Sum] = {}
        self._current: dict[int, _Sum] = {}
        self._day: dict[int, float] = {}
        self._day_chunks: deque[dict[int, _Sum]] = deque()
        self._earlier: dict[int, int | None] = {}
        self._second = 0

    def _carry_on(self, now_ms: int) -> None:
        """Add what has been traded since; the running chunk anew each second."""
        if now_ms // 1000 == self._second:
            return
        chunk = now_ms // CHUNK_MS
        if not self._done <= chunk <= self._done + _MOST_CHUNKS:
            self._begin(now_ms)
        for number in range(self._done, chunk):
            self._finish(self._summed(number, now_ms))
        self._done = chunk
        self._current = self._summed(chunk, now_ms)
        self._second = now_ms // 1000

    def _finish(self, chunk: dict[int, _Sum]) -> None:
        """Add a whole chunk, and let go of the one that is a day old."""
        for market, (shares, last) in chunk.items():
            self._sums[market] = (self._sums.get(market, _NONE)[0] + shares, last)
            self._day[market] = self._day.get(market, 0.0) + shares
        self._day_chunks.append(chunk)
        if len(self._day_chunks) > _DAY_MS // CHUNK_MS:
            for market, (shares, _) in self._day_chunks.popleft().items():
                self._day[market] -= shares

    def _summed(self, number: int, now_ms: int) -> dict[int, _Sum]:
        """Shares and last price of each market in a chunk until now."""
        fills = self._tape.chunk(number)
        newest = int(np.searchsorted(-fills.seconds, -(now_ms // 1000)))
        sums: dict[int, _Sum] = {}
        units = np.rint(fills.price * prices.ONE).astype(np.int64).tolist()
        sizes = fills.size.tolist()
        for i in range(len(units) - 1, newest - 1, -1):  # oldest first
            market = fills.markets[i].number
            sums[market] = (sums.get(market, _NONE)[0] + sizes[i], units[i])
        return sums

    def _smooth(self, market: Market, at_ms: int) -> float:
        """Shares traded by then, for the time before the ledger: at the tape's usual pace."""
        event = self._catalogue.event(market.event_number)
        days = (at_ms - event.begins_ms) / _DAY_MS
        if days <= 0 or not market.orders:
            return 0.0
        part = self._catalogue.calendar.part_of_trading(event.number)
        return round(self._shares_per_day * part * market.size / event.parts[-1] * days, 6)

    def _recall(self, markets: Sequence[Market]) -> None:
        """The last prices of markets from the time before the ledger began."""
        unknown = [m for m in markets if m.number not in self._earlier]
        if not unknown:
            return
        at = [min(self._start_ms, m.life.known) - hash_of(m.key, 77) % 3_600_000 for m in unknown]
        quoted = prices.quotes(unknown, np.array(at, np.int64))
        last = np.maximum(quoted.value // quoted.tick * quoted.tick, quoted.tick).tolist()
        for market, when, price in zip(unknown, at, last, strict=True):
            self._earlier[market.number] = price if when > market.life.opened else None
        if len(self._earlier) > _MOST_RECALLED:
            self._earlier = dict(list(self._earlier.items())[_MOST_RECALLED // 2 :])
