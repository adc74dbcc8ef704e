"""One token's book as the market channel tells it, and whether it is the venue's.

The venue changes a book in batches. One batch comes in several frames, which share a timestamp and
a hash; best bid, best ask and hash in every one of them are those after the whole batch. So nothing
is shown between the first frame of a batch and its last: a book is *settled* when the hash of what
stands here is the one that the venue has told. If the next batch begins, or a while passes, and it
is not, something was lost: the token is *unproven* until a new snapshot.

Pure: no clock, no input or output; the caller says what time it is. Not here: sockets, rows, and
who asks for a snapshot (`book_keeper.py`).
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from market_assets.sources.polymarket.order_book.hashing import (
    Facts,
    Level,
    hash_of,
    head_of,
    levels_of,
    tail_of,
    with_decimals,
)
from market_assets.sources.polymarket.order_book.side import ONE, Side, millionths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BATCH_S: Final = 1.0
"""How long the frames of one batch may take; the venue sends them within milliseconds."""
QUIET_S: Final = 0.25
"""Without a hash to go by, a batch is taken as whole when nothing more of it has come for so long.
"""
GIVE_UP: Final = 3
"""So many snapshots in a row whose hash cannot be had by any spelling: this book is never proved,
and no snapshot is asked for because of it."""
_REMEMBERED: Final = 8
"""Hashes of states before this one: a frame that tells one of them again is a repetition."""
_TRADES: Final = 3
"""The hash covers the market's last trade, which is told in a frame of its own: it may come after
the book that it belongs to, so those before it are tried too."""


class Fate(Enum):
    """What a frame has done to a book."""

    SETTLED = "settled"
    """A state that is whole stands here, and is to be shown."""
    OPEN = "open"
    """More of the batch is to come."""
    OLD = "old"
    """It is of before what stands here; nothing has changed."""
    EARLY = "early"
    """There is no snapshot yet that it could change."""
    BROKEN = "broken"
    """What stands here is not the venue's book: a snapshot is needed."""


class Change(NamedTuple):
    """A level's new size, as the venue writes it.

    Attributes:
        side: `BUY` (a bid) or `SELL` (an ask).
        price: of the level.
        size: all that rests there now; 0: nothing.
    """

    side: str
    price: str
    size: str


class Part(NamedTuple):
    """What one frame says of one token: a part of a batch, or all of it.

    Attributes:
        changes: in the frame's order.
        timestamp: of the batch, in ms.
        hash: of the whole book after the batch.
        best_bid: after the batch; 0 on an empty side, empty where it is not told.
        best_ask: after the batch; 1 on an empty side, empty where it is not told.
    """

    changes: Sequence[Change]
    timestamp: str
    hash: str
    best_bid: str
    best_ask: str


class Settled(NamedTuple):
    """A state of a book that may be shown.

    Attributes:
        bids: lowest price first; the best is the last.
        asks: the same order; the best is the first.
        at_ms: by the venue's clock.
        hash: the venue's.
        proven: True: it is the hash of exactly this; False: it is not; None: nobody can tell.
    """

    bids: Sequence[Level]
    asks: Sequence[Level]
    at_ms: int
    hash: str
    proven: bool | None


class MarketFacts:
    """What both tokens of a market share, and the hash covers.

    Attributes:
        facts: what stands beside the levels; None: not known yet.
    """

    def __init__(self) -> None:
        """Nothing is known, and nothing was traded yet."""
        self.facts: Facts | None = None
        self._trades: deque[str] = deque([""], maxlen=_TRADES)
        self._tails: tuple[bytes, ...] = ()

    @property
    def last_trade(self) -> str:
        """The market's last trade as it was told; empty: none was."""
        return self._trades[0]

    def know(self, facts: Facts) -> bool:
        """What stands beside the levels; whether that is news."""
        if facts == self.facts:
            return False
        self.facts = facts
        self._spell()
        return True

    def traded(self, price: str) -> bool:
        """The market's last trade, whichever of its tokens was traded; whether that is news.

        Raises:
            ValueError: it is no price.
        """
        if price:
            millionths(price)
        if self._trades[0] == price:
            return False
        self._trades.appendleft(price)
        self._spell()
        return True

    @property
    def tails(self) -> tuple[bytes, ...]:
        """The ends that what is hashed may have, the likeliest first; none: facts are missing."""
        return self._tails

    def _spell(self) -> None:
        if self.facts is None:
            return
        tick = self.facts.tick_size
        spelled = [with_decimals(price, tick) if price else "" for price in self._trades]
        self._tails = tuple(tail_of(self.facts, one) for one in dict.fromkeys(spelled))


