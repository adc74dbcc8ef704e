"""Days on which whatever goes by the date is tried, and how a test gets to them.

The fixture `any_day` (in `conftest.py`) runs a test once on each; Python's wall clock then tells
that time. `pytest --today 2028-02-29` runs any test on a day of one's own. Neither moves what C
libraries ask for themselves (DuckDB's `now()`, SQLite's defaults, the dates of files), nor the
clocks of other processes: tests that start some run on the machine's own day.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

DAYS: Final[dict[str, datetime]] = {
    "any": datetime(2026, 11, 20, 12, 0, 3, tzinfo=UTC),
    "last of a month": datetime(2026, 11, 30, 18, 35, 25, tzinfo=UTC),
    "first of a month": datetime(2027, 2, 1, 0, 0, 5, tzinfo=UTC),
    "end of February": datetime(2027, 2, 28, 23, 59, 30, tzinfo=UTC),
    "leap day": datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
    "a year after a leap day": datetime(2029, 2, 28, 23, 30, tzinfo=UTC),
    "daylight time begins in New York": datetime(2027, 3, 14, 7, 0, 10, tzinfo=UTC),
    "daylight time begins in Berlin": datetime(2027, 3, 28, 0, 59, 50, tzinfo=UTC),
    "daylight time ends in Berlin": datetime(2026, 10, 25, 1, 0, 10, tzinfo=UTC),
    "daylight time ends in New York": datetime(2026, 11, 1, 5, 59, 50, tzinfo=UTC),
    "last minute of a year": datetime(2026, 12, 31, 23, 59, 40, tzinfo=UTC),
    "first minute of a year": datetime(2027, 1, 1, 0, 0, 20, tzinfo=UTC),
    "end of 32-bit time": datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC),
}
