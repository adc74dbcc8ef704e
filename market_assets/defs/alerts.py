"""The sensors that tell people, and the record, of what goes wrong.

`alert_on_problems` asks the health report once a minute, lets the policy decide, and posts; its
cursor is its memory. `record_failed_runs` writes what failed into `ingestion_runs`. Rules and words
are in `alerts/`; here is only what Dagster and the database know.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import dagster as dg
from dagster import DagsterEventType, RunsFilter

from market_assets.channels import BACKFILLS, CHANNELS
from market_assets.clock import SystemClock, from_s
from market_assets.operations.alerts.delivery import Answer, deliver, http_post
from market_assets.operations.alerts.memory import Memory, recall
from market_assets.operations.alerts.message import body
from market_assets.operations.alerts.policy import Message, Rules, decide
from market_assets.operations.alerts.problems import DATABASE, problems
from market_assets.operations.health import records
from market_assets.operations.health.failures import FailedRun, RunError, failed_run
from market_assets.operations.health.open_failures import failed_checks, failed_jobs
from market_assets.operations.health.report import report, watched
from market_assets.operations.health.standing import write_standings
from market_assets.operations.health.statuses import Row
from market_assets.operations.health.storage import Storage
from market_assets.settings import Settings
from market_assets.storage.api import Store
from market_assets.storage.common.errors import StoreError
from market_assets.storage.common.runs import IngestionRun, new_run_id
from market_assets.storage.opening import open_store

EVERY: Final = timedelta(minutes=1)
LOCK_WAIT: Final = timedelta(seconds=5)
"""A sensor waits no longer for the live database: Dagster gives all of its work a minute."""
FAILURES_AT_ONCE: Final = 25


@dg.sensor(
    minimum_interval_seconds=int(EVERY.total_seconds()),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Posts to ALERT_WEBHOOK_URL when something is wrong twice in a row, when it still "
    "is hours later, and when it is over.",
)
def alert_on_problems(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult:
    """One evaluation: look, leave word for the terminal of `make run`, decide, send what waits."""
    now = SystemClock().now()
    repository = context.repository_def
    assert repository is not None
    switches = settings.sources
    expected = watched(repository, switches.channels, switches.off)
    memory = recall(context.cursor, now)
    health = report(
        context.instance,
        watched=expected,
        machine=settings.machine,
        now=now,
        storage=Storage(settings.market_db, settings.publish_bytes_per_second),
    )
    write_standings(settings.machine, health)
    keys = repository.asset_graph.asset_check_keys
    of_interest = [key for key in keys if switches.has(key.asset_key.to_user_string())]
    failed = failed_jobs(context.instance, expected.channels, now)
    found = problems(
        (*health.rows, _database_row(settings)),
        checks=failed_checks(context.instance, of_interest, expected.channels),
        jobs=[one for one in failed if switches.has(one.job)],
        deployed_at=memory.state.deployed_at,
        now=now,
    )
    url = settings.alert_webhook_url
    rules = Rules(
        least=settings.alert_min_severity, reminder=settings.alert_reminder, muted=not url
    )
    state, messages = decide(memory.state, found, now, rules)
    outbox = memory.outbox.with_more(messages)
    if url:
        ui_url = f"http://127.0.0.1:{settings.ui_port}"

        def post(message: Message) -> Answer:
            said = body(message, url=url, ui_url=ui_url, runbook_url=settings.alert_runbook_url)
            return http_post(url, said, now, proxies=settings.proxies)

        outbox = deliver(outbox, post, now)
    return dg.SensorResult(
        skip_reason=_summary(len(found), len(messages), len(outbox.waiting), outbox.last_failure),
        cursor=Memory(state, outbox).as_text(),
    )


def _summary(wrong: int, decided: int, waiting: int, failure: str) -> str:
    said = f"{wrong} problems, {decided} messages"
    return f"{said}, {waiting} wait for the webhook: {failure}" if waiting else said


def _database_row(settings: Settings) -> Row:
    """The live database as a row beside those of the health report: `failed` if it cannot be read.

    It is asked once a minute, and called unreachable after the second time that it was not there
    for `LOCK_WAIT`.
    """
    error = None
    try:
        store_of_a_tick(settings).reach()
    except StoreError as caught:
        error = str(caught)
    source, _, channel = DATABASE.partition("/")
    return Row(
        source=source,
        channel=channel,
        status="ok" if error is None else "failed",
        expected_cadence_s=EVERY.total_seconds(),
        stale_after_s=LOCK_WAIT.total_seconds(),
        age_s=None,
        rows_written=None,
        last_error=error,
    )


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes a row into ingestion_runs for every asset that a failed run did not bring.",
)
def record_failed_runs(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Each failed run once: Dagster numbers the changes of runs, and the cursor is that number.

    A row's id follows from its run and asset, so that a tick which is evaluated again, because the
    machine went down before its cursor was kept, changes nothing.
    """
    changes = context.instance.fetch_run_status_changes(
        DagsterEventType.RUN_FAILURE,
        limit=FAILURES_AT_ONCE,
        cursor=context.cursor,
        ascending=True,
    )
    rows: list[IngestionRun] = []
    for change in changes.records:
        entry = change.event_log_entry
        failed = failed_run(context.instance, entry.run_id, entry.job_name or "")
        rows += _rows_of(context.instance, failed, ended_s=entry.timestamp)
    if rows:
        try:
            store_of_a_tick(settings).write(runs=rows)
        except StoreError as error:
            return dg.SkipReason(f"{len(rows)} rows wait: {error}")
    return dg.SensorResult(
        skip_reason=f"{len(changes.records)} failed runs, {len(rows)} rows", cursor=changes.cursor
    )


def _rows_of(
    instance: dg.DagsterInstance, failed: FailedRun, *, ended_s: float
) -> list[IngestionRun]:
    """A row per asset that the run was to bring and did not."""
    runs = records.runs(instance, RunsFilter(run_ids=[failed.run_id])).records
    started_s = next((run.start_time for run in runs if run.start_time), ended_s)
    rows = []
    for source, channel, asset_key, error in _not_brought(failed):
        row = IngestionRun(
            source=source,
            channel=channel,
            asset_key=asset_key,
            started_at=from_s(started_s),
            run_id=new_run_id(from_s(started_s), failed.run_id, asset_key),
            dagster_run_id=failed.run_id,
        )
        rows.append(row.failed_with(error.kind, error.message, ended_at=from_s(ended_s)))
    return rows


def _not_brought(failed: FailedRun) -> Iterator[tuple[str, str, str, RunError]]:
    """Source, channel, asset (of a backfill the table that it fills), and why.

    A stream plans nothing and has failed with all its assets. A backfill has failed even where
    some of its partitions are there. What somebody ran by hand of a source that is off is on
    record too.
    """
    for channel in CHANNELS:
        streamed = channel.mode == "stream" and channel.job == failed.job
        for asset in channel.assets:
            error = failed.error if streamed else failed.errors.get(asset)
            if error is not None:
                yield channel.source, channel.name, asset, error
    for backfill in BACKFILLS:
        if backfill.asset in failed.planned:
            error = failed.errors.get(backfill.asset, failed.error)
            yield backfill.source, backfill.channel, backfill.table, error


def store_of_a_tick(settings: Settings) -> Store:
    """The store, for a tick that does not wait for long."""
    return open_store(
        settings.market_db,
        lock_wait=LOCK_WAIT,
        publish_bytes_per_second=settings.publish_bytes_per_second,
        archive=settings.archive,
        archive_limit=settings.archive_limit_bytes,
    )
