"""Which values no market can have: what is dropped, with a reason, before it reaches a table.

Only what is impossible is refused here, never what is merely surprising. One refused value costs
its own row and nothing else.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from market_assets.clock import INTERVALS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.sources.hyperliquid.wire import CandleUpdate


def sound_mids(mids: Mapping[str, float]) -> tuple[dict[str, float], dict[str, str]]:
    """The mids that are finite and positive, and the others with the reason."""
    sound = {coin: mid for coin, mid in mids.items() if 0.0 < mid < math.inf}
    if len(sound) == len(mids):
        return sound, {}
    return sound, {
        coin: f"mid {mid!r} is no price" for coin, mid in mids.items() if coin not in sound
    }


_NOISE: Final = 1e-9
"""Relative error that float noise in the exchange's strings may make; ticks are 1e-5 and up."""
_FIRST_MS: Final = 1_500_000_000_000
_LAST_MS: Final = 4_000_000_000_000
"""2017 to 2096: a time outside is in another unit than milliseconds."""
_MOST_TRADES: Final = 2**63 - 1
"""What a column can hold."""
_LENGTHS_MS: Final = {
    name: int(length.total_seconds() * 1000) for name, length in INTERVALS.items()
}


def candle_fault(candle: CandleUpdate) -> str | None:
    """Why no market can have this candle; None if one can.

    An open or close outside the range by float noise widens the range.
    """
    low, high, open_, close = candle.low, candle.high, candle.open, candle.close
    if not low <= open_ <= high or not low <= close <= high:
        slack = _NOISE * abs(high)
        least, most = low - slack, high + slack
        if not (least <= open_ <= most and least <= close <= most):  # so NaN fails as well
            return f"open {open_!r} or close {close!r} is outside low {low!r} to high {high!r}"
        candle.low, candle.high = min(low, open_, close), max(high, open_, close)
    if not 0.0 < candle.low <= candle.high < math.inf:
        return f"low {low!r} or high {high!r} is no price"
    if not 0.0 <= candle.volume < math.inf or not 0 <= candle.trades <= _MOST_TRADES:
        return f"volume {candle.volume!r} or trades {candle.trades!r} is no count"
    length = _LENGTHS_MS.get(candle.interval)
    if length is None or not _FIRST_MS < candle.open_ms < _LAST_MS or candle.open_ms % length:
        return f"open time {candle.open_ms!r} is not on the grid of {candle.interval!r}"
    return None
