"""The answers of `/overview/{type}[/{chain}]` and `/summary/{type}/{slug}`.

What has no value is left out of an answer more often than it is null, as the venue's server does
it; percentages are left out where either side is zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from market_simulator.defillama import oddities
from market_simulator.defillama.adapters import DATA_TYPES, Adapter
from market_simulator.defillama.flows import Flows, windows
from market_simulator.defillama.world import FIRST_DAY
from market_simulator.refused import Refused

if TYPE_CHECKING:
    from market_simulator.defillama.flows import Overview
    from market_simulator.defillama.reporters import Reporters
    from market_simulator.randomness import F64

PAID: Final = frozenset(
    {"derivatives", "aggregators", "aggregator-derivatives", "bridge-aggregators"}
)
_CHANGES: Final = {
    "change_1d": ("total24h", "total48hto24h"),
    "change_7d": ("total24h", "total7DaysAgo"),
    "change_1m": ("total24h", "total30DaysAgo"),
    "change_7dover7d": ("total7d", "total14dto7d"),
    "change_30dover30d": ("total30d", "total60dto30d"),
}
_OF_SUMMARIES: Final = ("total24h", "total48hto24h", "total7d", "total30d", "totalAllTime")
_YEAR: Final = 365
_TEXT: Final = "text/plain"


class FlowRows:
    """Overviews and summaries of one world."""

    def __init__(self, flows: Flows, who: Reporters) -> None:
        self._flows = flows
        self._who = who
        self._world = who.world

    def overview(
        self, kind: str, chain: str | None, data_type: str, hour: int, *, chart: bool, split: bool
    ) -> dict[str, Any]:
        """An overview of all chains (None) or one.

        Args:
            kind: `dexs`, `fees`, `options` or `open-interest`.
            chain: as it stands in the path.
            data_type: what is asked for; empty for the kind's default.
            hour: of the newest run.
            chart: whether the daily sums are wanted.
            split: whether they are wanted by protocol too.

        Raises:
            Refused: no such kind, data type or chain, or one that is paid for.
        """
        data_type = _checked(kind, data_type)
        made = self._flows.overview(kind, data_type, hour)
        place = self._chain(chain, made)
        reporters = self._flows.of(kind)
        sums = made.charts.get(place)
        rows = [
            row
            for reporter, totals in zip(reporters, made.totals, strict=True)
            if totals and (row := self._row(reporter, totals, place)) is not None
        ]
        return {
            "totalDataChart": _dated(sums, made.running.get(place), made.today) if chart else [],
            "totalDataChartBreakdown": self._split(kind, data_type, hour, place) if split else [],
            "breakdown24h": None,
            "breakdown30d": None,
            "chain": None if place is None else self._world.chains[place].in_flows,
            "allChains": [self._world.chains[n].in_flows for n in made.charts if n is not None],
            **self._totals(sums, place),
            "protocols": rows,
        }

    def summary(
        self, kind: str, slug: str, data_type: str, hour: int, *, chart: bool, split: bool
    ) -> dict[str, Any]:
        """One protocol, parent or chain.

        Raises:
            Refused: no such kind or data type, or the subject does not report it.
        """
        if kind == "open-interest":
            raise Refused(500, "Internal Error", _TEXT)  # free only as an overview
        data_type = _checked(kind, data_type)
        own = self._reporters(kind, slug, hour)
        if not own:
            named = f"{kind.title()} for {slug} not found"
            raise Refused(400, f"{named}, please visit /overview/{kind} to see", _TEXT)
        body = self._who.subject(own[0]) if own[0].slug == slug else self._who.family(slug, own)
        return body | self._series(own, data_type, hour, chart=chart, split=split)

    def daily(self, kind: str, data_type: str, slug: str, hour: int) -> list[tuple[int, float]]:
        """The points of a protocol's or parent's chart.

        Raises:
            KeyError: the subject does not report it.
        """
        own = self._reporters(kind, slug, hour)
        if not own:
            raise KeyError(f"{slug} has no {kind}")
        days = self._days(own, data_type, hour)
        return [(day * 86_400, sum(days[day].values())) for day in sorted(days)]

    def chain_chart(
        self, kind: str, data_type: str, place: int, hour: int
    ) -> list[tuple[int, float]]:
        """The points of a chain's chart.

        Raises:
            KeyError: nothing on that chain reports it.
        """
        made = self._flows.overview(kind, data_type, hour)
        return _dated(made.charts[place], made.running[place], made.today)

    def _reporters(self, kind: str, slug: str, hour: int) -> list[Adapter]:
        """The one with that slug, or the children of the parent with that slug."""
        reporters = [r for r in self._flows.of(kind) if r.born_day <= hour // 24]
        own = [r for r in reporters if r.slug == slug][:1]
        children = {self._world.protocols[p].slug for p in self._world.children.get(slug, ())}
        return own or [r for r in reporters if r.slug in children]

    def _days(
        self, own: list[Adapter], data_type: str, hour: int
    ) -> dict[int, dict[Adapter, float]]:
        """Points by day; a parent has none of the running day."""
        running = len(own) == 1 and own[0].habits.running
        days: dict[int, dict[Adapter, float]] = {}
        for reporter in own:
            for day, amount in self._flows.series(reporter, data_type, hour):
                if running or day < hour // 24:
                    days.setdefault(day, {})[reporter] = amount
        return days

    def _series(
        self, own: list[Adapter], data_type: str, hour: int, *, chart: bool, split: bool
    ) -> dict[str, Any]:
        """Totals and charts; a parent's are the sums of complete days of its children."""
        running = len(own) == 1 and own[0].habits.running
        days = self._days(own, data_type, hour)
        body: dict[str, Any] = {"totalDataChart": [], "totalDataChartBreakdown": []}
        if not days:
            return body
        first, last = min(days), max(*days, hour // 24)
        row = np.full(last - first + 1, np.nan)
        for day, amounts in days.items():
            row[day - first] = sum(amounts.values())
        totals = windows(row, running=running)
        habits = own[0].habits
        if not habits.totals_null:
            body |= {k: totals[k] for k in _OF_SUMMARIES if k in totals and k not in habits.absent}
            body |= _changed(totals, ("change_1d",), habits.absent)
        if chart:
            body["totalDataChart"] = [[d * 86_400, sum(days[d].values())] for d in sorted(days)]
        if split:
            body["totalDataChartBreakdown"] = [
                [day * 86_400, self._by_chain(days[day])] for day in sorted(days)
            ]
        return body

    def _by_chain(self, amounts: dict[Adapter, float]) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for reporter, amount in amounts.items():
            for chain, share in reporter.shares:
                name = self._world.chains[chain].coin_key
                found.setdefault(name, {})[reporter.name] = round(amount * share, 2)
        return found

    def _totals(self, sums: F64 | None, place: int | None) -> dict[str, Any]:
        """The totals of an overview: sums over the complete days of its chart."""
        if sums is None or np.isnan(sums).all():
            return {}
        totals = windows(np.append(sums, np.nan), running=False)
        if len(sums) > _YEAR:
            totals["average1y"] = totals["total1y"] / _YEAR
            totals["monthlyAverage1y"] = totals["total1y"] / 12
        found: dict[str, Any] = totals | _changed(totals, tuple(_CHANGES), ())
        if place is not None and oddities.TEXT_FOR_NOTHING.has(place):
            found |= {"total48hto24h": "None", "breakdown24h": "None"}
        if place is not None and oddities.WITHOUT_WEEKS.has(place):
            found = {k: v for k, v in found.items() if k not in ("total7d", "total30d")}
        return found

    def _row(
        self, reporter: Adapter, totals: dict[str, float], place: int | None
    ) -> dict[str, Any] | None:
        """A row of `protocols`; None where the reporter is not on that chain."""
        share = 1.0 if place is None else dict(reporter.shares).get(place)
        if share is None:
            return None
        own = {name: amount * share for name, amount in totals.items()}
        habits = reporter.habits
        row = self._who.identity(reporter)
        if habits.totals_null:
            return row | dict.fromkeys(("total24h", "total48hto24h", "total7d", "change_1d"))
        row |= {name: amount for name, amount in own.items() if name not in habits.absent}
        row |= _changed(own, tuple(_CHANGES), habits.absent)
        spread = ((self._world.chains[chain].coin_key, part) for chain, part in reporter.shares)
        row["breakdown24h"] = {
            name: {reporter.name: totals["total24h"] * part}
            for name, part in spread
            if "total24h" in totals
        } or None
        return row

    def _split(
        self, kind: str, data_type: str, hour: int, place: int | None
    ) -> list[tuple[int, dict[str, float]]]:
        """The chart by protocol: those that are in the totals."""
        days: dict[int, dict[str, float]] = {}
        today = hour // 24
        for reporter in self._flows.of(kind):
            share = 1.0 if place is None else dict(reporter.shares).get(place)
            if share is None or reporter.excluded or data_type not in reporter.ratios:
                continue
            points = self._flows.series(reporter, data_type, hour)
            if points and points[-1][0] == today - 1:  # the server copies yesterday's amount
                points.append((today, points[-1][1]))
            for day, amount in points:
                days.setdefault(day, {})[reporter.name] = amount * share
        return [(day * 86_400, days[day]) for day in sorted(days)]

    def _chain(self, chain: str | None, made: Overview) -> int | None:
        """Where the chain of a path stands, if any is asked for."""
        if chain is None or chain.lower() == "all":
            return None
        found = self._world.by_spelling.get(chain.lower())
        if found is None or (found not in made.charts and found % 2):
            raise Refused(500, "Internal server error", _TEXT)
        return found


def _checked(kind: str, data_type: str) -> str:
    """The data type, or the kind's default.

    Raises:
        Refused: there is no such kind or type, or it is paid for.
    """
    if kind in PAID:
        raise Refused(402, "Upgrade to the paid API plan to use this", _TEXT)
    if kind not in DATA_TYPES:
        raise Refused(500, f"Adaptor {kind} not supported", _TEXT)
    data_type = data_type or DATA_TYPES[kind][0]
    if data_type not in DATA_TYPES[kind]:
        raise Refused(500, "Data type not supported", _TEXT)
    return data_type


def _changed(
    totals: dict[str, float], names: tuple[str, ...], absent: tuple[str, ...]
) -> dict[str, float]:
    """Percentages, where both sides are there and not zero."""
    found = {}
    for name in names:
        now, before = (totals.get(side) for side in _CHANGES[name])
        if now and before and name not in absent:
            found[name] = round((now - before) / before * 100, 2)
    return found


def _dated(sums: F64 | None, running: float | None, today: int) -> list[tuple[int, float]]:
    """A chart: complete days, and the running one."""
    if sums is None:
        return []
    there = np.flatnonzero(~np.isnan(sums)).tolist()
    points = [((FIRST_DAY + n) * 86_400, float(sums[n])) for n in there]
    return [*points, (today * 86_400, float(running or 0.0))] if points else []
