"""A market at an instant: prices, volumes, dollars at stake; what every answer is written from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from market_simulator.polymarket.synthetic import prices
from market_simulator.polymarket.synthetic.prices import ONE
from market_simulator.randomness import hash_of

if TYPE_CHECKING:
    from market_simulator.polymarket.synthetic.model import Market

_HOUR_MS: Final = 3_600_000


class State(NamedTuple):
    """What a market is at an instant: prices in units, volumes in shares, dollars at stake."""

    market: Market
    now_ms: int
    value: int
    bid: int
    ask: int
    tick: int
    shares: float
    day_shares: float
    last: int | None
    interest: float

    @property
    def closed(self) -> bool:
        return self.now_ms >= self.market.life.closed

    def liquidity(self) -> float:
        """Dollars near the touch; none once it is closed."""
        if self.closed:
            return 0.0
        wave = hash_of(self.market.key, self.now_ms // _HOUR_MS) % 1000 / 5000
        return round(self.market.size * 3 * (0.9 + wave), 5)

    def shown(self) -> list[str]:
        """`outcomePrices`: 0 and 1 from when the outcome is known, not from when it is final."""
        if self.now_ms >= self.market.life.known:
            return [f"{pays:g}" for pays in self.market.final()]
        price = prices.mid(self.value, self.bid, self.ask)
        return [prices.text(price), prices.text(ONE - price)]
