"""Polymarket's Data API: the feed of trades, open interest.

Documented at https://docs.polymarket.com/api-reference. What is known of it beyond that:

- `/trades` is newest first; `limit` up to 10000, `offset` up to 10000 (400 above it): further back
  only with `start` and `end`, each window with offsets of its own. `filterType` and `filterAmount`
  go together. A row has no id, and a transaction several rows;
- `/oi` leaves out markets that it does not know; one malformed id among many, such as the 62
  digits of a combo, and it answers 400 to them all;
- answers are cached for up to 300 s.

Not here: shapes (`data_wire.py`), what tells one fill from another and which window to ask for
(the ingestion of trades).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from market_assets.sources.polymarket import limits
from market_assets.sources.polymarket.data_wire import decode_open_interest, decode_trades
from market_assets.sources.polymarket.host import MARKETS_A_REQUEST, HostClient, merged
from market_assets.sources.polymarket.model import OpenInterest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from market_assets.sources.polymarket.model import TradePage

MOST_TRADES: Final = 10_000
"""Rows that a page of `/trades` may have."""
GREATEST_OFFSET: Final = 10_000
"""How far into a window `/trades` can be read; beyond it a narrower window must be asked for."""
_CONDITION_ID: Final = re.compile("0x[0-9a-fA-F]{64}")


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
            ValueError: a limit or an offset that the venue would refuse.
            VenueError: it could not be had; the class says why.
        """
        if not 1 <= limit <= MOST_TRADES or not 0 <= offset <= GREATEST_OFFSET:
            raise ValueError(
                f"a page of {limit} trades from {offset} on: at most {MOST_TRADES} from at most"
                f" {GREATEST_OFFSET}; what lies further back needs a narrower window"
            )
        query = {"takerOnly": "true", "limit": str(limit), "offset": str(offset)}
        if min_notional_usd:
            query |= {"filterType": "CASH", "filterAmount": _decimal(min_notional_usd)}
        if start is not None:
            query["start"] = str(math.floor(start.timestamp()))
        if end is not None:
            query["end"] = str(math.ceil(end.timestamp()))
        now = self._clock.now()
        page = self._get("/trades", query, limits.TRADES, lambda body: decode_trades(body, now))
        self._refuse_if_none_can_be_read("/trades", page.rows, len(page.trades), page.rejected)
        self._note("/trades", page.rejected)
        return page

    def open_interest(self, condition_ids: Iterable[str]) -> OpenInterest:
        """Open interest of markets now; those that the venue leaves out are not in the answer.

        What is no condition id is not asked for, and named as rejected.

        Raises:
            VenueError: a batch could not be had; the class says why.
        """
        wanted = list(condition_ids)
        malformed = {id_ for id_ in wanted if not _CONDITION_ID.fullmatch(id_)}
        asked = self._in_batches(
            (id_ for id_ in wanted if id_ not in malformed), MARKETS_A_REQUEST, self._open_interest
        )
        values = {market: one for answer in asked.answers for market, one in answer.values.items()}
        rejected = {f"market {id_[:100]}": "not 0x and 64 hex digits" for id_ in malformed}
        self._note("/oi", rejected)
        rejected |= merged("market", asked, (answer.rejected for answer in asked.answers))
        return OpenInterest(values, rejected, asked.unanswered)

    def _open_interest(self, condition_ids: tuple[str, ...]) -> OpenInterest:
        answer = self._get(
            "/oi",
            {"market": ",".join(condition_ids)},
            limits.DATA_OTHER,
            lambda body: decode_open_interest(body, condition_ids),
        )
        self._note("/oi", answer.rejected)
        return answer


def _decimal(amount: float) -> str:
    """The amount without an exponent: 1000, 0.5."""
    return f"{amount:.6f}".rstrip("0").rstrip(".")
