"""How open positions change, and what that says about who opens and who closes them.

The exchange gives no history of open interest: a change is measured against the context that this
project observed an hour or a day earlier, and is unknown until there is one. It is measured in
base units, so that a price that moves changes nothing by itself.

Not here: what counts as earlier, and as a change (`thresholds.py`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.features.contexts import known_at, latest
from market_assets.features.thresholds import PositioningThresholds
from market_assets.frames import conform
from market_assets.tables import HYPERLIQUID_POSITIONING_PRESSURE

if TYPE_CHECKING:
    from datetime import datetime

_DEFAULTS: Final = PositioningThresholds()


def positioning_pressure(
    contexts_history: pl.DataFrame,
    *,
    as_of: datetime,
    thresholds: PositioningThresholds = _DEFAULTS,
) -> pl.DataFrame:
    """Open interest of each perpetual now, against an hour and a day earlier.

    Args:
        contexts_history: rows of `hyperliquid_asset_contexts`, in any order; those of now
            (`contexts.NOW_WITHIN`), of an hour and of a day before are enough.
        as_of: only what was observed by then is used.
        thresholds: how far back an earlier context may lie, and what counts as a change.

    Returns:
        Rows of `hyperliquid_positioning_pressure`, one for each perpetual that trades now.
    """
    known = known_at(contexts_history, as_of).select(
        "symbol", "observed_at", then_oi="open_interest", then_mark="mark_px"
    )
    is_perp = pl.col("open_interest").is_not_null()
    now = latest(contexts_history, as_of).filter(is_perp).rename({"observed_at": "as_of"})
    hour = _changes(now, known, "1h", timedelta(hours=1), thresholds.tolerance_1h)
    day = _changes(now, known, "24h", timedelta(hours=24), thresholds.tolerance_24h)
    mark, oracle = pl.col("mark_px"), pl.col("oracle_px")
    notional, traded = pl.col("open_interest") * mark, pl.col("volume_24h_quote")
    return conform(
        HYPERLIQUID_POSITIONING_PRESSURE,
        now.hstack(hour)
        .hstack(day)
        .select(
            "symbol",
            "as_of",
            "open_interest",
            "open_interest_usd",
            *hour.columns,
            *day.columns,
            oi_to_volume_24h=pl.when(traded > 0).then(notional / traded),
            mark_oracle_premium_bps=pl.when(oracle > 0).then(10_000 * (mark / oracle - 1)),
            pressure=_pressure(thresholds),
        ),
    )


def _changes(
    now: pl.DataFrame, known: pl.DataFrame, name: str, back: timedelta, tolerance: timedelta
) -> pl.DataFrame:
    """Changes since the last context at or before `back` ago; NULL where none is near enough."""
    then = now.with_columns(wanted_at=pl.col("as_of") - back).join_asof(
        known,
        left_on="wanted_at",
        right_on="observed_at",
        by="symbol",
        tolerance=tolerance,
        check_sortedness=False,  # Polars cannot see the order within symbols; `known` is in order
    )
    return then.select(
        _change_pct("open_interest", "then_oi").alias(f"oi_change_{name}_pct"),
        _change_pct("mark_px", "then_mark").alias(f"mark_change_{name}_pct"),
    )


def _change_pct(now: str, then: str) -> pl.Expr:
    return pl.when(pl.col(then) > 0).then(100 * (pl.col(now) / pl.col(then) - 1))


def _pressure(thresholds: PositioningThresholds) -> pl.Expr:
    """Price and open interest of the last hour: more positions with the price or against it."""
    oi, mark = pl.col("oi_change_1h_pct"), pl.col("mark_change_1h_pct")
    quiet = (oi.abs() < thresholds.quiet_oi_pct) | (mark.abs() < thresholds.quiet_mark_pct)
    return (
        pl.when(oi.is_null() | mark.is_null())
        .then(pl.lit(None, pl.String))
        .when(quiet)
        .then(pl.lit("quiet"))
        .when((mark > 0) & (oi > 0))
        .then(pl.lit("new_longs"))
        .when(mark > 0)
        .then(pl.lit("short_covering"))
        .when(oi > 0)
        .then(pl.lit("new_shorts"))
        .otherwise(pl.lit("long_liquidation"))
    )