class TokenBook:
    """The book of one token.

    Attributes:
        settled: the last state that may be shown; None before the first snapshot, and after the
            tick size has changed.
        is_sound: what stands here is believed to be the venue's book.
        unproved: snapshots in a row whose hash was another one.
    """

    def __init__(self, token: str, market: str, shared: MarketFacts) -> None:
        """Nothing is known yet.

        Args:
            token: the venue's id.
            market: its market's condition id.
            shared: what it shares with the market's other token.
        """
        self._head = head_of(market, token)
        self._shared = shared
        self._bids, self._asks = Side(), Side()
        self._at_ms = 0
        self._timestamp = ""
        self._hash = ""
        self._before: deque[str] = deque(maxlen=_REMEMBERED)
        self._best: tuple[int, int] | None = None
        self._open_since: float | None = None
        self._touched = 0.0
        self._has_snapshot = False
        self.settled: Settled | None = None
        self.is_sound = False
        self.unproved = 0

    def snapshot(
        self, bids: Iterable[Level], asks: Iterable[Level], timestamp: str, hash_: str
    ) -> Fate:
        """The whole book, from a frame or from REST.

        Args:
            bids: in any order.
            asks: in any order.
            timestamp: of this state, in ms.
            hash_: the venue's; empty: it told none.

        Raises:
            ValueError: a level or the timestamp makes no sense. Nothing has changed.
        """
        at_ms = _milliseconds(timestamp)
        if at_ms < self._at_ms:
            return Fate.OLD
        new_bids, new_asks = Side(), Side()
        new_bids.replace(bids)
        new_asks.replace(asks)
        if _is_crossed(new_bids, new_asks):
            raise ValueError("it is crossed")
        self._bids, self._asks = new_bids, new_asks
        self._at_ms, self._timestamp, self._hash = at_ms, timestamp, hash_
        self._open_since, self._best = None, None
        self._has_snapshot = self.is_sound = True
        state = self._state()
        self.unproved = self.unproved + 1 if state.proven is False else 0
        self._settle(state)
        return Fate.SETTLED

    def change(self, part: Part, elapsed: float) -> Fate:
        """What one frame says of this token: a part of a batch, or all of it.

        Args:
            part: what the frame says.
            elapsed: monotonic reading when it came.

        Raises:
            ValueError: it makes no sense. What stands here is not to be believed any more.
        """
        if not self._has_snapshot:
            return Fate.EARLY
        at_ms = _milliseconds(part.timestamp)
        if at_ms < self._at_ms or (part.hash and part.hash in self._before):
            return Fate.OLD
        if not self.is_sound:
            return Fate.BROKEN
        if self._open_since is not None and part.hash != self._hash and not self._finish():
            return self._broken()
        if part.hash != self._hash or self._open_since is None:
            self._open_since = elapsed
        try:
            for side, price, size in part.changes:
                (self._bids if _is_bid(side) else self._asks).set(price, size)
            self._best = _bests(part.best_bid, part.best_ask)
        except ValueError:
            self._broken()
            raise
        self._at_ms, self._timestamp, self._hash = at_ms, part.timestamp, part.hash
        self._touched = elapsed
        if self._agrees() and (state := self._state()).proven:
            self._settle(state)
            return Fate.SETTLED
        return Fate.OPEN

    def look(self, elapsed: float) -> Fate:
        """Time has passed: is the open batch over, or broken?"""
        if self._open_since is None or not self.is_sound:
            return Fate.OLD
        can_be_proved = self._shared.tails and self.unproved < GIVE_UP and self._hash
        if not can_be_proved and elapsed - self._touched >= QUIET_S and self._finish():
            return Fate.SETTLED
        if elapsed - self._open_since < BATCH_S:
            return Fate.OPEN
        if self._finish():
            return Fate.SETTLED
        return self._broken()

    def lose(self) -> None:
        """Frames may be missing from now on: only a snapshot is believed again."""
        self.is_sound = False
        self._open_since = None

    def forget(self) -> None:
        """The tick size has changed: there is no book until the next snapshot."""
        self.lose()
        self._has_snapshot = False
        self.settled = None
        self._at_ms = 0
        self._before.clear()

    def prove_again(self) -> bool:
        """What the hash covers has become known since: whether that has changed what is shown."""
        shown = self.settled
        if shown is None or shown.proven or self._open_since is not None or not self.is_sound:
            return False
        state = self._state()
        if state.proven is None or state.proven is shown.proven:
            return False
        self.unproved = 0 if state.proven else max(1, self.unproved)
        self._settle(state)
        return True

    @property
    def at_ms(self) -> int:
        """The venue's time of what stands here; 0: nothing does."""
        return self._at_ms

    @property
    def hash(self) -> str:
        """The venue's hash of what stands here, or will stand once the batch is whole."""
        return self._hash

    def _finish(self) -> bool:
        """Settle the open batch as whole, if nothing speaks against it."""
        if not self._agrees():
            return False
        state = self._state()
        if state.proven is False and self.unproved < GIVE_UP:
            return False
        self._settle(state)
        return True

    def _settle(self, state: Settled) -> None:
        if self.settled is not None and self.settled.hash != state.hash:
            self._before.append(self.settled.hash)
        self._open_since = None
        self.settled = state

    def _broken(self) -> Fate:
        self.lose()
        return Fate.BROKEN

    def _state(self) -> Settled:
        """What stands here, and whether the venue's hash is its own."""
        bids, asks = self._bids.ascending(), self._asks.ascending()
        tails = self._shared.tails
        proven = None
        if tails and self._hash:
            levels = levels_of(bids, reversed(asks))
            proven = any(
                hash_of(self._head, self._timestamp, levels, tail) == self._hash for tail in tails
            )
        return Settled(bids, asks, self._at_ms, self._hash, proven)

    def _agrees(self) -> bool:
        """The best prices are those that the venue told, and nothing is crossed."""
        if _is_crossed(self._bids, self._asks):
            return False
        if self._best is None:
            return True
        return self._best == (
            self._bids.highest or 0,
            ONE if self._asks.lowest is None else self._asks.lowest,
        )


def _is_bid(side: str) -> bool:
    if side not in ("BUY", "SELL"):
        raise ValueError(f"side {side[:20]!r} is neither BUY nor SELL")
    return side == "BUY"


def _bests(best_bid: str, best_ask: str) -> tuple[int, int] | None:
    """Best prices as told; None where one is not."""
    if not best_bid or not best_ask:
        return None
    return millionths(best_bid), millionths(best_ask)


def _is_crossed(bids: Side, asks: Side) -> bool:
    highest, lowest = bids.highest, asks.lowest
    return highest is not None and lowest is not None and highest >= lowest


def _milliseconds(timestamp: str) -> int:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15):  # noqa: PLR2004 - until the year 33658
        raise ValueError(f"timestamp {timestamp[:20]!r} is no time in ms")
    return int(timestamp)
