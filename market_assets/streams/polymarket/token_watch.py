"""Follows the tracked universe while the stream runs, as the database has it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from market_assets.ingestion.polymarket.tracked_tokens import tracked_tokens
from market_assets.storage.common.errors import StoreError
from market_assets.streams.core.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from market_assets.sources.polymarket.order_book.rows import Token
    from market_assets.storage.api import Store

_LOG = logging.getLogger(__name__)

EVERY_S: Final = 15.0


class TokenWatch:
    """Follows the universe while the stream runs.

    Attributes:
        error: why it could not be read the last time; None if it could.
    """

    def __init__(self, store: Store, on_tokens: Callable[[Sequence[Token]], None]) -> None:
        """Nothing is read before `run`.

        Args:
            store: has the universe.
            on_tokens: called on the event loop with all tokens, when they are others than before.
        """
        self._store = store
        self._on_tokens = on_tokens
        self._tokens: list[Token] | None = None
        self.error: str | None = None

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                tokens = await in_thread(lambda: tracked_tokens(self._store))
            except StoreError as error:
                self.error = f"the tracked universe: {error}"
                _LOG.warning("%s", self.error)
            else:
                self.error = None
                if tokens != self._tokens:
                    self._tokens = tokens
                    self._on_tokens(tokens)
            await asyncio.sleep(EVERY_S)
