"""Subscriptions: what a client may ask the stream for, in the venue's normal form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from market_simulator.hyperliquid.bars import INTERVALS

if TYPE_CHECKING:
    from market_simulator.hyperliquid.market import Market

_COIN_TYPES: Final = ("trades", "bbo", "activeAssetCtx")


@dataclass(frozen=True)
class Subscription:
    """One subscription; equal ones are the same stream.

    Attributes:
        type: `candle`, `allMids`, …
        coin: the coin, for the types that have one.
        interval: of a candle.
        dex: of allMids; empty is the main dex.
        figures, mantissa, fast: of a book.
        text: the normal form as JSON, as acknowledgements and errors show it.
    """

    type: str
    coin: str = ""
    interval: str = ""
    dex: str = ""
    figures: int | None = None
    mantissa: int | None = None
    fast: bool = False
    text: str = field(default="", compare=False)


def normalised(raw: Any) -> Subscription | None:
    """The subscription that a client's JSON means; None where it cannot be read."""
    if not isinstance(raw, dict):
        return None
    kind = raw.get("type")
    if kind == "allMids":
        return _mids(raw)
    if kind == "allDexsAssetCtxs":
        return Subscription(kind, text=_text({"type": kind}))
    return _of_coin(kind, raw["coin"], raw) if isinstance(raw.get("coin"), str) else None


def _mids(raw: dict[str, Any]) -> Subscription | None:
    dex = raw.get("dex")
    if dex is not None and not isinstance(dex, str):
        return None
    shown = {"type": "allMids"} | ({"dex": dex} if dex is not None else {})
    return Subscription("allMids", dex=dex or "", text=_text(shown))


def _of_coin(kind: Any, coin: str, raw: dict[str, Any]) -> Subscription | None:
    if kind == "candle" and raw.get("interval") in INTERVALS:
        interval = raw["interval"]
        shown = {"type": kind, "interval": interval, "coin": coin}
        return Subscription(kind, coin, interval, text=_text(shown))
    if kind == "l2Book":
        return _book(coin, raw)
    if kind in _COIN_TYPES:
        return Subscription(kind, coin, text=_text({"type": kind, "coin": coin}))
    return None


def _book(coin: str, raw: dict[str, Any]) -> Subscription | None:
    figures, mantissa, fast = raw.get("nSigFigs"), raw.get("mantissa"), raw.get("fast")
    readable = (
        figures in (None, 2, 3, 4, 5)
        and mantissa in (None, 1, 2, 5)
        and fast in (None, True, False)
    )
    if not readable:
        return None
    shown = {"type": "l2Book", "coin": coin, "nSigFigs": figures, "mantissa": mantissa}
    shown["fast"] = bool(fast)
    return Subscription(
        "l2Book", coin, figures=figures, mantissa=mantissa, fast=bool(fast), text=_text(shown)
    )


def exists(subscription: Subscription, market: Market) -> bool:
    """Whether the market has what the subscription is for."""
    if subscription.coin:
        return market.knows(subscription.coin)
    return market.has_dex(subscription.dex)


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
