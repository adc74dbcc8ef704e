"""Signals from markets about a price that disagree with the price itself.

The price at the end is taken as lognormal without drift, as in the formula of Black and Scholes
for a call that pays a fixed sum (1973): it stands above the strike K with the probability N(d2),
d2 = (ln(S / K) − σ² T / 2) / (σ √T), with the Hyperliquid mid S, the realised volatility σ of 24
hours a year, and the time T to the end in years of 365 days.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from market_assets.channels import channel_of
from market_assets.features.polymarket_signals.cases import HISTORY, INSTANT, rounded
from market_assets.features.polymarket_signals.price_questions import price_question

ASSET_DIVERGENCE: Final = "asset_divergence"
_YEAR: Final = timedelta(days=365)
_MID_WITHIN: Final = channel_of("hyperliquid_mid_prices").freshness_window
_VOLATILITY_WITHIN: Final = channel_of("hyperliquid_volatility_profiles").freshness_window
_THOUSANDS: Final = re.compile(r"k[A-Z]")
"""Symbols that are quoted for a thousand coins: kPEPE, kSHIB."""
_ASKED: Final = {
    "condition_id": pl.String(),
    "symbol": pl.String(),
    "yes_token_id": pl.String(),
    "direction": pl.String(),
    "strike": pl.Float64(),
    "end_at": INSTANT,
}


def probability_above(
    price: float, strike: float, volatility: float, to_end: timedelta
) -> float | None:
    """The probability that a lognormal price without drift ends above the strike.

    Args:
        price: now, in the strike's unit.
        strike: to be above.
        volatility: a year; 0.6 is 60 per cent.
        to_end: how long it is until then.

    Returns:
        0 to 1; None where one of them is not above 0.
    """
    if min(price, strike, volatility, to_end / _YEAR) <= 0:
        return None
    deviation = volatility * math.sqrt(to_end / _YEAR)
    d2 = (math.log(price / strike) - deviation**2 / 2) / deviation
    return 0.5 * math.erfc(-d2 / math.sqrt(2))


def asked_prices(markets: pl.DataFrame, symbols: pl.DataFrame) -> pl.DataFrame:
    """The open markets about an asset that ask for one price on a date, and what they ask.

    Args:
        markets: rows of `polymarket_markets`.
        symbols: `condition_id` and the `symbol` that it is about, one for each market.

    Returns:
        `condition_id`, `symbol`, `yes_token_id` (of the outcome called Yes), `direction`, `strike`
        (in the unit that the symbol is quoted in) and `end_at`.
    """
    rows = []
    is_open = ~pl.col("closed").fill_null(value=False) & pl.col("end_at").is_not_null()
    for row in markets.filter(is_open).join(symbols, on="condition_id").iter_rows(named=True):
        asked = price_question(row["question"] or "")
        names = [(name or "").lower() for name in row["outcomes"] or []]
        if asked is None or "yes" not in names or len(row["token_ids"] or []) != len(names):
            continue
        coins = 1000.0 if _THOUSANDS.match(row["symbol"]) else 1.0
        rows.append(
            {
                "condition_id": row["condition_id"],
                "symbol": row["symbol"],
                "yes_token_id": row["token_ids"][names.index("yes")],
                "direction": asked.direction,
                "strike": asked.strike * coins,
                "end_at": row["end_at"],
            }
        )
    return pl.DataFrame(rows, schema=_ASKED)


def asset_divergences(
    series: pl.DataFrame,
    asked: pl.DataFrame,
    mids: pl.DataFrame,
    volatility: pl.DataFrame,
    *,
    as_of: datetime,
    history: timedelta = HISTORY,
) -> pl.DataFrame:
    """Distance of the mid of Yes from the probability that the asset's price gives, in points.

    Args:
        series: what `books.book_series` returns.
        asked: what `asked_prices` returns.
        mids: rows of `hyperliquid_mid_prices`; of each state of a book the last one before it, and
            no older than its channel's freshness window, counts.
        volatility: `symbol`, `as_of` and `realized_vol_24h_rate` of
            `hyperliquid_volatility_profiles`, used in the same way.
        as_of: only what is of by then is used.
        history: how far back scores are given.

    Returns:
        Scores (`cases.POINT`) of that time, by market; NULL where a mid or a volatility is not
        known, or the end is over.
    """
    yes = series.filter((pl.col("at") > as_of - history) & (pl.col("at") <= as_of)).select(
        "at", pl.col("token_id").alias("yes_token_id"), pl.col("mid").alias("yes_mid")
    )
    known = (
        yes.join(asked, on="yes_token_id", maintain_order="left")
        .sort("symbol", "at", maintain_order=True)
        .join_asof(
            _steps(mids, "bucket_at", "mid", "asset_mid"),
            left_on="at",
            right_on="asset_mid_at",
            by="symbol",
            tolerance=_MID_WITHIN,
            check_sortedness=False,  # both are sorted within symbols, which Polars cannot see
        )
        .join_asof(
            _steps(volatility, "as_of", "realized_vol_24h_rate", "realized_vol_24h_rate"),
            left_on="at",
            right_on="realized_vol_24h_rate_at",
            by="symbol",
            tolerance=_VOLATILITY_WITHIN,
            check_sortedness=False,
        )
    )
    probability = pl.Series(
        "probability", [_probability(row) for row in known.iter_rows(named=True)], pl.Float64
    )
    return known.with_columns(
        probability,
        token_id=pl.lit(None, pl.String),
        hours_to_end=(pl.col("end_at") - pl.col("at")).dt.total_seconds() / 3600,
    ).select(
        "condition_id",
        "token_id",
        "at",
        "symbol",
        "yes_mid",
        "asset_mid",
        "realized_vol_24h_rate",
        "hours_to_end",
        "end_at",
        "probability",
        "direction",
        "strike",
        score=rounded(100 * (pl.col("yes_mid") - pl.col("probability")).abs()),
    )


def _steps(frame: pl.DataFrame, at: str, value: str, name: str) -> pl.DataFrame:
    """A value over time, where there is one."""
    return (
        frame.select("symbol", pl.col(at).alias(f"{name}_at"), pl.col(value).alias(name))
        .drop_nulls()
        .sort("symbol", f"{name}_at")
    )


def _probability(row: dict[str, Any]) -> float | None:
    """Of Yes."""
    price, volatility = row["asset_mid"], row["realized_vol_24h_rate"]
    if price is None or volatility is None:
        return None
    above = probability_above(price, row["strike"], volatility, row["end_at"] - row["at"])
    return above if above is None or row["direction"] == "above" else 1 - above
