"""The books of all tokens that are followed: frames in, rows and wishes for snapshots out.

The feed's sink. It knows which tokens count, hands each frame to its token's book, keeps what
became of it for the next flush, and writes down when a book could not be trusted, since when and
why. One thread owns it, the one that the feed runs on. Not here: one book and its rows
(`sources/polymarket/order_book`), sockets, disk.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from market_assets.clock import from_ms, to_ms
from market_assets.sources.polymarket.order_book.hashing import Level
from market_assets.sources.polymarket.order_book.rows import Shown, Token
from market_assets.sources.polymarket.order_book.token_book import (
    Change,
    Fate,
    MarketFacts,
    Part,
    TokenBook,
)
from market_assets.streams.polymarket import book_needs
from market_assets.streams.polymarket.book_counts import Counts
from market_assets.streams.polymarket.book_needs import Need
from market_assets.streams.polymarket.books_batch import BookGap, BooksBatch
from market_assets.streams.polymarket.grid_tops import GridTops
from market_assets.streams.polymarket.kept_token import KeptToken
from market_assets.streams.polymarket.rest_doubts import Doubts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime
    from typing import Literal

    from market_assets.sources.polymarket.market_channel import MarketEvent
    from market_assets.sources.polymarket.order_book.exact import ExactBook
    from market_assets.sources.polymarket.order_book.token_book import Settled
    from market_assets.streams.core.venue_clock import VenueClock

_LOG = logging.getLogger(__name__)

AHEAD_MS: Final = 600_000
"""A frame of the venue's future is nonsense from here on: believed, it would freeze the book."""


