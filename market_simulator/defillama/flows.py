"""Fees, volumes and open interest: each reporter's daily amounts, and their sums for overviews.

A point is the amount of one UTC day, in whole US dollars; NaN where there is none. Open interest is
a stock, but is reported and summed in the same way, which is why its weekly total means nothing.

The running day: a reporter that has a point for it gives its trailing day (of yesterday what is
left, of today what has passed). In an overview the others are there with yesterday's amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.defillama.adapters import DATA_TYPES, Adapter, adapters
from market_simulator.defillama.walks import FLOW, STOCK, walked
from market_simulator.defillama.world import FIRST_DAY
from market_simulator.randomness import F64, I64, hashed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.defillama.capital import Capital

_BLOCK: Final = 128
_LATEST: Final = 4
"""Hours after midnight from which all have reported yesterday."""
_WEEKDAYS: Final = np.array([1.02, 1.08, 1.1, 1.06, 1.04, 0.86, 0.84])
WINDOWS: Final[dict[str, tuple[int, int]]] = {
    "total24h": (1, 0),
    "total48hto24h": (2, 1),
    "total7d": (7, 0),
    "total14dto7d": (14, 7),
    "total30d": (30, 0),
    "total60dto30d": (60, 30),
    "total1y": (365, 0),
    "total7DaysAgo": (8, 7),
    "total30DaysAgo": (31, 30),
}
"""Days before the end at which a total begins and stops: `(7, 0)` are the last seven."""


@dataclass(frozen=True)
class Overview:
    """What an overview of a kind and data type is made from.

    Attributes:
        today: the running day.
        charts: complete days' sums by place of a chain, from `FIRST_DAY`; None is all of them.
        running: the running day's sums by place of a chain.
        totals: by reporter, in the order of `Flows.of`: the windows of `WINDOWS` by name.
    """

    today: int
    charts: dict[int | None, F64]
    running: dict[int | None, float]
    totals: list[dict[str, float]]


class Flows:
    """Fees, volumes and open interest of one world."""

    def __init__(self, capital: Capital) -> None:
        self._capital = capital
        self._adapters: dict[str, tuple[Adapter, ...]] = {}
        self._overviews: dict[tuple[str, str], tuple[int, Overview]] = {}

    def of(self, kind: str) -> tuple[Adapter, ...]:
        """All reporters of a kind."""
        if kind not in self._adapters:
            self._adapters[kind] = adapters(self._capital, kind)
        return self._adapters[kind]

    def overview(self, kind: str, data_type: str, hour: int) -> Overview:
        """What is needed for the overviews of that hour; kept for as long as it holds."""
        kept = self._overviews.get((kind, data_type))
        if kept is None or kept[0] != hour:
            kept = (hour, self._summed(kind, data_type, hour))
            self._overviews[kind, data_type] = kept
        return kept[1]

    def points(
        self, reporters: Sequence[Adapter], data_type: str, hour: int, first_day: int
    ) -> F64:
        """Reporters by days from `first_day` to the running one, which is the last column."""
        today = hour // 24
        days = np.arange(first_day, today + 1)
        amounts = _amounts(reporters, days)
        _hide(amounts, reporters, days, hour)
        running = np.array([r.habits.running for r in reporters])
        passed = (hour % 24) / 24.0
        if len(days) > 1:
            before = _amounts(reporters, days[-2:])
            amounts[:, -1] = before[:, 0] * (1.0 - passed) + before[:, 1] * passed
        amounts[~running, -1] = np.nan
        ratios = np.array([r.ratios.get(data_type, np.nan) for r in reporters])
        return np.asarray(np.rint(amounts * ratios[:, None]))

    def series(self, reporter: Adapter, data_type: str, hour: int) -> list[tuple[int, float]]:
        """A reporter's points: Unix day and amount."""
        born = reporter.born_day
        if reporter.habits.silent or born > hour // 24:
            return []
        values = self.points([reporter], data_type, hour, born)[0]
        return [(born + n, float(v)) for n, v in enumerate(values) if not np.isnan(v)]

    def _summed(self, kind: str, data_type: str, hour: int) -> Overview:
        if data_type not in DATA_TYPES[kind]:
            raise KeyError(data_type)
        today, reporters = hour // 24, self.of(kind)
        places = {chain for reporter in reporters for chain, _ in reporter.shares}
        charts: dict[int | None, F64] = {
            place: np.full(today - FIRST_DAY, np.nan) for place in (None, *sorted(places))
        }
        running: dict[int | None, float] = dict.fromkeys(charts, 0.0)
        totals: list[dict[str, float]] = [{} for _ in reporters]
        order = sorted(range(len(reporters)), key=lambda n: reporters[n].born_day)
        for start in range(0, len(order), _BLOCK):
            block = order[start : start + _BLOCK]
            first = max(reporters[block[0]].born_day, FIRST_DAY)
            if first > today:
                break
            points = self.points([reporters[n] for n in block], data_type, hour, first)
            for n, row in zip(block, points, strict=True):
                reporter = reporters[n]
                if reporter.habits.silent or data_type not in reporter.ratios:
                    continue
                totals[n] = windows(row, running=reporter.habits.running)
                if not reporter.excluded:
                    _add(charts, running, reporter, row, first)
        return Overview(today, charts, running, totals)


