"""`defillama_capital_flows`: what came or went over complete days, from stored daily series."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.features.daily_windows import SPANS, changes
from market_assets.ingestion.defillama.rows import hourly
from market_assets.ingestion.defillama.series import days_of, done, fill
from market_assets.tables.defillama import DEFILLAMA_CAPITAL_FLOWS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from market_assets.clock import Clock
    from market_assets.ingestion.defillama.accounting import Done
    from market_assets.ingestion.defillama.catalogue import Catalogue
    from market_assets.ingestion.defillama.subjects import Tracked
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

FLOW_METRICS: Final = {"tvl": "tvl", "stablecoin_mcap": "stablecoin"}
"""Stocks whose change is a flow of capital, and what its columns are called after."""


def refresh_flows(
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
        within: how long series may be read; without theirs, subjects have NULL.
        clock: the present, and the time.
        run: counts the rows.
    """
    filled = fill(catalogue, store, subjects, FLOW_METRICS, within=within, clock=clock)
    first = filled.last_day - timedelta(days=max(SPANS))
    days = days_of(store, subjects, FLOW_METRICS, first, filled.last_day)
    frame = hourly(
        DEFILLAMA_CAPITAL_FLOWS,
        flow_figures(subjects, days, filled.last_day),
        failed=filled.failed,
        last_day=filled.last_day,
        now=clock.now(),
    )
    written = store.merge(DEFILLAMA_CAPITAL_FLOWS, frame, run=run)
    return done((written,), subjects, filled)


def flow_figures(subjects: Sequence[Tracked], days: pl.DataFrame, last_day: date) -> pl.DataFrame:
    """One row per subject with the table's figures, from daily values."""
    moved = changes(days, last_day)
    rows = pl.DataFrame({"subject_id": [subject.subject_id for subject in subjects]})
    for metric, prefix in FLOW_METRICS.items():
        of_metric = moved.filter(pl.col("metric") == metric).select(
            "subject_id", pl.col("^change_.*$").name.prefix(f"{prefix}_")
        )
        rows = rows.join(of_metric, on="subject_id", how="left")
    return rows.select(pl.exclude("^stablecoin_change_.*_pct$"))
