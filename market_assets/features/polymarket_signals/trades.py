"""Signals from trades: a single large one, and an hour with far more than usual.

Not here: which trades are stored; fills of small orders may not be (`MARKET_TRADES_MIN_USD`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from market_assets.features.polymarket_signals.cases import HISTORY, INSTANT, rounded, signals

LARGE_TRADE: Final = "large_trade"
VOLUME_SPIKE: Final = "volume_spike"
WEEK: Final = timedelta(days=7)
HOUR: Final = timedelta(hours=1)
_HOURS_OF_A_WEEK: Final = 168
_PERCENTILE: Final = 0.99
_JUDGED: Final = timedelta(minutes=5)
"""Trades of so long before now are judged by every run, the first one too."""
LATE: Final = timedelta(minutes=10)
"""A trade may arrive so long after it happened and is judged all the same."""
_LEAST_HOURS: Final = 24
"""Of the week before, with trades: with fewer there is nothing usual to compare with."""
_STEP: Final = timedelta(minutes=1)


def large_trades(
    trades: pl.DataFrame, *, threshold: float, as_of: datetime, last_run_at: datetime | None
) -> pl.DataFrame:
    """Trades of at least the threshold that also are among the market's own largest.

    A trade is held against the 99th percentile (between neighbours in proportion) of the market's
    trades of the seven days up to its own instant, itself included.

    Args:
        trades: rows of `polymarket_trades` of the last seven days and before, in any order.
        threshold: price × size, in USD.
        as_of: only trades up to then are used.
        last_run_at: when signals were last looked for; None: never. Trades of the last five minutes
            are judged; after an earlier run also those that arrived since, if they happened no more
            than ten minutes before it.

    Returns:
        Rows of `polymarket_signal_events`, one for each trade; `as_of` is the trade's instant.
    """
    known = trades.filter(pl.col("traded_at") <= as_of)
    judged = pl.col("traded_at") > as_of - _JUDGED
    if last_run_at is not None:
        judged |= (pl.col("ingested_at") > last_run_at) & (pl.col("traded_at") > last_run_at - LATE)
    large = known.filter(judged & (pl.col("notional_usd") >= threshold))
    against = (
        large.select("trade_key", "condition_id", "traded_at")
        .join(
            known.select("condition_id", then="traded_at", notional="notional_usd"),
            on="condition_id",
        )
        .filter(
            (pl.col("then") <= pl.col("traded_at")) & (pl.col("then") > pl.col("traded_at") - WEEK)
        )
        .group_by("trade_key")
        .agg(
            percentile_99_usd=pl.col("notional").quantile(_PERCENTILE, "linear"),
            trades_7d=pl.len(),
        )
    )
    rows = (
        large.join(against, on="trade_key")
        .filter(pl.col("notional_usd") >= pl.col("percentile_99_usd"))
        .sort("traded_at", "trade_key")
        .select(
            "condition_id",
            "token_id",
            "trade_key",
            "outcome",
            "side",
            "price",
            "size",
            "percentile_99_usd",
            "trades_7d",
            at="traded_at",
            score="notional_usd",
        )
    )
    return signals(LARGE_TRADE, rows, threshold=threshold, found_at=as_of)


def volume_spikes(
    trades: pl.DataFrame, *, as_of: datetime, history: timedelta = HISTORY
) -> pl.DataFrame:
    """Notional of the last hour over the mean hour's of the seven days before it.

    The mean is over all 168 hours, those without trades too. A market with trades in fewer than 24
    of them has no score.

    Args:
        trades: rows of `polymarket_trades` of that time and of seven days and an hour before it, in
            any order.
        as_of: only trades up to then are used.
        history: how far back scores are given.

    Returns:
        Scores (`cases.POINT`) of now and of each full minute of that time, of the markets with
        a trade in the hour up to now.
    """
    known = trades.filter(pl.col("traded_at") <= as_of).sort("condition_id", "traded_at")
    lively = known.filter(pl.col("traded_at") > as_of - HOUR).select("condition_id").unique()
    known = known.join(lively, on="condition_id", how="semi")
    instants = pl.DataFrame({"at": _minutes(as_of, history)}, schema={"at": INSTANT})
    sums = _sums(known)
    points = lively.join(instants, how="cross").sort("condition_id", "at")
    for name, back in (("now", timedelta(0)), ("hour", HOUR), ("week", HOUR + WEEK)):
        points = _until(points, sums, name, back)
    last_hour = pl.col("sum_now") - pl.col("sum_hour")
    mean_hour = (pl.col("sum_hour") - pl.col("sum_week")) / _HOURS_OF_A_WEEK
    hours = pl.col("hours_hour") - pl.col("hours_week")
    newest = known.group_by("condition_id").agg(made_at=pl.col("traded_at").max())
    return (
        points.join(newest, on="condition_id")
        .with_columns(
            token_id=pl.lit(None, pl.String),
            last_hour_usd=last_hour,
            mean_hour_usd=mean_hour,
            hours_with_trades=hours,
        )
        .with_columns(
            score=pl.when(hours >= _LEAST_HOURS).then(
                rounded(pl.col("last_hour_usd") / pl.col("mean_hour_usd"))
            )
        )
        .select(
            "condition_id",
            "token_id",
            "at",
            "score",
            "made_at",
            "last_hour_usd",
            "mean_hour_usd",
            "hours_with_trades",
        )
    )


def _minutes(as_of: datetime, history: timedelta) -> list[datetime]:
    """The full minutes of the history that is looked at, and now."""
    full = as_of.replace(second=0, microsecond=0)
    count = history // _STEP
    found = [full - i * _STEP for i in range(count)]
    return sorted({*found, as_of})


def _sums(trades: pl.DataFrame) -> pl.DataFrame:
    """What had been traded by each trade of a market, and in how many hours of the clock."""
    hour = pl.col("traded_at").dt.truncate("1h")
    is_first = (hour != hour.shift().over("condition_id")).fill_null(value=True)
    return trades.select(
        "condition_id",
        "traded_at",
        total=pl.col("notional_usd").cum_sum().over("condition_id"),
        hours=is_first.cast(pl.Int64).cum_sum().over("condition_id"),
    )


def _until(points: pl.DataFrame, sums: pl.DataFrame, name: str, back: timedelta) -> pl.DataFrame:
    """The sums up to `back` before each point; 0 where nothing had been traded."""
    return (
        points.with_columns(wanted_at=pl.col("at") - back)
        .join_asof(
            sums,
            left_on="wanted_at",
            right_on="traded_at",
            by="condition_id",
            check_sortedness=False,  # both are sorted within markets, which Polars cannot see
        )
        .with_columns(
            pl.col("total").fill_null(0.0).alias(f"sum_{name}"),
            pl.col("hours").fill_null(0).alias(f"hours_{name}"),
        )
        .drop("wanted_at", "traded_at", "total", "hours", strict=False)
    )
