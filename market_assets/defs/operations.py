"""The project's upkeep in Dagster: roll-ups and retention, late channels, dead runs, history."""

from typing import Final

import dagster as dg

from market_assets.channels import CHANNELS
from market_assets.clock import SystemClock
from market_assets.defs.checks import STREAM_CHECKS
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.jobs import FLOWS, SCHEDULED, jobs, not_there_yet
from market_assets.defs.options import OWNER, SLOT, asset_options, written_result
from market_assets.defs.publishing import is_by_hand, publish_now, publishes
from market_assets.defs.runs import ingestion_run
from market_assets.operations.health import records
from market_assets.operations.health.catching_up import AGAIN_AFTER_S, Job, due, recall
from market_assets.operations.health.dead_runs import DeadRuns
from market_assets.operations.health.history import prune
from market_assets.operations.health.report import report, watched
from market_assets.operations.maintenance.upkeep import Upkeep, keep_up
from market_assets.settings import Settings
from market_assets.storage.api import Store
from market_assets.storage.common.runs import IngestionRun
from market_assets.tables import HYPERLIQUID_CANDLES

_BY_HAND: Final = "__ASSET_JOB"
"""What Dagster calls the runs that somebody starts for single assets."""
_POLLS: Final = frozenset(one.polled_by for one in CHANNELS if one.polled_by)
"""Jobs that ask where a stream is off."""
_DEAD_RUNS: Final = DeadRuns()


@dg.asset(
    **asset_options("hyperliquid_maintenance", kinds={"duckdb", "polars"}),
    deps=["hyperliquid_candles", "hyperliquid_mid_prices"],
)
@fails_in_a_line
@publishes
def hyperliquid_maintenance(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    store: dg.ResourceParam[Store],
) -> dg.MaterializeResult[None]:
    """One round of upkeep: 1-hour candles rolled up from 1-minute ones, then retention.

    Every 60 seconds. What retention deletes is in the archive first (`MARKET_ARCHIVE`). The
    rolled-up rows are rows of `hyperliquid_candles`, with source `rollup`.
    Where nearly all rows of a table look old, it deletes none of them and fails: the clock may be
    ahead.
    """
    run = ingestion_run(context, "maintenance", table=HYPERLIQUID_CANDLES.name)
    done = _kept_up(store, settings, run)
    return written_result(
        *([done.rollup] if done.rollup is not None else []),
        rolled_up=done.rolled_up,
        deleted=sum(done.deleted.values()),
        freed_bytes=done.freed_bytes,
        compaction_error=done.compaction_error,
        deleted_by_table=dict(done.deleted) or None,
        archived=sum(done.archived.values()),
        archived_by_table=dict(done.archived) or None,
        dropped_from_archive=[str(day) for day, _ in done.dropped] or None,
    )


def _kept_up(store: Store, settings: Settings, run: IngestionRun | None = None) -> Upkeep:
    """One round of upkeep.

    Raises:
        dg.Failure: rows that look old were not deleted.
    """
    now = SystemClock().now()
    done = keep_up(store, retention=settings.retention, now=now, run=run)
    if done.refused:
        raise dg.Failure("; ".join(done.refused.values()), allow_retries=False)
    return done


@dg.op(description="One round of upkeep: roll-ups, retention, compaction.")
@fails_in_a_line
def maintain_store(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    store: dg.ResourceParam[Store],
) -> None:
    """What `hyperliquid_maintenance` does, of no source."""
    done = _kept_up(store, settings)
    context.log.info("deleted %s, freed %s bytes", dict(done.deleted), done.freed_bytes)
    if is_by_hand(context.run):
        publish_now(store)


@dg.job(
    executor_def=dg.in_process_executor,
    description="Upkeep of the database while Hyperliquid, whose asset sees to it, is off.",
    tags={"owner": OWNER, **SLOT, "dagster/priority": "1"},
)
def store_maintenance_run() -> None:
    """The other sources' rows have a retention too, and readers wait for what is put off."""
    maintain_store()


@dg.schedule(
    job=store_maintenance_run,
    cron_schedule="* * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every minute, unless the last run is still going; only while Hyperliquid is off.",
)
def store_maintenance_run_schedule(
    context: dg.ScheduleEvaluationContext,
) -> dg.RunRequest | dg.SkipReason:
    """A tick per minute."""
    going = records.active(context.instance, store_maintenance_run.name)
    if going:
        return dg.SkipReason(f"run {going[0].dagster_run.run_id} is still going")
    return dg.RunRequest()


