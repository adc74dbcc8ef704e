"""Order books: levels around the best prices, mirrored between the two tokens, with their hash."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from market_simulator.polymarket.synthetic import prices
from market_simulator.polymarket.synthetic.prices import ONE
from market_simulator.randomness import hash_of

if TYPE_CHECKING:
    from market_simulator.polymarket.synthetic.model import Market
    from market_simulator.polymarket.synthetic.state import State

MIN_ORDER: Final = 5
_MOST_LEVELS: Final = 24
_REFRESH_MS: Final = 60_000


def levels(market: Market, best: int, tick: int, *, up: bool, at_ms: int) -> list[tuple[int, int]]:
    """Price and size of one side's levels, best first: units of 0.00001, hundredths of a share.

    Sizes stay for a minute, however the best price moves.
    """
    if best in (0, ONE):
        return []
    key = hash_of(market.key, at_ms // _REFRESH_MS * 2 + up)
    found: list[tuple[int, int]] = []
    price = best
    for number in range(3 + key % (_MOST_LEVELS - 2)):
        if not 0 < price < ONE:
            break
        draw = hash_of(key, number)
        size = (100 + draw % 9_900) * (1 + (draw >> 20) % 40)
        found.append((price, size - size % 100 if draw & 1 << 50 else size))
        step = tick * (1 + (draw >> 40) % 3)
        price += step if up else -step
    return found


def book(state: State, outcome: int, at_ms: int) -> dict[str, Any]:
    """One token's book as the venue sends it: bids ascending, asks descending, the best last.

    Args:
        state: the market as it is.
        outcome: which of its tokens.
        at_ms: the time of the book.
    """
    market, tick = state.market, state.tick
    bids = levels(market, state.bid, tick, up=False, at_ms=at_ms)
    asks = levels(market, state.ask, tick, up=True, at_ms=at_ms)
    if outcome:
        bids, asks = ([(ONE - price, size) for price, size in side] for side in (asks, bids))
    made: dict[str, Any] = {
        "market": market.condition_id,
        "asset_id": market.token_ids[outcome],
        "timestamp": str(at_ms),
        "hash": "",
        "bids": _wire(bids),
        "asks": _wire(asks),
        "min_order_size": str(MIN_ORDER),
        "tick_size": prices.text(tick),
        "neg_risk": market.one_winner,
        "last_trade_price": "" if state.last is None else prices.text_at(state.last, tick),
    }
    made["hash"] = hashlib.sha1(msgspec.json.encode(made), usedforsecurity=False).hexdigest()
    return made


def _wire(side: list[tuple[int, int]]) -> list[dict[str, str]]:
    return [
        {"price": prices.text(price), "size": f"{size / 100:.2f}".rstrip("0").rstrip(".")}
        for price, size in reversed(side)
    ]
