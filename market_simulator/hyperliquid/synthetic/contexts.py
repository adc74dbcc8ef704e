"""Asset contexts: mark, oracle, mid, premium, funding, open interest and volumes of an instant.

Computed for many assets at once. An asset that nobody quotes has null mid, premium and impact
prices and keeps its last prices, as on the exchange.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.hyperliquid.numbers import decimal, noisy
from market_simulator.hyperliquid.synthetic import book, funding, prices
from market_simulator.randomness import F64, I64, key_of, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.hyperliquid.synthetic.assets import Asset
    from market_simulator.hyperliquid.synthetic.volumes import DayVolumes

Json = dict[str, object]

_DAY_MS: Final = 86_400_000
_INTEREST: Final = key_of("open interest")
_SUPPLY: Final = key_of("supply")


class Contexts:
    """Contexts of any assets at any instant, with the costly sums kept between calls."""

    def __init__(self, volumes: DayVolumes) -> None:
        self._volumes = volumes
        self._premiums: dict[str, tuple[int, float]] = {}

    def perps(self, assets: Sequence[Asset], now_ms: int) -> list[Json]:
        """One context per perpetual, in their order."""
        if not assets:
            return []
        columns = prices.Columns.of(assets)
        at = last_quoted(assets, now_ms)
        bid, ask = book.quotes(columns, at)
        impact = book.impact(columns, at)
        oracle = funding.oracle(columns, at)
        builder = np.array([bool(a.dex) for a in assets])
        premium = funding.premium(impact, oracle, builder)
        mark = prices.nearest_tick(
            np.sqrt(oracle * prices.fair(columns, at - at % funding.MARK_MS)), columns.px_decimals
        )
        before = prices.nearest_tick(prices.fair(columns, at - _DAY_MS), columns.px_decimals)
        interest = 1 + 0.1 * prices.wander(columns.key, _INTEREST, at, _DAY_MS)
        rates = funding.rate(self._running_premiums(assets, now_ms))
        rows: list[Json] = []
        for i, asset in enumerate(assets):
            quoted = asset.trades_at(now_ms)
            thin = not quoted or math.isnan(premium[i])
            notional, lots = self._volumes.of(asset, now_ms)
            decimals = asset.scale.px_decimals
            held = interest[i] * 100_000 * asset.trade_usd / asset.anchor if quoted else 0.0
            rows.append(
                {
                    "funding": _rate(rates[i]) if quoted else "0.0",
                    "openInterest": noisy(_summed(held, asset.scale.sz_decimals)),
                    "prevDayPx": asset.scale.price(int(before[i])),
                    "dayNtlVlm": noisy(notional),
                    "premium": None if thin else _rate(premium[i]),
                    "oraclePx": decimal(float(oracle[i]), decimals),
                    "markPx": asset.scale.price(int(mark[i])),
                    "midPx": mid(asset, int(bid[i]), int(ask[i])) if quoted else None,
                    "impactPxs": None
                    if thin
                    else [decimal(float(p), decimals) for p in (impact.bid[i], impact.ask[i])],
                    "dayBaseVlm": asset.scale.size(lots),
                }
            )
        return rows

    def spots(self, assets: Sequence[Asset], now_ms: int) -> list[Json]:
        """One context per spot pair, in their order; each names its coin."""
        if not assets:
            return []
        columns = prices.Columns.of(assets)
        at = last_quoted(assets, now_ms)
        bid, ask = book.quotes(columns, at)
        mark = prices.nearest_tick(prices.fair(columns, at), columns.px_decimals)
        before = prices.nearest_tick(prices.fair(columns, at - _DAY_MS), columns.px_decimals)
        rows: list[Json] = []
        for i, asset in enumerate(assets):
            notional, lots = self._volumes.of(asset, now_ms)
            supply = 1e6 * 1000 ** unit(asset.key ^ _SUPPLY)
            rows.append(
                {
                    "prevDayPx": asset.scale.price(int(before[i])),
                    "dayNtlVlm": noisy(notional),
                    "markPx": asset.scale.price(int(mark[i])),
                    "midPx": mid(asset, int(bid[i]), int(ask[i]))
                    if asset.trades_at(now_ms)
                    else None,
                    "circulatingSupply": noisy(supply * 0.9),
                    "coin": asset.coin,
                    "totalSupply": noisy(supply),
                    "dayBaseVlm": asset.scale.size(lots),
                }
            )
        return rows

    def _running_premiums(self, assets: Sequence[Asset], now_ms: int) -> F64:
        """The mean premium of the hour so far, computed at most once a minute per asset."""
        minute = now_ms // 60_000
        due = [a for a in assets if self._premiums.get(a.coin, (-1, 0.0))[0] != minute]
        if due:
            hour = np.full(len(due), now_ms - now_ms % funding.HOUR_MS, dtype=np.int64)
            means = funding.average_premiums(due, hour, minute * 60_000)
            self._premiums.update(
                {a.coin: (minute, float(mean)) for a, mean in zip(due, means, strict=True)}
            )
        return np.array([self._premiums[a.coin][1] for a in assets])


def last_quoted(assets: Sequence[Asset], now_ms: int) -> I64:
    """For each asset the instant whose prices it shows: now, or when it last traded."""
    return np.array([a.last_traded_ms(now_ms) for a in assets], dtype=np.int64)


def mid(asset: Asset, bid: int, ask: int) -> str:
    """The middle of a bid and an ask, with half a price unit where it falls there."""
    return asset.scale.price((bid + ask) / 2)


def _rate(value: float) -> str:
    return noisy(float(value))


def _summed(value: float, decimals: int) -> float:
    """A value as the sum of two rounded parts: it carries the noise of a running total."""
    whole = round(value, decimals)
    part = round(value / 3, decimals)
    return (whole - part) + part
