"""Random walks without memory: where one stands at an hour is a function of its key and the hour.

A walk is a sum of octaves. Each has a random height at its knots, one every so many hours, and goes
straight from knot to knot, so that a value in the past costs no more than one now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.randomness import F64, I64, U64, hashed, signed_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

Octaves = tuple[tuple[int, float], ...]
"""Hours between knots, and the height's greatest amount."""

STOCK: Final[Octaves] = ((4320, 0.8), (1080, 0.3), (264, 0.12), (48, 0.05), (1, 0.004))
"""Logarithm of a stock: TVL, supplies, open interest. It moves by about 0.3 % from hour to hour."""
FLOW: Final[Octaves] = ((4320, 0.8), (1080, 0.4), (168, 0.3), (24, 0.35))
"""Logarithm of a flow over a day: fees, volume."""
PRICE: Final[Octaves] = ((4320, 0.5), (720, 0.2), (96, 0.06), (1, 0.006))
"""Logarithm of a token's price."""
PEG: Final[Octaves] = ((720, 0.0015), (24, 0.001), (1, 0.0005))
"""Logarithm of a stablecoin's price over its peg's."""


def walked(keys: Sequence[int] | U64, hours: I64, octaves: Octaves) -> F64:
    """The walk of each key at each hour: an array of keys by hours."""
    rows = np.asarray(keys, np.uint64)[:, None]
    total = np.zeros((rows.shape[0], hours.shape[0]))
    for place, (period, amplitude) in enumerate(octaves):
        knots, rest = np.divmod(hours, period)
        needed = np.unique(np.concatenate((knots, knots + 1)) if rest.any() else knots)
        with np.errstate(over="ignore"):
            own = rows + np.uint64(place * 0x632BE59BD9B4E019 & 0xFFFF_FFFF_FFFF_FFFF)
        heights = signed_unit(hashed(own, needed[None, :]))
        at = np.searchsorted(needed, knots)
        if rest.any():
            share = rest / period
            total += amplitude * (heights[:, at] * (1.0 - share) + heights[:, at + 1] * share)
        else:
            total += amplitude * heights[:, at]
    return total
