"""Recorded books and frames of the real venue: each hash in them is that of a book formed here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from market_assets.sources.polymarket.market_channel import decode_frame
from market_assets.sources.polymarket.order_book.exact import decode_exact_books
from market_assets.sources.polymarket.order_book.hashing import Facts, Level
from market_assets.sources.polymarket.order_book.token_book import (
    Change,
    Fate,
    MarketFacts,
    Part,
    TokenBook,
)
from market_assets_tests.recordings import recordings

FOLDER = recordings("polymarket")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="there are no recordings here")


def _files(pattern: str) -> list[Path]:
    return sorted(FOLDER.glob(pattern)) if FOLDER else []


def test_every_book_of_rest_has_the_hash_that_the_venue_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    proved = total = 0
    for file in _files("trebuchet-clob-books-*.json"):
        body = file.read_bytes()
        tokens = [row["asset_id"] for row in json.loads(body)]
        for token, found in decode_exact_books(body, tokens).books.items():
            market = next(row["market"] for row in json.loads(body) if row["asset_id"] == token)
            shared = MarketFacts()
            assert found.facts is not None
            shared.know(found.facts)
            shared.traded(found.last_trade_price)
            book = TokenBook(token, market, shared)
            assert book.snapshot(found.bids, found.asks, found.timestamp, found.hash) is (
                Fate.SETTLED
            )
            total += 1
            assert book.settled is not None
            proved += book.settled.proven is True
    with capsys.disabled():
        pass
    assert proved == total > 0


class Replay:
    """The books of a capture: checkpoints, and the frames after them."""

    def __init__(self) -> None:
        self.books: dict[str, TokenBook] = {}
        self.shared: dict[str, MarketFacts] = {}
        self.hashes: set[tuple[str, str]] = set()
        self.proved: set[tuple[str, str]] = set()

    def checkpoint(self, books: list[dict[str, Any]], trades: list[str]) -> None:
        for row in books:
            shared = self.shared.setdefault(row["market"], MarketFacts())
            shared.know(Facts("5", "0.001", neg_risk=False))
            for trade in trades:
                shared.traded(trade)
            book = self.books.setdefault(
                row["asset_id"], TokenBook(row["asset_id"], row["market"], shared)
            )
            self._snapshot(book, row)

    def _snapshot(self, book: TokenBook, row: dict[str, Any]) -> None:
        sides = ([Level(**level) for level in row[side]] for side in ("bids", "asks"))
        self.hashes.add((row["asset_id"], row["hash"]))
        book.snapshot(*sides, row["timestamp"], row["hash"])
        assert book.settled is not None
        if book.settled.proven:
            self.proved.add((row["asset_id"], row["hash"]))

    def frame(self, raw: bytes, elapsed: float) -> None:
        for event in decode_frame(raw).events:
            if event.event_type == "last_trade_price" and event.price:
                self.shared[event.market or ""].traded(event.price)
            if event.event_type == "book" and event.asset_id in self.books:
                self._snapshot(self.books[event.asset_id], json.loads(raw))
            for one in event.price_changes or ():
                book = self.books.get(one.asset_id)
                if book is None:
                    continue
                self.hashes.add((one.asset_id, one.hash))
                change = Change(one.side, one.price, one.size)
                at = event.timestamp or ""
                part = Part([change], at, one.hash, one.best_bid, one.best_ask)
                fate = book.change(part, elapsed)
                assert fate is not Fate.BROKEN
                if fate is Fate.SETTLED:
                    self.proved.add((one.asset_id, one.hash))


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


@pytest.mark.parametrize("file", _files("wwshan-ws-market-*.jsonl"), ids=lambda file: file.name)
def test_every_hash_of_a_capture_is_that_of_the_book_at_the_end_of_its_batch(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replay = Replay()
    for line in _lines(file):
        if line["kind"] == "checkpoint":
            replay.checkpoint(line["books"], ["0.630", "0.441", "0.368"])
        else:
            replay.frame(line["raw"].encode(), line["recv_ms"] / 1000)
    with capsys.disabled():
        pass
    assert replay.proved == replay.hashes
    assert len(replay.hashes) > 0
