"""DefiLlama's daily series: kept up once a day each, and backfilled by subject.

It has a pool of its own: the hourly assets do not wait for a backfill. Both draw on one budget.
"""

from datetime import timedelta

import dagster as dg
from pydantic import Field

from market_assets import tables
from market_assets.clock import SystemClock
from market_assets.defs.defillama import (
    Configured,
    Lists,
    Results,
    defillama_subjects,
    options_with_check,
    results_of,
    tracked_subjects,
)
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run
from market_assets.tables.defillama import METRICS


class HistoryConfig(dg.Config):
    """What a materialization of `defillama_daily_history` reads.

    Attributes:
        subjects: subject ids, tracked or not; empty: all that are tracked.
        metrics: which series; empty: all.
        all_again: also what is not due.
        believe: also series that lack so many of the stored days that a run alone keeps them.
        minutes: how long it reads; what is left is for the next run.
    """

    subjects: list[str] = Field(default_factory=list)
    metrics: list[str] = Field(default_factory=list)
    all_again: bool = False
    believe: bool = False
    minutes: float = 20.0


@dg.asset(
    **options_with_check("defillama_daily_history", pool="defillama_history"),
    deps=[defillama_subjects],
)
@fails_in_a_line
@publishes
def defillama_daily_history(
    context: dg.AssetExecutionContext,
    config: HistoryConfig,
    settings: Configured,
    defillama: Lists,
    store: Market,
) -> Results:
    """One row per subject, metric and complete UTC day, since DefiLlama began to count.

    A request brings a subject's whole series, so it is backfilled by subject: `subjects` and
    `all_again` in the run's config. On its own it reads what is due of tracked subjects: each
    series once a day after 00:30 UTC, flows again after 06:30, when late protocols have reported.
    Days that DefiLlama has taken back go; where they are too many, the series is named and stays
    as it was until `believe` is set. The running day is never stored.
    """
    from market_assets.ingestion.defillama.series import refresh_history  # noqa: PLC0415 - as above

    unknown = sorted(set(config.metrics) - set(METRICS))
    if unknown:
        raise dg.Failure(
            f"no metric {', '.join(unknown)}; one of {', '.join(METRICS)}", allow_retries=False
        )
    done = refresh_history(
        defillama,
        store,
        tracked_subjects(store, config.subjects),
        metrics=config.metrics or METRICS,
        within=timedelta(minutes=config.minutes),
        clock=SystemClock(),
        run=ingestion_run(context, "daily_history"),
        all_again=config.all_again,
        believe=config.believe,
    )
    yield from results_of(
        done,
        tables.DEFILLAMA_DAILY_HISTORY,
        "select subject_id, metric, newest_day, newest_usd, days from defillama_series_reads"
        " order by ingested_at desc, subject_id limit 8",
        settings=settings,
        store=store,
        lists=defillama,
    )
