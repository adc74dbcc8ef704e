"""Polymarket's Data API: the feed of trades, open interest.

Documented at https://docs.polymarket.com/api-reference. What is known of it beyond that:

- `/trades` is newest first; `limit` up to 10000, `offset` up to 10000 (400 above it): further back
  only with `start` and `end`, each window with offsets of its own. `filterType` and `filterAmount`
  go together. A row has no id, and a transaction several rows;
- `/oi` leaves out markets that it does not know;
- answers are cached for up to 300 s.

Not here: shapes (`data_wire.py`), what tells one fill from another and which window to ask for
(the ingestion of trades).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_assets.sources.polymarket.host import HostClient

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from market_assets.sources.polymarket.model import OpenInterest, TradePage

MOST_TRADES: Final = 10_000
"""Rows that a page of `/trades` may have."""
GREATEST_OFFSET: Final = 10_000
"""How far into a window `/trades` can be read; beyond it a narrower window must be asked for."""


class DataClient(HostClient):
    """`https://data-api.polymarket.com`, or another that speaks the same. Thread-safe."""

    def trades(
        self,
        *,
        limit: int,
        offset: int = 0,
        start: datetime | None = None,
        end: datetime | None = None,
        min_notional_usd: float | None = None,
    ) -> TradePage:
        """One page of takers' fills, newest first.

        Args:
            limit: rows, at most `MOST_TRADES`.
            offset: rows of the window to skip, at most `GREATEST_OFFSET`.
            start: the window's begin, to the second.
            end: its end, to the second; None: now.
            min_notional_usd: smaller trades are left out; None or 0: none is.

        Raises:
            VenueError: it could not be had; the class says why.
        """
        raise NotImplementedError

    def open_interest(self, condition_ids: Iterable[str]) -> OpenInterest:
        """Open interest of markets now; those that the venue leaves out are not in the answer.

        Raises:
            VenueError: a batch could not be had; the class says why.
        """
        raise NotImplementedError
