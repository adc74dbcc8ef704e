"""Who pays whom to hold a perpetual, how much, and whether that is unusual for it.

Longs pay shorts where the rate is positive. The exchange pays hourly (every 8 hours before June
2023), and pins the rate while the premium is small, so a rate is read together with the premium.

Not here: where pressure begins (`thresholds.py`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.features.contexts import latest
from market_assets.features.thresholds import FundingThresholds
from market_assets.frames import conform
from market_assets.tables import HYPERLIQUID_FUNDING_PRESSURE

if TYPE_CHECKING:
    from datetime import datetime

_DAY: Final = 24
_WEEK: Final = 7 * _DAY
_PAYMENTS_PER_YEAR: Final = 365 * _DAY
_DEFAULTS: Final = FundingThresholds()


def funding_pressure(
    rates: pl.DataFrame,
    contexts: pl.DataFrame,
    *,
    as_of: datetime,
    thresholds: FundingThresholds = _DEFAULTS,
) -> pl.DataFrame:
    """The running hour's funding of each perpetual, against its last day and week.

    Day and week are the 24 and 168 hours up to the newest rate that was paid before the context
    was observed. Rates of the 8-hour era are no hourly rates and are left out. Without enough of
    a day or a week, or without a rate of the last hours, what rests on it is NULL; so is the
    z-score where all rates of the week are the same, and the sum of a day with an hour missing.

    Args:
        rates: rows of `hyperliquid_funding_rates`, in any order; a week of them is enough.
        contexts: rows of `hyperliquid_asset_contexts`; of each symbol the latest is used, if it is
            of now (`contexts.NOW_WITHIN`).
        as_of: only what was paid or observed by then is used.
        thresholds: how much history is needed, and where pressure begins.

    Returns:
        Rows of `hyperliquid_funding_pressure`, one for each perpetual that trades now.
    """
    now = latest(contexts, as_of).filter(pl.col("funding_rate").is_not_null())
    now = now.select("symbol", "funding_rate", "premium", as_of="observed_at")
    pressures = now.join(_history(rates, now, thresholds), on="symbol", how="left").select(
        "symbol",
        "as_of",
        funding_rate_1h="funding_rate",
        funding_annualized_pct=100 * _PAYMENTS_PER_YEAR * pl.col("funding_rate"),
        premium_bps=10_000 * pl.col("premium"),
        premium_percentile_7d="percentile",
        funding_mean_24h="mean_day",
        funding_zscore_7d=(pl.col("funding_rate") - pl.col("mean_week")) / pl.col("sd_week"),
        cumulative_24h_pct=100 * pl.col("sum_day"),
        rates_used_7d=pl.col("rates_week").fill_null(0).cast(pl.Int64),
    )
    return conform(
        HYPERLIQUID_FUNDING_PRESSURE,
        pressures.with_columns(pressure=_pressure(thresholds)).sort("symbol"),
    )


def _history(rates: pl.DataFrame, now: pl.DataFrame, thresholds: FundingThresholds) -> pl.DataFrame:
    """What the last day and week of rates say, by symbol; NULL where they do not suffice."""
    paid = (
        rates.filter(pl.col("interval_hours") == 1)
        .select("symbol", "funding_at", rate="funding_rate", paid_premium="premium")
        .join(now, on="symbol")
        .filter(pl.col("funding_at") <= pl.col("as_of"))
        .with_columns(newest=pl.col("funding_at").max().over("symbol"))
        .filter(pl.col("newest") >= pl.col("as_of") - thresholds.newest_within)
        .filter(pl.col("funding_at") > pl.col("newest") - timedelta(hours=_WEEK))
    )
    rate, premium = pl.col("rate"), pl.col("paid_premium")
    day = rate.filter(pl.col("funding_at") > pl.col("newest") - timedelta(hours=_DAY))
    enough = rate.len() >= thresholds.minimum_rates_7d
    rank = (premium < pl.col("premium")).sum() + (premium == pl.col("premium")).sum() / 2
    # Rates that are all the same have, in floating point, a deviation that is not quite 0.
    varies = rate.max() > rate.min()
    return paid.group_by("symbol").agg(
        rates_week=rate.len(),
        mean_day=pl.when(day.len() >= thresholds.minimum_rates_24h).then(day.mean()),
        sum_day=pl.when(day.len() == _DAY).then(day.sum()),
        mean_week=pl.when(enough).then(rate.mean()),
        sd_week=pl.when(enough & varies).then(rate.std(ddof=1)),
        percentile=pl.when(
            (premium.count() >= thresholds.minimum_rates_7d)
            & pl.col("premium").first().is_not_null()
        ).then(100 * rank / premium.count()),
    )


def _pressure(thresholds: FundingThresholds) -> pl.Expr:
    """One side pays when the rate has its sign and one of three figures stands out on its side."""
    rate, premium = pl.col("funding_rate_1h"), pl.col("premium_bps")
    rank, zscore = pl.col("premium_percentile_7d"), pl.col("funding_zscore_7d")
    high = (
        (premium >= thresholds.longs_premium_bps)
        | ((rank >= thresholds.high_percentile) & (premium > 0))
        | (zscore >= thresholds.zscore)
    )
    low = (
        (premium <= thresholds.shorts_premium_bps)
        | ((rank <= thresholds.low_percentile) & (premium < 0))
        | (zscore <= -thresholds.zscore)
    )
    return (
        pl.when((rate > 0) & high.fill_null(value=False))
        .then(pl.lit("longs_pay"))
        .when((rate < 0) & low.fill_null(value=False))
        .then(pl.lit("shorts_pay"))
        .otherwise(pl.lit("neutral"))
    )