def windows(row: F64, *, running: bool) -> dict[str, float]:
    """The totals of a reporter whose last column is the running day; only those it has data for.

    With a point of the running day the newest total is that point, the one before it is of the day
    before yesterday, and longer ones end with yesterday. Without, all end with the newest point.
    """
    found = np.flatnonzero(~np.isnan(row))
    if len(found) == 0:
        return {}
    whole = row[:-1] if running else row[: found[-1] + 1]
    length = len(whole)
    totals = {}
    for name, (start, stop) in WINDOWS.items():
        part = whole[max(length - start, 0) : max(length - stop, 0)]
        if len(part) and not np.isnan(part).all():
            totals[name] = float(np.nansum(part))
    totals["totalAllTime"] = float(np.nansum(row))
    if running:
        totals["total24h"] = float(row[-1])
    return totals


def _add(
    charts: dict[int | None, F64],
    running: dict[int | None, float],
    reporter: Adapter,
    row: F64,
    first: int,
) -> None:
    """Add a reporter's points to the sums of all and of its chains."""
    whole = row[:-1]
    today = row[-1] if reporter.habits.running else (whole[-1] if len(whole) else np.nan)
    there = np.flatnonzero(~np.isnan(whole))
    if len(there):
        at = slice(first + int(there[0]) - FIRST_DAY, first + int(there[-1]) + 1 - FIRST_DAY)
        part = np.nan_to_num(whole[there[0] : there[-1] + 1])
        for place, share in ((None, 1.0), *reporter.shares):
            charts[place][at] = np.nan_to_num(charts[place][at]) + share * part
    if not np.isnan(today):
        for place, share in ((None, 1.0), *reporter.shares):
            running[place] += share * float(today)


def _amounts(reporters: Sequence[Adapter], days: I64) -> F64:
    """The amounts as they are, whoever reports them."""
    stock = reporters[0].kind == "open-interest"
    moved = np.exp(walked([r.key for r in reporters], days * 24, STOCK if stock else FLOW))
    born = np.array([r.born_day for r in reporters])[:, None]
    usd = np.array([0.0 if r.habits.zero else r.usd for r in reporters])[:, None]
    week = 1.0 if stock else _WEEKDAYS[(days + 3) % 7][None, :]
    return np.where(days[None, :] >= born, usd * moved * week, np.nan)


def _hide(amounts: F64, reporters: Sequence[Adapter], days: I64, hour: int) -> None:
    """Take out what has not been reported, or never will be."""
    for row, reporter in zip(amounts, reporters, strict=True):
        own = reporter.habits
        if own.holes:
            row[hashed(np.uint64(reporter.key), days) % np.uint64(9) == 0] = np.nan
        behind = own.days_behind + (hour % 24 < own.late_hours)
        if behind:
            row[max(len(days) - 1 - behind, 0) : len(days) - 1] = np.nan
