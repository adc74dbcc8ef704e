"""The tape: the trades of each asset, from which everything else about its past follows.

A minute has a fixed number of slots; each slot holds a block with trades, or nothing, as its hash
says. A block lies at an instant within its slot, hits the bid or lifts the ask of that instant (now
and then a few ticks deeper), and consists of one to eight fills. All of it is computed for whole
spans at a time and kept nowhere.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from market_simulator.hyperliquid import numbers
from market_simulator.hyperliquid.bars import MINUTE_MS, Bar, Minute
from market_simulator.hyperliquid.synthetic import prices
from market_simulator.randomness import (
    I64,
    Flags,
    bits,
    hash_of,
    hashed,
    key_of,
    normal_quantiles,
    signed_unit,
)

if TYPE_CHECKING:
    from market_simulator.hyperliquid.synthetic.assets import Asset

_SPARSE: Final = 3.0  # blocks a minute below which minutes sleep, and wake with about three blocks
_SWEEP: Final = np.array([0, 0, 0, 0, 0, 1, 1, 3], dtype=np.int64)
_TAPE: Final = key_of("tape")
_AWAKE: Final = key_of("awake")
_FILL: Final = key_of("fill")
_CHUNK: Final = 720  # minutes at a time: what fits the processor's cache is twice as fast
_SEARCH_MINUTES: Final = (64, 1024, 16_384, 262_144, 4_194_304)


class Blocks(NamedTuple):
    """Blocks with trades, oldest first.

    Attributes:
        slot: which slot, counted from the epoch; with the asset's key it names the block's hash.
        t_ms: the block's time.
        px: the price of its fills, in price units.
        lots: their summed size.
        fills: how many trades it consists of.
        buy: 1 where the buyer was the aggressor.
    """

    slot: I64
    t_ms: I64
    px: I64
    lots: I64
    fills: I64
    buy: I64


class TradedMinutes(NamedTuple):
    """Bars of the minutes (or longer bins) in which something traded, oldest first."""

    minute: I64
    open: I64
    high: I64
    low: I64
    close: I64
    lots: I64
    n: I64


_NOTHING: Final = TradedMinutes(*(np.empty(0, dtype=np.int64) for _ in TradedMinutes._fields))


def blocks(asset: Asset, first_minute: int, end_minute: int, until_ms: int) -> Blocks:
    """The blocks of minutes `[first_minute, end_minute)` that lie at or before `until_ms`."""
    slots = slots_per_minute(asset)
    width = MINUTE_MS // slots
    minutes = _awake_minutes(asset, first_minute, end_minute)
    slot = (minutes[:, None] * slots + np.arange(slots)).reshape(-1)
    draws = hashed(np.uint64(asset.key ^ _TAPE), slot)
    chance = np.repeat(_chance(asset, minutes), slots)
    hit = np.flatnonzero(bits(draws, 0, 16) < chance)
    slot, draws = slot[hit], draws[hit]
    minute, place = slot // slots, slot % slots
    t_ms = minute * MINUTE_MS + place * MINUTE_MS // slots + (bits(draws, 16, 12) * width >> 12)
    keep = np.flatnonzero(_tradable(asset, t_ms) & (t_ms <= until_ms))
    slot, draws, t_ms = slot[keep], draws[keep], t_ms[keep]
    fair = prices.fair_along(asset, t_ms)
    decimals = asset.scale.px_decimals
    bid, ask = prices.touch_at(fair, asset.half_spread, decimals)
    buy = bits(draws, 28, 1)
    deeper = _SWEEP[bits(draws, 29, 3)]
    px = np.where(
        buy == 1,
        numbers.on_tick_above(ask + deeper * numbers.tick(ask, decimals), decimals),
        bid - deeper * numbers.tick(bid, decimals),
    )
    size = asset.trade_usd * np.exp(1.3 * normal_quantiles()[bits(draws, 32, 12)])
    lots = np.maximum((size / fair * 10**asset.scale.sz_decimals).astype(np.int64), 1)
    fills = np.minimum(1 + (bits(draws, 44, 3) * bits(draws, 47, 3) >> 3), lots)
    return Blocks(slot, t_ms, np.maximum(px, 1), lots, fills, buy)


def traded_minutes(asset: Asset, first: int, end: int, until_ms: int) -> TradedMinutes:
    """The bars of the minutes in `[first, end)` that had trades up to `until_ms`."""
    parts = [
        _traded(blocks(asset, start, min(start + _CHUNK, end), until_ms))
        for start in range(first, end, _CHUNK)
    ] or [_NOTHING]
    return TradedMinutes(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _traded(tape: Blocks) -> TradedMinutes:
    minute = tape.t_ms // MINUTE_MS
    starts = _starts(minute)
    if not starts.size:
        return _NOTHING
    ends = np.append(starts[1:], minute.size) - 1
    return TradedMinutes(
        minute[starts],
        tape.px[starts],
        np.maximum.reduceat(tape.px, starts),
        np.minimum.reduceat(tape.px, starts),
        tape.px[ends],
        np.add.reduceat(tape.lots, starts),
        np.add.reduceat(tape.fills, starts),
    )


def rolled_up(bars: TradedMinutes, minutes: int) -> TradedMinutes:
    """Bars of bins of `minutes` from bars of shorter ones; opens are first traded prices."""
    bin_minute = bars.minute - bars.minute % minutes
    starts = _starts(bin_minute)
    if not starts.size or minutes == 1:
        return bars
    ends = np.append(starts[1:], bin_minute.size) - 1
    return TradedMinutes(
        bin_minute[starts],
        bars.open[starts],
        np.maximum.reduceat(bars.high, starts),
        np.minimum.reduceat(bars.low, starts),
        bars.close[ends],
        np.add.reduceat(bars.lots, starts),
        np.add.reduceat(bars.n, starts),
    )


def minute(asset: Asset, number: int) -> Minute:
    """One minute, block by block: the bar after each of its blocks."""
    tape = blocks(asset, number, number + 1, (number + 1) * MINUTE_MS)
    if not tape.px.size:
        return Minute([], [])
    first = int(tape.px[0])
    rows = zip(
        np.maximum.accumulate(tape.px).tolist(),
        np.minimum.accumulate(tape.px).tolist(),
        tape.px.tolist(),
        np.cumsum(tape.lots).tolist(),
        np.cumsum(tape.fills).tolist(),
        strict=True,
    )
    return Minute(tape.t_ms.tolist(), [Bar(first, *row) for row in rows])


def last_price(asset: Asset, until_ms: int) -> int | None:
    """The price of the newest trade at or before `until_ms`; None where nothing ever traded."""
    until_ms = asset.last_traded_ms(until_ms)
    end = until_ms // MINUTE_MS + 1
    born = asset.born_ms // MINUTE_MS
    for span in _SEARCH_MINUTES:
        first = max(end - span, born)
        found = blocks(asset, first, end, until_ms).px
        if found.size:
            return int(found[-1])
        if first == born:
            return None
    return None


def fills(asset: Asset, tape: Blocks) -> list[dict[str, object]]:
    """The single trades of blocks, oldest first, as the exchange sends them."""
    trades: list[dict[str, object]] = []
    rows = zip(*(column.tolist() for column in tape), strict=True)
    for slot, t_ms, px, lots, count, buy in rows:
        rest = lots - count
        for i in range(count):
            draw = hash_of(asset.key ^ _FILL, slot * 8 + i)
            extra = rest if i == count - 1 else draw % (rest + 1)
            rest -= extra
            trades.append(_trade(asset, (t_ms, px, 1 + extra, buy), draw))
    return trades


def slots_per_minute(asset: Asset) -> int:
    """How many slots a minute of the asset has: about half as many again as it has blocks."""
    return max(6, math.ceil(1.5 * asset.blocks)) if asset.blocks >= _SPARSE else 6


def _awake_minutes(asset: Asset, first: int, end: int) -> I64:
    minutes = np.arange(first, max(end, first), dtype=np.int64)
    if asset.blocks >= _SPARSE:
        return minutes
    draws = hashed(np.uint64(asset.key ^ _AWAKE), minutes)
    return minutes[bits(draws, 0, 24) < asset.blocks / _SPARSE * 2**24]


def _chance(asset: Asset, minutes: I64) -> I64:
    """How likely a slot of each minute holds a block, in 1/65536: minutes are busier and calmer."""
    mean = asset.blocks / slots_per_minute(asset) if asset.blocks >= _SPARSE else 0.5
    hour = minutes // 60 % 24
    season = 1.0 + 0.35 * np.cos((hour - 15) * (math.pi / 12))
    mood = 1.0 + 0.5 * signed_unit(hashed(np.uint64(asset.key ^ _AWAKE ^ _TAPE), minutes // 7))
    chance: I64 = (np.minimum(mean * season * mood, 1.0) * 65_536).astype(np.int64)
    return chance


def _tradable(asset: Asset, t_ms: I64) -> Flags:
    open_ = t_ms >= asset.born_ms
    for start, end in asset.pauses:
        open_ &= (t_ms < start) if end is None else ((t_ms < start) | (t_ms >= end))
    return open_


def _starts(groups: I64) -> I64:
    """Where each run of equal values begins."""
    if not groups.size:
        return np.empty(0, dtype=np.int64)
    return np.append(0, np.flatnonzero(np.diff(groups)) + 1).astype(np.int64)


def _trade(asset: Asset, row: tuple[int, int, int, int], draw: int) -> dict[str, object]:
    t_ms, px, lots, buy = row
    buyer, seller = hash_of(draw, 1) % 500, 500 + hash_of(draw, 2) % 500
    return {
        "coin": asset.coin,
        "side": "B" if buy else "A",
        "px": asset.scale.price(px),
        "sz": asset.scale.size(lots),
        "time": t_ms,
        "hash": "0x" + "".join(f"{hash_of(draw, n):016x}" for n in range(3, 7)),
        "tid": draw >> 14,
        "users": [address(buyer), address(seller)],
    }


def address(number: int) -> str:
    """A made-up chain address; the same number has the same one."""
    return "0x" + "".join(f"{hash_of(_FILL, number * 3 + i):016x}" for i in range(3))[:40]
