"""The hash that Polymarket publishes of a whole order book.

It is the SHA-1, in hex, of the book as compact JSON, its strings as the venue writes them: market,
asset_id, timestamp, an empty hash, bids ascending, asks descending, min_order_size, tick_size,
neg_risk, last_trade_price. The venue documents none of it; ten recorded books of REST and all
states of the recorded sockets reproduce. Level prices stand without trailing zeros ("0.63"), the
last trade with the decimals of the tick ("0.630").

SHA-1 guards nothing here: it is what the venue has chosen to tell one state from another.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

_text = msgspec.json.Encoder().encode


class Facts(NamedTuple):
    """What the hash covers beside the levels; as the venue writes it.

    Attributes:
        min_order_size: the smallest order, in shares.
        tick_size: the smallest step of a price.
        neg_risk: one of a group of which one wins.
    """

    min_order_size: str
    tick_size: str
    neg_risk: bool


class Level(NamedTuple):
    """One price of one side, as the venue writes it."""

    price: str
    size: str


def head_of(market: str, asset_id: str) -> bytes:
    """The beginning of what is hashed, the same for every state of a token's book."""
    return b'{"market":' + _text(market) + b',"asset_id":' + _text(asset_id) + b',"timestamp":"'


def tail_of(facts: Facts, last_trade_price: str) -> bytes:
    """The end of what is hashed.

    Args:
        facts: of the market.
        last_trade_price: of the market, whichever of its tokens was traded; empty: never traded.
    """
    return (
        b'],"min_order_size":'
        + _text(facts.min_order_size)
        + b',"tick_size":'
        + _text(facts.tick_size)
        + b',"neg_risk":'
        + (b"true" if facts.neg_risk else b"false")
        + b',"last_trade_price":'
        + _text(last_trade_price)
        + b"}"
    )


def levels_of(bids: Iterable[Level], asks: Iterable[Level]) -> bytes:
    """The middle of what is hashed; bids ascending, asks descending: the best ones come last."""
    sides = (
        ",".join(f'{{"price":"{price}","size":"{size}"}}' for price, size in side)
        for side in (bids, asks)
    )
    return '","hash":"","bids":[{}],"asks":[{}'.format(*sides).encode()


def hash_of(head: bytes, timestamp: str, levels: bytes, tail: bytes) -> str:
    """The venue's hash of a state.

    Args:
        head: of the token, `head_of`.
        timestamp: of the state, in ms, as the venue writes it.
        levels: `levels_of`.
        tail: `tail_of`.
    """
    whole = b"".join((head, timestamp.encode(), levels, tail))
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()


def with_decimals(price: str, tick_size: str) -> str:
    """A price with the decimals of the tick, as the venue writes the last trade: `0.630`."""
    decimals = len(tick_size.partition(".")[2])
    whole, _, fraction = price.partition(".")
    if len(fraction) >= decimals:
        return price
    return f"{whole or '0'}.{fraction.ljust(decimals, '0')}"
