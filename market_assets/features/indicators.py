"""Technical indicators of all symbols at once, equal to TA-Lib's.

Most of TA-Lib's indicators are one recursion, `y += alpha * (x - y)`, that starts from the mean of
its first n values: an EMA (alpha = 2 / (n + 1)) or Wilder's smoothing (alpha = 1 / n). Polars has
the recursion (`ewm_mean` with `adjust=False`) but starts it from the first value. Here the first n
values are multiplied by constants that leave each with the weight 1/n when the seed is complete:
the result is TA-Lib's, with one pass for a smoothing and none for its seed.

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


@dataclass(frozen=True)
class _Smoothing:
    """A recursion as TA-Lib starts it.

    Attributes:
        alpha: the weight of a new value.
        over: how many values the seed is made of.
        first: the position in the run of the first of them.
        share: the weight of each in the seed.
    """

    alpha: float
    over: int
    first: int
    share: float

    @property
    def ready(self) -> int:
        """The position where the seed is complete: the first that has a result."""
        return self.first + self.over - 1

    def weights(self, steps: int) -> pl.Series:
        """By position: 0 before the seed, 1 after it, and between what makes all weigh the same.

        A value that comes k steps before the seed is complete has the weight alpha (1 - alpha)^k
        in the result; the very first one of a run has (1 - alpha)^k.
        """
        decay = 1 - self.alpha
        seed = [self.share / (self.alpha * decay ** (self.over - 1 - k)) for k in range(self.over)]
        if self.first == 0:
            seed[0] *= self.alpha
        return pl.Series([0.0] * self.first + seed + [1.0] * (steps - self.ready - 1))


def _ema(length: int, *, first: int = 0) -> _Smoothing:
    return _Smoothing(2 / (length + 1), length, first, 1 / length)


_N: Final = 14
_WINDOW: Final = 20
_DEVIATIONS: Final = 2.0

_EMA_12: Final = _ema(12)
_EMA_26: Final = _ema(26)
# The fast average of the MACD starts late, so that both seeds are complete on the same bar.
_MACD_FAST: Final = _ema(12, first=_EMA_26.ready - _EMA_12.ready)
_MACD_SIGNAL: Final = _ema(9, first=_EMA_26.ready)
# The first bar has no change and no true range.
_WILDER: Final = _Smoothing(1 / _N, _N, 1, 1 / _N)
# TA-Lib starts directional movement as the sum of 13 bars, where the recursion keeps 14 averages.
_MOVEMENT: Final = _Smoothing(1 / _N, _N - 1, 1, 1 / _N)
_ADX: Final = _Smoothing(1 / _N, _N, _MOVEMENT.ready + 1, 1 / _N)

_STEPS: Final = _MACD_SIGNAL.ready + 2
"""From this position in a run on, every seed is complete."""

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
"""The position in a run from which each indicator has a value, as in TA-Lib: before, it is NULL."""


_RECURSIVE: Final = (
    "ema_12",
    "ema_26",
    "rsi_14",
    "macd",
    "macd_signal",
    "macd_hist",
    "atr_14",
    "adx_14",
)


def technical_indicators(
    candles: pl.DataFrame,
    *,
    interval: str = "1h",
    as_of: datetime,
    last_only: bool = True,
    delisted: Collection[str] = (),
) -> pl.DataFrame:
    """Indicators of each symbol, as TA-Lib computes them over its candles up to `as_of`.

    Only candles without a hole between them count: what would reach over one is NULL, as is what
    needs a longer history than there is. A symbol whose last candle is old has a row that is just
    as old.

    Args:
        candles: rows of `hyperliquid_candles`, in any order.
        interval: which candles to use.
        as_of: only candles that are closed by then are used.
        last_only: a row for the last candle of each symbol; else one for each candle.
        delisted: symbols to leave out.

    Returns:
        Rows of `hyperliquid_technical_indicators`, by symbol and time.
    """
    bars = closed_bars(candles, interval=interval, as_of=as_of, delisted=delisted)
    recursions = _recursions(bars)
    if last_only:
        bars = bars.group_by("run", maintain_order=True).tail(_WINDOW)
        recursions = last_of_each_symbol(recursions)
    windows = _windows(bars)
    if last_only:
        windows = last_of_each_symbol(windows)
    rows = windows.hstack(recursions.select(_RECURSIVE))
    position = pl.col("position")
    return conform(
        HYPERLIQUID_TECHNICAL_INDICATORS,
        rows.select(
            "symbol",
            pl.lit(interval).alias("interval"),
            pl.col("close_at").alias("as_of"),
            "close",
            *(pl.when(position >= ready).then(name).alias(name) for name, ready in _READY.items()),
            (position + 1).cast(pl.Int64).alias("candles_used"),
        ),
    )


def _windows(bars: pl.DataFrame) -> pl.DataFrame:
    """What looks back over a fixed number of bars. It may reach out of its run while not ready."""
    deviation = _DEVIATIONS * pl.col("close").rolling_std(_WINDOW, ddof=0)
    return bars.with_columns(sma_20=pl.col("close").rolling_mean(_WINDOW)).with_columns(
        bb_upper=pl.col("sma_20") + deviation,
        bb_middle="sma_20",
        bb_lower=pl.col("sma_20") - deviation,
    )


def _recursions(bars: pl.DataFrame) -> pl.DataFrame:
    """What never forgets: `_RECURSIVE`, meaningless while not ready."""
    # What the first bar of a run takes from the bar before it is later weighed with 0.
    previous = pl.col("close").shift().fill_null(pl.col("close"))
    high, low = pl.col("high"), pl.col("low")
    rise, fall = pl.col("rise"), pl.col("fall")
    position = pl.col("position")
    moves = bars.with_columns(
        step=position.clip(0, _STEPS - 1).cast(pl.UInt32),
        change=pl.col("close") - previous,
        true_range=pl.max_horizontal(high, previous) - pl.min_horizontal(low, previous),
        rise=(high - high.shift()).fill_null(0.0),
        fall=(low.shift() - low).fill_null(0.0),
    )
    smoothed = _smoothed(
        moves,
        ema_12=(_EMA_12, pl.col("close")),
        ema_26=(_EMA_26, pl.col("close")),
        fast=(_MACD_FAST, pl.col("close")),
        gain=(_WILDER, pl.col("change").clip(lower_bound=0)),
        loss=(_WILDER, -pl.col("change").clip(upper_bound=0)),
        atr_14=(_WILDER, pl.col("true_range")),
        up=(_MOVEMENT, pl.when((rise > fall) & (rise > 0)).then(rise).otherwise(0.0)),
        down=(_MOVEMENT, pl.when((fall > rise) & (fall > 0)).then(fall).otherwise(0.0)),
    )
    gain, loss, up, down = (pl.col(name) for name in ("gain", "loss", "up", "down"))
    # A bar without any movement counts as 0 in the seed of the ADX, and is passed over later.
    still = pl.when(position <= _ADX.ready).then(0.0)
    lines = smoothed.with_columns(
        macd=pl.col("fast") - pl.col("ema_26"),
        # A price that never moved has no gains and no losses: 0, as in TA-Lib.
        rsi_14=pl.when(gain + loss > 0).then(100 * gain / (gain + loss)).otherwise(0.0),
        dx=pl.when(up + down > 0).then(100 * (up - down).abs() / (up + down)).otherwise(still),
    )
    return _smoothed(
        lines, macd_signal=(_MACD_SIGNAL, pl.col("macd")), adx_14=(_ADX, pl.col("dx"))
    ).with_columns(
        macd_hist=pl.col("macd") - pl.col("macd_signal"), adx_14=pl.col("adx_14").forward_fill()
    )


def _smoothed(bars: pl.DataFrame, **columns: tuple[_Smoothing, pl.Expr]) -> pl.DataFrame:
    """The bars with a column for each smoothing, which starts anew with each run.

    Over lists by run, opened again: the rows come in the same order, at two thirds of the cost of
    a window function (`.over`), which sees to the order of any rows.
    """
    weighed = bars.select(
        "run",
        **{
            name: values * pl.lit(smoothing.weights(_STEPS)).gather("step")
            for name, (smoothing, values) in columns.items()
        },
    )
    by_run = weighed.group_by("run", maintain_order=True).agg(
        pl.col(name).ewm_mean(alpha=smoothing.alpha, adjust=False, ignore_nulls=True)
        for name, (smoothing, _) in columns.items()
    )
    return bars.hstack(by_run.select(pl.col(*columns).explode()))
