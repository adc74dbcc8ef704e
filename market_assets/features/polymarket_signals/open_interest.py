"""Signals from open interest: collateral that came or went within an hour."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.features.polymarket_signals.cases import HISTORY, rounded

if TYPE_CHECKING:
    from datetime import datetime

OPEN_INTEREST_JUMP: Final = "open_interest_jump"
WINDOW: Final = timedelta(hours=1)


def open_interest_jumps(
    metrics: pl.DataFrame, *, as_of: datetime, history: timedelta = HISTORY
) -> pl.DataFrame:
    """How far open interest has moved within an hour, per cent.

    Of an observation against those of the hour before it, the hour's first instant included, the
    greatest absolute change counts. One that follows nothing within the hour has no score.

    Args:
        metrics: rows of `polymarket_market_metrics` of that time and of an hour before it, in any
            order.
        as_of: only what was observed by then is used.
        history: how far back scores are given.

    Returns:
        Scores (`cases.POINT`) of the observations of that time.
    """
    now, least, most = pl.col("open_interest_usd"), pl.col("least"), pl.col("most")
    up = pl.when(least > 0).then(now / least - 1)
    down = pl.when(most > 0).then(1 - now / most)
    return (
        metrics.filter(pl.col("observed_at") <= as_of)
        .sort("condition_id", "observed_at")
        .with_columns(
            least=now.rolling_min_by("observed_at", window_size="1h", closed="both").over(
                "condition_id"
            ),
            most=now.rolling_max_by("observed_at", window_size="1h", closed="both").over(
                "condition_id"
            ),
        )
        .filter(pl.col("observed_at") > as_of - history)
        .select(
            "condition_id",
            token_id=pl.lit(None, pl.String),
            at="observed_at",
            score=rounded(100 * pl.max_horizontal(up, down)),
            open_interest_usd=now,
            least_of_the_hour_usd=least,
            most_of_the_hour_usd=most,
        )
    )
