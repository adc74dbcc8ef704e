"""Daily series as DefiLlama's routes give them, and which of their points speak for a whole day.

A point is stamped with the start of its UTC day. The last one can be the running day's, on the grid
or (`/protocol`) stamped with the time of the last update: it is kept apart, and points off the grid
are dropped: their day has a point on the grid as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from market_assets.clock import from_s
from market_assets.sources.decoding import Decoder
from market_assets.sources.defillama.model import Series
from market_assets.sources.defillama.wire import read_number, read_usd
from market_assets.sources.faults import NEEDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from market_assets.sources.bodies import Body

    Reader = Callable[[Body, date], Series]

_DAY_S: Final = 86_400
_PAIR: Final = 2
_NO_POINT: Final = (None, None)
"""What stands for a point of another shape: it is counted among those that are dropped."""
_LAST_S: Final = 4_102_444_800
"""2100: what lies beyond is no time in seconds."""


class _TvlPoint(msgspec.Struct, gc=False):
    date: Any = None
    tvl: Any = None


class _LiquidityPoint(msgspec.Struct, gc=False):
    date: Any = None
    usd: Any = msgspec.field(name="totalLiquidityUSD", default=None)


class _Protocol(msgspec.Struct):
    tvl: Annotated[list[_LiquidityPoint | None] | None, NEEDED] = None


class _StablecoinPoint(msgspec.Struct, gc=False):
    date: Any = None
    circulating: Any = msgspec.field(name="totalCirculatingUSD", default=None)


class _Charted(msgspec.Struct):
    chart: Annotated[list[Any] | None, NEEDED] = msgspec.field(name="totalDataChart", default=None)


_chain_tvl: Final = Decoder[list[_TvlPoint | None]](list[_TvlPoint | None])
_protocol: Final = Decoder[_Protocol](_Protocol)
_stablecoins: Final = Decoder[list[_StablecoinPoint | None]](list[_StablecoinPoint | None])
_charted: Final = Decoder[_Charted](_Charted)


def read_chain_tvl(body: Body, today: date) -> Series:
    """`/v2/historicalChainTvl[/{chain}]`."""
    points = _chain_tvl.read(body).value
    return daily(((p.date, p.tvl) if p else _NO_POINT for p in points), read_number, today)


def read_protocol_tvl(body: Body, today: date) -> Series:
    """`/protocol/{slug}`: its own `tvl` alone, over all chains; token amounts are not built."""
    points = _protocol.read(body).value.tvl or ()
    return daily(((p.date, p.usd) if p else _NO_POINT for p in points), read_number, today)


def read_stablecoins(body: Body, today: date) -> Series:
    """`/stablecoincharts/{chain}`: dollars over all pegs. No amount at all is no point."""
    points = _stablecoins.read(body).value
    return daily(((p.date, p.circulating) if p else _NO_POINT for p in points), read_usd, today)


def read_chart(body: Body, today: date) -> Series:
    """The `totalDataChart` of a summary or an overview; empty where it is absent."""
    points = _charted.read(body).value.chart or ()
    pairs = (
        tuple(point) if isinstance(point, list) and len(point) == _PAIR else _NO_POINT
        for point in points
    )
    return daily(pairs, read_number, today, signed=True)


def daily(
    points: Iterable[tuple[object, object]],
    value: Callable[[object], float | None],
    today: date,
    *,
    signed: bool = False,
) -> Series:
    """The points as complete days and the running one; of two for a day, the later in the list.

    Args:
        points: (seconds, value), as they came.
        value: reads a value; raises ValueError for what is no number.
        today: the running UTC day.
        signed: values may be negative.
    """
    by_day: dict[date, float] = {}
    unreadable: set[date] = set()
    dropped = 0
    for stamp, raw in points:
        day = _day_of(stamp)
        usd = None
        try:
            usd = value(raw)
            is_sound = usd is None or usd >= 0 or signed
        except ValueError:
            is_sound = False
        if day is not None and not is_sound:
            unreadable.add(day)
        if day is None or usd is None or not is_sound:
            dropped += 1
            continue
        by_day[day] = usd
    days = tuple(sorted((day, usd) for day, usd in by_day.items() if day < today))
    running = (today, by_day[today]) if today in by_day else None
    dropped += sum(day > today for day in by_day)
    return Series(
        days, running, dropped, frozenset(day for day in unreadable - by_day.keys() if day < today)
    )


def _day_of(stamp: object) -> date | None:
    """The day that begins at a time in seconds; None off the grid, or for what is no time."""
    try:
        seconds = read_number(stamp)
    except ValueError:
        return None
    if seconds is None or seconds % _DAY_S or not 0 <= seconds < _LAST_S:
        return None
    return from_s(seconds).date()
