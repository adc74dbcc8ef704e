"""REST beside the stream: what the hash covers, and every book again once in a while.

The market channel never tells the smallest order and whether a market is one of a group; REST does,
so the books of new tokens are asked for at once. All books are asked for every five minutes: where
REST has a newer one than the stream, frames were lost and nobody has noticed.
"""

from __future__ import annotations

import asyncio
import logging
from threading import Lock
from typing import TYPE_CHECKING, Final

from market_assets.sources.errors import VenueError
from market_assets.streams.core.heal_progress import HealingProgress
from market_assets.streams.core.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from threading import Event

    from market_assets.clock import Clock
    from market_assets.sources.polymarket.clob import ClobClient
    from market_assets.sources.polymarket.order_book.exact import ExactBook

    OnBooks = Callable[[Mapping[str, ExactBook], Collection[str]], None]

_LOG = logging.getLogger(__name__)

ALL_EVERY_S: Final = 300.0
RETRY_S: Final = 15.0
_POLL_S: Final = 0.2


class RestReads:
    """A `Healer` whose work is done on the flow's event loop, by leader and successor alike."""

    def __init__(
        self,
        client: ClobClient,
        clock: Clock,
        on_books: OnBooks,
        *,
        every_s: float = ALL_EVERY_S,
    ) -> None:
        """Nothing is asked before `follow`.

        Args:
            client: asks the venue.
            clock: for ages.
            on_books: called on the event loop with books, and the tokens that were asked for.
            every_s: how often all books are read.
        """
        self._client = client
        self._clock = clock
        self._on_books = on_books
        self._every_s = every_s
        self._tokens: tuple[str, ...] = ()
        self._fresh: dict[str, None] = {}
        self._due = float("inf")
        self._lock = Lock()
        self._progress = HealingProgress()

    async def follow(self) -> None:
        """Read what is due, until cancelled."""
        while True:
            await asyncio.sleep(_POLL_S)
            now = self._clock.monotonic()
            if self._fresh:
                fresh, self._fresh = list(self._fresh), {}
                if not await self._read(fresh):
                    self._fresh = dict.fromkeys((*fresh, *self._fresh))
                    await asyncio.sleep(RETRY_S)
            elif now >= self._due:
                is_done = await self._read(self._tokens)
                self._due = now + (self._every_s if is_done else RETRY_S)

    def want(self, tokens: Sequence[str]) -> None:
        """Exactly these from now on; new ones are read at once. On the event loop."""
        known = set(self._tokens)
        self._fresh = {token: None for token in self._fresh if token in set(tokens)}
        self._fresh |= {token: None for token in tokens if token not in known}
        self._tokens = tuple(tokens)
        if self._due == float("inf"):
            self._due = self._clock.monotonic() + self._every_s

    def healed(self, rows: int, open_holes: int) -> None:
        """So many books REST knew better so far, and so many are not to be believed now."""
        with self._lock:
            self._progress = HealingProgress(
                done=len(self._tokens) - len(self._fresh),
                total=len(self._tokens),
                open_holes=open_holes,
                healed_rows=rows,
                last_error=self._progress.last_error,
            )

    async def _read(self, tokens: Sequence[str]) -> bool:
        try:
            found = await in_thread(lambda: self._client.exact_books(tokens))
        except VenueError as error:
            self._say(str(error))
            _LOG.warning("books could not be read again: %s", error)
            return False
        answered = [token for token in tokens if token not in found.unanswered]
        self._say(next(iter(found.unanswered.values()), None))
        self._on_books(found.books, answered)
        return not found.unanswered

    def _say(self, error: str | None) -> None:
        with self._lock:
            said = self._progress
            self._progress = HealingProgress(
                said.done,
                said.total,
                open_holes=said.open_holes,
                healed_rows=said.healed_rows,
                last_error=error,
            )

    def run(self, stop: Event) -> None:
        """Nothing to do in a thread of its own."""
        stop.wait()

    def drained(self, started: float) -> None:
        """What was drained concerns nobody here."""

    def expect_crash(self) -> None:
        """The books of before a crash are replaced by the first ones after it anyway."""

    def progress(self) -> HealingProgress:
        """How far it is. From any thread."""
        with self._lock:
            return self._progress
