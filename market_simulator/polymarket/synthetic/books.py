"""Order books: levels around the best prices, mirrored between the two tokens, with their hash."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from market_simulator.polymarket.synthetic import prices
from market_simulator.polymarket.synthetic.model import MIN_ORDER
from market_simulator.polymarket.synthetic.prices import ONE, STEP_MS
from market_simulator.randomness import hash_of

if TYPE_CHECKING:
    from market_simulator.polymarket.synthetic.matches import Match
    from market_simulator.polymarket.synthetic.model import Market

Side = dict[int, int]
"""Sizes in hundredths of a share by price in units of 0.00001, for the first token."""
_MOST_LEVELS: Final = 24
_REFRESH_MS: Final = 60_000
_KEPT_LEVELS: Final = 65_536
_encode: Final = msgspec.json.Encoder().encode


@dataclass(eq=False, slots=True)
class Moment:
    """A book from one change to the next.

    Attributes:
        at_ms: when it became what it is.
        bids, asks: of the first token; not to be changed.
        tick: the tick size in units.
        matches: the trades that made it, oldest first; none where orders did.
    """

    at_ms: int
    bids: Side
    asks: Side
    tick: int
    matches: tuple[Match, ...] = ()
    _written: dict[tuple[int, int | None], dict[str, Any]] = field(default_factory=dict)

    def written(self, market: Market, outcome: int, last: int | None) -> dict[str, Any]:
        """One token's book as the venue sends it: bids ascending, asks descending, best last.

        Args:
            market: whose book it is.
            outcome: which of its tokens.
            last: the price of the market's last trade in units; None: never traded.

        Returns:
            The same object each time; not to be changed.
        """
        made = self._written.get((outcome, last))
        if made is None:
            made = self._written[outcome, last] = self._made(market, outcome, last)
        return made

    def _made(self, market: Market, outcome: int, last: int | None) -> dict[str, Any]:
        bids, asks = self.bids, self.asks
        if outcome:
            bids, asks = ({ONE - p: size for p, size in side.items()} for side in (asks, bids))
        made: dict[str, Any] = {
            "market": market.condition_id,
            "asset_id": market.token_ids[outcome],
            "timestamp": str(self.at_ms),
            "hash": "",
            "bids": _wire(bids, reverse=False),
            "asks": _wire(asks, reverse=True),
            "min_order_size": str(MIN_ORDER),
            "tick_size": prices.text(self.tick),
            "neg_risk": market.one_winner,
            "last_trade_price": "" if last is None else prices.text_at(last, self.tick),
        }
        made["hash"] = hashlib.sha1(_encode(made), usedforsecurity=False).hexdigest()
        return made


def side(market: Market, best: int, tick: int, *, up: bool, at_ms: int) -> Side:
    """One side's levels at the beginning of a step of prices, best first.

    A price has an order or none, and its size for a minute, however the best price moves. The best
    level's size is odd in odd steps and even in even ones, so that each step begins with a change.
    """
    if best in (0, ONE):
        return {}
    key = hash_of(market.key, 2 + up)
    wanted = 3 + key % (_MOST_LEVELS - 2)
    found = {best: best_size(hash_of(key, at_ms // STEP_MS), at_ms)}
    price = best
    for _ in range(3 * wanted):
        price += tick if up else -tick
        if len(found) == wanted or not 0 < price < ONE:
            break
        own = hash_of(key, price)
        if own & 1:
            found[price] = size_of(hash_of(own, (at_ms + own % _REFRESH_MS) // _REFRESH_MS))
    return found


def size_of(draw: int) -> int:
    """A size in hundredths of a share: 1 to 4,000 shares, half of them whole ones."""
    size = (100 + draw % 9_900) * (1 + (draw >> 20) % 40)
    return size - size % 100 if draw & 1 << 50 else size


def best_size(draw: int, at_ms: int) -> int:
    """The size of a best level: odd in an odd step, even in an even one."""
    return size_of(draw) // 2 * 2 + at_ms // STEP_MS % 2


def _wire(levels: Side, *, reverse: bool) -> list[dict[str, str]]:
    return [_level(price, levels[price]) for price in sorted(levels, reverse=reverse)]


@functools.lru_cache(_KEPT_LEVELS)
def _level(price: int, hundredths: int) -> dict[str, str]:
    """A level as sent; one object for all books that have it."""
    size = f"{hundredths / 100:.2f}".rstrip("0").rstrip(".")
    return {"price": prices.text(price), "size": size}
