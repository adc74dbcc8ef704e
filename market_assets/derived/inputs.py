"""What the features are computed from: one read of the store, shared by all of them in a run.

A run that computes one feature alone reads the same. Nothing is read before it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.channels import channel_of
from market_assets.clock import interval_length
from market_assets.derived.series import Verdict, judge
from market_assets.features import windows
from market_assets.features.contexts import ranked

if TYPE_CHECKING:
    from market_assets.clock import Clock
    from market_assets.storage.api import Store

INTERVALS: Final = tuple(windows.LOOK_BACK)
"""Intervals of the candles that features are computed over."""
_CONTEXTS: Final = channel_of("hyperliquid_asset_contexts")
_CANDLES: Final = channel_of("hyperliquid_candles")
_SHOWN: Final = 3
_STREAMED_WITHIN: Final = timedelta(hours=2)
"""A symbol without a minute for so long is not streamed any more; before, it is expected."""


def reach(interval: str) -> timedelta:
    """How far back candles are read: a whole window, and the candle before it, wherever it begins.

    The window ends with the newest candle, which opened up to two lengths ago and may be as late as
    a series that is used may be.
    """
    latest = 2 * interval_length(interval) + _CANDLES.freshness_window
    return windows.LOOK_BACK[interval] + latest


class InputsMissing(Exception):  # noqa: N818 - named for the state of the store
    """There is nothing recent to compute from: no feature would be true of now."""


@dataclass(frozen=True)
class Inputs:
    """The store's rows at one instant.

    Attributes:
        as_of: when they were read; nothing later is among them.
        candles: closed candles by interval: a day of `1m`, a week of `1h`.
        contexts: asset contexts of now, of an hour ago and of a day ago.
        rates: a week of funding rates.
        profiled_at: symbol and `as_of` of each symbol's latest liquidity profile.
        verdicts: by interval, which series may be used.
    """

    as_of: datetime
    candles: dict[str, pl.DataFrame]
    contexts: pl.DataFrame
    rates: pl.DataFrame
    profiled_at: dict[str, datetime]
    verdicts: dict[str, Verdict]

    @cached_property
    def delisted(self) -> frozenset[str]:
        """Symbols whose latest context says that they do not trade."""
        latest = self.contexts.group_by("symbol").agg(
            pl.col("is_delisted").sort_by("observed_at").last()
        )
        return frozenset(latest.filter("is_delisted")["symbol"])

    @cached_property
    def streamed(self) -> frozenset[str]:
        """Symbols with a minute of the last two hours: of others nobody expects one now."""
        recent = self.candles["1m"].filter(pl.col("open_at") >= self.as_of - _STREAMED_WITHIN)
        return frozenset(recent["symbol"])

    @cached_property
    def ranked(self) -> list[str]:
        """Symbols that trade and are quoted, most traded first."""
        return ranked(self.contexts, self.as_of)

    def usable(self, interval: str) -> pl.DataFrame:
        """The candles of an interval without those of symbols whose series is stale or broken.

        Raises:
            InputsMissing: no series of it is fresh, so the candles as a whole have stopped.
        """
        verdict = self.verdicts[interval]
        if not verdict.usable:
            first = "; ".join(f"{s}: {why}" for s, why in list(verdict.blocked.items())[:_SHOWN])
            raise InputsMissing(
                f"no {interval} candle series can be used ({first or 'there are no candles'})"
            )
        candles = self.candles[interval]
        if not verdict.blocked:
            return candles
        return candles.filter(~pl.col("symbol").is_in(list(verdict.blocked)))

    def fresh_contexts(self) -> pl.DataFrame:
        """The contexts, if the newest is no older than its channel allows.

        Raises:
            InputsMissing: it is.
        """
        age = self.contexts_age
        if age is None or age > _CONTEXTS.freshness_window:
            raise InputsMissing(
                "there is no asset context; materialize hyperliquid_asset_contexts"
                if age is None
                else f"the newest asset context is {age.total_seconds():.0f} s old"
            )
        return self.contexts

    @property
    def contexts_age(self) -> timedelta | None:
        """Since the newest context; None without one."""
        newest = self.contexts["observed_at"].max()
        return self.as_of - newest if isinstance(newest, datetime) else None


class FeatureInputs:
    """Reads the inputs when they are first asked for, and keeps them for the rest of the run."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @cached_property
    def now(self) -> Inputs:
        """The inputs as the store has them."""
        as_of = self._clock.now()
        names = ("contexts", "funding_rates", "profiled_at")
        asked: dict[str, tuple[str, dict[str, object]]] = {
            name: (_query(name), {"as_of": as_of}) for name in names
        }
        for interval in INTERVALS:
            span: dict[str, object] = {"since": as_of - reach(interval), "as_of": as_of}
            asked[interval] = (_query("closed_candles"), {"interval": interval, **span})
        read = self._store.read_together(asked)
        candles = {
            interval: read[interval]
            .with_columns(interval=pl.lit(interval), is_closed=pl.lit(value=True))
            .rechunk()
            for interval in INTERVALS
        }
        profiled = read["profiled_at"]
        return Inputs(
            as_of=as_of,
            candles=candles,
            contexts=read["contexts"],
            rates=read["funding_rates"],
            profiled_at=dict(zip(profiled["symbol"], profiled["as_of"], strict=True)),
            verdicts={
                interval: judge(
                    frame,
                    length=interval_length(interval),
                    as_of=as_of,
                    overdue_by=_CANDLES.freshness_window,
                )
                for interval, frame in candles.items()
            },
        )


def _query(name: str) -> str:
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")
