"""Funding: premiums from impact and oracle prices, averaged over the hour, through the formula.

The exchange samples the premium every 5 s; here it is once a minute, on the same books that
`l2Book` shows. An hour's payment is fixed at its end; before, the rate is that of the hour so far.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.hyperliquid.synthetic import book, prices
from market_simulator.randomness import F64, I64, Flags, key_of, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.hyperliquid.synthetic.assets import Asset

HOUR_MS: Final = 3_600_000
MARK_MS: Final = 3_000
"""Mark and oracle prices change every three seconds."""
INTEREST: Final = 0.0001
CLAMP: Final = 0.0005
CAP: Final = 0.04
_SAMPLES: Final = 60
_BASIS: Final = key_of("basis")
_JITTER: Final = key_of("jitter")


def oracle(columns: prices.Columns, t_ms: I64) -> F64:
    """The oracle price of each row: the fair price less a basis that wanders within 12 bps."""
    at = t_ms - t_ms % MARK_MS
    hours = prices.wander(columns.key, _BASIS, at, 4 * HOUR_MS)
    minutes = prices.wander(columns.key, _BASIS + 1, at, HOUR_MS // 6)
    basis = 8e-4 * hours + 4e-4 * minutes
    raw = prices.fair(columns, at) * np.exp(-basis)
    return prices.nearest_tick(raw, columns.px_decimals) / np.power(10.0, columns.px_decimals)


def premium(impact: book.Impact, oracle_price: F64, builder: Flags) -> F64:
    """The premium of each row; NaN where there are no impact prices.

    Args:
        impact: its impact prices.
        oracle_price: its oracle price.
        builder: whether a builder dex lists it; these use the middle of the impact prices.
    """
    main = np.maximum(impact.bid - oracle_price, 0) - np.maximum(oracle_price - impact.ask, 0)
    middle = (impact.bid + impact.ask) / 2 - oracle_price
    return np.where(builder, middle, main) / oracle_price


def rate(average_premium: F64) -> F64:
    """The hourly rate: an eighth of the premium plus the clamped interest, capped."""
    eight_hours = average_premium + np.clip(INTEREST - average_premium, -CLAMP, CLAMP)
    return np.clip(eight_hours / 8, -CAP, CAP)


def average_premiums(assets: Sequence[Asset], hour_ms: I64, until_ms: int) -> F64:
    """The mean premium of each asset over its hour, as far as `until_ms`; 0 without any sample.

    Args:
        assets: one per row.
        hour_ms: the start of each row's hour.
        until_ms: samples later than this are not taken.
    """
    columns = prices.Columns.of(assets)
    builder = np.array([bool(a.dex) for a in assets])
    offsets = np.arange(_SAMPLES, dtype=np.int64) * (HOUR_MS // _SAMPLES)
    t_ms = (hour_ms[:, None] + offsets).reshape(-1)
    rows = np.repeat(np.arange(len(assets)), _SAMPLES)
    keep = np.flatnonzero(t_ms <= until_ms)
    rows, t_ms = rows[keep], t_ms[keep]
    each = columns.take(rows)
    sampled = premium(book.impact(each, t_ms), oracle(each, t_ms), builder[rows])
    valid = np.isfinite(sampled)
    count = np.bincount(rows[valid], minlength=len(assets))
    total = np.bincount(rows[valid], weights=sampled[valid], minlength=len(assets))
    return total / np.maximum(count, 1)


def paid_at(asset: Asset, hour_ms: int) -> int:
    """When the payment at the end of an hour was made: some tens of milliseconds late."""
    late = unit(asset.key ^ _JITTER, hour_ms // HOUR_MS)
    return hour_ms + HOUR_MS + int(90 * late**2)


def history(asset: Asset, start_ms: int, end_ms: int, limit: int) -> list[tuple[int, float, float]]:
    """Payments with a time in `[start_ms, end_ms]`, oldest first: time, rate, premium."""
    first = max(start_ms, asset.born_ms) // HOUR_MS * HOUR_MS - HOUR_MS
    hours = [
        hour
        for hour in range(first, min(end_ms, first + (limit + 2) * HOUR_MS) + 1, HOUR_MS)
        if start_ms <= paid_at(asset, hour) <= end_ms and asset.trades_at(hour)
    ][:limit]
    if not hours:
        return []
    at = np.array(hours, dtype=np.int64)
    premiums = average_premiums([asset] * len(hours), at, int(at[-1]) + HOUR_MS)
    rows = zip(hours, rate(premiums).tolist(), premiums.tolist(), strict=True)
    return [(paid_at(asset, hour), paid, mean) for hour, paid, mean in rows]
