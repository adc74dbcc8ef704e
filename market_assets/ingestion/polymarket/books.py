"""Whole books of the tracked tokens from REST: by hand, and where no stream brings them.

The tables are those of the stream, and so are the rows: heads and levels of exactly the books that
the venue has now, in one transaction, and tops on the 30-second grid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from market_assets.clock import floor, from_ms
from market_assets.ingestion.polymarket.tracked_tokens import tracked_tokens
from market_assets.sources.polymarket.order_book.rows import (
    Shown,
    Standing,
    heads,
    levels,
    top_of,
    tops,
)
from market_assets.sources.polymarket.order_book.token_book import MarketFacts, TokenBook
from market_assets.storage.common.changes import Change, Merge, ReplaceWithin, Written
from market_assets.tables import (
    POLYMARKET_BOOK_TOPS,
    POLYMARKET_BOOKS,
    POLYMARKET_ORDERBOOK_LEVELS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.sources.polymarket.clob import ClobClient
    from market_assets.sources.polymarket.order_book.exact import ExactBook
    from market_assets.sources.polymarket.order_book.rows import Token
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

GRID: Final = timedelta(seconds=30)
_STORED: Final = "select token_id, book_at, book_hash, is_proven from polymarket_books"


@dataclass
class BooksRead:
    """What a read of all books did.

    Attributes:
        written: per table.
        tokens: tracked ones.
        books: of them, those that have a book.
        proven: of these, those whose hash is the venue's.
        rejected: what made no sense, and why.
        unanswered: tokens of which nothing is known, and why; their rows stay.
    """

    written: tuple[Written, ...] = ()
    tokens: int = 0
    books: int = 0
    proven: int = 0
    rejected: dict[str, str] = field(default_factory=dict)
    unanswered: dict[str, str] = field(default_factory=dict)


def read_books(
    clob: ClobClient, store: Store, *, clock: Clock, runs: Sequence[IngestionRun] = ()
) -> BooksRead:
    """Have the books in the database be those that the venue has now.

    Args:
        clob: asks the venue.
        store: has the universe, and takes the books.
        clock: the time of receipt, and the grid.
        runs: each counts what is written to the table of its asset.

    Raises:
        VenueError: no book can be had.
        StoreError: the database cannot be read or written.
    """
    tokens = {token.token_id: token for token in tracked_tokens(store)}
    stored = {row["token_id"]: row for row in store.read(_STORED).iter_rows(named=True)}
    answer = clob.exact_books(tokens)
    now = clock.now()
    done = BooksRead(tokens=len(tokens), rejected=dict(answer.rejected))
    done.unanswered = dict(answer.unanswered)
    shown: list[Shown] = []
    for token_id, found in answer.books.items():
        try:
            shown.append(_shown(tokens[token_id], found, now))
        except ValueError as error:
            done.rejected[f"book {token_id}"] = str(error)
    known = {one.token.token_id for one in shown}
    # What is not followed any more goes, and what has no book; what could not be read stays.
    unread = {*done.unanswered, *(answer.books.keys() - known)}
    gone = [one for one in {*tokens, *stored} if one not in known and one not in unread]
    news = [one for one in shown if _is_news(one, stored.get(one.token.token_id))]
    changes = _changes(news, gone, shown, now)
    done.written = store.write(*changes, runs=runs)
    done.books = len(shown)
    done.proven = sum(one.proven is True for one in shown)
    return done


def _shown(token: Token, found: ExactBook, now: datetime) -> Shown:
    shared = MarketFacts()
    if found.facts is not None:
        shared.know(found.facts)
    shared.traded(found.last_trade_price)
    book = TokenBook(token.token_id, token.condition_id, shared)
    book.snapshot(found.bids, found.asks, found.timestamp, found.hash)
    settled = book.settled
    assert settled is not None
    facts = found.facts
    return Shown(
        token,
        settled,
        settled.proven,
        "rest",
        now,
        None if facts is None else facts.neg_risk,
        None if facts is None else facts.tick_size,
        found.last_trade_price,
    )


def _is_news(shown: Shown, stored: Mapping[str, Any] | None) -> bool:
    """Whether REST knows more than the database: a stream beside it may be ahead of REST."""
    if stored is None:
        return True
    if shown.settled.hash and shown.settled.hash == stored["book_hash"]:
        return bool(shown.proven) and not stored["is_proven"]
    return bool(from_ms(shown.settled.at_ms) >= stored["book_at"])


def _changes(
    news: Sequence[Shown], gone: Iterable[str], shown: Sequence[Shown], now: datetime
) -> list[Change]:
    tokens = [*(one.token.token_id for one in news), *gone]
    scopes = pl.DataFrame({"token_id": tokens}, schema={"token_id": pl.String})
    at = floor(now, GRID)
    standings = [Standing(one.token.token_id, at, top_of(one.settled), one.proven) for one in shown]
    return [
        ReplaceWithin(POLYMARKET_BOOKS, heads(news), scopes, most_removed=1.0),
        ReplaceWithin(POLYMARKET_ORDERBOOK_LEVELS, levels(news), scopes, most_removed=1.0),
        Merge(POLYMARKET_BOOK_TOPS, tops(standings)),
    ]
