"""Recorded candles in motion: moved to the present, and alive within their minute.

The recorded window is moved by whole days, so that the present lies inside it: what is before is
history, the minutes after come live. Within a minute the bar grows from its open over its extremes
to its close, in a few blocks whose times are drawn from a hash; the trade count, which these
recordings lack, is the number of these blocks.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.hyperliquid.bars import (
    INTERVALS,
    KEPT_ROWS,
    MINUTE_MS,
    Bar,
    Minute,
    bucket_minute,
    flat,
    wire_row,
)
from market_simulator.hyperliquid.numbers import Scale, decimal
from market_simulator.randomness import hash_of, key_of

if TYPE_CHECKING:
    from market_simulator.randomness import F64

DAY_MS: Final = 86_400_000
DECIMALS: Final = 8
"""Recorded numbers have at most eight decimals; they are kept as whole numbers of that unit."""

_BLOCKS_PER_PRICE: Final = 2


@dataclass(frozen=True)
class RecordedScale(Scale):
    """Sizes in shortest form: recordings have lost the noise of the original strings."""

    def size(self, lots: int) -> str:
        return decimal(lots / 10**self.sz_decimals, self.sz_decimals)


SCALE: Final = RecordedScale(DECIMALS, DECIMALS)


def days_to_move(first_ms: int, end_ms: int, now_ms: int) -> int:
    """By how many days to move a window so that `now_ms` lies in it.

    A day or more is left to play where the window is long enough; else the present is put into its
    last quarter.
    """
    left = min(DAY_MS, (end_ms - first_ms) // 4)
    return -(-(now_ms - (end_ms - left)) // DAY_MS)


class Tape:
    """The recorded bars of one coin, by interval, already moved to the present."""

    def __init__(self, coin: str, columns: dict[str, dict[str, F64]], moved_ms: int) -> None:
        self.coin = coin
        self._key = key_of(coin, "replay")
        self._bars: dict[str, dict[int, Bar]] = {}
        minutes = _bars(columns["1m"], moved_ms)
        self._lot = max(math.gcd(*(bar.lots for bar in minutes.values())), 1)
        self._minutes = {m: bar._replace(n=len(self._path(bar))) for m, bar in minutes.items()}
        self._order = sorted(self._minutes)
        for interval, table in columns.items():
            bars = self._minutes if interval == "1m" else _bars(table, moved_ms)
            self._bars[interval] = self._counted(bars, interval)

    @property
    def span(self) -> tuple[int, int]:
        """The first minute, and the one after the last."""
        return self._order[0], self._order[-1] + 1

    def minute(self, minute: int) -> Minute:
        """One minute, block by block."""
        bar = self._minutes.get(minute)
        if bar is None or not bar.n:
            return Minute([], [])
        times: list[int] = []
        bars: list[Bar] = []
        high = low = bar.open
        for i, price in enumerate(self._path(bar)):
            high, low = max(high, price), min(low, price)
            lots = -(-bar.lots // self._lot * (i + 1) // bar.n) * self._lot
            draw = hash_of(self._key, minute * 64 + i) % 1000
            times.append(minute * MINUTE_MS + (1000 * i + draw) * MINUTE_MS // (1000 * bar.n))
            bars.append(Bar(bar.open, high, low, price, lots, i + 1))
        return Minute(times, bars)

    def so_far(self, interval: str, minute: int) -> Bar | None:
        """The bar of the bin that holds `minute`, from the recorded minutes before it."""
        total: Bar | None = None
        for number in range(bucket_minute(minute, interval), minute):
            bar = self._minutes.get(number)
            if bar is not None and bar.n:
                total = bar if total is None else total.then(bar)
        return total

    def price(self, now_ms: int) -> int | None:
        """The last traded price at an instant; None before the recording begins."""
        now = now_ms // MINUTE_MS
        minute = self.minute(now)
        at = bisect_right(minute.times, now_ms)
        if at:
            return minute.bars[at - 1].close
        place = bisect_right(self._order, now - 1)
        return self._minutes[self._order[place - 1]].close if place else None

    def candles(
        self, interval: str, start_ms: int, end_ms: int, now_ms: int
    ) -> list[dict[str, str | int]]:
        """Rows as `candleSnapshot` gives them, the forming one last."""
        length = INTERVALS[interval]
        now = now_ms // MINUTE_MS
        newest = bucket_minute(now, interval)
        first = bucket_minute(start_ms // MINUTE_MS, interval)
        first = max(first, newest - (KEPT_ROWS - 1) * length)
        last = min(bucket_minute(end_ms // MINUTE_MS, interval), newest - length)
        recorded = self._bars.get(interval, {})
        rows = [
            wire_row(self.coin, interval, minute, recorded[minute], SCALE)
            for minute in range(first, last + 1, length)
            if minute in recorded
        ]
        if first <= newest <= end_ms // MINUTE_MS and newest in recorded:
            rows.append(
                wire_row(self.coin, interval, newest, self._forming(interval, now_ms), SCALE)
            )
        return rows

    def _forming(self, interval: str, now_ms: int) -> Bar:
        now = now_ms // MINUTE_MS
        before = self.so_far(interval, now)
        minute = self.minute(now)
        at = bisect_right(minute.times, now_ms)
        if not at:
            return before or flat(self.price(now_ms) or 0)
        return minute.bars[at - 1] if before is None else before.then(minute.bars[at - 1])

    def _path(self, bar: Bar) -> list[int]:
        """The prices of the blocks of a recorded minute: open, the extremes, close."""
        rising = bar.close >= bar.open
        corners = [bar.open, *((bar.low, bar.high) if rising else (bar.high, bar.low)), bar.close]
        changes = [a for a, b in pairwise(corners) if a != b] + corners[-1:]
        lots = bar.lots // self._lot
        repeats = min(_BLOCKS_PER_PRICE, lots // len(changes))
        if repeats:
            return [price for price in changes for _ in range(repeats)]
        return changes if lots else []

    def _counted(self, bars: dict[int, Bar], interval: str) -> dict[int, Bar]:
        """The bars of an interval with the trade counts of their minutes."""
        length = INTERVALS[interval]
        counted: dict[int, Bar] = {}
        for first, bar in bars.items():
            inside = (self._minutes.get(m) for m in range(first, first + length))
            n = sum(minute.n for minute in inside if minute is not None)
            counted[first] = bar._replace(n=max(n, 1) if bar.lots else 0)
        return counted


def _bars(columns: dict[str, F64], moved_ms: int) -> dict[int, Bar]:
    minutes = (columns["t"].astype(np.int64) + moved_ms) // MINUTE_MS
    whole = [
        np.rint(columns[name] * 10**DECIMALS).astype(np.int64).tolist()
        for name in ("open", "high", "low", "close", "volume")
    ]
    rows = zip(minutes.tolist(), *whole, strict=True)
    return {minute: Bar(o, h, low, c, v, 0) for minute, o, h, low, c, v in rows}
