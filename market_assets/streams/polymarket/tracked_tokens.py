"""Which tokens are followed: those of the tracked universe, as the database has it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from market_assets.storage.common.errors import StoreError
from market_assets.streams.core.threads import in_thread
from market_assets.streams.polymarket.book_rows import Token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from market_assets.storage.api import Store

_LOG = logging.getLogger(__name__)

EVERY_S: Final = 15.0
_TRACKED: Final = """
select u.condition_id, u.token_ids, m.outcomes, m.neg_risk, m.tick_size
from polymarket_tracked_universe u
left join polymarket_markets m using (condition_id)
where coalesce(not m.closed, true)
order by u.rank, u.condition_id
"""


def tracked_tokens(store: Store) -> list[Token]:
    """The tokens of the tracked universe, the most important market's first.

    Raises:
        StoreError: the database cannot be read.
    """
    return [token for row in store.read(_TRACKED).iter_rows(named=True) for token in _tokens(row)]


def _tokens(row: dict[str, Any]) -> list[Token]:
    outcomes = row["outcomes"] or ()
    return [
        Token(
            token_id,
            row["condition_id"],
            outcome=outcomes[number] if number < len(outcomes) else None,
            neg_risk=row["neg_risk"],
            tick_size=row["tick_size"],
        )
        for number, token_id in enumerate(row["token_ids"] or ())
        if token_id
    ]


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
