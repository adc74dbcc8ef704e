"""The rows of `data_completeness`, from a snapshot of the database.

Rows are counted where archived ones are too, in the view `<table>_all`, or in the table where there
is no such view. Counting a year takes long, so a day is counted again only while it may change:

- until three hours after its end;
- when a run has written rows of it since the last count, a backfill for instance;
- when the ledger of gaps has learned something of it.

Other days stay as they were counted. The first count is of all days of which there are rows. Rows
that retention deletes without an archive are missing from the counts that follow.

Not here: what is expected (`features/completeness.py`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.features.completeness import (
    ASSETS,
    COUNTED,
    GAPS,
    STORED,
    WEEK_DAYS,
    Schema,
    completeness,
    rows_until,
)
from market_assets.tables import DATA_COMPLETENESS, GRID_SERIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from market_assets.storage.api import Snapshot
    from market_assets.tables import GridSeries

_DAY: Final = timedelta(days=1)
_SETTLED: Final = timedelta(hours=3)
"""So long after its end a day's last rows may come: funding is late, and healing takes a while."""
_OVERLAP: Final = timedelta(minutes=15)
"""A write that the last count did not see may have ended so long before it."""


def completeness_rows(snapshot: Snapshot) -> pl.DataFrame:
    """The rows that are new or may have changed since the last count, as of the snapshot."""
    as_of = snapshot.version.at
    return pl.concat([_of_series(snapshot, series, as_of) for series in GRID_SERIES])


def days_to_count(snapshot: Snapshot, series: GridSeries, as_of: datetime) -> list[date]:
    """The days whose rows may have changed since the series was last counted, in order."""
    last = _last_count(snapshot, series)
    if last is None:
        first = _earliest(snapshot, series)
        return [] if first is None else list(_days(first, as_of))
    found = set(_days(last - _SETTLED, as_of))
    touched = snapshot.frame(
        _query("touched"),
        {
            "table_name": series.table.name,
            "channel": series.channel,
            "since": last - _OVERLAP,
        },
    )
    for from_at, to_at in touched.iter_rows():
        found.update(_days(from_at, min(to_at, as_of)))
    return sorted(found)


def _of_series(snapshot: Snapshot, series: GridSeries, as_of: datetime) -> pl.DataFrame:
    days = days_to_count(snapshot, series, as_of)
    if not days:
        return pl.DataFrame(schema=DATA_COMPLETENESS.schema)
    gaps = snapshot.frame(
        _query("gaps"),
        {
            "channel": series.channel,
            "since": _begin(days[0]),
            "until": _begin(days[-1]) + _DAY,
        },
    )
    return completeness(
        series,
        days=days,
        counted=_counted(snapshot, series, days, as_of),
        assets=_typed(snapshot.frame(_query("assets")), ASSETS),
        gaps=_typed(gaps, GAPS),
        stored=_stored(snapshot, series, days),
        as_of=as_of,
    )


def _counted(
    snapshot: Snapshot, series: GridSeries, days: Sequence[date], as_of: datetime
) -> pl.DataFrame:
    """How many rows each asset has on these days, and when the first of a day is.

    Days in a row are counted by one query, whose limits leave out the files of other days.
    """
    time = series.table.time_column
    sql = (
        f'select symbol, epoch_us("{time}") // 86400000000 as day, count(*) as present_rows, '  # noqa: S608 - names of the spec
        f'min("{time}") as first_at from {_source(snapshot, series)} '
        f'where {series.only} and "{time}" >= $since and "{time}" < $until group by all'
    )
    limit = rows_until(series, as_of)
    spans = [
        snapshot.frame(
            sql, {"since": _begin(first), "until": min(_begin(last) + _DAY, limit)}
        ).with_columns(pl.col("day").cast(pl.Int32).cast(pl.Date))
        for first, last in _in_a_row(days)
    ]
    return _typed(pl.concat(spans), COUNTED)


def _stored(snapshot: Snapshot, series: GridSeries, days: Sequence[date]) -> pl.DataFrame:
    """What was counted before of these days, and of the week before the first of them."""
    if DATA_COMPLETENESS.name not in snapshot.columns:
        return pl.DataFrame(schema=STORED)
    asked = {
        "table_name": series.table.name,
        "interval": series.interval,
        "first_day": days[0] - WEEK_DAYS * _DAY,
        "last_day": days[-1],
    }
    return _typed(snapshot.frame(_query("stored"), asked), STORED)


def _last_count(snapshot: Snapshot, series: GridSeries) -> datetime | None:
    if DATA_COMPLETENESS.name not in snapshot.columns:
        return None
    [row] = snapshot.rows(
        "select max(updated_at) as at from data_completeness "
        'where table_name = $table_name and "interval" is not distinct from $interval',
        {"table_name": series.table.name, "interval": series.interval},
    )
    at: datetime | None = row["at"]
    return at


def _earliest(snapshot: Snapshot, series: GridSeries) -> datetime | None:
    [row] = snapshot.rows(
        f'select min("{series.table.time_column}") as at '  # noqa: S608 - names of the spec
        f"from {_source(snapshot, series)} where {series.only}"
    )
    at: datetime | None = row["at"]
    return at


def _source(snapshot: Snapshot, series: GridSeries) -> str:
    """Where the rows of a series are, with those that the archive keeps."""
    whole = f"{series.table.name}_all"
    return f'"{whole}"' if whole in snapshot.columns else f'"{series.table.name}"'


def _days(from_at: datetime, to_at: datetime) -> Iterator[date]:
    """The days from one instant to another, both inclusive."""
    day = from_at.astimezone(UTC).date()
    while day <= to_at.astimezone(UTC).date():
        yield day
        day += _DAY


def _in_a_row(days: Sequence[date]) -> list[tuple[date, date]]:
    """Sorted days as spans without a hole: the first and the last day of each."""
    spans: list[tuple[date, date]] = []
    for day in days:
        if spans and spans[-1][1] + _DAY == day:
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans


def _typed(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """The columns of a schema with its types: DuckDB gives other ones where a table is empty."""
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _begin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _query(name: str) -> str:
    file = resources.files(__package__).joinpath("sql", f"completeness_{name}.sql")
    return file.read_text("utf-8")
