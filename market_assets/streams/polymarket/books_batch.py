"""What the books' keeper hands out to be put on disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from market_assets.sources.polymarket.order_book.rows import Shown, Standing, heads, levels, tops
from market_assets.streams.core.flow import Piece
from market_assets.tables import (
    INGESTION_GAPS,
    POLYMARKET_BOOK_TOPS,
    POLYMARKET_BOOKS,
    POLYMARKET_ORDERBOOK_LEVELS,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

SOURCE: Final = "polymarket"
CHANNEL: Final = "books"
WHOLE: Final = "books"
"""Heads and levels are one: nobody reads the one without the other."""


class BookGap(NamedTuple):
    """A time in which a token's book was not to be believed."""

    token_id: str
    since: datetime
    until: datetime
    cause: str
    detected_at: datetime
    healed_at: datetime | None


@dataclass(frozen=True)
class BooksBatch:
    """Rows to be put on disk.

    Attributes:
        books: whole books that have changed.
        gone: tokens that have no book any more, or are not followed.
        tops: what stood on the grid.
        gaps: what could not be believed, and since when.
    """

    books: tuple[Shown, ...]
    gone: tuple[str, ...]
    tops: tuple[Standing, ...]
    gaps: tuple[BookGap, ...]

    @cached_property
    def pieces(self) -> Sequence[Piece]:
        """Gaps first, then books, heads and levels together."""
        found: list[Piece] = []
        if self.gaps:
            found.append(Piece(INGESTION_GAPS, gap_rows(self.gaps)))
        if self.books or self.gone:
            tokens = [*(one.token.token_id for one in self.books), *self.gone]
            scopes = pl.DataFrame({"token_id": tokens}, schema={"token_id": pl.String})
            found += [
                Piece(POLYMARKET_BOOKS, heads(self.books), scopes, WHOLE),
                Piece(POLYMARKET_ORDERBOOK_LEVELS, levels(self.books), scopes, WHOLE),
            ]
        if self.tops:
            found.append(Piece(POLYMARKET_BOOK_TOPS, tops(self.tops)))
        return found


def gap_rows(gaps: Sequence[BookGap]) -> pl.DataFrame:
    """Rows of `ingestion_gaps`; of one hole the latest."""
    latest = {(gap.token_id, gap.since): gap for gap in gaps}
    rows = [
        {
            "source": SOURCE,
            "channel": CHANNEL,
            "symbol": gap.token_id,
            "gap_from_at": gap.since,
            "gap_to_at": gap.until,
            "cause": gap.cause,
            "detected_at": gap.detected_at,
            "healed_at": gap.healed_at,
            "healed_rows": None if gap.healed_at is None else 1,
        }
        for gap in latest.values()
    ]
    return pl.DataFrame(rows, schema=INGESTION_GAPS.schema, orient="row")
