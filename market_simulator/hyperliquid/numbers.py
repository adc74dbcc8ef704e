"""Numbers as the exchange writes them, and its tick rule.

Inside the simulator a price is a whole number of the symbol's smallest price step (`px_decimals`
decimals) and a size a whole number of lots (`sz_decimals` decimals), so that candles and books are
exact. On the wire they are strings: shortest form with at least one decimal for prices, ten
decimals with the zeros cut off for sums, which lets the noise of binary floats through, as the
exchange does (`"3495670.8399999999"`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from market_simulator.randomness import I64

SIGNIFICANT_FIGURES: Final = 5
PERP_DECIMALS: Final = 6
SPOT_DECIMALS: Final = 8

_POWERS: Final = 10 ** np.arange(18, dtype=np.int64)
_PLAIN: Final = 1e-4  # repr() of anything smaller is in scientific notation


@dataclass(frozen=True)
class Scale:
    """How a symbol's whole numbers become the venue's strings."""

    px_decimals: int
    sz_decimals: int

    def price(self, units: float) -> str:
        """A price of `units` smallest steps: `"66344.0"`, `"0.00003066"`."""
        return decimal(units / 10**self.px_decimals, self.px_decimals + 1)

    def size(self, lots: int) -> str:
        """A size, or a sum of sizes, of `lots`."""
        return noisy(lots / 10**self.sz_decimals)

    def prices(self, units: I64) -> list[str]:
        """`price` for many."""
        values = units / 10**self.px_decimals
        if values.size and values.min() >= _PLAIN:
            return list(map(repr, values.tolist()))
        return [decimal(value, self.px_decimals + 1) for value in values.tolist()]

    def sizes(self, lots: I64) -> list[str]:
        """`size` for many."""
        return [noisy(value) for value in (lots / 10**self.sz_decimals).tolist()]


def decimal(value: float, decimals: int) -> str:
    """The shortest decimal form of a value that has few digits, never in scientific notation."""
    if value == 0 or abs(value) >= _PLAIN:
        return repr(float(value))
    return noisy(value, decimals)


def noisy(value: float, decimals: int = 10) -> str:
    """A float with up to `decimals` decimals and at least one: `"0.0"`, `"63.9184399999"`."""
    text = f"{value:.{decimals}f}".rstrip("0")
    text = text + "0" if text.endswith(".") else text
    return "0.0" if text == "-0.0" else text


def tick(units: I64, px_decimals: I64 | int) -> I64:
    """The price step at a price: five significant figures, but never more than 1.0.

    One value for all where all prices of a symbol have as many digits, which is nearly always and
    saves a third of what a tape costs.
    """
    if isinstance(px_decimals, int) and units.size:
        few, many = len(str(int(units.min()))), len(str(int(units.max())))
        if few == many:
            return np.array(10 ** min(max(few - SIGNIFICANT_FIGURES, 0), px_decimals))
    digits = np.searchsorted(_POWERS, units, side="right")
    return _POWERS[np.minimum(np.maximum(digits - SIGNIFICANT_FIGURES, 0), px_decimals)]


def on_tick_below(units: I64, px_decimals: I64 | int) -> I64:
    """The highest valid price that is not above `units`."""
    return units - units % tick(units, px_decimals)


def on_tick_above(units: I64, px_decimals: I64 | int) -> I64:
    """The lowest valid price that is not below `units`."""
    step = tick(units, px_decimals)
    up = units + (-units) % step
    return up + (-up) % tick(up, px_decimals)  # rounding up may reach the next power of ten
