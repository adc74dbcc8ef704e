"""The simulated market channel as its tests see it: a socket, and books kept by what it says.

Nothing here is the product's: what a book must be is formed anew, the hash from the text that the
venue would hash.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import websockets.sync.client

from market_assets_tests.simulator.market_venue import Api
from market_assets_tests.waiting import until

Message = dict[str, Any]


def sha1_of(book: Message) -> str:
    """The venue's hash of a book as REST gives it."""
    whole = json.dumps({**book, "hash": ""}, separators=(",", ":"))
    return hashlib.sha1(whole.encode(), usedforsecurity=False).hexdigest()


@dataclass
class Kept:
    """One token's book, kept from frames; the facts that frames do not tell come from REST."""

    facts: Message
    bids: dict[str, str] = field(default_factory=dict)
    asks: dict[str, str] = field(default_factory=dict)

    def start(self, book: Message) -> None:
        """Take the levels of a whole book."""
        self.bids, self.asks = (
            {level["price"]: level["size"] for level in book[side]} for side in ("bids", "asks")
        )
        self.facts = self.facts | {"timestamp": book["timestamp"]}

    def change(self, change: Message, timestamp: str) -> None:
        """Take one entry of a `price_change`."""
        levels = self.bids if change["side"] == "BUY" else self.asks
        if change["size"] == "0":
            levels.pop(change["price"], None)
        else:
            levels[change["price"]] = change["size"]
        self.facts = self.facts | {"timestamp": timestamp}

    def best(self) -> tuple[str, str]:
        """Best bid and ask, 0 and 1 where there is none."""
        return max(self.bids, key=Decimal, default="0"), min(self.asks, key=Decimal, default="1")

    def row(self) -> Message:
        """The book as REST would give it, hash included."""
        sides = {
            name: [
                {"price": price, "size": levels[price]}
                for price in sorted(levels, key=Decimal, reverse=name == "asks")
            ]
            for name, levels in (("bids", self.bids), ("asks", self.asks))
        }
        made = self.facts | sides | {"hash": ""}
        return made | {"hash": sha1_of(made)}


class Books:
    """The books of some tokens."""

    def __init__(self, rows: Sequence[Message]) -> None:
        self.of = {row["asset_id"]: Kept(dict(row)) for row in rows}
        for row in rows:
            self.of[row["asset_id"]].start(row)

    def take(self, frame: Message) -> None:
        """Apply a frame."""
        kind = frame["event_type"]
        if kind == "book":
            self.of[frame["asset_id"]].start(frame)
        elif kind == "price_change":
            for change in frame["price_changes"]:
                self.of[change["asset_id"]].change(change, frame["timestamp"])
        elif kind == "tick_size_change":
            self._facts(frame, tick_size=frame["new_tick_size"])
        elif kind == "last_trade_price":
            self._facts(frame, last_trade_price=frame["price"])
        for kept in self._of_market(frame):
            spelled, tick = kept.facts["last_trade_price"], kept.facts["tick_size"]
            kept.facts["last_trade_price"] = spelled and with_decimals_of(tick, spelled)

    def _facts(self, frame: Message, **facts: str) -> None:
        for kept in self._of_market(frame):
            kept.facts = kept.facts | facts

    def _of_market(self, frame: Message) -> list[Kept]:
        return [kept for kept in self.of.values() if kept.facts["market"] == frame["market"]]


def with_decimals_of(tick: str, price: str) -> str:
    """A price with the decimals of a tick, or as many more as it needs."""
    plain = price.rstrip("0")
    digits = max(len(tick), len(plain)) - 2
    return f"{Decimal(price):.{digits}f}"


def kinds(frames: Sequence[Message]) -> Counter[str]:
    """How many frames there are of each type."""
    return Counter(frame["event_type"] for frame in frames)


class Socket:
    """A client of the channel."""

    def __init__(self, api: Api, raw: websockets.sync.client.ClientConnection) -> None:
        self.api = api
        self.raw = raw

    def send(self, message: object) -> None:
        self.raw.send(message if isinstance(message, str) else json.dumps(message))

    def begin(self, assets: Sequence[str], **more: object) -> None:
        """The first message."""
        self.send({"type": "market", "assets_ids": list(assets), **more})

    def operate(self, operation: str, assets: Sequence[str]) -> None:
        self.send({"operation": operation, "assets_ids": list(assets)})

    def raw_frames(self, beats: int = 2) -> list[str | bytes]:
        """Everything that was sent up to the venue's present, unread so far.

        Whatever is sent waits in one line: what the channel had to say before the second PONG, with
        whole beats in between, has arrived with it.
        """
        found = self._up_to_pong()
        before = stream(self.api)["beats"]
        until(lambda: stream(self.api)["beats"] >= before + beats, "told what there is to tell")
        return found + self._up_to_pong()

    def frames(self) -> list[Message]:
        """The objects of `raw_frames`, those of arrays too."""
        found: list[Message] = []
        for text in self.raw_frames():
            tree = json.loads(text)
            found += tree if isinstance(tree, list) else [tree]
        return found

    def _up_to_pong(self) -> list[str | bytes]:
        self.send("PING")
        found: list[str | bytes] = []
        while (text := self.raw.recv(20)) != "PONG":
            found.append(text)
        return found


@contextmanager
def connected(api: Api, **more: Any) -> Iterator[Socket]:
    options: dict[str, Any] = {"compression": None, "proxy": None, "max_queue": None, **more}
    with websockets.sync.client.connect(api.venue.channel_url, **options) as raw:
        yield Socket(api, raw)


def stream(api: Api) -> Message:
    """What the control route says of the channel."""
    return api.venue.stream()


def books(api: Api, tokens: Sequence[str]) -> list[Message]:
    """The books of REST."""
    answer = api.post("/books", [{"token_id": token} for token in tokens])
    assert answer.status_code == 200
    found: list[Message] = answer.json()
    return found


def tokens_with_books(api: Api, count: int) -> list[str]:
    """Tokens of busy markets whose books have both sides, market by market."""
    markets = [m for m in api.venue.markets() if m["best_bid"] and m["best_ask"]]
    asked = [token for m in markets for token in m["token_ids"]][:1000]
    rows = [row for i in (0, 500) for row in books(api, asked[i : i + 500])]
    return [row["asset_id"] for row in rows if row["bids"] and row["asks"]][:count]
