"""Whole books read from REST: what stands afterwards is what the venue has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from market_assets.clock import ManualClock
from market_assets.ingestion.polymarket.books import read_books
from market_assets.sources.errors import VenueBusy, VenueError
from market_assets.sources.polymarket.order_book.exact import ExactAnswer, decode_exact_books
from market_assets.sources.polymarket.order_book.hashing import Level
from market_assets.storage.files.store import FileStore
from market_assets_tests.sources.polymarket.order_book.exchange import (
    NO,
    YES,
    Exchange,
    body,
)
from market_assets_tests.streams.polymarket.stored import LEVELS, levels_of, track, truth

NOW = datetime(2027, 1, 15, 8, 0, 12, tzinfo=UTC)


@dataclass
class Clob:
    """The CLOB as it answers for one market."""

    exchange: Exchange = field(default_factory=lambda: Exchange(trade="0.41"))
    without: set[str] = field(default_factory=set)
    unanswered: dict[str, str] = field(default_factory=dict)
    fails: VenueError | None = None
    spoilt: set[str] = field(default_factory=set)

    def exact_books(self, token_ids: Iterable[str]) -> ExactAnswer:
        if self.fails is not None:
            raise self.fails
        asked = [t for t in token_ids if t not in self.unanswered]
        rows = [self.exchange.rest(t) for t in asked if t not in self.without]
        found = decode_exact_books(body(rows), asked)
        books = {
            token: book._replace(bids=(*book.bids, Level("0.99", "1")))
            if token in self.spoilt
            else book
            for token, book in found.books.items()
        }
        return ExactAnswer(books, found.rejected, self.unanswered)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    made = FileStore(tmp_path / "market.duckdb", clock=ManualClock(NOW))
    track(made, [YES, NO])
    return made


def levels(store: FileStore, token: str) -> set[tuple[str, float, float]]:
    return levels_of(store.read(LEVELS), token)


def test_every_book_is_written_and_proved(store: FileStore) -> None:
    clob = Clob()
    read = read_books(clob, store, clock=ManualClock(NOW))  # type: ignore[arg-type]
    assert (read.tokens, read.books, read.proven) == (2, 2, 2)
    for token in (YES, NO):
        assert levels(store, token) == truth(clob.exchange, token)
    tops = store.read("select distinct observed_at, is_proven from polymarket_book_tops")
    assert tops.rows() == [(NOW.replace(second=0), True)]


def test_only_what_changed_is_written(store: FileStore) -> None:
    clob, clock = Clob(), ManualClock(NOW)
    read_books(clob, store, clock=clock)  # type: ignore[arg-type]
    clock.advance(60)
    again = read_books(clob, store, clock=clock)  # type: ignore[arg-type]
    assert [(w.inserted, w.updated, w.deleted) for w in again.written[:2]] == [(0, 0, 0)] * 2
    clob.exchange.batch(("BUY", "0.39", "0"), ("SELL", "0.43", "2"))
    changed = read_books(clob, store, clock=clock)  # type: ignore[arg-type]
    assert changed.written[1].deleted == 2
    assert levels(store, YES) == truth(clob.exchange, YES)


def test_a_stream_that_is_ahead_of_rest_is_left_alone(store: FileStore) -> None:
    clob = Clob()
    older = Exchange(trade="0.41")
    clob.exchange.batch(("BUY", "0.39", "0"))
    read_books(clob, store, clock=ManualClock(NOW))  # type: ignore[arg-type]
    read_books(Clob(older), store, clock=ManualClock(NOW))  # type: ignore[arg-type]
    assert levels(store, YES) == truth(clob.exchange, YES)


def test_what_is_not_followed_or_has_no_book_goes(store: FileStore) -> None:
    clob = Clob()
    read_books(clob, store, clock=ManualClock(NOW))  # type: ignore[arg-type]
    clob.without = {NO}
    read_books(clob, store, clock=ManualClock(NOW))  # type: ignore[arg-type]
    assert levels(store, NO) == set()
    track(store, [])
    read_books(clob, store, clock=ManualClock(NOW))  # type: ignore[arg-type]
    assert store.read("select * from polymarket_books").is_empty()
    assert levels(store, YES) == set()


@pytest.mark.parametrize("how", ["unanswered", "spoilt"])
def test_what_could_not_be_read_stays(store: FileStore, how: str) -> None:
    clob = Clob()
    read_books(clob, store, clock=ManualClock(NOW))  # type: ignore[arg-type]
    before = levels(store, NO)
    clob.exchange.batch(("BUY", "0.39", "0"))
    if how == "unanswered":
        clob.unanswered = {NO: "503"}
    else:
        clob.spoilt = {NO}
    read = read_books(clob, store, clock=ManualClock(NOW))  # type: ignore[arg-type]
    assert levels(store, NO) == before
    assert levels(store, YES) == truth(clob.exchange, YES)
    assert len(read.unanswered) + len(read.rejected) == 1


def test_a_venue_that_is_away_changes_nothing(store: FileStore) -> None:
    clob = Clob()
    read_books(clob, store, clock=ManualClock(NOW))  # type: ignore[arg-type]
    clob.fails = VenueBusy("polymarket", "POST /books: 429")
    later = ManualClock(NOW + timedelta(minutes=1))
    with pytest.raises(VenueBusy):
        read_books(clob, store, clock=later)  # type: ignore[arg-type]
    assert levels(store, YES) == truth(clob.exchange, YES)
