"""What proving order books costs, and how late they are: `python -m benchmarks.books`.

It takes about two minutes. First comes the cost alone: frames of 200 markets (400 tokens) as the
market channel sends them, 20 levels a side, batches of one to three frames, both tokens in each.
They are made beforehand; what is timed goes from bytes to books that stand. The floor, in the same
run and turn by turn: `orjson`, a dict per side, the level set or removed, nothing checked. Figures
are medians over turns, with the 5th and 95th percentile. Then the whole stream runs for a minute:
see `books_latency.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import statistics
import sys
import time
from datetime import UTC, datetime
from typing import Any

import orjson

from benchmarks import books_latency
from market_assets.clock import ManualClock, from_ms
from market_assets.sources.polymarket.market_channel import decode_frame
from market_assets.sources.polymarket.order_book.exact import ExactBook
from market_assets.sources.polymarket.order_book.hashing import Facts, Level
from market_assets.sources.polymarket.order_book.rows import Token
from market_assets.streams.core.venue_clock import VenueClock
from market_assets.streams.polymarket.book_keeper import BookKeeper

MARKETS = 200
LEVELS = 20
TURNS = 20
FRAMES = 4_000
FACTS = Facts("5", "0.001", neg_risk=False)
START_MS = 1_800_000_000_000


class Market:
    """A market of the made-up venue, which forms hashes by itself."""

    def __init__(self, number: int, draw: random.Random) -> None:
        """Books around 0.5, some levels a side."""
        self.name = f"0x{number:064x}"
        self.tokens = (str(10**76 + 2 * number), str(10**76 + 2 * number + 1))
        self.draw = draw
        self.bids = {500 - n: f"{draw.randrange(1, 10**6) / 100:g}" for n in range(1, LEVELS + 1)}
        self.asks = {500 + n: f"{draw.randrange(1, 10**6) / 100:g}" for n in range(1, LEVELS + 1)}

    def sides(self, outcome: int) -> tuple[list[Level], list[Level]]:
        """Bids ascending, asks descending."""
        bids, asks = self.bids, self.asks
        if outcome:
            bids, asks = ({1000 - p: s for p, s in side.items()} for side in (asks, bids))
        return (
            [Level(_price(p), bids[p]) for p in sorted(bids)],
            [Level(_price(p), asks[p]) for p in sorted(asks, reverse=True)],
        )

    def hash(self, outcome: int, at_ms: int) -> str:
        """SHA-1 of the JSON of the token's book."""
        bids, asks = self.sides(outcome)
        book = {
            "market": self.name,
            "asset_id": self.tokens[outcome],
            "timestamp": str(at_ms),
            "hash": "",
            "bids": [level._asdict() for level in bids],
            "asks": [level._asdict() for level in asks],
            "min_order_size": FACTS.min_order_size,
            "tick_size": FACTS.tick_size,
            "neg_risk": FACTS.neg_risk,
            "last_trade_price": "",
        }
        text = json.dumps(book, separators=(",", ":")).encode()
        return hashlib.sha1(text, usedforsecurity=False).hexdigest()

    def exact(self, outcome: int, at_ms: int) -> ExactBook:
        """The book as REST gives it."""
        bids, asks = self.sides(outcome)
        return ExactBook(tuple(bids), tuple(asks), str(at_ms), self.hash(outcome, at_ms), FACTS, "")

    def batch(self, at_ms: int) -> list[bytes]:
        """One to three changes of levels behind the best one, a frame each."""
        changes = []
        for _ in range(self.draw.randrange(1, 4)):
            is_bid = self.draw.random() < 0.5
            side = self.bids if is_bid else self.asks
            price = 500 + (-1 if is_bid else 1) * self.draw.randrange(2, 2 * LEVELS)
            size = "0" if self.draw.random() < 0.3 else f"{self.draw.randrange(1, 10**6) / 100:g}"
            if size == "0":
                side.pop(price, None)
            else:
                side[price] = size
            changes.append((is_bid, price, size))
        hashes = [self.hash(outcome, at_ms) for outcome in (0, 1)]
        bests = [(b[-1].price, a[-1].price) for b, a in map(self.sides, (0, 1))]
        return [json.dumps(self._frame(one, at_ms, hashes, bests)).encode() for one in changes]

    def _frame(
        self,
        change: tuple[bool, int, str],
        at_ms: int,
        hashes: list[str],
        bests: list[tuple[str, str]],
    ) -> dict[str, Any]:
        is_bid, price, size = change
        return {
            "market": self.name,
            "price_changes": [
                {
                    "asset_id": self.tokens[outcome],
                    "price": _price(price if outcome == 0 else 1000 - price),
                    "size": size,
                    "side": "BUY" if is_bid is (outcome == 0) else "SELL",
                    "hash": hashes[outcome],
                    "best_bid": bests[outcome][0],
                    "best_ask": bests[outcome][1],
                }
                for outcome in (0, 1)
            ],
            "timestamp": str(at_ms),
            "event_type": "price_change",
        }


