"""Tick sizes that were changed by hand, on top of those that follow from prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.polymarket.synthetic import prices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.polymarket.synthetic.model import Market
    from market_simulator.randomness import I64

ALLOWED: Final = (10_000, 1_000, 500, 250, 100, 10)
"""The venue's tick sizes, in units: 0.1 to 0.0001."""


class Ticks:
    """The changes that were made: by market the new tick, and from which step on it holds."""

    def __init__(self) -> None:
        self._changed: dict[int, tuple[int, int]] = {}

    def change(self, market: Market, tick: int, now_ms: int) -> int:
        """Give a market a finer tick from the next step on; the instant of that.

        Raises:
            ValueError: it is no tick size of the venue, or not every price of the old one is one
                of the new one.
        """
        (present,) = self.quotes([market], now_ms).tick.tolist()
        coarsest = round(market.traits[-1])
        if tick not in ALLOWED or tick >= present or coarsest % tick or present % tick:
            finer = [t for t in ALLOWED if t < present and not (coarsest % t or present % t)]
            texts = ", ".join(map(prices.text, finer))
            raise ValueError(f"tick_size must be one of {texts}")
        from_ms = prices.step_ms(now_ms) + prices.STEP_MS
        self._changed[market.number] = (from_ms, tick)
        return from_ms

    def quotes(self, markets: Sequence[Market], at_ms: I64 | int) -> prices.Quotes:
        """`prices.quotes` with these ticks."""
        quoted = prices.quotes(markets, at_ms)
        if not self._changed:
            return quoted
        at = np.broadcast_to(np.asarray(at_ms, np.int64), len(markets)).tolist()
        ticks = quoted.tick.copy()
        for i, market in enumerate(markets):
            from_ms, tick = self._changed.get(market.number, (0, 0))
            if tick and at[i] >= from_ms:
                ticks[i] = min(ticks[i], tick)
        return quoted._replace(tick=ticks)
