"""`defillama_economic_throughput`: sums over complete UTC days, with the running day apart.

A figure is the sum of stored days where all days of its window are there. Where they are not,
`total7d` and `total30d` of the overview stand for 7 and 30 days of a protocol: the server sums them
over the complete days before today (the DefiLlama server's `cron-task/dimensions.ts`; recordings
agree). Its `total24h` stands for nothing: of a protocol it is the running day's where there is one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.features.daily_windows import SPANS, sums
from market_assets.ingestion.defillama.catalogue import FLOWS
from market_assets.ingestion.defillama.rows import hourly
from market_assets.ingestion.defillama.series import days_of, done, fill, newest_of
from market_assets.sources.defillama.subjects import PROTOCOL
from market_assets.sources.errors import VenueError
from market_assets.tables.defillama import DEFILLAMA_ECONOMIC_THROUGHPUT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from market_assets.clock import Clock
    from market_assets.ingestion.defillama.accounting import Done
    from market_assets.ingestion.defillama.catalogue import Catalogue
    from market_assets.ingestion.defillama.subjects import Tracked
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

SUMMED: Final = ("fees", "revenue", "dex_volume")
"""Flows that the history keeps."""
_WINDOWS: Final = ("24h", "7d", "30d")


def refresh_throughput(
    catalogue: Catalogue,
    store: Store,
    subjects: Sequence[Tracked],
    *,
    within: timedelta,
    clock: Clock,
    run: IngestionRun | None = None,
) -> Done:
    """Write one row per tracked subject for the hour to come; series that are due are read first.

    Args:
        catalogue: the lists, and the client.
        store: where series and rows are.
        subjects: the most important first.
        within: how long series may be read.
        clock: the present, and the time.
        run: counts the rows.
    """
    filled = fill(catalogue, store, subjects, FLOWS, within=within, clock=clock)
    last_day = filled.last_day
    first = last_day - timedelta(days=max(SPANS) - 1)
    figures = throughput_figures(
        catalogue,
        subjects,
        days_of(store, subjects, SUMMED, first, last_day),
        newest_of(store, "options_volume", last_day),
        last_day=last_day,
        today=clock.now().date(),
    )
    frame = hourly(
        DEFILLAMA_ECONOMIC_THROUGHPUT,
        figures,
        failed=filled.failed,
        last_day=last_day,
        now=clock.now(),
    )
    written = store.merge(DEFILLAMA_ECONOMIC_THROUGHPUT, frame, run=run)
    return done((written,), subjects, filled)


def throughput_figures(
    catalogue: Catalogue,
    subjects: Sequence[Tracked],
    days: pl.DataFrame,
    options: Mapping[str, float],
    *,
    last_day: date,
    today: date,
) -> pl.DataFrame:
    """One row per subject with the table's figures.

    Args:
        catalogue: for the overviews.
        subjects: whose rows.
        days: daily values of fees, revenue and volume.
        options: the last day's volume of options, by subject.
        last_day: the last complete day.
        today: the running day; the overview's sums end with the day before it.
    """
    summed = sums(days, last_day)
    rows = pl.DataFrame({"subject_id": [subject.subject_id for subject in subjects]})
    for metric in SUMMED:
        of_metric = summed.filter(pl.col("metric") == metric).select(
            "subject_id", *(pl.col(f"sum_{w}_usd").alias(f"{metric}_{w}_usd") for w in _WINDOWS)
        )
        said = _overview_rows(catalogue, subjects, metric)
        rows = rows.join(of_metric, on="subject_id", how="left").join(
            said, on="subject_id", how="left"
        )
        if last_day == today - timedelta(days=1):
            rows = rows.with_columns(
                pl.col(f"{metric}_{w}_usd").fill_null(pl.col(f"{metric}_total{w}_usd"))
                for w in ("7d", "30d")
            )
        rows = rows.drop(f"{metric}_total7d_usd", f"{metric}_total30d_usd")
    volumes = [options.get(subject.subject_id) for subject in subjects]
    return rows.with_columns(pl.Series("options_volume_24h_usd", volumes, pl.Float64))


def _overview_rows(catalogue: Catalogue, subjects: Sequence[Tracked], metric: str) -> pl.DataFrame:
    """What the overview says of tracked protocols: `{metric}_total{window}_usd`."""
    try:
        turnovers = catalogue.turnovers(metric)
    except VenueError:  # `fill` has named every subject for it
        turnovers = None
    rows = []
    for subject in subjects:
        row = turnovers.of(subject.llama_id, subject.slug) if turnovers else None
        if row is not None and subject.kind == PROTOCOL:
            rows.append((subject.subject_id, row.total_24h, row.total_7d, row.total_30d))
    names = [f"{metric}_total{window}_usd" for window in _WINDOWS]
    schema = {"subject_id": pl.String, **dict.fromkeys(names, pl.Float64)}
    return pl.DataFrame(rows, schema=schema, orient="row")
