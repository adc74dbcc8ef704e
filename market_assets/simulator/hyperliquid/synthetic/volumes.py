"""What traded over the last day: sums over the tape of the last 1,440 whole minutes.

Sums of whole hours are kept, so that a context costs the tape of two part hours only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_assets.simulator.hyperliquid.bars import MINUTE_MS
from market_assets.simulator.hyperliquid.synthetic import tape

if TYPE_CHECKING:
    from market_assets.simulator.hyperliquid.synthetic.assets import Asset

_HOUR: Final = 60
_DAY: Final = 1440
_KEPT: Final = 64  # hours per asset


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
        parts = [_traded(asset, first, whole.start * _HOUR)]
        parts += [self._hour(asset, hour) for hour in whole]
        parts.append(_traded(asset, whole.stop * _HOUR, end))
        return parts

    def _hour(self, asset: Asset, hour: int) -> tuple[float, int]:
        hours = self._hours.setdefault(asset.coin, {})
        if hour not in hours:
            if len(hours) >= _KEPT:
                del hours[min(hours)]
            hours[hour] = _traded(asset, hour * _HOUR, (hour + 1) * _HOUR)
        return hours[hour]


def _traded(asset: Asset, first: int, end: int) -> tuple[float, int]:
    found = tape.blocks(asset, first, end, end * MINUTE_MS - 1)
    prices = found.px / 10**asset.scale.px_decimals
    sizes = found.lots / 10**asset.scale.sz_decimals
    return float((prices * sizes).sum()), int(found.lots.sum())
