"""How long the lists of a venue were, so that one that was cut short is not believed.

A list that is read whole also speaks by what it leaves out: a chain without stablecoins, a protocol
without fees. An answer with less than half of what the last believed one had is an outage more
often than not. It is refused, and believed only where the answers go on to say so: for an hour, or
for a day where they are empty. `ingestion_lists` remembers both.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from market_assets.ingestion.silence import ENOUGH_TO_JUDGE
from market_assets.sources.errors import VenueNonsense
from market_assets.tables import INGESTION_LISTS

if TYPE_CHECKING:
    from market_assets.storage.api import Store

LEAST_SHARE: Final = 0.5
"""A list with a smaller share of the rows that it had is doubted."""
DOUBTED_FOR: Final = timedelta(hours=1)
DOUBTED_FOR_IF_EMPTY: Final = timedelta(days=1)
_RENEWED: Final = timedelta(hours=1)
"""So often the count of a list that stays as it is is written again."""


class _Known(NamedTuple):
    """A row of the table."""

    row_count: int | None
    counted_at: datetime | None
    doubted_since: datetime | None


class Lists:
    """The lists of one venue, as the store remembers them.

    Args:
        store: where `ingestion_lists` is.
        source: the venue's name in the tables.
        venue: its name in errors.
        now: when the answers come.
    """

    def __init__(self, store: Store, source: str, venue: str, now: datetime) -> None:
        self._store = store
        self._source = source
        self._venue = venue
        self._now = now

    def believe(self, name: str, rows: int) -> None:
        """Let an answer pass that has so many rows, and remember it.

        Raises:
            VenueNonsense: it has less than half of the rows that it had, and has not for long.
        """
        known = self._known(name)
        doubtful = (
            known.row_count is not None
            and known.row_count >= ENOUGH_TO_JUDGE
            and rows < LEAST_SHARE * known.row_count
        )
        if not doubtful:
            is_old = known.counted_at is None or self._now - known.counted_at >= _RENEWED
            if is_old or rows != known.row_count or known.doubted_since is not None:
                self._write(name, _Known(rows, self._now, None))
            return
        since = known.doubted_since or self._now
        until = since + (DOUBTED_FOR if rows else DOUBTED_FOR_IF_EMPTY)
        if self._now >= until:
            self._write(name, _Known(rows, self._now, None))
            return
        if known.doubted_since is None:
            self._write(name, known._replace(doubted_since=since))
        what = f"only {rows} rows" if rows else "an empty answer"
        raise VenueNonsense(
            self._venue,
            f"{name}: {what}, and there were {known.row_count};"
            f" not believed before {until:%Y-%m-%d %H:%M} UTC",
        )

    def _known(self, name: str) -> _Known:
        found = self._store.read(
            "select row_count, counted_at, doubted_since from ingestion_lists"
            " where source = $source and name = $name",
            {"source": self._source, "name": name},
        ).rows()
        return _Known(*found[0]) if found else _Known(None, None, None)

    def _write(self, name: str, known: _Known) -> None:
        row = {"source": self._source, "name": name, "ingested_at": self._now, **known._asdict()}
        self._store.merge(INGESTION_LISTS, pl.DataFrame([row], schema=INGESTION_LISTS.schema))