def _price(thousandths: int) -> str:
    return f"0.{thousandths:03d}".rstrip("0")


class Floor:
    """The least that has books in memory."""

    def __init__(self, markets: list[Market]) -> None:
        """The same first books."""
        self.books = {
            token: tuple(
                {level.price: level.size for level in side} for side in market.sides(outcome)
            )
            for market in markets
            for outcome, token in enumerate(market.tokens)
        }

    def hear(self, raw: bytes) -> None:
        """Set or remove the levels of a frame."""
        for one in orjson.loads(raw)["price_changes"]:
            side = self.books[one["asset_id"]][one["side"] == "SELL"]
            if one["size"] == "0":
                side.pop(one["price"], None)
            else:
                side[one["price"]] = one["size"]


def keeper_of(markets: list[Market]) -> BookKeeper:
    """The project's keeper, with the first books and what the hash covers."""
    clock = VenueClock(ManualClock(from_ms(START_MS)))
    keeper = BookKeeper(clock)
    tokens = [Token(token, market.name) for market in markets for token in market.tokens]
    keeper.keep(tokens)
    books = {
        token: market.exact(outcome, START_MS)
        for market in markets
        for outcome, token in enumerate(market.tokens)
    }
    keeper.rest(books, list(books))
    return keeper


def timed(frames: list[bytes], hear: Any) -> float:
    """Frames a second of CPU."""
    began = time.process_time()
    for raw in frames:
        hear(raw)
    return len(frames) / (time.process_time() - began)


def line(what: str, values: list[float], digits: int = 0) -> str:
    """Median, and how far it spreads."""
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20]
    figures = (f"{value:,.{digits}f}" for value in (statistics.median(ordered), low, high))
    return "| {} | {} | {} – {} |".format(what, *figures)


def main() -> None:
    """Print the report."""
    draw = random.Random(1)
    markets = [Market(number, draw) for number in range(MARKETS)]
    keeper, floor = keeper_of(markets), Floor(markets)
    rates: dict[str, list[float]] = {"keeper": [], "floor": [], "ratio": []}
    at_ms = START_MS
    for _ in range(TURNS):
        frames: list[bytes] = []
        while len(frames) < FRAMES:
            at_ms += 1
            frames += draw.choice(markets).batch(at_ms)

        def hear(raw: bytes) -> None:
            for event in decode_frame(raw).events:
                keeper.event(event)

        ours, least = timed(frames, hear), timed(frames, floor.hear)
        rates["keeper"].append(ours)
        rates["floor"].append(least)
        rates["ratio"].append(ours / least)
    counts = keeper.counts
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs, {datetime.now(UTC):%Y-%m-%d};")
    print(f"{2 * MARKETS} tokens, {2 * LEVELS} levels each, {FRAMES:,} frames a turn.\n")
    print("| | median | 5 % – 95 % |\n|---|---:|---:|")
    print(line("books that are proved, frames a second of CPU", rates["keeper"]))
    print(line("the floor, frames a second of CPU", rates["floor"]))
    print(line("ratio", rates["ratio"], 3))
    share = f"{counts.proven:,} of {counts.judged:,}"
    print(f"\nProved: {share} states; peak RSS with all frames {peak:.0f} MB.\n")
    print("\n".join(books_latency.measured()))
    print(f"\nLoad average {', '.join(f'{load:.1f}' for load in os.getloadavg())}.")


if __name__ == "__main__":
    main()
