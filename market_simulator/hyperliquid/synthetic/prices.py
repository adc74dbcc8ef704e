"""The fair price: for each asset one continuous path, known at every instant without any history.

The log price is the sum of ten layers of hashed noise. Layer *k* has a new value every 4^k × 15 s,
runs straight between them, and is 2^k times as large as the first, so that the variance of a return
grows with its length as that of a random walk does, while the price stays within a few multiples of
its anchor for ever. Between two 15 s nodes the log price is straight.

Quotes (`book.py`), trades (`tape.py`) and marks (`contexts.py`) are all made from this path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from market_simulator.hyperliquid import numbers
from market_simulator.randomness import F64, I64, U64, hashed, signed_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_simulator.hyperliquid.synthetic.assets import Asset

NODE_MS: Final = 15_000
_LAYERS: Final = 10
_SALTS: Final = hashed(np.uint64(0), np.arange(1, _LAYERS + 1, dtype=np.int64))


@dataclass(frozen=True)
class Columns:
    """The constants of several assets as arrays, one row per asset (or per asset and instant)."""

    price_key: U64
    key: U64
    log_anchor: F64
    volatility: F64
    half_spread: F64
    level_usd: F64
    impact_usd: F64
    px_decimals: I64
    sz_decimals: I64

    @classmethod
    def of(cls, assets: Sequence[Asset]) -> Columns:
        """One row per asset, in their order."""
        return cls(
            price_key=np.array([a.price_key for a in assets], dtype=np.uint64),
            key=np.array([a.key for a in assets], dtype=np.uint64),
            log_anchor=np.log([a.anchor for a in assets]),
            volatility=np.array([a.volatility for a in assets]),
            half_spread=np.array([a.half_spread for a in assets]),
            level_usd=np.array([a.level_usd for a in assets]),
            impact_usd=np.array([a.impact_usd for a in assets]),
            px_decimals=np.array([a.scale.px_decimals for a in assets], dtype=np.int64),
            sz_decimals=np.array([a.scale.sz_decimals for a in assets], dtype=np.int64),
        )

    def take(self, rows: I64) -> Columns:
        """The given rows, in that order, repeated where they are."""
        return Columns(**{name: values[rows] for name, values in vars(self).items()})


def fair(columns: Columns, t_ms: I64) -> F64:
    """The fair price of each row at its instant."""
    node, part = t_ms // NODE_MS, (t_ms % NODE_MS) / NODE_MS
    before = _layers(columns.price_key, node)
    after = _layers(columns.price_key, node + 1)
    noise = before + (after - before) * part
    price: F64 = np.exp(columns.log_anchor + columns.volatility * noise)
    return price


def fair_along(asset: Asset, t_ms: I64) -> F64:
    """The fair price of one asset at ascending instants; cheap where they lie close together."""
    if not t_ms.size:
        return np.empty(0)
    node, part = t_ms // NODE_MS, (t_ms % NODE_MS) / NODE_MS
    first = int(node[0])
    span = int(node[-1]) - first + 2
    key = np.uint64(asset.price_key)
    if span <= 2 * t_ms.size:
        path = _layers_along(key, first, span)
        before, after = path[node - first], path[node - first + 1]
    else:
        before, after = _layers(key, node), _layers(key, node + 1)
    noise = before + (after - before) * part
    price: F64 = np.exp(np.log(asset.anchor) + asset.volatility * noise)
    return price


def touch(columns: Columns, fair_price: F64) -> tuple[I64, I64]:
    """Best bid and best ask around a fair price, in price units, on valid ticks."""
    return touch_at(fair_price, columns.half_spread, columns.px_decimals)


def touch_at(fair_price: F64, half_spread: F64 | float, px_decimals: I64 | int) -> tuple[I64, I64]:
    """`touch` for plain values; either may be one value for all rows."""
    units = fair_price * np.power(10.0, px_decimals)
    low = np.maximum((units * (1 - half_spread)).astype(np.int64), 1)
    bid = numbers.on_tick_below(low, px_decimals)
    high = np.maximum(np.ceil(units * (1 + half_spread)).astype(np.int64), bid + 1)
    return bid, numbers.on_tick_above(high, px_decimals)


def nearest_tick(price: F64, px_decimals: I64) -> I64:
    """The valid price at or just below `price`, in price units."""
    units = np.maximum(np.rint(price * np.power(10.0, px_decimals)).astype(np.int64), 1)
    return numbers.on_tick_below(units, px_decimals)


def wander(key: U64, salt: int, t_ms: I64, period_ms: int) -> F64:
    """Slow noise in [-1, 1]: a new value each period, straight lines between."""
    k, part = t_ms // period_ms, (t_ms % period_ms) / period_ms
    salted = hashed(np.uint64(salt), key)
    before, after = signed_unit(hashed(salted, k)), signed_unit(hashed(salted, k + 1))
    return before + (after - before) * part


def _layers(key: U64 | np.uint64, node: I64) -> F64:
    """The summed layers at 15 s nodes, for any mixture of keys and nodes."""
    total = np.zeros(node.shape)
    for layer in range(_LAYERS):
        period = 4**layer
        salted = key ^ _SALTS[layer]
        k = node // period
        low = signed_unit(hashed(salted, k))
        if period > 1:
            low += (signed_unit(hashed(salted, k + 1)) - low) * ((node % period) / period)
        total += 0.5 * 2.0**layer * low
    return total


def _layers_along(key: np.uint64, first: int, count: int) -> F64:
    """`_layers` at `count` consecutive nodes of one key: the same numbers, far fewer hashes."""
    node = np.arange(first, first + count, dtype=np.int64)
    total = np.zeros(count)
    for layer in range(_LAYERS):
        period = 4**layer
        k = node // period
        start = int(k[0])
        points = np.arange(start, int(k[-1]) + 2, dtype=np.int64)
        values = signed_unit(hashed(key ^ _SALTS[layer], points))
        low = values[k - start]
        if period > 1:
            low += (values[k - start + 1] - low) * ((node % period) / period)
        total += 0.5 * 2.0**layer * low
    return total
