"""The index that answers are made from, and the thread that makes the next one beside them.

Nobody waits for an index. `IndexKeeper.of` gives the one that there is, or none, at once; the
thread makes the first one when there was a search, and from then on, for an hour after the last
search, one for each new published file, which it looks for every other second. A search without an
index asks the database, which takes a quarter of a second with a million markets (`places.py`).
"""

from __future__ import annotations

import logging
import time
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

from market_assets.api.market_index.refresh import refreshed
from market_assets.storage.common.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_assets.api.market_index.index import Index
    from market_assets.clock import Clock
    from market_assets.storage.api import Snapshot, Snapshots, Version

_LOG = logging.getLogger(__name__)

SMALL: Final = 50_000
"""Markets among which the database finds words in 15 ms: no older index is made do with."""
MOST_BEHIND_S: Final = 60.0
"""For how long after the file was another an index may be used, if there are more."""
_LOOK_S: Final = 2.0
_KEEP_S: Final = 3600.0
_BREATH_S: Final = 1e-4
_MEMORY: Final = "12MB"
"""What DuckDB may keep of the file while it is gone through."""


class IndexKeeper:
    """The index of the published file, as new as it can be had without waiting."""

    def __init__(
        self,
        published: Snapshots,
        *,
        clock: Clock,
        make: Callable[[Index | None, Snapshot, Callable[[], None]], Index] | None = None,
    ) -> None:
        """Nothing is made before the first search.

        Args:
            published: the file.
            clock: of the ages of the index and of the last search.
            make: makes the next index from the last one, as `refreshed` does.
        """
        self._published, self._clock = published, clock
        self._make = make or _made_aside
        self._index: Index | None = None
        self._held_at = 0.0
        """When the index was last that of the newest file."""
        self._asked_at = 0.0
        self._failed: Version | None = None
        self._guard = Lock()
        self._thread: Thread | None = None
        self._wake = Event()
        self._is_closed = False

    def of(self, snapshot: Snapshot) -> Index | None:
        """An index for a search in this file; at once.

        It is of this very file, or, where there are more than `SMALL` markets, of one that was the
        newest until at most `MOST_BEHIND_S` ago. None: there is no such index yet.
        """
        index = self._index
        self._asked_at = self._clock.monotonic()
        if index is not None and index.version == snapshot.version:
            return index
        self._begin()
        if index is None or index.live <= SMALL:
            return None
        return index if self._asked_at - self._held_at <= MOST_BEHIND_S else None

    def close(self) -> None:
        """End the thread, whatever it is about."""
        with self._guard:
            self._is_closed = True
            self._wake.set()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _begin(self) -> None:
        with self._guard:
            if self._thread is None and not self._is_closed:
                self._thread = Thread(target=self._run, name="market-index", daemon=True)
                self._thread.start()
            self._wake.set()

    def _run(self) -> None:
        while not self._is_closed:
            is_used = self._clock.monotonic() - self._asked_at <= _KEEP_S
            self._wake.wait(_LOOK_S if is_used else None)
            self._wake.clear()
            try:
                self._look()
            except _Closed:
                return
            except StoreError as error:
                _LOG.warning("searches go on without a new index: %s", error)
            except Exception:  # noqa: BLE001 - whatever it was, searches are answered without
                _LOG.exception("searches go on without a new index")

    def _look(self) -> None:
        """Make an index, if there is a new file."""
        with self._published.snapshot() as snapshot:
            at, index = self._clock.monotonic(), self._index
            if index is None or index.version != snapshot.version:
                if snapshot.version == self._failed:
                    return
                self._failed = snapshot.version
                index = self._make(index, snapshot, self._breathe)
                self._failed = None
            # In this order: an index is never taken for newer than it is.
            self._index, self._held_at = index, at

    def _breathe(self) -> None:
        """Let others run; they get the interpreter at once from one who sleeps."""
        if self._is_closed:
            raise _Closed
        time.sleep(_BREATH_S)


class _Closed(Exception):  # noqa: N818 - reads as what happened
    """Nobody wants the index any more."""


def _made_aside(before: Index | None, snapshot: Snapshot, breathe: Callable[[], None]) -> Index:
    """Made with little memory; where that cannot be, with that of the answers."""
    try:
        with snapshot.aside(_MEMORY) as aside:
            return refreshed(before, aside, breathe)
    except StoreError as error:
        _LOG.info("the index is made from what answers are made from: %s", error)
        return refreshed(before, snapshot, breathe)
