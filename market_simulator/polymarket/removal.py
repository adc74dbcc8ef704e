"""What the venue has taken back: events and markets that no answer names any more.

They are removed and restored through the control route. Past trades stay in the feed, as they do
at the venue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from market_simulator.polymarket.rows import Row


class Removals:
    """Ids of removed events, and condition ids of removed markets."""

    def __init__(self) -> None:
        self._gone: frozenset[str] = frozenset()

    def remove(self, name: str) -> None:
        """Take an event or a market out of every answer."""
        self._gone |= {name}

    def restore(self, name: str) -> None:
        """Undo `remove`; nothing happens where it was not removed."""
        self._gone -= {name}

    def gone(self, name: str) -> bool:
        """Whether that event or market was removed."""
        return name in self._gone

    def event(self, row: Row) -> Row | None:
        """The event as it goes out: without markets that are gone; None if it is gone itself."""
        if str(row.get("id")) in self._gone:
            return None
        markets = row.get("markets")
        if not self._gone or not markets:
            return row
        return {**row, "markets": [m for m in markets if m.get("conditionId") not in self._gone]}

    def market(self, row: Row) -> Row | None:
        """The market as it goes out by itself; None if it is gone, or the event that it is in."""
        events = row.get("events") or ()
        names = {row.get("conditionId"), *(str(event.get("id")) for event in events)}
        return None if self._gone & names else row

    def trading(self, rows: Iterable[Row]) -> list[Row]:
        """Those rows of the other APIs whose market is still there."""
        return [row for row in rows if row["market"] not in self._gone]
