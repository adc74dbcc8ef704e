"""Rows of the past, written where they stay: what retention would delete at once is archived."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.clock import floor
from market_assets.frames import at
from market_assets.storage.common.changes import Written

if TYPE_CHECKING:
    from datetime import datetime

    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun
    from market_assets.tables import TableSpec

_DAY: Final = timedelta(days=1)


def write_past(
    store: Store,
    table: TableSpec,
    frame: pl.DataFrame,
    *,
    kept: timedelta | None,
    now: datetime,
    run: IngestionRun | None = None,
) -> Written:
    """Write rows into the table, or into its archive where they are past their retention.

    Args:
        store: the database.
        table: whose rows they are.
        frame: the rows.
        kept: how long the table keeps such rows; None: for ever.
        now: the present.
        run: counts them.

    Raises:
        NoArchive: some are past their retention, and the archive is off; none is written.
    """
    is_old = pl.lit(value=False) if kept is None else pl.col(table.time_column) < at(now - kept)
    old, young = frame.filter(is_old), frame.filter(~is_old)
    written = Written(table.name)
    if old.height:
        written = written.plus(store.keep(table, old, over_before=floor(now, _DAY), run=run))
    if young.height or not old.height:
        written = written.plus(store.merge(table, young, run=run))
    return written
