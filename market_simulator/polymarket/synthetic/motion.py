"""How books move: what changes them within each step of prices, and when.

A step begins with the book that follows from its best prices. Then orders come and go a few at a
time, at instants that a hash of the market and the step decides, and never at the best prices but
for their sizes; takers' orders change the size of the best level that they hit. So the book of any
instant is a function of the market and that instant, and its best prices are those of the step.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from market_simulator.polymarket.synthetic import books
from market_simulator.polymarket.synthetic.books import Moment
from market_simulator.polymarket.synthetic.prices import ONE, STEP_MS, step_ms
from market_simulator.polymarket.synthetic.tape import CHUNK_MS
from market_simulator.randomness import hash_of, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from market_simulator.polymarket.synthetic.matches import Match, Matches
    from market_simulator.polymarket.synthetic.model import Market
    from market_simulator.polymarket.synthetic.ticks import Ticks

_KEPT_MOMENTS: Final = 15_000
_CHANGES: Final = (1, 1, 1, 1, 2, 2, 3, 4)
"""How many orders a batch may touch."""
_SAME_INSTANT_ONE_IN: Final = 16
_FARTHEST: Final = 30
"""Ticks from the best price within which orders come and go."""
_FEWEST_LEVELS: Final = 3


class Motion:
    """The moments of books.

    Args:
        seed: everything made up follows from it.
        rate: changes per second of a market, on average.
        ticks: by which best prices and ticks are known.
        matches: the trades.
    """

    def __init__(self, seed: int, rate: float, ticks: Ticks, matches: Matches) -> None:
        self._key = key_of(seed, "polymarket books")
        self._rate = rate
        self._ticks = ticks
        self._matches = matches
        self._kept: dict[tuple[int, int], list[Moment]] = {}
        self._moments_kept = 0

    def at(self, market: Market, now_ms: int) -> Moment:
        """The book at an instant."""
        moments = self.step(market, now_ms)
        return moments[bisect_right(moments, now_ms, key=lambda m: m.at_ms) - 1]

    def step(self, market: Market, now_ms: int) -> list[Moment]:
        """All moments of the step that holds an instant; the first is there when it begins."""
        begin = step_ms(now_ms)
        if (market.number, begin) not in self._kept:
            self.prepare([market], now_ms)
        return self._kept[market.number, begin]

    def prepare(self, markets: Sequence[Market], now_ms: int) -> None:
        """Make the step of many markets at once, which is cheaper."""
        begin = step_ms(now_ms)
        missing = [m for m in markets if (m.number, begin) not in self._kept]
        if not missing:
            return
        quoted = self._ticks.quotes(missing, begin)
        while self._moments_kept > _KEPT_MOMENTS:
            self._moments_kept -= len(self._kept.pop(next(iter(self._kept))))
        columns = (quoted.bid.tolist(), quoted.ask.tolist(), quoted.tick.tolist())
        for market, bid, ask, tick in zip(missing, *columns, strict=True):
            first = Moment(
                begin,
                books.side(market, bid, tick, up=False, at_ms=begin),
                books.side(market, ask, tick, up=True, at_ms=begin),
                tick,
            )
            made = self._kept[market.number, begin] = self._moments(market, first)
            self._moments_kept += len(made)

    def forget(self) -> None:
        """What books depend on has changed."""
        self._kept.clear()
        self._moments_kept = 0

    def _moments(self, market: Market, first: Moment) -> list[Moment]:
        if not (first.bids or first.asks):
            return self._still(market, first)
        begin = first.at_ms
        key = hash_of(self._key ^ market.key, begin // STEP_MS)
        happening: list[tuple[int, tuple[Match, ...], int]] = [
            (begin + after_ms, (), hash_of(key, number))
            for number, after_ms in enumerate(self._instants(key))
        ]
        trades = self._matches.within(market, begin, begin + STEP_MS)
        happening += [(group[0].at_ms, group, key) for group in _by_second(trades)]
        happening.sort(key=lambda one: (one[0], bool(one[1])))
        found = [first]
        for at_ms, matches, draw in happening:
            before = found[-1]
            after = Moment(at_ms, before.bids.copy(), before.asks.copy(), first.tick, matches)
            if matches:
                _take(after, matches)
            else:
                _stir(after, draw)
            if matches or (after.bids, after.asks) != (before.bids, before.asks):
                found.append(after)
        return found

    def _instants(self, key: int) -> list[int]:
        """When orders come within a step, in ms from its beginning; some at the same instant."""
        count = max(0, int(self._rate * STEP_MS / 1000 - 1 + hash_of(key, -1) % 1000 / 1000))
        found = sorted(1 + hash_of(key, -2 - i) % (STEP_MS - 1) for i in range(count))
        for i in range(1, count):
            if hash_of(key, -2 - i) >> 32 & (_SAME_INSTANT_ONE_IN - 1) == 0:
                found[i] = found[i - 1]
        return found

    def _still(self, market: Market, first: Moment) -> list[Moment]:
        """A book without orders: it is from the last trade, or the beginning of five minutes."""
        begin = first.at_ms
        since = begin - begin % CHUNK_MS
        groups = list(_by_second(self._matches.within(market, since, begin + STEP_MS)))
        found = [Moment(since, {}, {}, first.tick)]
        found += [Moment(group[0].at_ms, {}, {}, first.tick, group) for group in groups]
        at = max(0, bisect_right(found, begin - 1, key=lambda m: m.at_ms) - 1)
        return found[at:]


def _by_second(matches: Iterable[Match]) -> Iterator[tuple[Match, ...]]:
    groups: dict[int, list[Match]] = {}
    for match in matches:
        groups.setdefault(match.at_ms, []).append(match)
    yield from (tuple(group) for group in groups.values())


def _take(book: Moment, matches: tuple[Match, ...]) -> None:
    """Each side that takers hit has another size at its best price."""
    for number, takes_ask in enumerate(dict.fromkeys(match.takes_ask for match in matches)):
        levels = book.asks if takes_ask else book.bids
        if levels:
            best = min(levels) if takes_ask else max(levels)
            draw = hash_of(matches[-1].order, number)
            levels[best] = _another(levels[best], books.best_size(draw, book.at_ms))


def _stir(book: Moment, draw: int) -> None:
    """Some orders come, go or change, none of which moves the best price."""
    for number in range(_CHANGES[draw & 7]):
        one = hash_of(draw, number)
        up = bool(one & 1) if book.bids and book.asks else bool(book.asks)
        levels = book.asks if up else book.bids
        best = min(levels) if up else max(levels)
        ticks = 0 if one >> 4 & 7 == 0 else 1 + (one >> 8) % _FARTHEST
        price = best + (ticks if up else -ticks) * book.tick
        if ticks == 0 or not 0 < price < ONE:
            size = books.best_size(one >> 12, book.at_ms)
            levels[best] = _another(levels[best], size)
        elif price in levels and one >> 1 & 1 and len(levels) > _FEWEST_LEVELS:
            del levels[price]
        else:
            levels[price] = _another(levels.get(price, 0), books.size_of(one >> 12))


def _another(old: int, new: int) -> int:
    """The new size, or one beside it where it is the old one; as odd or even as it was."""
    return new if new != old else new + 2
