"""The tape's trades by market: what the order books' own channel tells of them.

The feed of the Data API shows trades late; here each is known in its second.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from market_simulator.polymarket.synthetic.prices import ONE
from market_simulator.polymarket.synthetic.tape import CHUNK_MS

if TYPE_CHECKING:
    from market_simulator.polymarket.synthetic.model import Market
    from market_simulator.polymarket.synthetic.tape import Tape

_KEPT_CHUNKS: Final = 4


class Match(NamedTuple):
    """One fill.

    Attributes:
        at_ms: its second.
        outcome: which token was traded, 0 or 1.
        buys: whether the taker bought.
        price: in units of that token.
        size: in shares.
        order: the number of its transaction.
    """

    at_ms: int
    outcome: int
    buys: bool
    price: int
    size: float
    order: int

    @property
    def takes_ask(self) -> bool:
        """Whether it took from the first token's asks."""
        return self.buys == (self.outcome == 0)


class Matches:
    """The fills of a tape by market."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._chunk = functools.lru_cache(_KEPT_CHUNKS)(self._by_market)

    def within(self, market: Market, from_ms: int, until_ms: int) -> list[Match]:
        """A market's fills from one instant until before the other, oldest first."""
        chunks = range(from_ms // CHUNK_MS, (until_ms - 1) // CHUNK_MS + 1)
        return [
            match
            for chunk in chunks
            for match in self._chunk(chunk).get(market.number, ())
            if from_ms <= match.at_ms < until_ms
        ]

    def forget(self) -> None:
        """The tape has changed."""
        self._chunk.cache_clear()

    def _by_market(self, number: int) -> dict[int, list[Match]]:
        fills = self._tape.chunk(number)
        columns = (
            (fills.seconds * 1000).tolist(),
            fills.outcome.tolist(),
            fills.buys.tolist(),
            np.rint(fills.price * ONE).astype(np.int64).tolist(),
            fills.size.tolist(),
            fills.order.tolist(),
        )
        found: dict[int, list[Match]] = {}
        for market, *values in reversed(list(zip(fills.markets, *columns, strict=True))):
            found.setdefault(market.number, []).append(Match(*values))
        return found
