"""Times of which trades are missing, as rows of `ingestion_gaps`: what a run left, the next heals.

A run owes every trade between its target and the present. What it has not read yet is a gap, and
is written in the transaction of each page, so that whatever ends the run leaves a true gap behind.
Gaps that overlap are one. A gap that the same run opened and closed was never missing to anybody:
its row goes; one that an earlier run left is kept as healed.

A row is identified by the gap's begin. Reading goes downwards, so a gap loses its end and keeps
its begin.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from market_assets.sources.polymarket.host import VENUE
from market_assets.storage.common.changes import Change, Delete, Merge
from market_assets.tables import INGESTION_GAPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from market_assets.storage.api import Store

_OPEN = """
select gap_from_at, gap_to_at, cause, detected_at, coalesce(healed_rows, 0)
from ingestion_gaps
where source = ? and channel = ? and symbol = ? and healed_at is null
order by gap_from_at
"""
_ROW = "source = ? and channel = ? and symbol = ? and gap_from_at = ?"


class Gap(NamedTuple):
    """Trades of `[from_at, to_at)` are missing, or some of them.

    Attributes:
        from_at: the first second that is missing.
        to_at: the first that is there again.
        cause: why.
        detected_at: when it was found.
        rows: trades that later runs have found in it by now.
    """

    from_at: datetime
    to_at: datetime
    cause: str
    detected_at: datetime
    rows: int = 0


class GapLedger:
    """The open gaps of one channel, and what becomes of them. Changes nothing by itself."""

    def __init__(self, channel: str, symbol: str = "", stored: Iterable[Gap] = ()) -> None:
        """Begin with what the store has.

        Args:
            channel: the channel of the rows.
            symbol: tells apart what a channel reads independently, as the days of a backfill.
            stored: the open gaps in the store.
        """
        self._key = (VENUE, channel, symbol)
        self._stored = {gap.from_at: gap for gap in stored}
        self._earlier = frozenset(self._stored)
        self._filled: dict[datetime, Gap] = {}
        self.open: list[Gap] = list(self._stored.values())
        self.healed = 0
        """Gaps of earlier runs that are filled."""

    @classmethod
    def of(cls, store: Store, channel: str, symbol: str = "") -> GapLedger:
        """The ledger of a channel as the store has it."""
        rows = store.read(_OPEN, (VENUE, channel, symbol)).rows()
        return cls(channel, symbol, [Gap(*row) for row in rows])

    def missing(self, from_at: datetime, to_at: datetime, *, cause: str, now: datetime) -> None:
        """Trades of `[from_at, to_at)` are missing, from now on."""
        joined: list[Gap] = []
        for gap in sorted([*self.open, Gap(from_at, to_at, cause, now)]):
            if joined and gap.from_at <= joined[-1].to_at:
                joined[-1] = _union(joined[-1], gap)
            else:
                joined.append(gap)
        self.open = joined

    def filled(
        self, from_at: datetime, to_at: datetime, times: Sequence[datetime], *, cause: str
    ) -> None:
        """Every trade of `[from_at, to_at)` is there.

        Args:
            from_at: the first second.
            to_at: the first that is not.
            times: of the trades that were read, ascending.
            cause: why what is left of a gap is still missing.
        """
        left: list[Gap] = []
        for gap in self.open:
            first, end = max(gap.from_at, from_at), min(gap.to_at, to_at)
            if first >= end:
                left.append(gap)
                continue
            found = bisect_left(times, end) - bisect_left(times, first)
            is_earlier = gap.from_at in self._earlier
            shorter = gap._replace(cause=cause, rows=gap.rows + (found if is_earlier else 0))
            pieces = [
                piece
                for piece in (shorter._replace(to_at=first), shorter._replace(from_at=end))
                if piece.from_at < piece.to_at
            ]
            left += pieces
            if not pieces:
                self._filled[gap.from_at] = shorter
        self.open = left

    def blamed(self, from_at: datetime, cause: str) -> None:
        """Say why the gap that begins there is still open."""
        self.open = [
            gap._replace(cause=cause) if gap.from_at == from_at else gap for gap in self.open
        ]

    def changes(self, now: datetime) -> list[Change]:
        """What brings the store up to date, in one transaction with the trades it speaks of."""
        still = {gap.from_at: gap for gap in self.open}
        rows = [self._row(gap) for gap in self.open if self._stored.get(gap.from_at) != gap]
        gone = []
        for from_at in self._stored.keys() - still.keys():
            if from_at in self._filled and from_at in self._earlier:
                rows.append(self._row(self._filled[from_at], healed_at=now))
                self.healed += 1
            else:
                gone.append(from_at)
        self._stored = still
        changes: list[Change] = [
            Delete(INGESTION_GAPS, _ROW, (*self._key, from_at)) for from_at in gone
        ]
        if rows:
            changes.append(Merge(INGESTION_GAPS, pl.DataFrame(rows, schema=INGESTION_GAPS.schema)))
        return changes

    def _row(self, gap: Gap, healed_at: datetime | None = None) -> dict[str, object]:
        source, channel, symbol = self._key
        return {
            "source": source,
            "channel": channel,
            "symbol": symbol,
            "gap_from_at": gap.from_at,
            "gap_to_at": gap.to_at,
            "cause": gap.cause,
            "detected_at": gap.detected_at,
            "healed_at": healed_at,
            "healed_rows": gap.rows,
        }


def _union(one: Gap, other: Gap) -> Gap:
    latest = max(one, other, key=lambda gap: gap.detected_at)
    return Gap(
        min(one.from_at, other.from_at),
        max(one.to_at, other.to_at),
        latest.cause,
        min(one.detected_at, other.detected_at),
        one.rows + other.rows,
    )