@dg.op(description="Deletes old runs from Dagster's instance, files included.")
def prune_old_runs(context: dg.OpExecutionContext, settings: dg.ResourceParam[Settings]) -> None:
    """Successful runs of minute cadence go first, failures last."""
    pruned = prune(
        context.instance,
        now=SystemClock().now(),
        minute_jobs={
            *STREAM_CHECKS,
            store_maintenance_run.name,
            *_POLLS,
            *(c.job for c in SCHEDULED if c.cadence.total_seconds() <= AGAIN_AFTER_S),
        },
        keep_minute_runs=settings.keep_minute_runs,
        keep_runs=settings.keep_runs,
        keep_failed_runs=settings.keep_failed_runs,
        jobs={
            *(channel.job for channel in CHANNELS),
            *_POLLS,
            *(f"{flow.source}_tables_check" for flow in FLOWS),
            *STREAM_CHECKS,
            store_maintenance_run.name,
            "run_history_prune",
            _BY_HAND,
        },
    )
    context.log.info(
        "pruned %s runs, %s bytes of their files, %s rows that they left",
        pruned.runs,
        pruned.bytes_freed,
        pruned.rows,
    )
    if pruned.refused:
        context.log.warning(
            "%s runs look old and were kept, because they are nearly all there are of their kind:"
            " is the clock right?",
            pruned.refused,
        )


@dg.job(
    executor_def=dg.in_process_executor,
    description="Deletes Dagster runs past their keeping time, with the files that they left.",
    tags={"owner": OWNER, **SLOT},
)
def run_history_prune() -> None:
    """Keeps the instance of a week no larger than that of a day."""
    prune_old_runs()


run_history_prune_schedule = dg.ScheduleDefinition(
    job=run_history_prune,
    cron_schedule="41 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Hourly.",
)


@dg.sensor(
    jobs=jobs,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Runs a channel's job when it is missing, late or failed and no run is on its way: "
    "after an installation, a night with the lid closed, an outage.",
)
def catch_up_late_channels(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Nobody waits an hour for the first hourly tick, or for the next one after an outage."""
    now = SystemClock().now()
    repository = context.repository_def
    assert repository is not None
    flows = [flow for flow in FLOWS if settings.sources.has(flow.job)]
    found = report(
        context.instance,
        watched=watched(repository, [channel for flow in flows for channel in flow.channels]),
        machine=None,
        now=now,
    )
    rows = {row.label: row for row in found.rows}
    jobs: list[Job] = []
    waited_for: set[str] = set()
    for flow in flows:
        channels = [rows[channel.label] for channel in flow.channels]
        failures = [row.failed_at.timestamp() for row in channels if row.failed_at is not None]
        late = any(row.is_late for row in channels)
        parents = []
        if late or failures:
            parents = not_there_yet(context.instance, repository, flow)
            waited_for |= set(parents)
        jobs.append(
            Job(
                flow.job,
                flow.source,
                is_late=late,
                failed_at=max(failures, default=None),
                is_frequent=flow.cadence.total_seconds() <= AGAIN_AFTER_S,
                is_ready=bool(late or failures)
                and not parents
                and not records.active(context.instance, flow.job),
            )
        )
    known = recall(context.cursor)
    names, tried = due(jobs, known, now.timestamp())
    if not names and tried == known:
        return dg.SkipReason("every channel is on time, or a run for it is on its way")
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                job_name=flow.job,
                tags={
                    "market_assets/why": "late",
                    # Others can only begin after it: at a first start they wait for nothing else.
                    **({"dagster/priority": "5"} if waited_for.intersection(flow.assets) else {}),
                },
            )
            for flow in flows
            if flow.job in names
        ],
        skip_reason=None if names else "what failed is tried again in a moment",
        cursor=tried.as_text(),
    )


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Closes runs that say they are active though their process is gone.",
)
def close_runs_without_process(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """No run stays 'started' for ever after a power cut."""
    closed = _DEAD_RUNS.close(context.instance)
    return dg.SkipReason(f"closed {', '.join(closed)}" if closed else "no dead runs")
