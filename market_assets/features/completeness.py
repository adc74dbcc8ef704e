"""How many rows of a series each day should have, and what the ledger of gaps says of the rest.

A series has a row per asset at every instant of a grid (`tables.GRID_SERIES`). Pure: what is read,
and which days are counted, is in `derived/completeness.py`.

An asset is expected

- on every day for a week after a day on which it has rows, and wherever the ledger has a gap of it:
  it is collected, and what is missing is missing. After a week without a row it is not collected
  any more;
- on its first day from the earlier of two instants: its first row, and when the project first saw
  it (`first_seen_at`). A row from before that proves an earlier life;
- on a day before the project first saw it only where it has rows: the day was backfilled. So a new
  database is not incomplete for its past;
- until the registry said that it is delisted.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.clock import floor
from market_assets.frames import at, conform
from market_assets.tables import DATA_COMPLETENESS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_assets.tables import GridSeries

Schema = dict[str, pl.DataType]

WEEK_DAYS: Final = 7
"""So many days after its last row an asset is still expected."""
_NOT_COLLECTED: Final = (
    "fresh",
    "listing",
    "unlisted",
    "unsubscribed",
    "not paid",
    "not paid, in doubt",
)
"""Causes of gaps that may lie before the asset was collected, or after: they make no day one on
which it is expected."""
_DAY: Final = timedelta(days=1)
_DAY_US: Final = _DAY // timedelta(microseconds=1)
_INSTANT: Final = pl.Datetime("us", "UTC")
COUNTED: Final[Schema] = {
    "symbol": pl.String(),
    "day": pl.Date(),
    "present_rows": pl.Int64(),
    "first_at": _INSTANT,
}
ASSETS: Final[Schema] = {"symbol": pl.String(), "first_seen_at": _INSTANT, "delisted_at": _INSTANT}
GAPS: Final[Schema] = {
    "symbol": pl.String(),
    "cause": pl.String(),
    "gap_from_at": _INSTANT,
    "gap_to_at": _INSTANT,
    "healed_at": _INSTANT,
    "healed_rows": pl.Int64(),
}
STORED: Final[Schema] = {
    "symbol": pl.String(),
    "day": pl.Date(),
    "present_rows": pl.Int64(),
    "healed_rows": pl.Int64(),
    "lost_rows": pl.Int64(),
}


def rows_until(series: GridSeries, as_of: datetime) -> datetime:
    """The first instant of the grid whose row need not be there yet."""
    return floor(as_of - series.due_after, series.step) + series.step


def completeness(
    series: GridSeries,
    *,
    days: Sequence[date],
    counted: pl.DataFrame,
    assets: pl.DataFrame,
    gaps: pl.DataFrame,
    stored: pl.DataFrame,
    as_of: datetime,
) -> pl.DataFrame:
    """The rows of `data_completeness` of one series, for some days.

    Args:
        series: which one.
        days: the days that were counted.
        counted: how many rows there are on these days before `rows_until`, and when the first is.
        assets: the registry; `delisted_at` is NULL for an asset that trades.
        gaps: the ledger's gaps of the series.
        stored: rows of `data_completeness` of these days and of the week before each.
        as_of: the instant as of which it was counted.

    Returns:
        A row for each asset and day that is expected or has rows.
    """
    split = gaps_by_day(series, gaps, until=rows_until(series, as_of))
    found = (
        _wanted(days, counted, stored, split)
        .join(counted, on=["symbol", "day"], how="left")
        .join(assets, on="symbol", how="left")
        .join(_ledger(split, stored), on=["symbol", "day"], how="left")
        .with_columns(pl.col("present_rows", "healed_rows", "lost_rows").fill_null(0))
        .with_columns(expected_rows=_expected(series, as_of))
        .filter((pl.col("expected_rows") > 0) | (pl.col("present_rows") > 0))
    )
    missing = (pl.col("expected_rows") - pl.col("present_rows")).clip(0)
    return conform(
        DATA_COMPLETENESS,
        found.select(
            pl.lit(series.table.name).alias("table_name"),
            pl.lit(series.interval, pl.String).alias("interval"),
            "symbol",
            "day",
            "expected_rows",
            "present_rows",
            pl.min_horizontal("healed_rows", "present_rows").alias("healed_rows"),
            pl.min_horizontal(pl.col("lost_rows"), missing).alias("lost_rows"),
            share_pct("present_rows", "expected_rows").alias("completeness_pct"),
            at(as_of).alias("updated_at"),
        ).sort("day", "symbol"),
    )


def share_pct(present: str, expected: str) -> pl.Expr:
    """100 × present / expected, at most 100; NULL where nothing is expected."""
    share = (100.0 * pl.col(present) / pl.col(expected)).clip(upper_bound=100.0)
    return pl.when(pl.col(expected) > 0).then(share)


def gaps_by_day(series: GridSeries, gaps: pl.DataFrame, *, until: datetime) -> pl.DataFrame:
    """Each gap's instants of the grid, on each day that it spans.

    The rows that healed it are dealt to its days in proportion, without losing one. A gap that is
    closed and got no row is lost for good: all of its instants are.

    Args:
        series: whose grid it is.
        gaps: as `completeness` takes them.
        until: instants from then on do not count.

    Returns:
        symbol, day, cause, from_at (of the part on that day), healed_rows, lost_rows; a row per gap
        and day.
    """
    a_day = _DAY // series.step
    begin, end = pl.col("begin"), pl.col("end")
    cut = gaps.with_columns(
        begin=_place(pl.col("gap_from_at"), series.step),
        end=_place(pl.min_horizontal(pl.col("gap_to_at"), at(until)), series.step),
    ).filter(begin < end)
    by_day = cut.with_columns(number=pl.int_ranges(begin // a_day, (end - 1) // a_day + 1)).explode(
        "number"
    )
    first = pl.col("number") * a_day
    before, through = (
        (limit.clip(begin, end) - begin).cast(pl.Int64) for limit in (first, first + a_day)
    )
    healed = pl.col("healed_rows").fill_null(0)
    is_closed = pl.col("healed_at").is_not_null()
    return by_day.select(
        "symbol",
        pl.col("number").cast(pl.Int32).cast(pl.Date).alias("day"),
        "cause",
        pl.max_horizontal(pl.col("gap_from_at"), (pl.col("number") * _DAY_US).cast(_INSTANT)).alias(
            "from_at"
        ),
        (healed * through // (end - begin) - healed * before // (end - begin)).alias("healed_rows"),
        pl.when(is_closed & (healed == 0))
        .then(through - before)
        .otherwise(0)
        .cast(pl.Int64)
        .alias("lost_rows"),
    )


def _wanted(
    days: Sequence[date], counted: pl.DataFrame, stored: pl.DataFrame, split: pl.DataFrame
) -> pl.DataFrame:
    """The assets of each day.

    Beside them `is_followed`, whether the asset had rows in the week before, and `gap_at`, from
    when on that day the ledger has a gap of it.
    """
    key = ("symbol", "day")
    of_the_days = pl.col("day").is_in(list(days))
    known = stored.filter((pl.col("present_rows") > 0) & ~of_the_days)
    has_rows = pl.concat([counted.select(key), known.select(key)])
    week = [
        has_rows.with_columns(pl.col("day") + timedelta(days=later))
        for later in range(1, WEEK_DAYS + 1)
    ]
    followed = pl.concat(week).unique().with_columns(is_followed=True)
    holes = (
        split.filter(~pl.col("cause").is_in(_NOT_COLLECTED))
        .group_by(key)
        .agg(gap_at=pl.col("from_at").min())
    )
    return (
        pl.concat([counted.select(key), followed.select(key), holes.select(key)])
        .unique()
        .filter(of_the_days)
        .join(followed, on=key, how="left")
        .join(holes, on=key, how="left")
        .with_columns(pl.col("is_followed").fill_null(value=False))
    )


def _ledger(split: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Rows healed and lost, by asset and day.

    The ledger forgets closed gaps after a while: what was known of a day before is kept.
    """
    columns = ("symbol", "day", "healed_rows", "lost_rows")
    now = split.group_by("symbol", "day").agg(pl.col("healed_rows", "lost_rows").sum())
    both = pl.concat([now.select(columns), stored.select(columns)])
    return both.group_by("symbol", "day").agg(pl.col("healed_rows", "lost_rows").max())


def _expected(series: GridSeries, as_of: datetime) -> pl.Expr:
    """Instants of the grid at which a row is expected, of a day of an asset."""
    begins, seen = pl.col("day").cast(_INSTANT), pl.col("first_seen_at")
    first = pl.min_horizontal("first_at", "gap_at")
    ends = begins + _DAY
    starts = (
        pl.when(first.is_null() & (seen >= ends))
        .then(ends)  # nothing of it was known, and nobody brought rows of it
        .when("is_followed")
        .then(begins)
        .when(seen >= begins)
        .then(pl.min_horizontal(seen, first))
        .otherwise(first)
    )
    limit = pl.min_horizontal(ends, at(rows_until(series, as_of)), pl.col("delisted_at"))
    return (_place(limit, series.step) - _place(starts, series.step)).clip(0)


def _place(instant: pl.Expr, step: timedelta) -> pl.Expr:
    """The number of the first instant of the grid that is not before this one."""
    step_us = step // timedelta(microseconds=1)
    return -(-instant.dt.epoch("us") // step_us)
