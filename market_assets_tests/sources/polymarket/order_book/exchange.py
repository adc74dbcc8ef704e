"""A market of a made-up exchange: the books of its two tokens, and the frames that change them.

It forms hashes by itself, from the JSON that the venue hashes, so that a mistake of the product is
not made twice.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from market_assets.sources.polymarket.order_book.hashing import Facts, Level

MARKET = "0xmarket"
YES, NO = "1001", "1002"
FACTS = Facts("5", "0.01", neg_risk=False)


@dataclass
class Exchange:
    """The market as the venue has it: levels of Yes by price in text; No is its mirror."""

    bids: dict[str, str] = field(default_factory=lambda: {"0.4": "10", "0.39": "20.5"})
    asks: dict[str, str] = field(default_factory=lambda: {"0.42": "7", "0.5": "100"})
    at_ms: int = 1_800_000_000_000
    trade: str = ""
    facts: Facts = FACTS

    def sides(self, token: str) -> tuple[list[Level], list[Level]]:
        """Bids ascending and asks descending, as the venue sends them."""
        bids, asks = self.bids, self.asks
        if token == NO:
            bids, asks = _mirrored(asks), _mirrored(bids)
        return (
            [Level(p, bids[p]) for p in sorted(bids, key=Decimal)],
            [Level(p, asks[p]) for p in sorted(asks, key=Decimal, reverse=True)],
        )

    def hash(self, token: str) -> str:
        """SHA-1 of the compact JSON of the token's whole book."""
        bids, asks = self.sides(token)
        book: dict[str, Any] = {
            "market": MARKET,
            "asset_id": token,
            "timestamp": str(self.at_ms),
            "hash": "",
            "bids": [level._asdict() for level in bids],
            "asks": [level._asdict() for level in asks],
            "min_order_size": self.facts.min_order_size,
            "tick_size": self.facts.tick_size,
            "neg_risk": self.facts.neg_risk,
            "last_trade_price": self.spelled,
        }
        return hashlib.sha1(
            json.dumps(book, separators=(",", ":")).encode(), usedforsecurity=False
        ).hexdigest()

    @property
    def spelled(self) -> str:
        """The last trade with the decimals of the tick."""
        if not self.trade:
            return ""
        decimals = len(self.facts.tick_size) - 2
        return f"{Decimal(self.trade):.{decimals}f}"

    def best(self, token: str) -> tuple[str, str]:
        """Best bid and ask; 0 and 1 where a side is empty."""
        bids, asks = self.sides(token)
        return (bids[-1].price if bids else "0", asks[-1].price if asks else "1")

    def batch(self, *changes: tuple[str, str, str], later_ms: int = 7) -> list[dict[str, Any]]:
        """Change levels of Yes (side, price, size; 0 removes); a frame per change, both tokens."""
        self.at_ms += later_ms
        for side, price, size in changes:
            levels = self.bids if side == "BUY" else self.asks
            if Decimal(size) == 0:
                levels.pop(price, None)
            else:
                levels[price] = size
        return [self._frame(change) for change in changes]

    def _frame(self, change: tuple[str, str, str]) -> dict[str, Any]:
        side, price, size = change
        other = "SELL" if side == "BUY" else "BUY"
        told = [(YES, side, price), (NO, other, mirrored(price))]
        return {
            "market": MARKET,
            "price_changes": [
                {
                    "asset_id": token,
                    "price": at,
                    "size": size,
                    "side": which,
                    "hash": self.hash(token),
                    "best_bid": self.best(token)[0],
                    "best_ask": self.best(token)[1],
                }
                for token, which, at in told
            ],
            "timestamp": str(self.at_ms),
            "event_type": "price_change",
        }

    def book(self, token: str, *, first: bool = False) -> dict[str, Any]:
        """A `book` frame; the first of a subscription says more."""
        bids, asks = self.sides(token)
        return {
            "market": MARKET,
            "asset_id": token,
            "timestamp": str(self.at_ms),
            "hash": self.hash(token),
            "bids": [level._asdict() for level in bids],
            "asks": [level._asdict() for level in asks],
            **(
                {"tick_size": self.facts.tick_size, "last_trade_price": self.spelled}
                if first
                else {}
            ),
            "event_type": "book",
        }

    def rest(self, token: str) -> dict[str, Any]:
        """An element of the answer to `POST /books`."""
        book = self.book(token)
        del book["event_type"]
        return book | {
            "min_order_size": self.facts.min_order_size,
            "tick_size": self.facts.tick_size,
            "neg_risk": self.facts.neg_risk,
            "last_trade_price": self.spelled,
        }


def body(rows: list[dict[str, Any]]) -> bytes:
    """The answer to `POST /books` with these books."""
    return json.dumps(rows).encode()


def mirrored(price: str) -> str:
    """The other token's price, without trailing zeros."""
    return format((1 - Decimal(price)).normalize(), "f")


def _mirrored(levels: dict[str, str]) -> dict[str, str]:
    return {mirrored(price): size for price, size in levels.items()}