class BookKeeper:
    """A `MarketSink`. Not thread-safe but for `counts` and `sound`."""

    def __init__(self, clock: VenueClock) -> None:
        """Follow nothing yet.

        Args:
            clock: the session's.
        """
        self._clock = clock
        self._kept: dict[str, KeptToken] = {}
        self._shared: dict[str, MarketFacts] = {}
        self._changed: dict[str, None] = {}
        self._open: dict[str, None] = {}
        self._doubts = Doubts()
        self._tops = GridTops(clock, self._standing)
        self._gaps: list[BookGap] = []
        self.counts = Counts()
        self.sound = 0

    @property
    def tokens(self) -> Collection[str]:
        """Those that are followed."""
        return self._kept.keys()

    @property
    def waiting(self) -> int:
        """Books and rows that are not on disk yet."""
        return len(self._changed) + len(self._tops) + len(self._gaps)

    @property
    def settled_count(self) -> int:
        """Tokens whose book is known: it stands here, or the venue has none."""
        return sum(
            one.has_no_book or (one.book.is_sound and one.book.settled is not None)
            for one in list(self._kept.values())
        )

    def keep(self, tokens: Iterable[Token]) -> None:
        """Exactly these from now on; the rows of others go with the next flush."""
        wanted = {token.token_id: token for token in tokens}
        for token_id in [one for one in self._kept if one not in wanted]:
            gone = self._kept.pop(token_id)
            self._open.pop(token_id, None)
            self._changed[token_id] = None
            if gone.need is not None and gone.need.since is not None:
                self._gaps.append(gone.need.gap(token_id, self._clock.now(), healed=False))
        markets = {token.condition_id for token in wanted.values()}
        self._shared = {m: s for m, s in self._shared.items() if m in markets}
        for token_id, token in wanted.items():
            kept = self._kept.get(token_id)
            if kept is not None:
                kept.token = token
                continue
            shared = self._shared.setdefault(token.condition_id, MarketFacts())
            book = TokenBook(token_id, token.condition_id, shared)
            self._kept[token_id] = KeptToken(token, book, shared)

    def drop_rows_of(self, tokens: Iterable[str]) -> None:
        """Rows of these stand in the database, of a time when they were followed: they go."""
        for token in tokens:
            if token not in self._kept:
                self._changed[token] = None

    def inherit(self, gap: BookGap) -> None:
        """A session before this one left a gap open: it ends when the book stands again."""
        kept = self._kept.get(gap.token_id)
        if kept is None:
            return
        kept.inherited.append(gap)
        if kept.book.is_sound and kept.book.settled is not None:
            self._close_inherited(kept)

    def show_all(self) -> None:
        """Every book is to be written, whether it has changed or not."""
        self._changed.update(dict.fromkeys(self._kept))

    def event(self, event: MarketEvent) -> None:
        """One object of a frame."""
        self._tops.look()
        kind = event.event_type
        if event.timestamp is not None and self._is_of_the_future(event.timestamp):
            self.counts.nonsense += 1
            return
        if kind == "price_change":
            self._changes(event)
            return
        kept = self._kept.get(event.asset_id or "")
        if kept is None:
            return
        if kind == "book":
            self._book(kept, event)
        elif kind == "last_trade_price" and event.price:
            self._trade(kept, event.price)
        elif kind == "tick_size_change" and event.new_tick_size:
            self._new_tick(kept, event.new_tick_size)

    def asked(self, tokens: Collection[str]) -> None:
        """These tokens have just been subscribed to: their books are on their way."""
        due = self._clock.monotonic() + book_needs.FIRST_BOOK_S
        for token in tokens:
            kept = self._kept.get(token)
            if kept is None:
                continue
            if kept.need is not None:
                kept.need.due = max(kept.need.due, due)
            elif not kept.book.is_sound:
                kept.need = Need(None, "no snapshot", due, book_needs.FIRST_BOOK_S)

    def lost(self, tokens: Collection[str], since: datetime, cause: str) -> None:
        """Frames of these tokens may be missing from `since` on; cause: reconnect or silence."""
        for token in tokens:
            kept = self._kept.get(token)
            if kept is not None and kept.book.is_sound:
                self._break(kept, cause, since=since, ask=False)

    def rest(self, books: Mapping[str, ExactBook], asked: Collection[str]) -> None:
        """Whole books from REST: what is newer than what stands here replaces it.

        Args:
            books: by token.
            asked: for which tokens they were asked for; those without an answer have no book.
        """
        for token_id in asked:
            kept = self._kept.get(token_id)
            if kept is None:
                continue
            found = books.get(token_id)
            kept.has_no_book = found is None and not kept.book.is_sound
            if found is not None:
                self._from_rest(kept, found)

    def tick(self) -> None:
        """A second or so has passed."""
        self._tops.look()
        elapsed = self._clock.monotonic()
        self._settle_doubts(elapsed)
        for token_id in list(self._open):
            kept = self._kept[token_id]
            fate = kept.book.look(elapsed)
            if fate is not Fate.OPEN:
                self._open.pop(token_id, None)
            self._judge(kept, fate)

    def snapshots_wanted(self) -> list[str]:
        """Tokens whose book is to be sent anew, now; each is told again after a longer wait."""
        elapsed = self._clock.monotonic()
        found: list[str] = []
        for token_id, kept in self._kept.items():
            need = kept.need
            if need is None or elapsed < need.due:
                continue
            if need.since is None and not kept.has_no_book:
                need.since = self._clock.now()
                self._gaps.append(need.gap(token_id, self._clock.now(), healed=False))
                self.counts.broken[need.cause] += 1
            need.asked(elapsed)
            self.counts.resnapshots += 1
            found.append(token_id)
        return found

    def take(self, *, leads: bool) -> BooksBatch:
        """What has changed since the last call.

        Args:
            leads: whether books are written at all: whoever waits for the lease only keeps them.
        """
        self._tops.look()
        tops = self._tops.take()
        if not leads:
            return BooksBatch((), (), tops, ())
        changed, self._changed = self._changed, {}
        gaps, self._gaps = self._gaps, []
        found = {token: self._shown(token) for token in changed}
        return BooksBatch(
            tuple(one for one in found.values() if one is not None),
            tuple(token for token, one in found.items() if one is None),
            tops,
            tuple(gaps),
        )

    def restore(self, batch: BooksBatch, *, books: bool, tops: bool, gaps: bool) -> None:
        """Take back what could not be put on disk."""
        if books:
            self._changed.update(dict.fromkeys(one.token.token_id for one in batch.books))
            self._changed.update(dict.fromkeys(batch.gone))
        if tops:
            self._tops.restore(batch.tops)
        if gaps:
            self._gaps = [*batch.gaps, *self._gaps]

    def shed(self) -> int:
        """Give up tops that have waited for too long; books are only kept as they are now."""
        return self._tops.shed()

    def _book(self, kept: KeptToken, event: MarketEvent) -> None:
        try:
            if event.tick_size and kept.shared.facts is not None:
                kept.shared.know(kept.shared.facts._replace(tick_size=event.tick_size))
            if event.last_trade_price:
                kept.shared.traded(event.last_trade_price)
            fate = kept.book.snapshot(
                [Level(one.price, one.size) for one in event.bids or ()],
                [Level(one.price, one.size) for one in event.asks or ()],
                event.timestamp or "",
                event.hash or "",
            )
        except ValueError as error:
            self._nonsense(kept, error)
            return
        self._open.pop(kept.token.token_id, None)
        self._judge(kept, fate, source="stream")

    def _changes(self, event: MarketEvent) -> None:
        elapsed = self._clock.monotonic()
        for (token_id, _), part in self._parts(event).items():
            kept = self._kept[token_id]
            try:
                fate = kept.book.change(part, elapsed)
            except ValueError as error:
                self._nonsense(kept, error)
                continue
            if fate is Fate.OPEN:
                self._open[token_id] = None
            elif fate is Fate.SETTLED:
                self._open.pop(token_id, None)
            self._judge(kept, fate, source="stream")

    def _parts(self, event: MarketEvent) -> dict[tuple[str, str], Part]:
        """What a frame says of each token that is followed; a frame may name several batches."""
        changes: dict[tuple[str, str], list[Change]] = {}
        parts: dict[tuple[str, str], Part] = {}
        for one in event.price_changes or ():
            if one.asset_id in self._kept:
                key = one.asset_id, one.hash
                own = changes.setdefault(key, [])
                own.append(Change(one.side, one.price, one.size))
                parts[key] = Part(own, event.timestamp or "", one.hash, one.best_bid, one.best_ask)
        return parts

    def _trade(self, kept: KeptToken, price: str) -> None:
        try:
            is_news = kept.shared.traded(price)
        except ValueError:
            self.counts.nonsense += 1
            return
        if is_news:
            self._prove_again(kept.token.condition_id)

    def _new_tick(self, kept: KeptToken, tick_size: str) -> None:
        """Prices are on another grid from now on: there is no book until the next snapshot."""
        if kept.shared.facts is not None:
            kept.shared.know(kept.shared.facts._replace(tick_size=tick_size))
        kept.book.forget()
        self._open.pop(kept.token.token_id, None)
        self._changed[kept.token.token_id] = None
        self._break(kept, "tick size")

    def _from_rest(self, kept: KeptToken, found: ExactBook) -> None:
        """What REST says of a book: heals one that is not to be believed, else may doubt it.

        REST may be ahead of frames that are on their way: a newer book is looked at again later.
        """
        book = kept.book
        try:
            self._learn(kept, found)
            if not book.is_sound or book.settled is None:
                self._replace(kept, found)
            elif int(found.timestamp) > book.at_ms and found.hash != book.hash:
                self._doubts.add(kept.token.token_id, found, self._clock.monotonic())
        except ValueError as error:
            self._refuse(kept, error)

    def _learn(self, kept: KeptToken, found: ExactBook) -> None:
        """What the hash covers, where it is not known yet."""
        shared, is_news = kept.shared, False
        if found.facts is not None and shared.facts is None:
            is_news = shared.know(found.facts)
        if found.last_trade_price and not shared.last_trade:
            is_news = shared.traded(found.last_trade_price) or is_news
        if is_news:
            self._prove_again(kept.token.condition_id)

    def _replace(self, kept: KeptToken, found: ExactBook) -> Fate:
        if found.facts is not None:
            kept.shared.know(found.facts)
        if found.last_trade_price:
            kept.shared.traded(found.last_trade_price)
        fate = kept.book.snapshot(found.bids, found.asks, found.timestamp, found.hash)
        self._judge(kept, fate, source="rest")
        return fate

    def _refuse(self, kept: KeptToken, error: ValueError) -> None:
        self.counts.nonsense += 1
        _LOG.warning("REST's book of %s: %s", kept.token.token_id, error)

    def _settle_doubts(self, elapsed: float) -> None:
        """Books that REST had newer: if the stream has not brought them by now, it lost frames."""
        for token_id, found in self._doubts.due(elapsed):
            kept = self._kept.get(token_id)
            if kept is None or int(found.timestamp) <= kept.book.at_ms:
                continue
            try:
                fate = self._replace(kept, found)
            except ValueError as error:
                self._refuse(kept, error)
                continue
            if fate is Fate.SETTLED:
                self.counts.rest_differs += 1
                self.counts.broken["missed"] += 1
                self._gaps.append(self._missed(kept, from_ms(int(found.timestamp))))

    def _prove_again(self, condition_id: str) -> None:
        """What the hash covers has become known: books that could not be proved may be now."""
        for token_id, kept in self._kept.items():
            shown = kept.book.settled
            if kept.token.condition_id == condition_id and kept.book.prove_again():
                assert shown is not None
                self.counts.judged -= shown.proven is not None
                self.counts.states -= 1  # the same state, judged anew
                self._judge(kept, Fate.SETTLED)
                self._changed[token_id] = None

    def _judge(
        self, kept: KeptToken, fate: Fate, source: Literal["stream", "rest"] | None = None
    ) -> None:
        """What a frame, or time, has done to a book."""
        if fate is Fate.SETTLED:
            settled = kept.book.settled
            assert settled is not None
            kept.source = source or kept.source
            kept.received_at = self._clock.now()
            kept.has_no_book = False
            self.counts.states += 1
            self.counts.judged += settled.proven is not None
            self.counts.proven += settled.proven is True
            self._changed[kept.token.token_id] = None
            self._witness(kept.token.token_id, settled.at_ms)
            if kept.inherited:
                self._close_inherited(kept)
            if kept.need is not None:
                if kept.need.since is not None:
                    self._gaps.append(
                        kept.need.gap(kept.token.token_id, self._clock.now(), healed=True)
                    )
                kept.need = None
        elif fate is Fate.BROKEN and kept.need is None:
            self._break(kept, "mismatch")
        elif fate is Fate.EARLY:
            self.counts.early += 1
        elif fate is Fate.OLD:
            self.counts.old += 1

    def _close_inherited(self, kept: KeptToken) -> None:
        now = self._clock.now()
        self._gaps += [
            gap._replace(until=max(gap.since, now), healed_at=now) for gap in kept.inherited
        ]
        kept.inherited.clear()

    def _nonsense(self, kept: KeptToken, error: ValueError) -> None:
        self.counts.nonsense += 1
        _LOG.warning("a frame of %s: %s", kept.token.token_id, error)
        kept.book.lose()
        if kept.need is None or kept.need.since is None:
            self._break(kept, "nonsense")

    def _break(
        self, kept: KeptToken, cause: str, *, since: datetime | None = None, ask: bool = True
    ) -> None:
        """A book is not to be believed any more; a snapshot is asked for, or comes by itself."""
        kept.book.lose()
        token_id = kept.token.token_id
        self._open.pop(token_id, None)
        now = self._clock.now()
        if kept.need is not None and kept.need.since is not None:
            # It is on record already: one gap, from its first cause to the next book.
            kept.need.due = min(kept.need.due, self._clock.monotonic()) if ask else kept.need.due
            self._changed[token_id] = None
            return
        began = since or self._known_until(kept) or now
        wait = book_needs.FIRST_BOOK_S
        kept.need = Need(began, cause, self._clock.monotonic() + (0.0 if ask else wait), wait)
        self.counts.broken[cause] += 1
        self._gaps.append(kept.need.gap(token_id, self._clock.now(), healed=False))
        self._changed[token_id] = None

    def _known_until(self, kept: KeptToken) -> datetime | None:
        settled = kept.book.settled
        return None if settled is None else min(from_ms(settled.at_ms), self._clock.now())

    def _missed(self, kept: KeptToken, at: datetime) -> BookGap:
        """Of a book that REST knew better: what was missing is there now."""
        now = self._clock.now()
        return BookGap(kept.token.token_id, min(at, now), now, "missed", now, now)

    def _standing(self) -> Iterator[tuple[str, Settled, bool | None]]:
        """The books as they stand now."""
        for token_id, kept in self._kept.items():
            settled = kept.book.settled
            if settled is not None:
                yield token_id, settled, settled.proven if kept.book.is_sound else False

    def _shown(self, token_id: str) -> Shown | None:
        """A token's book as it is to be shown; None: there is none."""
        kept = self._kept.get(token_id)
        if kept is None or kept.book.settled is None or kept.received_at is None:
            return None
        settled, facts = kept.book.settled, kept.shared.facts
        return Shown(
            kept.token,
            settled,
            settled.proven if kept.book.is_sound else False,
            kept.source,
            kept.received_at,
            None if facts is None else facts.neg_risk,
            None if facts is None else facts.tick_size,
            kept.shared.last_trade,
        )

    def _witness(self, token_id: str, at_ms: int) -> None:
        minute = at_ms - at_ms % 60_000
        if minute > self._clock.sure_until_ms:
            self._clock.witness(token_id, minute)

    def _is_of_the_future(self, timestamp: str) -> bool:
        if not (timestamp.isascii() and timestamp.isdigit()) or self._clock.in_doubt:
            return False
        return int(timestamp[:15]) > to_ms(self._clock.now()) + AHEAD_MS
