"""The frames of the market channel, written from books as REST gives them.

All prices and sizes are texts, and `event_type` comes last. One change of a book is a batch:
several frames with one timestamp, each of which carries the hashes and best prices of the books
after all of them. Which frames a batch has is a function of the books before and after it.
"""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from market_simulator.polymarket.live import Fill, Happening
    from market_simulator.polymarket.rows import Row

_FRAMES_PER_BATCH: Final = 6
"""Batches of more changes put several of them into each frame."""
_REPEATED_ONE_IN: Final = 8
_UNTOLD_BEST_ONE_IN: Final = 8
_EMPTY_BEST_ONE_IN: Final = 64
_BOOK_FIRST_ONE_IN: Final = 4
_BOOK: Final = ("market", "asset_id", "timestamp", "hash", "bids", "asks")
_encode: Final = msgspec.json.Encoder().encode


class Frame(NamedTuple):
    """A frame about one market.

    Attributes:
        event_type: as it says.
        asset: the token that it is about; empty: both of the market.
        text: as sent.
    """

    event_type: str
    asset: str
    text: str


class _Change(NamedTuple):
    """A level of the first token: its side there, its price, its new size."""

    side: str
    price: str
    size: str


def text_of(tree: object) -> str:
    """A frame as it is sent."""
    return _encode(tree).decode()


def first_book(row: Row) -> Row:
    """The first `book` of a subscription, which has more keys than later ones."""
    more = {key: row[key] for key in ("tick_size", "last_trade_price") if key in row}
    return _book(row) | more | {"event_type": "book"}


def of(happening: Happening) -> Iterator[Frame]:
    """The frames that tell of a change, in their order."""
    before, after = happening.before, happening.after
    draw = int(after[0]["hash"][:12], 16)
    if happening.fills:
        trades = [_trade(fill, after[0]) for fill in happening.fills]
        books = [_later_book(row) for row in after]
        yield from books + trades if draw % _BOOK_FIRST_ONE_IN == 0 else trades + books
        return
    if before is not None:
        yield from _tick_changes(before, after)
    changes = _changes(None if before is None else before[0], after[0])
    if changes:
        yield from _best(before, after, draw >> 8)
        yield from _batch(changes, after, draw >> 16)
    elif before is None or before[0]["hash"] != after[0]["hash"]:
        yield from (_later_book(row) for row in after)


def best(row: Row) -> tuple[str, str]:
    """Best bid and best ask; 0 and 1 where a side is empty."""
    bids, asks = row["bids"], row["asks"]
    return bids[-1]["price"] if bids else "0", asks[-1]["price"] if asks else "1"


@functools.lru_cache(65_536)
def mirrored(price: str) -> str:
    """The price of the other token: 1 − p."""
    return f"{(1 - Decimal(price)).normalize():f}"


def _book(row: Row) -> Row:
    return {key: row[key] for key in _BOOK if key in row}


def _later_book(row: Row) -> Frame:
    return Frame("book", row["asset_id"], text_of(_book(row) | {"event_type": "book"}))


def _trade(fill: Fill, row: Row) -> Frame:
    body = {
        "market": row["market"],
        "asset_id": fill.token,
        "price": fill.price,
        "size": fill.size,
        "fee_rate_bps": "" if int(fill.transaction[-1], 16) == 0 else "0",
        "side": fill.side,
        "timestamp": row["timestamp"],
        "event_type": "last_trade_price",
        "transaction_hash": fill.transaction,
    }
    return Frame("last_trade_price", fill.token, text_of(body))


def _tick_changes(before: Sequence[Row], after: Sequence[Row]) -> Iterator[Frame]:
    for old, new in zip(before, after, strict=True):
        if old["tick_size"] != new["tick_size"]:
            body = {
                "market": new["market"],
                "asset_id": new["asset_id"],
                "old_tick_size": old["tick_size"],
                "new_tick_size": new["tick_size"],
                "timestamp": new["timestamp"],
                "event_type": "tick_size_change",
            }
            yield Frame("tick_size_change", new["asset_id"], text_of(body))


def _changes(before: Row | None, after: Row) -> list[_Change]:
    """What leads from one book of the first token to another, in no order of prices."""
    found: list[_Change] = []
    for name, side in (("bids", "BUY"), ("asks", "SELL")):
        old = {} if before is None else {x["price"]: x["size"] for x in before[name]}
        new = {x["price"]: x["size"] for x in after[name]}
        found += [_Change(side, price, "0") for price in old if price not in new]
        found += [_Change(side, p, size) for p, size in new.items() if old.get(p) != size]
    return sorted(found, key=lambda change: hash_of_text(change.price + after["hash"]))


def hash_of_text(text: str) -> int:
    """A number that is the same in every process, for an order that says nothing."""
    found = 0
    for byte in text[:24].encode():
        found = (found * 131 + byte) & 0xFFFFFFFF
    return found


def _best(before: Sequence[Row] | None, after: Sequence[Row], draw: int) -> Iterator[Frame]:
    """`best_bid_ask` where they have moved: not always, now and then empty, or a little late."""
    moved = before is None or best(before[0]) != best(after[0])
    if not moved or draw % _UNTOLD_BEST_ONE_IN == 0:
        return
    empty = (draw >> 8) % _EMPTY_BEST_ONE_IN == 0
    for row in after:
        bid, ask = ("0", "0") if empty else best(row)
        body = {
            "market": row["market"],
            "asset_id": row["asset_id"],
            "best_bid": bid,
            "best_ask": ask,
            "spread": f"{(Decimal(ask) - Decimal(bid)).normalize():f}",
            "timestamp": str(int(row["timestamp"]) + (draw >> 16) % 2),
            "event_type": "best_bid_ask",
        }
        yield Frame("best_bid_ask", row["asset_id"], text_of(body))


def _batch(changes: list[_Change], after: Sequence[Row], draw: int) -> Iterator[Frame]:
    per_frame = max(1, -(-len(changes) // _FRAMES_PER_BATCH))
    parts = [changes[i : i + per_frame] for i in range(0, len(changes), per_frame)]
    if draw % _REPEATED_ONE_IN == 0:
        parts.append(parts[-1][-1:])
    shared = [dict(zip(("best_bid", "best_ask"), best(row), strict=True)) for row in after]
    for number, part in enumerate(parts):
        turned = (draw >> 8) + number & 1
        body = {
            "market": after[0]["market"],
            "price_changes": [
                _level(change, after[i], i, shared[i])
                for change in part
                for i in ((1, 0) if turned else (0, 1))
            ],
            "timestamp": after[0]["timestamp"],
            "event_type": "price_change",
        }
        yield Frame("price_change", "", text_of(body))


def _level(change: _Change, row: Row, outcome: int, ends: dict[str, str]) -> dict[str, Any]:
    other = {"BUY": "SELL", "SELL": "BUY"}
    return {
        "asset_id": row["asset_id"],
        "price": mirrored(change.price) if outcome else change.price,
        "size": change.size,
        "side": other[change.side] if outcome else change.side,
        "hash": row["hash"],
        **ends,
    }
