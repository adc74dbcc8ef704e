"""Technical indicators of all symbols at once, equal to TA-Lib's.

Most of TA-Lib's indicators are one recursion, `y += alpha * (x - y)`, that starts from the mean of
its first n values: an EMA (alpha = 2 / (n + 1)) or Wilder's smoothing (alpha = 1 / n). Polars has
the recursion (`ewm_mean` with `adjust=False`) but starts it from the first value. Here the first n
values are multiplied by constants that leave each with the weight 1/n when the seed is complete
(`_seed`): the result is TA-Lib's, by one pass for each smoothing and none for its seed.

Not here: which bars may be used (`series.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.features.series import closed_bars, last_of_each_symbol
from market_assets.frames import conform
from market_assets.tables import HYPERLIQUID_TECHNICAL_INDICATORS

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

_POSITION: Final = pl.col("position")


@dataclass(frozen=True)
class _Smoothing:
    """A recursion as TA-Lib starts it.

    Attributes:
        alpha: the weight of a new value.
        over: how many values the seed is made of.
        first: the position in the run of the first of them.
        share: the weight of each in the seed; by default they are averaged.
    """

    alpha: float
    over: int
    first: int
    share: float | None = None

    @property
    def ready(self) -> int:
        """The first position that has a result."""
        return self.first + self.over - 1

    def of(self, values: pl.Expr) -> pl.Expr:
        """The smoothed values; before `ready` they mean nothing."""
        seeded = values * pl.lit(self._seed()).gather(_POSITION.clip(0, self.ready + 1))
        return seeded.ewm_mean(alpha=self.alpha, adjust=False, ignore_nulls=True).over("run")

    def _seed(self) -> pl.Series:
        """By position: 0 before the seed, 1 after it, and between what makes all weigh the same.

        A value that comes k steps before the end of the seed is found in the result with the
        weight alpha (1 - alpha)^k; the very first one of a run with (1 - alpha)^k.
        """
        share = 1 / self.over if self.share is None else self.share
        decay = 1 - self.alpha
        weights = [
            share / (self.alpha * decay ** (self.over - 1 - k)) for k in range(self.over)
        ]
        if self.first == 0:
            weights[0] *= self.alpha
        return pl.Series([0.0] * self.first + weights + [1.0])


def _ema(length: int, first: int = 0) -> _Smoothing:
    return _Smoothing(2 / (length + 1), length, first)


_N: Final = 14
_WINDOW: Final = 20
_DEVIATIONS: Final = 2.0

_EMA_12: Final = _ema(12)
_EMA_26: Final = _ema(26)
# The fast average of the MACD starts late, so that both seeds end on one bar.
_MACD_FAST: Final = _ema(12, first=_EMA_26.ready - 11)
_MACD_SIGNAL: Final = _ema(9, first=_EMA_26.ready)
# The first bar has no change and no true range.
_WILDER: Final = _Smoothing(1 / _N, _N, first=1)
# TA-Lib seeds directional movement with a sum over 13 bars, where 14 times the average is meant.
_MOVEMENT: Final = _Smoothing(1 / _N, _N - 1, first=1, share=1 / _N)
_ADX: Final = _Smoothing(1 / _N, _N, first=_MOVEMENT.ready + 1)

_READY: Final = {
    "sma_20": _WINDOW - 1,
    "ema_12": _EMA_12.ready,
    "ema_26": _EMA_26.ready,
    "rsi_14": _WILDER.ready,
    "macd": _MACD_SIGNAL.ready,
    "macd_signal": _MACD_SIGNAL.ready,
    "macd_hist": _MACD_SIGNAL.ready,
    "atr_14": _WILDER.ready,
    "bb_upper": _WINDOW - 1,
    "bb_middle": _WINDOW - 1,
    "bb_lower": _WINDOW - 1,
    "adx_14": _ADX.ready,
}
"""The position in a run from which each indicator has a value: before it is NULL."""


def technical_indicators(
    candles: pl.DataFrame,
    *,
    interval: str = "1h",
    as_of: datetime,
    last_only: bool = True,
    delisted: Collection[str] = (),
) -> pl.DataFrame:
    """Indicators of each symbol as TA-Lib computes them over its candles up to `as_of`.

    Only candles without a hole between them count: what would reach over one is NULL, as is what
    needs a longer history than there is.

    Args:
        candles: rows of `hyperliquid_candles`.
        interval: which candles to use.
        as_of: only candles that are closed by then are used.
        last_only: a row for the last candle of each symbol; else one for each candle.
        delisted: symbols to leave out.

    Returns:
        Rows of `hyperliquid_technical_indicators`, by symbol and time.
    """
    bars = closed_bars(candles, interval=interval, as_of=as_of, delisted=delisted)
    computed = _recursions(_windows(bars))
    rows = last_of_each_symbol(computed) if last_only else computed
    return conform(
        HYPERLIQUID_TECHNICAL_INDICATORS,
        rows.select(
            "symbol",
            pl.lit(interval).alias("interval"),
            pl.col("close_at").alias("as_of"),
            "close",
            *(pl.when(_POSITION >= ready).then(name).alias(name) for name, ready in _READY.items()),
            (_POSITION + 1).cast(pl.Int64).alias("candles_used"),
        ),
    )


def _windows(bars: pl.DataFrame) -> pl.DataFrame:
    """Averages over a fixed number of bars."""
    deviation = _DEVIATIONS * pl.col("close").rolling_std(_WINDOW, ddof=0)
    return bars.with_columns(sma_20=pl.col("close").rolling_mean(_WINDOW)).with_columns(
        bb_upper=pl.col("sma_20") + deviation,
        bb_middle="sma_20",
        bb_lower=pl.col("sma_20") - deviation,
    )


def _recursions(bars: pl.DataFrame) -> pl.DataFrame:
    """Averages that never forget: each stage needs the one before it."""
    close, high, low = pl.col("close"), pl.col("high"), pl.col("low")
    change = pl.col("change")
    rise, fall = pl.col("rise"), pl.col("fall")
    return (
        bars.lazy()
        # What the first bar of a run takes from the bar before it is weighed with 0.
        .with_columns(
            previous=close.shift().fill_null(close),
            rise=(high - high.shift()).fill_null(0.0),
            fall=(low.shift() - low).fill_null(0.0),
        )
        .with_columns(
            change=close - pl.col("previous"),
            true_range=pl.max_horizontal(high, "previous") - pl.min_horizontal(low, "previous"),
            up=pl.when((rise > fall) & (rise > 0)).then(rise).otherwise(0.0),
            down=pl.when((fall > rise) & (fall > 0)).then(fall).otherwise(0.0),
        )
        .with_columns(
            ema_12=_EMA_12.of(close),
            ema_26=_EMA_26.of(close),
            macd=_MACD_FAST.of(close),
            gain=_WILDER.of(change.clip(lower_bound=0)),
            loss=_WILDER.of(-change.clip(upper_bound=0)),
            atr_14=_WILDER.of(pl.col("true_range")),
            up=_MOVEMENT.of(pl.col("up")),
            down=_MOVEMENT.of(pl.col("down")),
        )
        .with_columns(
            macd=pl.col("macd") - pl.col("ema_26"),
            rsi_14=_share_pct(pl.col("gain"), pl.col("gain") + pl.col("loss")).fill_null(0.0),
            directional=_share_pct((pl.col("up") - pl.col("down")).abs(), pl.col("up") + pl.col("down")),
        )
        .with_columns(
            macd_signal=_MACD_SIGNAL.of(pl.col("macd")),
            adx_14=_ADX.of(
                # A bar without any movement counts as 0 in the seed, and is passed over later.
                pl.when(_POSITION <= _ADX.ready)
                .then(pl.col("directional").fill_null(0.0))
                .otherwise(pl.col("directional"))
            ).forward_fill(),
        )
        .with_columns(macd_hist=pl.col("macd") - pl.col("macd_signal"))
        .collect()
    )


def _share_pct(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Per cent of the whole; NULL where there is none."""
    return pl.when(whole > 0).then(100 * part / whole)
