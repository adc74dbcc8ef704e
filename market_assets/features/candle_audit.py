"""The exchange as judge of our candles: what differs, and who is right.

For candles of minutes the exchange is. Of its wider ones its own minutes are: a restart of the
exchange has cut the first part off candles that were forming then, and they stay so. A wider candle
that its own minutes contradict is not copied. Where those minutes are no longer to be had, a candle
counts as cut if it is a part of ours, which was made of minutes: less volume and no more trades,
within ours from low to high, with the same close.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from datetime import datetime

_PRICES: Final = ("open", "high", "low", "close")
_SAME: Final = 1e-9
"""Relative difference of prices up to which they are the same number."""
_SAME_SUM: Final = 1e-6
"""The same of volumes: sums of many."""
_BPS: Final = 10_000
_FIGURES: Final = (*_PRICES, "volume", "trades")


@dataclass(frozen=True)
class Audit:
    """What an audit of an asset's candles of one interval has found.

    Attributes:
        symbol: the asset.
        interval: of the candles.
        audited_at: when the exchange was asked.
        compared: candles that are over and that the exchange has.
        mismatches: of these, those that differ from ours, or that we lack.
        exchange_wrong: of the mismatches, those that its own minutes contradict.
        worst_bps: the greatest difference of a price among the mismatches that both have.
        right: the exchange's candles of the other mismatches.
    """

    symbol: str
    interval: str
    audited_at: datetime
    compared: int
    mismatches: int
    exchange_wrong: int
    worst_bps: float | None
    right: pl.DataFrame

    @property
    def replaced(self) -> int:
        """Candles that are to be the exchange's."""
        return self.right.height


def audit(
    ours: pl.DataFrame,
    theirs: pl.DataFrame,
    *,
    symbol: str,
    interval: str,
    at: datetime,
    rolled: pl.DataFrame | None = None,
) -> Audit:
    """Hold our candles against the exchange's.

    Args:
        ours: rows of `hyperliquid_candles` of the asset and interval.
        theirs: the same of the exchange; those that are over are compared.
        symbol: the asset.
        interval: of the candles.
        at: when the exchange was asked.
        rolled: for an interval wider than a minute, candles of it made from the exchange's own
            minutes; None: the exchange is right.
    """
    judged = theirs.filter("is_closed").join(
        ours.filter("is_closed").select("open_at", "source", *_FIGURES),
        on="open_at",
        how="left",
        suffix="_ours",
    )
    wrong = judged.filter(~_same("_ours").fill_null(value=False))
    if rolled is not None:
        wrong = wrong.join(
            rolled.filter("is_closed").select("open_at", *_FIGURES),
            on="open_at",
            how="left",
            suffix="_rolled",
        ).with_columns(cut=_contradicted().fill_null(value=False))
    else:
        wrong = wrong.with_columns(cut=pl.lit(value=False))
    worst = wrong.select(
        pl.max_horizontal(
            *((pl.col(f"{name}_ours") / pl.col(name) - 1).abs() * _BPS for name in _PRICES)
        ).max()
    ).item()
    return Audit(
        symbol,
        interval,
        at,
        compared=judged.height,
        mismatches=wrong.height,
        exchange_wrong=wrong.filter("cut").height,
        worst_bps=worst,
        right=wrong.filter(~pl.col("cut")).select(theirs.columns),
    )


def _same(of: str, other: str = "") -> pl.Expr:
    """The candles whose columns have these suffixes are the same."""
    return pl.all_horizontal(
        *(_near(name, of, other, _SAME) for name in _PRICES),
        _near("volume", of, other, _SAME_SUM),
        pl.col(f"trades{of}") == pl.col(f"trades{other}"),
    )


def _near(name: str, of: str, other: str, tolerance: float) -> pl.Expr:
    one, two = pl.col(f"{name}{of}"), pl.col(f"{name}{other}")
    return (one - two).abs() <= tolerance * pl.max_horizontal(one.abs(), two.abs())


def _contradicted() -> pl.Expr:
    """By the exchange's own minutes; where there are none, by the look of it."""
    is_ours_rolled = _same("_ours", "_rolled")
    is_part = pl.all_horizontal(
        pl.col("source_ours") == "rollup",
        pl.col("volume") < pl.col("volume_ours"),
        pl.col("trades") <= pl.col("trades_ours"),
        pl.col("high") <= pl.col("high_ours"),
        pl.col("low") >= pl.col("low_ours"),
        _near("close", "_ours", "", _SAME),
    )
    return pl.when(pl.col("close_rolled").is_not_null()).then(is_ours_rolled).otherwise(is_part)
