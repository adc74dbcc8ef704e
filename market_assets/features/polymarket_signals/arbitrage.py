"""Signals from books of several tokens of which exactly one pays: buying all costs under a dollar.

Only proven, fresh books count. A token whose newest book differs from the venue's hash (`is_proven`
is FALSE) makes no signal and ends no case; one whose hash could not be formed (NULL) is used.

A missing ask counts as one dollar, the highest price there is: then nothing is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.features.polymarket_signals.books import newest
from market_assets.features.polymarket_signals.cases import rounded

if TYPE_CHECKING:
    from datetime import datetime

COMPLEMENT_ARBITRAGE: Final = "complement_arbitrage"
NEGATIVE_RISK_ARBITRAGE: Final = "negative_risk_arbitrage"
_OUTCOMES: Final = 2
_NO_ASK: Final = 1.0


def complement_arbitrages(
    series: pl.DataFrame, markets: pl.DataFrame, *, as_of: datetime
) -> pl.DataFrame:
    """1 − (best ask of one outcome + best ask of the other) − the taker's fees of both, in cents.

    Fees are rate × p × (1 − p) a share, by the market's own schedule; 0 where it has none.

    Args:
        series: what `books.book_series` returns.
        markets: rows of `polymarket_markets`; open ones with two outcomes are looked at.
        as_of: only books of by then are used.

    Returns:
        Scores (`cases.POINT`) of now and of the grid, by market.
    """
    pairs = markets.filter(~_is_closed() & (pl.col("token_ids").list.len() == _OUTCOMES))
    legs = pairs.select(
        "condition_id",
        "taker_fee_rate",
        pl.col("condition_id").alias("group"),
        pl.col("token_ids").alias("token_id"),
    ).explode("token_id")
    return _left_over(series, legs, as_of).drop("group")


def negative_risk_arbitrages(
    series: pl.DataFrame, markets: pl.DataFrame, *, as_of: datetime
) -> pl.DataFrame:
    """1 − the sum of the best asks of Yes over all open outcomes of an event − fees, in cents.

    Of an event of which one market has won, or has closed while nobody says yet who won, there is
    none: that outcome may be the one that pays. A market that the venue has taken back is none of
    the event's. The signal stands under the first condition of the open ones.

    Args:
        series: what `books.book_series` returns.
        markets: rows of `polymarket_markets`; all of the events with a negative-risk market.
        as_of: only books of by then are used.

    Returns:
        Scores (`cases.POINT`) of now and of the grid, by event.
    """
    listed = markets.filter(
        pl.col("event_id").is_not_null() & pl.col("is_listed").fill_null(value=True)
    )
    has_lost = pl.col("winning_outcome") != pl.col("outcomes").list.first()
    may_pay = _is_closed() & ~has_lost.fill_null(value=False)
    events = (
        listed.group_by("event_id")
        .agg(
            is_open=~may_pay.any(),
            is_group=pl.col("neg_risk").fill_null(value=False).all(),
            condition_id=pl.col("condition_id").filter(~_is_closed()).min(),
            outcomes=(~_is_closed()).sum(),
        )
        .filter("is_open", "is_group", pl.col("outcomes") >= _OUTCOMES)
    )
    legs = (
        listed.filter(~_is_closed())
        .select(
            "event_id", "taker_fee_rate", token_id=pl.col("token_ids").list.get(0, null_on_oob=True)
        )
        .join(events.select("event_id", "condition_id"), on="event_id")
        .rename({"event_id": "group"})
    )
    return _left_over(series, legs, as_of).rename({"group": "event_id"})


def _is_closed() -> pl.Expr:
    return pl.col("closed").fill_null(value=False)


def _left_over(series: pl.DataFrame, legs: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """What one share of each leg leaves of a dollar, now and at each instant of the grid.

    Args:
        series: what `books.book_series` returns.
        legs: `group`, `condition_id` (of the signal), `token_id`, `taker_fee_rate`.
        as_of: now.

    Returns:
        Scores; NULL where a leg's book is not known, or is not the venue's.
    """
    sizes = legs.group_by("group").agg(legs=pl.len())
    legs = legs.filter(pl.col("token_id").is_not_null()).join(sizes, on="group")
    books = series.select("token_id", "at", "best_ask", "is_proven", "is_grid")
    grid = _sum(legs.join(books.filter("is_grid"), on="token_id"), ["at"])
    last = newest(series, as_of).select("token_id", "at", "best_ask", "is_proven")
    now = _sum(legs.join(last, on="token_id"), []).select(grid.columns)
    # Now stands last, so that it counts where it is of the same instant as the grid.
    return pl.concat([grid.filter(pl.col("at") <= as_of), now]).select(
        "group",
        "condition_id",
        token_id=pl.lit(None, pl.String),
        at="at",
        score="score",
        asks_usd="asks_usd",
        fees_usd="fees_usd",
        outcomes="legs",
    )


def _sum(priced: pl.DataFrame, at: list[str]) -> pl.DataFrame:
    """The legs of each group (and instant) together."""
    ask = pl.col("best_ask").fill_null(_NO_ASK)
    fee = pl.col("taker_fee_rate").fill_null(0.0) * ask * (1 - ask)
    summed = priced.group_by("group", "condition_id", "legs", *at).agg(
        *([] if at else [pl.col("at").max()]),
        asks_usd=ask.sum().round(12),
        fees_usd=fee.sum().round(12),
        known=pl.len(),
        wrong=(~pl.col("is_proven").fill_null(value=True)).sum(),
    )
    is_known = (pl.col("known") == pl.col("legs")) & (pl.col("wrong") == 0)
    left = 100 * (1 - pl.col("asks_usd") - pl.col("fees_usd"))
    return summed.sort("group", "at").select(
        "group",
        "condition_id",
        "at",
        "asks_usd",
        "fees_usd",
        pl.col("legs").cast(pl.Int64),
        score=pl.when(is_known).then(rounded(left)),
    )
