"""The Data API's answers as they come, and what a trade and an open interest may be.

Documented at https://docs.polymarket.com/api-reference. A bad row is named in `rejected`, by its
position and what it is called, and costs only itself.

Not here: requests (`data_api.py`), the names of fills (the ingestion of trades).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, cast

import msgspec

from market_assets.clock import from_s
from market_assets.sources.decoding import Decoder
from market_assets.sources.faults import EXACT, NEEDED, Naming
from market_assets.sources.polymarket import values
from market_assets.sources.polymarket.model import OpenInterest, Trade, TradePage
from market_assets.sources.polymarket.wire import Key, NeededId, Number, named

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

_FIRST: Final = 1_577_836_800
"""2020-01-01: the venue is younger than that."""
_AHEAD: Final = timedelta(days=1)
_SIDES: Final = ("BUY", "SELL")
_FINEST_TICKS: Final = 10_000
_NOISE: Final = 1e-6
"""How far a price may lie from the finest tick and still be meant for it: the venue divides an
amount of USDC, which has six decimals, by the shares, and 0.155 comes out as 0.1549999978."""


_Text = Annotated[str | None, EXACT]
_Figure = Annotated[Number, NEEDED]


class WireTrade(msgspec.Struct, rename="camel"):
    """A row of `/trades`; numbers come as integers and as floats."""

    ROW: ClassVar = Naming("trade", ("transactionHash",), with_place=True)

    proxy_wallet: _Text = None
    side: Key = None
    asset: NeededId = None
    condition_id: Key = None
    size: _Figure = None
    price: _Figure = None
    timestamp: _Figure = None
    outcome: str | None = None
    transaction_hash: _Text = None


class WireOpenInterest(msgspec.Struct):
    """A row of `/oi`."""

    ROW: ClassVar = Naming("open interest", ("market",), with_place=True)

    market: Key = None
    value: Number = None


_trades: Final = Decoder[list[WireTrade | None]](list[WireTrade | None])
_open_interest: Final = Decoder[list[WireOpenInterest | None]](list[WireOpenInterest | None])


def decode_trades(body: bytes, now: datetime) -> TradePage:
    """`/trades`.

    Args:
        body: the answer.
        now: a trade of more than a day later is none.

    Raises:
        UNREADABLE: it is no list.
    """
    rows, faults = _trades.read(body)
    latest = (now + _AHEAD).timestamp()
    rejected = named(faults)
    trades = []
    for position, row in enumerate(rows):
        if row is None:
            continue
        try:
            trades.append(_read_trade(row, latest))
        except ValueError as error:
            rejected[f"trade [{position}] {row.transaction_hash or ''}".rstrip()] = str(error)
    times = [trade.traded_at for trade in trades]
    return TradePage(
        trades=tuple(trades),
        rows=len(rows),
        newest_at=max(times, default=None),
        oldest_at=min(times, default=None),
        rejected=rejected,
    )


def decode_open_interest(body: bytes, asked: Collection[str]) -> OpenInterest:
    """`/oi`, for the markets that were asked for.

    Raises:
        UNREADABLE: it is no list.
    """
    rows, faults = _open_interest.read(body)
    by_lower = {condition_id.lower(): condition_id for condition_id in asked}
    found: dict[str, float] = {}
    rejected = named(faults)
    for position, row in enumerate(rows):
        if row is None:
            continue
        condition_id = by_lower.get((row.market or "").lower())
        if condition_id is None:
            rejected[f"open interest [{position}]"] = f"of {row.market!r}, which nobody asked for"
            continue
        read = values.Reader(f"market {condition_id}", rejected).read
        value = read("open interest", values.amount, row.value)
        if value is not None:
            found[condition_id] = value
    return OpenInterest(found, rejected)


def _read_trade(row: WireTrade, latest: float) -> Trade:
    """The fill.

    Raises:
        ValueError: something in it cannot be.
    """
    token_id = values.identifier(row.asset)
    if not row.condition_id or token_id is None:
        raise ValueError("no condition id or no token")
    side = (row.side or "").upper()
    if side not in _SIDES:
        raise ValueError(f"side {(row.side or '')[:20]!r}")
    return Trade(
        transaction_hash=(row.transaction_hash or "").lower() or None,
        wallet=(row.proxy_wallet or "").lower() or None,
        condition_id=row.condition_id,
        token_id=token_id,
        outcome=values.text(row.outcome),
        side=cast("Literal['BUY', 'SELL']", side),
        price=values.traded_price(_without_noise(_given("price", row.price))),
        size=values.size(_given("size", row.size)),
        traded_at=_traded_at(_given("timestamp", row.timestamp), latest),
    )


def _given(field: str, value: Any) -> float:
    if value is None or value == "":
        raise ValueError(f"no {field}")
    return values.number(value)


def _without_noise(price: float) -> float:
    """The price on the finest tick, where it is meant for one; otherwise as it is."""
    on_tick = round(price * _FINEST_TICKS) / _FINEST_TICKS
    return on_tick if on_tick > 0.0 and abs(price - on_tick) < _NOISE else price


def _traded_at(seconds: float, latest: float) -> datetime:
    if not _FIRST <= seconds <= latest:
        raise ValueError(f"timestamp {seconds:.0f} is no time at which it can have been")
    return from_s(seconds)
