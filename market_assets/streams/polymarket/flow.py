"""Polymarket's stream as a `Flow`: whole books of the tracked tokens.

Puts together the feed, the keeper that it fills, the watch that says which tokens count, and the
reads of REST beside it. Not here: any of these.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from market_assets.clock import to_ms
from market_assets.storage.common.changes import Delete
from market_assets.storage.common.errors import StoreError
from market_assets.streams.core.flow import Coverage, Streamed
from market_assets.streams.core.streaming import first_of
from market_assets.streams.core.threads import in_thread
from market_assets.streams.core.venue_clock import QUORUM, TOLERANCE_S
from market_assets.streams.polymarket.book_keeper import BookKeeper
from market_assets.streams.polymarket.books_batch import CHANNEL, SOURCE, BookGap, BooksBatch
from market_assets.streams.polymarket.rest_reads import RestReads
from market_assets.streams.polymarket.token_watch import TokenWatch
from market_assets.tables import (
    INGESTION_GAPS,
    POLYMARKET_BOOK_TOPS,
    POLYMARKET_BOOKS,
    POLYMARKET_ORDERBOOK_LEVELS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.sources.feed_stats import FeedStats
    from market_assets.sources.polymarket.clob import ClobClient
    from market_assets.sources.polymarket.market_feed import MarketFeed, MarketSink
    from market_assets.sources.polymarket.order_book.exact import ExactBook
    from market_assets.sources.polymarket.order_book.rows import Token
    from market_assets.storage.api import Store
    from market_assets.storage.common.changes import Written
    from market_assets.streams.core.flow import Call
    from market_assets.streams.core.venue_clock import VenueClock

TABLES: Final = (POLYMARKET_BOOKS, POLYMARKET_ORDERBOOK_LEVELS, POLYMARKET_BOOK_TOPS)
_STORED: Final = "select token_id from polymarket_books"
_OPEN: Final = """
select symbol, gap_from_at, cause, detected_at
from ingestion_gaps
where source = $source and channel = $channel and healed_at is null
"""
_LEFT_BEHIND: Final[dict[str, tuple[str, dict[str, object]]]] = {
    "stored": (_STORED, {}),
    "open": (_OPEN, {"source": SOURCE, "channel": CHANNEL}),
}


class BooksFlow:
    """A `Flow`. Made, run once, and done with."""

    def __init__(
        self,
        clock: VenueClock,
        call: Call,
        *,
        store: Store,
        client_for: Callable[[Clock], ClobClient],
        feed: Callable[[MarketSink, Clock], MarketFeed],
    ) -> None:
        """Nothing is opened before `run`.

        Args:
            clock: the session's.
            call: does something on the thread of this flow.
            store: has the tracked universe, and the books of before.
            client_for: makes the client of REST.
            feed: makes the feed for a sink and a clock.
        """
        self._clock = clock
        self._store = store
        self._client = client_for(clock)
        self._keeper = BookKeeper(clock)
        self._feed = feed(self._keeper, clock)
        self._watch = TokenWatch(store, self._follow)
        self._rest = RestReads(self._client, clock, self._heard_from_rest)
        self._leads = False
        self._was_ahead = False
        self._tokens: tuple[str, ...] = ()
        self._streamed = tuple(Streamed(table, SOURCE, CHANNEL) for table in TABLES)
        del call

    @property
    def tables(self) -> tuple[Streamed, ...]:
        return self._streamed

    @property
    def healer(self) -> RestReads:
        return self._rest

    async def run(self) -> None:
        await first_of(self._feed.run(), self._watch.run(), self._rest.follow(), self._tidy())

    def use(self, subscriptions: int) -> None:
        """The venue names no limit for an address: all that is wanted is subscribed to."""

    def tick(self) -> None:
        self._clock.tick()
        if self._clock.take_shift() < -TOLERANCE_S:
            self._was_ahead = True
        self._keeper.tick()
        wanted = self._keeper.snapshots_wanted()
        if wanted:
            self._feed.again(wanted)
        counts = self._keeper.counts
        self._rest.healed(counts.rest_differs, len(self._tokens) - self._keeper.settled_count)

    def take(self) -> BooksBatch:
        return self._keeper.take(leads=self._leads)

    def restore(self, batch: BooksBatch, failed: Collection[str]) -> None:
        self._keeper.restore(
            batch,
            books=POLYMARKET_BOOKS.name in failed,
            tops=POLYMARKET_BOOK_TOPS.name in failed,
            gaps=INGESTION_GAPS.name in failed,
        )

    def shed(self, now: datetime) -> int:
        del now
        return self._keeper.shed()

    def lead(self, *, relieves: bool) -> None:
        """Only the leader writes books: of two, one would write older ones over newer ones."""
        del relieves
        self._leads = True
        self._keeper.show_all()

    def set_back(self) -> None:
        """Books are told by the venue's clock; tops of instants that have not come are deleted."""

    def take_set_back(self) -> bool:
        was_ahead, self._was_ahead = self._was_ahead, False
        return was_ahead

    def repair(self, store: Store, now: datetime) -> Sequence[Written]:
        return store.write(Delete(POLYMARKET_BOOK_TOPS, "observed_at > ?", [now]))

    def coverage(self) -> Coverage:
        return Coverage(
            wanted=len(self._tokens),
            heard=self._keeper.settled_count,
            shared=0,
            settled_ms=to_ms(self._clock.now()),
        )

    def stats(self) -> FeedStats:
        return self._feed.stats()

    @property
    def waiting(self) -> int:
        return self._keeper.waiting

    @property
    def left_out(self) -> tuple[str, ...]:
        return ()

    @property
    def error(self) -> str | None:
        return self._watch.error

    @property
    def figures(self) -> Mapping[str, float]:
        counts = self._keeper.counts
        return {
            "book_states": counts.states,
            "book_states_proven": counts.proven,
            "proven_share": counts.proven_share,
            "books_broken": counts.broken.total(),
            "snapshots_asked": counts.resnapshots,
            "rest_differs": counts.rest_differs,
            "frames_old": counts.old,
            "frames_nonsense": counts.nonsense,
        }

    def close(self) -> None:
        self._client.close()

    def _follow(self, tokens: Sequence[Token]) -> None:
        """These tokens from now on."""
        self._tokens = tuple(dict.fromkeys(token.token_id for token in tokens))
        self._clock.quorum = max(1, min(QUORUM, len(self._tokens)))
        self._keeper.keep(tokens)
        self._rest.want(self._tokens)
        self._feed.want(self._tokens)

    def _heard_from_rest(self, books: Mapping[str, ExactBook], asked: Collection[str]) -> None:
        self._keeper.rest(books, asked)

    async def _tidy(self) -> None:
        """Once, as soon as it leads and knows what is followed: put right what was left behind.

        Rows of tokens that nobody follows go, and gaps that a killed session left open are closed.
        """
        while not self._tokens or not self._leads:
            await _pause()
        while True:
            try:
                left = await in_thread(lambda: self._store.read_together(_LEFT_BEHIND))
            except StoreError:
                await _pause()
                continue
            self._keeper.drop_rows_of(left["stored"]["token_id"].to_list())
            for token_id, since, cause, detected_at in left["open"].iter_rows():
                self._keeper.inherit(BookGap(token_id, since, since, cause, detected_at, None))
            await asyncio.Event().wait()  # done; an end of this would end the stream


async def _pause() -> None:
    await asyncio.sleep(1.0)
