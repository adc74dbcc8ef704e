"""Changes and sums over the last complete days of daily series: pure functions, frames to frames.

A stock (value locked, stablecoins) changes from one day to another; a flow (fees, volume) is summed
over days. Neither is done where a day is missing: what is not known is NULL, not a smaller figure.

The input has one row per `subject_id`, `metric` and `day` (a `Date`) with `value_usd`; other
columns are ignored.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import polars as pl

SPANS: Final = (1, 7, 30)
"""Lengths of the windows, in days."""
SUMS: Final = {1: "24h", 7: "7d", 30: "30d"}
"""What a sum over so many days is called."""


def changes(days: pl.DataFrame, last_day: date) -> pl.DataFrame:
    """The value of the last day less that of 1, 7 and 30 days before.

    Args:
        days: daily values of stocks.
        last_day: the last complete day.

    Returns:
        One row per subject and metric: `change_{n}d_usd`, and `change_{n}d_pct` of the earlier
        value (5.0 is five per cent). NULL where one of the two days is missing; the percentage
        also where the earlier value is 0.
    """
    keys = ("subject_id", "metric")
    at = {span: last_day - timedelta(days=span) for span in (0, *SPANS)}
    values = days.group_by(keys).agg(
        pl.col("value_usd").filter(pl.col("day") == day).last().alias(f"v{span}")
        for span, day in at.items()
    )
    change = {span: pl.col("v0") - pl.col(f"v{span}") for span in SPANS}
    return values.select(
        *keys,
        *(change[span].alias(f"change_{span}d_usd") for span in SPANS),
        *(
            pl.when(pl.col(f"v{span}") > 0)
            .then(change[span] / pl.col(f"v{span}") * 100)
            .alias(f"change_{span}d_pct")
            for span in SPANS
        ),
    ).sort(keys)


def sums(days: pl.DataFrame, last_day: date) -> pl.DataFrame:
    """The sum over the 1, 7 and 30 days that end with the last.

    Args:
        days: daily values of flows, one row per day.
        last_day: the last complete day.

    Returns:
        One row per subject and metric: `sum_24h_usd`, `sum_7d_usd`, `sum_30d_usd`; NULL where a day
        of the window is missing.
    """
    keys = ("subject_id", "metric")

    def total(span: int) -> pl.Expr:
        first = last_day - timedelta(days=span - 1)
        inside = pl.col("value_usd").filter(pl.col("day").is_between(first, last_day))
        return pl.when(inside.len() == span).then(inside.sum()).alias(f"sum_{SUMS[span]}_usd")

    return days.group_by(keys).agg(total(span) for span in SPANS).sort(keys)
