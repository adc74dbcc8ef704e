"""`/completeness`: a calendar per series, a square per day, and what is known of the holes.

Made of `data_completeness` and, for the causes, of the ledger of gaps, which forgets closed ones
after a while: then a square has its counts and no causes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from market_assets.api.page import html_response, percent
from market_assets.api.view import sql
from market_assets.tables import GRID_SERIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from starlette.responses import Response

    from market_assets.api.view import View
    from market_assets.tables import GridSeries

WEEKS: Final = 53
"""How many weeks a calendar shows: a year, whatever day of the week it is."""
STEPS: Final = (0.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 100.0)
"""The shares, in per cent, from which on a square has the next colour, from red to green."""
_WEEK: Final = timedelta(days=7)
_SQUARE: Final = 14
_LEFT, _TOP = 34, 18
"""Room for the names of the days and of the months, in pixels."""
_NAMED: Final = {0: "Mon", 2: "Wed", 4: "Fri"}
"""Days of the week that have their name beside them."""


@dataclass(frozen=True)
class Square:
    """A day in a calendar.

    Attributes:
        x: pixels from the left; `y` from the top.
        y: pixels from the top.
        tone: the colour's number, from 0 on; None: nothing was expected.
        title: what a reader sees who points at it.
    """

    x: int
    y: int
    tone: int | None
    title: str


@dataclass(frozen=True)
class Calendar:
    """What the page shows of a series.

    Attributes:
        label: the table and the interval.
        share_pct: of all rows that were expected on the days shown; None: none were.
        present_rows: rows that are there; `expected_rows` should be.
        lost_rows: rows that never come.
        whole_days: days without a hole, of `days`.
        months: the name of each month and how many pixels it stands from the left.
        squares: the days.
    """

    label: str
    share_pct: float | None
    present_rows: int
    expected_rows: int
    lost_rows: int
    whole_days: int
    days: int
    months: Sequence[tuple[int, str]]
    squares: Sequence[Square]


def completeness_page(view: View, *, version: str) -> Response:
    """The page, from one version of the published file.

    Args:
        view: the file, at an instant.
        version: of the project.
    """
    shown = calendars(view)
    expected = sum(one.expected_rows for one in shown)
    present = sum(min(one.present_rows, one.expected_rows) for one in shown)
    return html_response(
        "completeness.html",
        status=200,
        headline=f"{percent(100 * present / expected)} complete" if expected else "not counted yet",
        calendars=shown,
        steps=STEPS,
        width=_LEFT + WEEKS * _SQUARE,
        height=_TOP + 7 * _SQUARE,
        square=_SQUARE - 2,
        weekdays=[
            (_TOP + n * _SQUARE + 10, name) for n, name in enumerate(("Mon", "", "Wed", "", "Fri"))
        ],
        at=view.now,
        version=version,
        every_s=None,
    )


def calendars(view: View) -> list[Calendar]:
    """A calendar for each series of which anything was counted."""
    if not view.has("data_completeness", "ingestion_gaps"):
        return []
    today = view.now.date()
    begin = today - today.weekday() * timedelta(days=1) - (WEEKS - 1) * _WEEK
    rows = view.snapshot.rows(sql("completeness_days"), {"since": begin})
    causes = view.snapshot.rows(sql("completeness_causes"), {"since": begin, "now": view.now})
    told: dict[tuple[str, date], list[str]] = {}
    for row in causes:
        told.setdefault((row["channel"], row["day"]), []).append(_cause(row))
    shown = []
    for series in GRID_SERIES:
        of_series = [
            row
            for row in rows
            if (row["table_name"], row["interval"]) == (series.table.name, series.interval)
        ]
        if of_series:
            shown.append(_calendar(series, of_series, told, begin, view.now))
    return shown


def tone(share: float | None) -> int | None:
    """The number of the colour that a share has: 0 is the reddest."""
    if share is None:
        return None
    return sum(share >= step for step in STEPS) - 1


def _calendar(
    series: GridSeries,
    rows: Sequence[Mapping[str, Any]],
    told: Mapping[tuple[str, date], Sequence[str]],
    begin: date,
    now: datetime,
) -> Calendar:
    squares = []
    for row in rows:
        week, weekday = divmod((row["day"] - begin).days, 7)
        title = _title(
            row, told.get((series.channel, row["day"]), ()), is_today=row["day"] == now.date()
        )
        x, y = _LEFT + week * _SQUARE, _TOP + weekday * _SQUARE
        squares.append(Square(x, y, tone(row["completeness_pct"]), title))
    judged = [row for row in rows if row["expected_rows"]]
    expected = sum(row["expected_rows"] for row in judged)
    present = sum(row["expected_rows"] * row["completeness_pct"] for row in judged)
    return Calendar(
        label=series.label,
        share_pct=present / expected if expected else None,
        present_rows=sum(row["present_rows"] for row in rows),
        expected_rows=expected,
        lost_rows=sum(row["lost_rows"] for row in rows),
        whole_days=sum(row["completeness_pct"] == 100 for row in judged),  # noqa: PLR2004 - per cent
        days=len(judged),
        months=_months(begin),
        squares=squares,
    )


def _title(row: Mapping[str, Any], causes: Sequence[str], *, is_today: bool) -> str:
    """The counts of a day and why rows are missing, a fact a line."""
    share = row["completeness_pct"]
    lines = [
        f"{row['day']}: {'nothing expected' if share is None else percent(share)}",
        f"{row['present_rows']:,} of {row['expected_rows']:,} rows"
        + (" that are due so far" if is_today else ""),
        f"{row['assets_with_holes']:,} of {row['assets']:,} assets have holes",
    ]
    if row["healed_rows"]:
        lines.append(f"{row['healed_rows']:,} rows healed")
    if row["lost_rows"]:
        lines.append(f"{row['lost_rows']:,} rows lost")
    return "\n".join([*lines, *causes])


def _cause(row: Mapping[str, Any]) -> str:
    """`downtime: 12 gaps, 3 of them open`."""
    gaps = f"{row['gaps']:,} gap{'' if row['gaps'] == 1 else 's'}"
    still = f", {row['open_gaps']:,} of them open" if row["open_gaps"] else ""
    return f"{row['cause']}: {gaps}{still}"


def _months(begin: date) -> list[tuple[int, str]]:
    """Each month that begins in the weeks shown, by its name, above the week that it begins in."""
    found = []
    for week in range(WEEKS):
        days = [begin + week * _WEEK + timedelta(days=n) for n in range(7)]
        first = next((day for day in days if day.day == 1), None)
        if first is not None and week < WEEKS - 1:
            found.append((_LEFT + week * _SQUARE, f"{first:%b}"))
    return found
