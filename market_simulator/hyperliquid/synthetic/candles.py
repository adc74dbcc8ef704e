"""Candle rows of an asset for a span of bins: what traded, and flat rows where nothing did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from market_simulator.hyperliquid.bars import INTERVALS, MINUTE_MS
from market_simulator.hyperliquid.synthetic import tape

if TYPE_CHECKING:
    from market_simulator.hyperliquid.synthetic.assets import Asset


def rows(
    asset: Asset, interval: str, first: int, last: int, now_ms: int
) -> list[dict[str, str | int]]:
    """The candles of the bins from minute `first` to minute `last`, trades up to `now_ms` in them.

    Bins before the first trade ever are left out.
    """
    length = INTERVALS[interval]
    if last < first:
        return []
    traded = tape.rolled_up(tape.traded_minutes(asset, first, last + length, now_ms), length)
    before = None
    if not traded.minute.size or traded.minute[0] != first:
        before = tape.last_price(asset, first * MINUTE_MS - 1)
        if before is None:
            if not traded.minute.size:
                return []
            first = int(traded.minute[0])
    bins = np.arange(first, last + length, length, dtype=np.int64)
    place = (traded.minute - first) // length
    newest = np.full(bins.size, -1, dtype=np.int64)
    newest[place] = np.arange(place.size)
    newest = np.maximum.accumulate(newest)
    closes = np.append(traded.close, 0 if before is None else before)[newest]  # -1: none yet
    has_trades = np.zeros(bins.size, dtype=bool)
    has_trades[place] = True

    def column(values: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> list[str]:
        shown = closes.copy()
        shown[place] = values
        return asset.scale.prices(shown)

    lots, n = np.zeros((2, bins.size), dtype=np.int64)
    lots[place], n[place] = traded.lots, traded.n
    t_ms = (bins * MINUTE_MS).tolist()
    span = length * MINUTE_MS - 1
    return [
        {"t": t, "T": t + span, "s": asset.coin, "i": interval, "o": o, "c": c, "h": h, "l": low}
        | {"v": v, "n": count}
        for t, o, c, h, low, v, count in zip(
            t_ms,
            column(traded.open),
            asset.scale.prices(closes),
            column(traded.high),
            column(traded.low),
            asset.scale.sizes(lots),
            n.tolist(),
            strict=True,
        )
    ]
