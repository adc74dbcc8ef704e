"""What a market is worth at an instant, and the best bid and ask that follow: functions of time.

Prices are whole units of 0.00001, so that mids are exact at every tick size. A market's value
wanders around its base and goes to 0 or 1 towards its end; it changes every five seconds, so that
whatever is asked within a step agrees: catalogue, books, prices, trades.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from market_simulator.randomness import hashed, signed_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.polymarket.synthetic.model import Market
    from market_simulator.randomness import F64, I64

ONE: Final = 100_000
"""The price of a sure thing, in units."""
STEP_MS: Final = 5_000
"""For how long prices stand still."""
FINE: Final = 100
"""The tick near 0 and 1, in units: 0.001."""
COARSE: Final = 1_000
_LOW: Final = 4_000
_HIGH: Final = 96_000
"""Beyond these a market with a coarse tick gets a fine one."""
_WAVES: Final = ((86_400_000, 0.45), (3_600_000, 0.22), (240_000, 0.12), (20_000, 0.05))
"""How long a wave is, and how far it moves the log-odds, at amplitude 1."""
_CERTAIN: Final = 6.0
"""The log-odds at the end."""


class Quotes(NamedTuple):
    """Prices of some markets, of their first outcome, in units; arrays of the same length.

    Attributes:
        value: what it is worth.
        bid, ask: best levels of the book; 0 and `ONE` where a side is empty.
        tick: the tick size.
    """

    value: I64
    bid: I64
    ask: I64
    tick: I64


def step_ms(now_ms: int) -> int:
    """The beginning of the step that holds an instant."""
    return now_ms - now_ms % STEP_MS


def quotes(markets: Sequence[Market], at_ms: I64 | int) -> Quotes:
    """The prices of markets, each at its instant (or all at one)."""
    steps = np.broadcast_to(np.asarray(at_ms, np.int64), len(markets)) // STEP_MS * STEP_MS
    traits = np.array([m.traits for m in markets], np.float64).reshape(len(markets), 7)
    keys = np.array([m.key for m in markets], np.uint64)
    begin, end, base, swing, win, spread, tick = traits.T
    age = np.clip((steps - begin) / (end - begin), 0.0, 1.0)
    odds = base * (1 - age**3) + swing * (1 - age**8) * _noise(keys, steps)
    odds += _CERTAIN * win * age**6
    value = np.rint(ONE / (1 + np.exp(-odds))).astype(np.int64)
    ticks = tick.astype(np.int64)
    near = (value < _LOW) | (value > _HIGH)
    shape = (keys & np.uint64(127)).astype(np.int64)
    ticks = np.where(near & (ticks == COARSE) & (shape != 1), FINE, ticks)  # but no empty book's
    gap = np.maximum(np.rint(spread / ticks).astype(np.int64), 1) * ticks
    gap = np.where(near, np.minimum(gap, 4 * ticks), gap)
    bid = (value - gap // 2) // ticks * ticks
    bid = np.clip(bid, ticks, ONE - ticks - gap)
    ask = bid + gap
    return Quotes(value, np.where(shape < 2, 0, bid), np.where(shape % 64 == 1, ONE, ask), ticks)  # noqa: PLR2004 - one in 64 has no bids, as many no asks, and one in 128 neither


def mid(value: int, bid: int, ask: int) -> int:
    """What the venue shows as the price: the midpoint where both sides are there."""
    return (bid + ask) // 2 if bid > 0 and ask < ONE else value


def text(units: int) -> str:
    """A price as a decimal without trailing zeros: `0.63`, `0`, `1`."""
    if units in (0, ONE):
        return str(units // ONE)
    return f"0.{units:05d}".rstrip("0")


def text_at(units: int, tick: int) -> str:
    """A price with the decimals of its tick, `0.630`; more where it was made at a finer one."""
    digits = max(len(text(tick)), len(text(units))) - 2
    return f"{units / ONE:.{digits}f}"


def _noise(keys: np.ndarray[tuple[int], np.dtype[np.uint64]], at_ms: I64) -> F64:
    """Smooth noise around 0: waves of several lengths, between hashed points."""
    total = np.zeros(len(keys))
    for number, (length, height) in enumerate(_WAVES):
        cell, within = np.divmod(at_ms, length)
        share = within / length
        smooth = share * share * (3 - 2 * share)
        wave = keys + np.uint64(number)
        left, right = (signed_unit(hashed(wave, cell + i)) for i in (0, 1))
        total += height * (left + (right - left) * smooth)
    return total
