"""Order books: twenty levels a side around the fair price, the same at the same instant.

The touch follows the fair price; depth and gaps change every three seconds. Impact prices walk
these very levels, so that a book, its mid and its impact prices agree. Works for many books at
once: one row per asset (or per instant).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from market_simulator.hyperliquid import numbers
from market_simulator.hyperliquid.synthetic import prices
from market_simulator.randomness import F64, I64, U64, bits, hashed, key_of, normal_quantiles

LEVELS: Final = 20
REFRESH_MS: Final = 3_000
_BID: Final = key_of("bid")
_ASK: Final = key_of("ask")


class Side(NamedTuple):
    """One side of books, best level first: arrays of shape (rows, levels)."""

    px: I64
    lots: I64
    orders: I64


class Impact(NamedTuple):
    """Average prices at which the impact notional would trade; NaN where the book is too thin."""

    bid: F64
    ask: F64


def quotes(columns: prices.Columns, t_ms: I64) -> tuple[I64, I64]:
    """Best bid and ask of each row, in price units."""
    return prices.touch(columns, prices.fair(columns, t_ms))


def books(columns: prices.Columns, t_ms: I64, levels: int = LEVELS) -> tuple[Side, Side]:
    """Bids and asks of each row."""
    bid, ask = quotes(columns, t_ms)
    return (
        _side(columns, bid, t_ms, levels, up=False),
        _side(columns, ask, t_ms, levels, up=True),
    )


def impact(columns: prices.Columns, t_ms: I64) -> Impact:
    """The impact prices of each row, rounded to the symbol's finest step."""
    bids, asks = books(columns, t_ms)
    return Impact(_average(columns, bids), _average(columns, asks))


def aggregated(side: Side, significant: int, mantissa: int, *, up: bool) -> Side:
    """One book's side in buckets of fewer significant figures, as `nSigFigs` asks for."""
    px = side.px[0]
    digits = np.array([len(str(int(p))) for p in px])
    step = np.maximum(10 ** np.maximum(digits - significant, 0) * mantissa, 1).astype(np.int64)
    bucket = (px + (-px) % step) if up else px - px % step
    starts = np.append(0, np.flatnonzero(np.diff(bucket)) + 1).astype(np.int64)
    return Side(
        bucket[starts][None, :],
        np.add.reduceat(side.lots[0], starts)[None, :],
        np.add.reduceat(side.orders[0], starts)[None, :],
    )


def _side(columns: prices.Columns, best: I64, t_ms: I64, levels: int, *, up: bool) -> Side:
    epoch = t_ms // REFRESH_MS
    key: U64 = hashed(np.uint64(_ASK if up else _BID), columns.key)
    per_unit = np.power(10.0, columns.px_decimals)
    per_lot = np.power(10.0, columns.sz_decimals)
    px, lots, orders = [], [], []
    for level in range(levels):
        draws = hashed(key, epoch * 64 + level)
        if level:
            gap = (1 + (bits(draws, 0, 2) * bits(draws, 2, 2) >> 2)) * numbers.tick(
                best, columns.px_decimals
            )
            best = (
                numbers.on_tick_above(best + gap, columns.px_decimals)
                if up
                else numbers.on_tick_below(np.maximum(best - gap, 1), columns.px_decimals)
            )
        usd = columns.level_usd * np.exp(0.8 * normal_quantiles()[bits(draws, 4, 12)])
        px.append(best)
        lots.append(np.maximum((usd / (best / per_unit) * per_lot).astype(np.int64), 1))
        orders.append(1 + bits(draws, 16, 4))
    return Side(np.stack(px, axis=-1), np.stack(lots, axis=-1), np.stack(orders, axis=-1))


def _average(columns: prices.Columns, side: Side) -> F64:
    """The volume-weighted price of walking a side until the impact notional is filled."""
    price = side.px / np.power(10.0, columns.px_decimals)[:, None]
    size = side.lots / np.power(10.0, columns.sz_decimals)[:, None]
    value = price * size
    before = np.cumsum(value, axis=1) - value
    taken = np.clip(columns.impact_usd[:, None] - before, 0.0, value)
    spent = taken.sum(axis=1)
    average = spent / np.maximum((taken / price).sum(axis=1), 1e-300)
    enough = spent >= columns.impact_usd * (1 - 1e-9)
    step = np.power(10.0, columns.px_decimals)
    return np.where(enough, np.rint(average * step) / step, np.nan)
