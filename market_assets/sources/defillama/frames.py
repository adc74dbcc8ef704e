"""DefiLlama's values as frames of their tables (`tables/defillama.py`), ready to be merged.

Every function takes the instant that counts as the time of receipt. Not here: figures that are
computed from stored days (`features/daily_windows.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from market_assets.frames import at, conform
from market_assets.sources.defillama.subjects import Subject
from market_assets.tables.defillama import (
    DEFILLAMA_CAPITAL_BASE,
    DEFILLAMA_DAILY_HISTORY,
    DEFILLAMA_SERIES_READS,
    DEFILLAMA_SUBJECTS,
    METRICS,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date, datetime

    from market_assets.sources.defillama.model import Series


class SeriesKey(NamedTuple):
    """One daily series."""

    subject_id: str
    metric: str


class Capital(NamedTuple):
    """What is behind one subject now, in dollars; the columns of `defillama_capital_base`."""

    subject_id: str
    tvl_usd: float | None
    stablecoin_mcap_usd: float | None
    market_cap_usd: float | None
    tvl_share_pct: float | None
    open_interest_usd: float | None
    protocols_tvl_usd: float | None


def subjects(listed: Iterable[Subject], tracked: Collection[str], now: datetime) -> pl.DataFrame:
    """One row per listed subject; `tracked` are ids. Storage keeps `first_seen_at`."""
    schema = {name: DEFILLAMA_SUBJECTS.schema[name] for name in Subject._fields}
    frame = pl.DataFrame(list(listed), schema=schema, orient="row").with_columns(
        pl.col("subject_id").is_in(sorted(tracked)).alias("is_tracked"),
        pl.lit(value=True).alias("is_listed"),
        _at("first_seen_at", now),
        _at("ingested_at", now),
    )
    return conform(DEFILLAMA_SUBJECTS, frame)


def capital_base(rows: Iterable[Capital], as_of: datetime, now: datetime) -> pl.DataFrame:
    """One row per subject, of the full hour `as_of`, by which everything in it was read."""
    schema = {name: DEFILLAMA_CAPITAL_BASE.schema[name] for name in Capital._fields}
    frame = pl.DataFrame(list(rows), schema=schema, orient="row").with_columns(
        _at("as_of", as_of), _at("ingested_at", now)
    )
    return conform(DEFILLAMA_CAPITAL_BASE, frame)


def daily_history(read: Mapping[SeriesKey, Series], last_day: date, now: datetime) -> pl.DataFrame:
    """One row per subject, metric and day up to `last_day`, of the metrics that the table keeps."""
    columns: dict[str, list[object]] = {"subject_id": [], "metric": [], "day": [], "value_usd": []}
    for (subject_id, metric), series in read.items():
        if metric not in METRICS:
            continue
        days = [(day, usd) for day, usd in series.days if day <= last_day]
        columns["subject_id"] += [subject_id] * len(days)
        columns["metric"] += [metric] * len(days)
        columns["day"] += [day for day, _ in days]
        columns["value_usd"] += [usd for _, usd in days]
    schema = {name: DEFILLAMA_DAILY_HISTORY.schema[name] for name in columns}
    frame = pl.DataFrame(columns, schema=schema).with_columns(_at("ingested_at", now))
    return conform(DEFILLAMA_DAILY_HISTORY, frame)


def series_scopes(read: Iterable[SeriesKey]) -> pl.DataFrame:
    """One row per series, of the metrics that the history keeps."""
    kept = [key for key in read if key.metric in METRICS]
    return pl.DataFrame(kept, schema=dict.fromkeys(SeriesKey._fields, pl.String), orient="row")


def series_reads(
    read: Mapping[SeriesKey, Series],
    failed: Mapping[SeriesKey, str],
    doubted: Collection[SeriesKey],
    last_day: date,
    now: datetime,
) -> pl.DataFrame:
    """One row per series that was asked for.

    Args:
        read: those that could be read.
        failed: what is the matter with those that could not be read, or not be believed.
        doubted: those that are not believed, now or when they were last read.
        last_day: the last complete day.
        now: when they were read.
    """
    rows: list[dict[str, object]] = []
    for key, series in read.items():
        days = [point for point in series.days if point[0] <= last_day]
        rows.append(
            {
                **key._asdict(),
                "first_day": days[0][0] if days else None,
                "newest_day": days[-1][0] if days else None,
                "days": len(days),
                "running_day": series.running[0] if series.running else None,
                "running_day_usd": series.running[1] if series.running else None,
                "newest_usd": days[-1][1] if days else None,
                "error": failed.get(key),
                "is_doubted": key in doubted,
            }
        )
    rows += [
        {**key._asdict(), "days": 0, "error": reason, "is_doubted": key in doubted}
        for key, reason in failed.items()
        if key not in read
    ]
    given = ("asked_for_day", "ingested_at")
    schema = {n: t for n, t in DEFILLAMA_SERIES_READS.schema.items() if n not in given}
    frame = pl.DataFrame(rows, schema=schema).with_columns(
        pl.lit(last_day, pl.Date).alias("asked_for_day"), _at("ingested_at", now)
    )
    return conform(DEFILLAMA_SERIES_READS, frame)


def _at(name: str, instant: datetime) -> pl.Expr:
    return at(instant).alias(name)
