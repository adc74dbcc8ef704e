"""Daily series: read when they are due, paced, stored as they come, gone on with where it ended.

A series comes whole, so what is stored of it becomes what was read: days that are new or corrected
are written, days that DefiLlama has taken back are deleted. One that lacks too many of the stored
days is not believed: they stay, it is named, and nothing is computed from it. What was read is in
`defillama_series_reads`: so the next run, of whatever asset, knows that it is done. A run that is
cut off leaves the rest to the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.ingestion.defillama.accounting import Done
from market_assets.ingestion.defillama.catalogue import FEW_HAVE
from market_assets.ingestion.defillama.plan import due, last_complete_day, plan
from market_assets.sources.defillama import frames
from market_assets.storage.common.changes import ReplaceWithin
from market_assets.tables.defillama import (
    DEFILLAMA_DAILY_HISTORY,
    DEFILLAMA_SERIES_READS,
    METRICS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime, timedelta

    from market_assets.clock import Clock
    from market_assets.ingestion.defillama.catalogue import Catalogue
    from market_assets.ingestion.defillama.subjects import Tracked
    from market_assets.sources.defillama.frames import SeriesKey
    from market_assets.sources.defillama.model import Series
    from market_assets.storage.api import Store
    from market_assets.storage.common.changes import Written
    from market_assets.storage.common.runs import IngestionRun

BATCH: Final = 40
"""Series per transaction: some 60,000 rows, a fraction of a second in the lock."""
MOST_TAKEN_BACK: Final = 0.05
"""A series that lacks a greater share of the days that are stored of it is not believed."""
FEW_TAKEN_BACK: Final = 31
"""So many days may be taken back whatever share they are: a month that is counted anew."""


@dataclass
class Filled:
    """What a filling did.

    Attributes:
        last_day: the last complete day that it was about.
        written: what was stored of the history.
        read: series that were read.
        left: series that are due and were not begun.
        failed: subjects of which a series could not be read, now or shortly before.
        dropped: points that were no day's.
        taken_back: stored days that were deleted, because DefiLlama has them no more.
        left_out: metrics that few subjects have and whose list could not be read.
    """

    last_day: date
    written: list[Written] = field(default_factory=list)
    read: int = 0
    left: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    dropped: int = 0
    taken_back: int = 0
    left_out: dict[str, str] = field(default_factory=dict)


def fill(
    catalogue: Catalogue,
    store: Store,
    subjects: Sequence[Tracked],
    metrics: Iterable[str],
    *,
    within: timedelta,
    clock: Clock,
    run: IngestionRun | None = None,
    all_again: bool = False,
    believe: bool = False,
) -> Filled:
    """Read the series that are due, those of the first subjects first, and store them.

    Args:
        catalogue: the lists, and the client.
        store: where they go.
        subjects: the most important first.
        metrics: which series.
        within: no batch is begun later than this; what is left stays due.
        clock: the present, and the time.
        run: counts the rows of the history, where that is its asset.
        all_again: also those that are not due.
        believe: whatever DefiLlama has taken back is deleted, however much it is.
    """
    now, started = clock.now(), clock.monotonic()
    filled = Filled(last_complete_day(now))
    catalogue.compare_with(store, now)
    planned = plan(catalogue, subjects, metrics)
    waiting = due(store, planned.ask, now, all_again=all_again)
    _name(filled, waiting.failed)
    for metric, error in planned.unknown.items():
        if metric in FEW_HAVE:
            filled.left_out[metric] = str(error)
            continue
        for subject in subjects:
            filled.failed.setdefault(subject.subject_id, f"{metric}: {error}")
    for at in range(0, len(waiting.keys), BATCH):
        if clock.monotonic() - started >= within.total_seconds():
            filled.left = len(waiting.keys) - at
            break
        batch = waiting.keys[at : at + BATCH]
        outcomes = catalogue.client.fetch_all(batch, lambda key: planned.ask[key]())
        errors = {key: str(error) for key, error in outcomes.failures.items()}
        read_at = clock.now()
        written = _replace(
            store, outcomes.results, filled.last_day, read_at, run=run, believe=believe
        )
        refused = _refused(store, outcomes.results, written, filled.last_day)
        errors |= refused
        doubted = refused.keys() | (waiting.doubted & outcomes.failures.keys())
        reads = frames.series_reads(outcomes.results, errors, doubted, filled.last_day, read_at)
        store.merge(DEFILLAMA_SERIES_READS, reads)
        filled.written.append(written)
        filled.taken_back += written.deleted
        filled.read += len(outcomes.results)
        filled.dropped += sum(series.dropped for series in outcomes.results.values())
        _name(filled, errors)
    return filled


def _replace(
    store: Store,
    read: Mapping[SeriesKey, Series],
    last_day: date,
    read_at: datetime,
    *,
    run: IngestionRun | None,
    believe: bool,
) -> Written:
    """What was read takes the place of what was stored; a day that made no sense keeps its value.

    Written before the note that it was read: a run that ends in between reads it again.
    """
    scopes = frames.series_scopes(read)
    history = frames.daily_history(read, last_day, read_at)
    unknown = [(*key, day) for key, one in read.items() for day in one.unreadable]
    if unknown:
        names = ("subject_id", "metric", "day")
        schema = {name: DEFILLAMA_DAILY_HISTORY.schema[name] for name in names}
        days = pl.DataFrame(unknown, schema=schema, orient="row")
        stored = _stored(store, days).join(days, on=names, how="semi")
        stored = stored.filter(pl.col("day") <= last_day).join(scopes, on=names[:2], how="semi")
        history = pl.concat([history, stored])
    change = ReplaceWithin(
        DEFILLAMA_DAILY_HISTORY,
        history,
        scopes,
        until=("day", last_day),
        most_removed=1.0 if believe else MOST_TAKEN_BACK,
        few=FEW_TAKEN_BACK,
    )
    return store.write(change, runs=() if run is None else (run,))[0]


def _refused(
    store: Store, read: Mapping[SeriesKey, Series], written: Written, last_day: date
) -> dict[SeriesKey, str]:
    """Series that lack too many of the stored days, with how many."""
    keys = [frames.SeriesKey(*name.rsplit("/", 1)) for name in written.refused]
    if not keys:
        return {}
    stored = _stored(store, frames.series_scopes(keys)).filter(pl.col("day") <= last_day)
    found = {}
    for key in keys:
        days = stored.filter(subject_id=key.subject_id, metric=key.metric).height
        given = sum(day <= last_day for day, _ in read[key].days)
        found[key] = (
            f"it has {given} days, and {days - given} others that are stored are not among them:"
            " too many to be believed"
        )
    return found


def _stored(store: Store, series: pl.DataFrame) -> pl.DataFrame:
    """All stored days of these series."""
    return store.read(
        "select * from defillama_daily_history where (subject_id, metric) in"
        " (select (unnest($subjects), unnest($metrics)))",
        {"subjects": series["subject_id"].to_list(), "metrics": series["metric"].to_list()},
    )


def refresh_history(
    catalogue: Catalogue,
    store: Store,
    subjects: Sequence[Tracked],
    *,
    metrics: Sequence[str] = METRICS,
    within: timedelta,
    clock: Clock,
    run: IngestionRun | None = None,
    all_again: bool = False,
    believe: bool = False,
) -> Done:
    """`defillama_daily_history` of these subjects, as far as time allows; see `fill`."""
    filled = fill(
        catalogue,
        store,
        subjects,
        metrics,
        within=within,
        clock=clock,
        run=run,
        all_again=all_again,
        believe=believe,
    )
    return done(filled.written, subjects, filled)


def done(written: Iterable[Written], subjects: Sequence[Tracked], filled: Filled) -> Done:
    """What a run did that rests on these series."""
    return Done(
        tuple(written),
        subjects=len(subjects),
        failed=filled.failed,
        left_out=filled.left_out,
        figures={
            "last_day": filled.last_day.isoformat(),
            "series_read": filled.read,
            "series_left": filled.left,
            "points_dropped": filled.dropped,
            "days_taken_back": filled.taken_back,
        },
    )


def days_of(
    store: Store, subjects: Sequence[Tracked], metrics: Iterable[str], first: date, last: date
) -> pl.DataFrame:
    """Stored days of these subjects and metrics, both ends included; none of doubted series."""
    days = store.read(
        "select subject_id, metric, day, value_usd from defillama_daily_history"
        " anti join (from defillama_series_reads where is_doubted) using (subject_id, metric)"
        " where day between $first and $last",
        {"first": first, "last": last},
    )
    return days.filter(
        pl.col("subject_id").is_in([subject.subject_id for subject in subjects]),
        pl.col("metric").is_in(list(metrics)),
    )


def _name(filled: Filled, errors: Mapping[SeriesKey, str]) -> None:
    for key, reason in errors.items():
        filled.failed.setdefault(key.subject_id, f"{key.metric}: {reason}")


def newest_of(store: Store, metric: str, last_day: date) -> dict[str, float]:
    """By subject, the last day's value of a metric that the history does not keep."""
    rows = store.read(
        "select subject_id, newest_usd from defillama_series_reads"
        " where metric = $metric and newest_day = $last_day and error is null",
        {"metric": metric, "last_day": last_day},
    )
    return dict(rows.iter_rows())
