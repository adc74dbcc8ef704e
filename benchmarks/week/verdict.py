"""What the figures of the days mean: what has stopped growing, what grows by design, what leaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from benchmarks.week.figures import DATABASE, INSTANCE, PROCESS, ROWS
from market_assets.tables import FOR_EVER, TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.week.figures import Figures

FLAT: Final = 0.02
"""Growth of a day that counts as none: the hour of the day at which it is measured, noise."""
RECENT: Final = 2
"""The last days, which are compared with those before."""
_SMALL: Final[Mapping[str, float]] = {INSTANCE: 20, DATABASE: 2, ROWS: 50, PROCESS: 4}
"""Growth in two days below which a figure is left alone, by group: rows, files, MB."""

Word = Literal["flat", "filling", "by design", "GROWS"]


@dataclass(frozen=True)
class Verdict:
    """One figure over the days.

    Attributes:
        group: what it is a figure of.
        name: its own.
        by_day: its value at the end of each day.
        before: mean growth a day before the last days, as a share; None: too few days.
        recent: mean growth a day over the last days, as a share.
        per_day: the same in its own unit.
        word: `flat`; `filling`, kept longer than was simulated; `by design`, kept for ever, or as
            many as the venue has; or `GROWS`.
    """

    group: str
    name: str
    by_day: tuple[float, ...]
    before: float | None
    recent: float
    per_day: float
    word: Word


def verdicts(days: Sequence[Figures], retention: Mapping[str, timedelta]) -> list[Verdict]:
    """One per figure that is there at the end.

    Args:
        days: what was measured at the end of each day, at least two.
        retention: how long rows are kept, by setting.
    """
    return [_verdict(key, days, _kept(key, retention)) for key in days[-1]]


def _verdict(
    key: tuple[str, str], days: Sequence[Figures], kept: timedelta | Literal["ever"] | None
) -> Verdict:
    by_day = tuple(day.get(key, 0.0) for day in days)
    span = min(RECENT, len(by_day) - 1)
    split = len(by_day) - 1 - span
    recent = _growth(by_day[split:])
    per_day = (by_day[-1] - by_day[split]) / span
    is_flat = recent <= FLAT or by_day[-1] - by_day[split] <= _SMALL[key[0]]
    word: Word = "flat"
    if kept == "ever":
        word = "flat" if is_flat else "by design"
    elif isinstance(kept, timedelta) and kept > timedelta(days=split + 1):
        word = "filling"
    elif not is_flat:
        word = "GROWS"
    before = _growth(by_day[: split + 1]) if split else None
    return Verdict(*key, by_day, before, recent, per_day, word)


def _growth(values: Sequence[float]) -> float:
    """Mean growth from one value to the next, as a share of the first."""
    if len(values) < 2 or not values[0]:
        return 0.0
    return (values[-1] / values[0] - 1) / (len(values) - 1)


def _kept(
    key: tuple[str, str], retention: Mapping[str, timedelta]
) -> timedelta | Literal["ever"] | None:
    """How long a table's rows are kept; None: the figure is no table's, or bytes of all."""
    group, name = key
    if group == DATABASE and name.endswith("MB"):
        return "ever"  # the sum of tables, some of which are kept for ever
    if group != ROWS:
        return None
    named, _, only = name.partition(" ")
    (table,) = (table for table in TABLES if table.name == named)
    for rule in table.retention:
        if not only or (rule.only is not None and rule.only[1] == only):
            kept = retention.get(rule.setting, rule.keep)
            return "ever" if kept >= FOR_EVER else kept
    return "ever"


def as_table(found: Sequence[Verdict]) -> list[str]:
    """A Markdown table, a column for each day."""
    count = len(found[0].by_day)
    days = " | ".join(f"day {day}" for day in range(1, count + 1))
    lines = [
        f"| figure | {days} | a day, before | a day, last two | |",
        f"|---|{'---:|' * (count + 2)}---|",
    ]
    for one in found:
        values = " | ".join(f"{value:,.{1 if 'MB' in one.name else 0}f}" for value in one.by_day)
        before = "" if one.before is None else f"{one.before:+.1%}"
        lines.append(
            f"| {one.group}: {one.name} | {values} | {before} | {one.recent:+.1%} | {one.word} |"
        )
    return lines
