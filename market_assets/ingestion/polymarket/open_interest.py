"""Open interest of the tracked universe. A market that the venue leaves out gets no row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from market_assets.frames import conform
from market_assets.ingestion.silence import refuse_silence
from market_assets.sources.polymarket.host import VENUE
from market_assets.tables import POLYMARKET_MARKET_METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.sources.polymarket.data_api import DataClient
    from market_assets.storage.api import Store
    from market_assets.storage.common.changes import Written
    from market_assets.storage.common.runs import IngestionRun

_TRACKED = """
select u.condition_id, m.volume_24h_usd, m.liquidity_usd
from polymarket_tracked_universe u
left join polymarket_markets m using (condition_id)
order by u.rank
"""


@dataclass(frozen=True)
class OpenInterestRead:
    """What a run brought: the rows, how many markets were asked for, and what made no sense."""

    written: Written
    frame: pl.DataFrame
    asked: int
    rejected: Mapping[str, str]


def read_open_interest(
    client: DataClient, store: Store, *, clock: Clock, run: IngestionRun | None = None
) -> OpenInterestRead:
    """Ask for the open interest of every tracked market and write what was answered.

    Raises:
        VenueError: it could not be had, or is there for none of them; nothing is written.
    """
    tracked = store.read(_TRACKED)
    ids = tracked["condition_id"].to_list()
    values: Mapping[str, float] = {}
    rejected: Mapping[str, str] = {}
    if ids:
        answer = client.open_interest(ids)
        values, rejected = answer.values, answer.rejected
        refuse_silence(VENUE, "/oi", known=len(ids), answered=len(values))
    frame = metrics(tracked, values, clock.now())
    written = store.merge(POLYMARKET_MARKET_METRICS, frame, run=run)
    return OpenInterestRead(written, frame, len(ids), rejected)


def metrics(tracked: pl.DataFrame, values: Mapping[str, float], now: datetime) -> pl.DataFrame:
    """One row per market with an open interest.

    Args:
        tracked: condition_id, volume_24h_usd and liquidity_usd of the markets asked for.
        values: open interest by condition id, in USD.
        now: when it was received.
    """
    answered = pl.DataFrame(
        {"condition_id": list(values), "open_interest_usd": list(values.values())},
        schema={"condition_id": pl.String, "open_interest_usd": pl.Float64},
    )
    instant = pl.lit(now, pl.Datetime("us", "UTC"))
    frame = tracked.join(answered, on="condition_id").with_columns(
        observed_at=instant, ingested_at=instant
    )
    return conform(POLYMARKET_MARKET_METRICS, frame.select(POLYMARKET_MARKET_METRICS.column_names))
