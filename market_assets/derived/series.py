"""Which candle series are fit to compute from: one that is not costs its own symbol's features.

Not here: what is computed from them (`features/`), how a hole is healed (`streams/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

RECENT_BARS: Final = 60
"""A hole among so many of the newest bars makes a series unfit. Older ones do not: what would
reach over them is NULL."""


@dataclass(frozen=True)
class Verdict:
    """The series of one interval.

    Attributes:
        usable: symbols whose series is fresh and whole.
        blocked: the other symbols, with the reason, by name.
    """

    usable: frozenset[str]
    blocked: Mapping[str, str]


def judge(
    candles: pl.DataFrame, *, length: timedelta, as_of: datetime, overdue_by: timedelta
) -> Verdict:
    """Tell the series that can be used from those that are stale, have a hole, or contradict.

    Args:
        candles: closed candles of one interval, in any order.
        length: of the interval.
        as_of: now.
        overdue_by: a series is stale if its next bar should have been there for longer than this.

    Returns:
        A verdict on every symbol that has a candle.
    """
    low, high = pl.col("low"), pl.col("high")
    sound = (
        (low <= pl.min_horizontal("open", "close"))
        & (high >= pl.max_horizontal("open", "close"))
        & (low > 0)
    )
    newest = pl.col("open_at").max()
    recent = pl.col("open_at").filter(pl.col("open_at") > newest - RECENT_BARS * length)
    series = candles.group_by("symbol").agg(
        newest_at=newest,
        oldest_recent_at=recent.min(),
        recent=recent.len(),
        contradictions=(~sound).sum(),
    )
    step = length.total_seconds()
    late = (as_of - pl.col("newest_at")).dt.total_seconds() - 2 * step
    span = (pl.col("newest_at") - pl.col("oldest_recent_at")).dt.total_seconds() / step + 1
    why = (
        pl.when(late > overdue_by.total_seconds())
        .then(pl.format("stale: the last candle opened {} s ago", (late + 2 * step).cast(pl.Int64)))
        .when(pl.col("contradictions") > 0)
        .then(pl.format("broken: {} candles contradict themselves", "contradictions"))
        .when(pl.col("recent") < span)
        .then(
            pl.format(
                "broken: {} of the last {} candles are missing",
                (span - pl.col("recent")).cast(pl.Int64),
                span.cast(pl.Int64),
            )
        )
    )
    judged = series.select("symbol", why=why).sort("symbol")
    blocked = judged.filter(pl.col("why").is_not_null())
    return Verdict(
        usable=frozenset(judged.filter(pl.col("why").is_null())["symbol"]),
        blocked=dict(blocked.iter_rows()),
    )
