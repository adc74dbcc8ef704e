"""Keeps up with what the venue lists: at the start, every few minutes, and when a coin is unknown.

Not here: which of it is streamed (`targets.py`), and subscribing (`streaming.py`).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from market_assets.sources.errors import VenueError
from market_assets.storage.common.errors import StoreError
from market_assets.streams.core.threads import in_thread
from market_assets.streams.hyperliquid.targets import Targets, from_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.storage.api import Store
    from market_assets.streams.hyperliquid.options import HyperliquidOptions

_LOG = logging.getLogger(__name__)

FIRST_ANSWER_S: Final = 5.0
"""How long the start waits for the venue's lists, before the registry in the database will do."""
SECOND_LOOK_S: Final = 60.0
"""What an answer has left out is asked for again so soon."""
NEW_LISTING_PAUSE_S: Final = 60.0
"""An unknown coin has the lists read at once, but not more often than this."""
RETRY_S: Final = (2.0, 5.0, 10.0, 30.0, 60.0)
_SLEEP_S: Final = 0.2
_NAMES: Final = 10


class UniverseWatch:
    """The targets of a session, kept up to date on its event loop.

    Attributes:
        targets: what is known to be listed.
        error: why the lists could not be read; None if they could.
    """

    def __init__(
        self,
        *,
        client: HyperliquidClient,
        store: Store,
        options: HyperliquidOptions,
        clock: Clock,
        unknown: Callable[[], Collection[str]],
        on_targets: Callable[[Targets, str | None], None],
    ) -> None:
        """Nothing is read before `run`.

        Args:
            client: asks the venue.
            store: asked while the venue does not answer.
            options: restriction and interval.
            clock: the session's.
            unknown: tells coins that the stream has and no list, each once.
            on_targets: called when the lists have been read, with the cause of the holes of new
                symbols: `listing`, or None at the start.
        """
        self._client = client
        self._store = store
        self._restrict = options.restrict
        self._interval = options.universe_interval.total_seconds()
        self._clock = clock
        self._unknown = unknown
        self._on_targets = on_targets
        self.targets = Targets({}, frozenset(options.restrict))
        self.error: str | None = None

    async def run(self) -> None:
        """Follow until cancelled."""
        reading = asyncio.create_task(self._read_universe())
        await asyncio.wait({reading}, timeout=FIRST_ANSWER_S)
        if not reading.done():
            await self._read_registry()
        failures = 0
        while True:
            failures = 0 if await reading else failures + 1
            pause = RETRY_S[min(failures, len(RETRY_S)) - 1] if failures else self._interval
            if self.targets.missed:
                pause = min(pause, SECOND_LOOK_S)
            await self._pause(pause, until_unknown=not failures)
            reading = asyncio.create_task(self._read_universe())

    async def _pause(self, seconds: float, *, until_unknown: bool) -> None:
        """Wait; not to the end, if a coin turns up that no list has."""
        began = self._clock.monotonic()
        while (waited := self._clock.monotonic() - began) < seconds:
            await asyncio.sleep(_SLEEP_S)
            if not until_unknown or waited < NEW_LISTING_PAUSE_S:
                continue
            unknown = sorted(self._unknown())
            if unknown:
                _LOG.info("coins that no list has yet: %s", ", ".join(unknown[:_NAMES]))
                return

    async def _read_universe(self) -> bool:
        try:
            universe = await in_thread(self._client.universe)
        except VenueError as error:
            self.error = str(error)
            _LOG.warning("the venue's lists could not be read: %s", error)
            if not self.targets.assets:
                await self._read_registry()
            return False
        except Exception as error:  # noqa: BLE001 - the stream goes on with the lists that it has
            self.error = f"the venue's lists: {type(error).__name__} {error}"
            _LOG.exception("the venue's lists could not be read")
            return False
        cause = "listing" if self.targets.assets else None
        self.targets = self.targets.updated(universe)
        if self.targets.missed:
            first = ", ".join(sorted(self.targets.missed)[:_NAMES])
            count = len(self.targets.missed)
            _LOG.warning("the venue's lists lack %d symbols, asked again first: %s", count, first)
        self.error = None
        self._on_targets(self.targets, cause)
        return True

    async def _read_registry(self) -> None:
        """While the venue does not answer, what the database knows will do."""
        try:
            targets = await in_thread(lambda: from_registry(self._store, self._restrict))
        except StoreError as error:
            _LOG.warning("the registry could not be read: %s", error)
            return
        if targets.assets and not self.targets.assets:
            self.targets = targets
            self._on_targets(targets, None)
