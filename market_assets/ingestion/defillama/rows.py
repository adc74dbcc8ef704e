"""What the rows of flows and of throughput have in common: an hour, a last day, whose they are."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.clock import ceiling
from market_assets.frames import conform

if TYPE_CHECKING:
    from collections.abc import Collection

    from market_assets.tables import TableSpec

_HOUR: Final = timedelta(hours=1)
_FRAMING: Final = ("subject_id", "as_of", "last_day", "ingested_at")


def hour_of(read_at: datetime) -> datetime:
    """The hour that a row speaks for: the first full one by which all of its data were read.

    So whoever takes the rows up to an instant finds nothing in them that was not known by then.

    Args:
        read_at: when the last of the data was read; not before.
    """
    return ceiling(read_at, _HOUR)


def hourly(
    spec: TableSpec, rows: pl.DataFrame, *, failed: Collection[str], last_day: date, now: datetime
) -> pl.DataFrame:
    """The rows as a frame of the table; columns that they lack are NULL.

    A subject that failed and has no figure gets no row: a row of NULLs says that DefiLlama is
    silent, which nobody knows. One with some figures keeps them.
    """
    given = {name: type_ for name, type_ in spec.schema.items() if name not in _FRAMING}
    frame = rows.with_columns(
        pl.lit(None, type_).alias(name) for name, type_ in given.items() if name not in rows.columns
    ).with_columns(
        pl.lit(hour_of(now), pl.Datetime("us", "UTC")).alias("as_of"),
        pl.lit(last_day, pl.Date).alias("last_day"),
        pl.lit(now, pl.Datetime("us", "UTC")).alias("ingested_at"),
    )
    has_a_figure = pl.any_horizontal(pl.col(name).is_not_null() for name in given)
    did_not_fail = ~pl.col("subject_id").is_in(sorted(failed))
    return conform(spec, frame.filter(has_a_figure | did_not_fail))
