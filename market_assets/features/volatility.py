"""Realised volatility of all symbols at once, by six estimators, and the regime it makes.

Formulas as in R's TTR (`volatility`). All are annualised for a market that never closes: 365 days
of 24 hours. A bar in which nothing traded is flat and pulls every estimator that looks at ranges
towards 0, so the share of bars that traded stands beside them.

Not here: which bars may be used (`series.py`), where regimes begin (`thresholds.py`).
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.clock import interval_length
from market_assets.features.series import closed_bars, last_of_each_symbol
from market_assets.features.thresholds import VolatilityThresholds
from market_assets.features.windows import MINUTES_OF_A_DAY
from market_assets.frames import conform
from market_assets.tables import HYPERLIQUID_VOLATILITY_PROFILES

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

_HOUR: Final = 60
_BARS: Final = pl.len().cast(pl.Float64)
_YANG_ZHANG_K: Final = 0.34 / (1.34 + (_BARS + 1) / (_BARS - 1))
_DEFAULTS: Final = VolatilityThresholds()


def periods_per_year(interval: str) -> int:
    """How many bars of an interval 365 days of 24 hours have: 525600 of `1m`, 8760 of `1h`."""
    return timedelta(days=365) // interval_length(interval)


def variance_terms(bars: pl.DataFrame) -> pl.DataFrame:
    """The bars with what each adds to the estimators of variance (`VARIANCES`).

    Args:
        bars: what `closed_bars` returns. The first bar of a run has no bar before it, and so no
            `gain` and no `jump`.

    Returns:
        The bars and, of logarithms: `gain`, close over the close before; `jump`, open over the
        close before; `body`, close over open; and each bar's own Parkinson, Garman-Klass and
        Rogers-Satchell variance.
    """
    prices = bars.select(pl.col("open", "high", "low", "close").log(), "position")
    opened, high, low, close = (pl.col(name) for name in ("open", "high", "low", "close"))
    before = pl.when(pl.col("position") > 0).then(close.shift())
    body, up, down = pl.col("body"), pl.col("up"), pl.col("down")
    squared_range = (up - down).pow(2)
    moves = prices.select(
        gain=close - before,
        jump=opened - before,
        body=close - opened,
        up=high - opened,
        down=low - opened,
    )
    return bars.hstack(
        moves.select(
            "gain",
            "jump",
            "body",
            parkinson=squared_range / (4 * math.log(2)),
            garman_klass=0.5 * squared_range - (2 * math.log(2) - 1) * body.pow(2),
            rogers_satchell=up * (up - body) + down * (down - body),
        )
    )


VARIANCES: Final = {
    "realized_vol": pl.col("gain").var(ddof=1),
    "parkinson": pl.col("parkinson").mean(),
    "garman_klass": pl.col("garman_klass").mean(),
    "rogers_satchell": pl.col("rogers_satchell").mean(),
    "yang_zhang": (
        pl.col("jump").var(ddof=1)
        + _YANG_ZHANG_K * pl.col("body").var(ddof=1)
        + (1 - _YANG_ZHANG_K) * pl.col("rogers_satchell").mean()
    ),
}
"""The variance by bar over the bars of a group or a window, from `variance_terms`."""


def annualised(variance: pl.Expr, periods: int) -> pl.Expr:
    """The yearly rate of a variance by bar: 0.8 means 80 per cent.

    A bar whose high is not its highest price can make a variance negative, and a price of 0 makes
    it infinite: then it is NULL.

    Args:
        variance: by bar.
        periods: bars per year (`periods_per_year`).
    """
    return pl.when(variance.is_finite() & (variance >= 0)).then((variance * periods).sqrt())


def volatility_profiles(
    candles: pl.DataFrame,
    *,
    as_of: datetime,
    thresholds: VolatilityThresholds = _DEFAULTS,
    delisted: Collection[str] = (),
) -> pl.DataFrame:
    """How much each symbol moved in the hour and the day up to its last closed 1-minute candle.

    Only candles without a hole between them count, and at most a day of them. The volatility of
    the hour needs 60 returns, so 61 candles; what speaks of the day needs
    `thresholds.minimum_candles_24h`. Otherwise they are NULL.

    Args:
        candles: rows of `hyperliquid_candles`, in any order; those of other intervals than `1m`
            are ignored.
        as_of: only candles that are closed by then are used.
        thresholds: how much coverage a day needs, and where regimes begin.
        delisted: symbols to leave out.

    Returns:
        Rows of `hyperliquid_volatility_profiles`, one for each symbol, by symbol.
    """
    bars = closed_bars(candles, interval="1m", as_of=as_of, delisted=delisted)
    days = _last_day(variance_terms(bars))
    hour = pl.col("gain").tail(_HOUR)
    runs = days.group_by("run", maintain_order=True).agg(
        pl.col("symbol").last(),
        pl.col("close_at").last().alias("as_of"),
        pl.len().cast(pl.Int64).alias("candles_used"),
        (100 * (pl.col("trades") > 0).mean()).alias("traded_share_pct"),
        pl.when(pl.col("low").min() > 0)
        .then(100 * (pl.col("high").max() / pl.col("low").min() - 1))
        .alias("range_24h_pct"),
        pl.when(hour.count() == _HOUR).then(hour.var(ddof=1)).alias("realized_vol_1h_rate"),
        **{f"{name}_24h_rate": variance for name, variance in VARIANCES.items()},
    )
    profiles = last_of_each_symbol(runs)
    rates = [name for name in profiles.columns if name.endswith("_rate")]
    of_the_day = [name for name in profiles.columns if "_24h_" in name]
    covered = pl.col("candles_used") >= thresholds.minimum_candles_24h
    return conform(
        HYPERLIQUID_VOLATILITY_PROFILES,
        profiles.drop("run")
        .with_columns(
            annualised(pl.col(name), periods_per_year("1m")).alias(name) for name in rates
        )
        .with_columns(pl.when(covered).then(pl.col(of_the_day)))
        .with_columns(regime=_regime(thresholds)),
    )


def _regime(thresholds: VolatilityThresholds) -> pl.Expr:
    rate = pl.col("realized_vol_24h_rate")
    return (
        pl.when(rate.is_null())
        .then(pl.lit(None, pl.String))
        .when(pl.col("traded_share_pct") < thresholds.thin_traded_share_pct)
        .then(pl.lit("thin"))
        .when(rate < thresholds.calm_below_rate)
        .then(pl.lit("calm"))
        .when(rate < thresholds.elevated_from_rate)
        .then(pl.lit("normal"))
        .when(rate < thresholds.extreme_from_rate)
        .then(pl.lit("elevated"))
        .otherwise(pl.lit("extreme"))
    )


def _last_day(bars: pl.DataFrame) -> pl.DataFrame:
    """The last 1440 bars of each run."""
    longest = bars.select((pl.col("position").max() + 1).fill_null(0)).item()
    if longest <= MINUTES_OF_A_DAY:
        return bars
    return bars.group_by("run", maintain_order=True).tail(MINUTES_OF_A_DAY)
