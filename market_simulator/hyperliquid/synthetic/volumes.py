"""What traded over the last day: sums over the tape of the last 1,440 whole minutes.

Sums of whole hours are kept, so that a context costs the tape of two part hours only. Asked by the
stream and by the answers, which run in two threads: what is kept is replaced, never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.hyperliquid.bars import MINUTE_MS
from market_simulator.hyperliquid.synthetic import tape

if TYPE_CHECKING:
    from market_simulator.hyperliquid.synthetic.assets import Asset

_HOUR: Final = 60
_DAY: Final = 1440


class DayVolumes:
    """Notional and base volume of the last day, by asset."""

    def __init__(self) -> None:
        self._hours: dict[str, dict[int, tuple[float, int]]] = {}
        self._now: dict[str, tuple[int, float, int]] = {}

    def of(self, asset: Asset, now_ms: int) -> tuple[float, int]:
        """The notional (in the quote) and the lots of the 1,440 minutes before this one."""
        end = now_ms // MINUTE_MS
        known = self._now.get(asset.coin)
        if known is None or known[0] != end:
            notional, lots = 0.0, 0
            for value, size in self._parts(asset, end - _DAY, end):
                notional += value
                lots += size
            known = self._now[asset.coin] = (end, notional, lots)
        return known[1], known[2]

    def _parts(self, asset: Asset, first: int, end: int) -> list[tuple[float, int]]:
        whole = range(-(-first // _HOUR), end // _HOUR)
        hours = self._hours.get(asset.coin, {})
        new = [hour for hour in whole if hour not in hours]
        if new:
            hours = {hour: hours[hour] for hour in whole if hour in hours}
            hours |= _by_hour(asset, new[0] * _HOUR, (new[-1] + 1) * _HOUR)
            self._hours[asset.coin] = hours
        edges = (first, whole.start * _HOUR), (whole.stop * _HOUR, end)
        parts = [hours[hour] for hour in whole]
        return parts + [part for a, b in edges for part in _by_hour(asset, a, b).values()]


def _by_hour(asset: Asset, first: int, end: int) -> dict[int, tuple[float, int]]:
    """Notional and lots by hour; an hour's sums do not depend on the span they are part of."""
    hours = range(first // _HOUR, -(-end // _HOUR))
    if first >= end:
        return {}
    found = tape.blocks(asset, first, end, end * MINUTE_MS - 1)
    value = found.px / 10**asset.scale.px_decimals * (found.lots / 10**asset.scale.sz_decimals)
    place = found.t_ms // (_HOUR * MINUTE_MS) - hours.start
    notional = np.bincount(place, weights=value, minlength=len(hours)).tolist()
    lots = np.bincount(place, weights=found.lots, minlength=len(hours)).astype(np.int64).tolist()
    return dict(zip(hours, zip(notional, lots, strict=True), strict=True))
