"""What a venue no longer lists: from when on its absence from good answers is believed.

A row that an answer should have named and did not is kept, with one more miss. Only several misses
in a row, over a stated time, make it unlisted: lists are cut short, caches answer, and a restart
of the venue empties them. An answer that names none of many is an outage more often than not, and
has to say so for a day.

What is unlisted stays in its table, and is asked for no more. Rows that are made of an answer which
names it (`frames.listed`) list it again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.frames import at

if TYPE_CHECKING:
    from datetime import datetime

TIMES: Final = 3
"""Good answers in a row without it, before it counts as unlisted."""
OVER: Final = timedelta(hours=1)
"""The first and the last of them are at least so long apart."""
OVER_IF_SILENT: Final = timedelta(days=1)
"""So long where the answer named none of what was asked for."""


def missed(stored: pl.DataFrame, now: datetime, *, silent: bool = False) -> pl.DataFrame:
    """Stored rows with one more miss, and unlisted where these are enough.

    Args:
        stored: rows of a table with the columns `LISTED` that a good answer did not name.
        now: when that came.
        silent: the answer named none of many.
    """
    now_ = at(now)
    since = pl.coalesce("missing_since", now_)
    times = pl.col("times_missed").fill_null(0) + 1
    long_enough = now_ - since >= (OVER_IF_SILENT if silent else OVER)
    gone = (times >= TIMES) & long_enough
    return stored.with_columns(
        is_listed=pl.col("is_listed").fill_null(value=True) & ~gone,
        last_listed_at=pl.coalesce("last_listed_at", "ingested_at"),
        missing_since=since,
        times_missed=times,
        ingested_at=now_,
        updated_at=now_,
    )
