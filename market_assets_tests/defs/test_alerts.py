"""The sensors that alert and that record failures: real instance, database and webhook."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._daemon.types import DaemonHeartbeat

from market_assets.channels import CHANNELS
from market_assets.clock import ManualClock
from market_assets.defs import alerts
from market_assets.operations.health.automation import NEEDED
from market_assets.operations.health.standing import read_standings
from market_assets.settings import Settings, load
from market_assets.storage.files.store import FileStore
from market_assets.switches import Switches
from market_assets_tests.sources.http_server import Reply, Server, serving
from market_assets_tests.storage.processes import holding

SECRET = "T0PSECRETPATH"
JOB = "hyperliquid_registry_refresh"
STREAM = "hyperliquid_stream"


class VenueDownError(Exception):
    """What the venue's asset raises here."""


class Venue(dg.ConfigurableResource):
    """Fails so many times, and then not; -1: always."""

    failures: int = 0


_tries: list[int] = []


@dg.asset(name="hyperliquid_assets", retry_policy=dg.RetryPolicy(max_retries=1))
def registry(venue: Venue) -> dg.MaterializeResult:
    _tries.append(1)
    if venue.failures < 0 or len(_tries) <= venue.failures:
        raise VenueDownError("POST https://u:pw@api.example/info?key=hush said\n 502")
    return dg.MaterializeResult(metadata={"rows_written": 1})


@dg.asset(name="hyperliquid_asset_categories", deps=[registry])
def categories() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows_written": 1})


@dg.asset_check(asset=registry, name="keys_are_unique")
def unique() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"rows_that_break_it": 3}
    )


@dg.op
def hear() -> None:
    raise VenueDownError("the socket closed")


@dg.job(name=STREAM)
def stream() -> None:
    hear()


@dg.asset(
    name="polymarket_trades_history",
    partitions_def=dg.StaticPartitionsDefinition(["first", "second"]),
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def history(context, venue: Venue) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - Dagster refuses a postponed annotation here
    """A backfill that brings its first partition and fails at the second."""
    context.log_event(dg.AssetMaterialization(context.asset_key, partition="first"))
    if venue.failures < 0:
        raise VenueDownError("the feed ended early")


def project(failures: int = 0) -> dg.Definitions:
    """Two assets, a backfill and a stream of the project's names."""
    return dg.Definitions(
        assets=[registry, categories, history],
        asset_checks=[unique],
        jobs=[
            dg.define_asset_job(
                JOB,
                selection=dg.AssetSelection.assets(registry, categories)
                - dg.AssetSelection.all_asset_checks(),
            ),
            dg.define_asset_job("check_all", selection=dg.AssetSelection.all_asset_checks()),
            stream,
        ],
        resources={"venue": Venue(failures=failures)},
        executor=dg.in_process_executor,
    )


@dataclass
class Desk:
    """An instance, a database and a webhook, and evaluations of the sensors a minute apart."""

    instance: DagsterInstance
    settings: Settings
    receiver: Server
    clock: ManualClock
    cursors: dict[str, str | None] = field(default_factory=dict)

    def run(self, job: str = JOB, *, failures: int = 0) -> str:
        """One run of a job; its id."""
        _tries.clear()
        definition = project(failures).resolve_job_def(job)
        return definition.execute_in_process(instance=self.instance, raise_on_error=False).run_id

    def backfill(self, *, failures: int = 0) -> str:
        """One run of both partitions of the backfill, as the UI starts it; its id."""
        job = project(failures).resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            asset_selection=[history.key],
            tags={
                "dagster/asset_partition_range_start": "first",
                "dagster/asset_partition_range_end": "second",
            },
        ).run_id

    def everything_is_there(self) -> None:
        """Every channel has just been materialized, and the daemon beats."""
        for channel in CHANNELS:
            for asset in channel.assets:
                self.instance.report_runless_asset_event(dg.AssetMaterialization(asset))

    def tick(self, sensor: dg.SensorDefinition, minutes: float = 1.0) -> str:
        """One evaluation; what it says."""
        self.clock.advance(60 * minutes)
        for thread in NEEDED:
            beat = DaemonHeartbeat(self.clock.now().timestamp(), thread, "id", [])
            self.instance.add_daemon_heartbeat(beat)
        context = dg.build_sensor_context(
            instance=self.instance,
            repository_def=project().get_repository_def(),
            cursor=self.cursors.get(sensor.name),
            resources={"settings": self.settings},
        )
        said = sensor(context)
        if isinstance(said, dg.SkipReason):
            return str(said.skip_message)
        assert isinstance(said, dg.SensorResult)
        self.cursors[sensor.name] = said.cursor
        return str(said.skip_reason.skip_message if said.skip_reason else "")

    def told(self, label: str | None = None) -> list[dict[str, Any]]:
        """What the webhook has got, of one channel or of all."""
        sent = [body for _, body in self.receiver.requests]
        return [b for b in sent if label in (None, f"{b['source']}/{b['channel']}")]

    def rows(self) -> list[tuple[Any, ...]]:
        """What `ingestion_runs` says of failures."""
        return (
            FileStore(self.settings.market_db)
            .read(
                "select asset_key, source, channel, status, error_kind, error_message,"
                " dagster_run_id, duration_ms >= 0 from ingestion_runs order by asset_key"
            )
            .rows()
        )


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    clock = ManualClock(datetime.now(tz=UTC))
    monkeypatch.setattr(alerts, "SystemClock", lambda: clock)
    monkeypatch.setattr(alerts, "LOCK_WAIT", timedelta(seconds=0.2))
    with serving() as receiver, DagsterInstance.ephemeral() as instance:
        env = {
            "MARKET_DB": str(tmp_path / "market.duckdb"),
            "ALERT_WEBHOOK_URL": f"{receiver.url}/{SECRET}?token={SECRET}",
        }
        yield Desk(instance, load(env, root=tmp_path), receiver, clock)


def test_a_channel_that_fails_wakes_once_and_says_when_it_is_over(desk: Desk) -> None:
    desk.everything_is_there()
    run_id = desk.run(failures=-1)
    desk.clock.instant = datetime.now(tz=UTC)
    desk.tick(alerts.alert_on_problems, 0.1)
    assert desk.told() == [], "once may be a blink"
    for _ in range(4):
        desk.tick(alerts.alert_on_problems)
    (alert,) = desk.told("hyperliquid/registry")
    assert (alert["event"], alert["severity"], alert["status"]) == ("alert", "error", "failed")
    assert alert["lastError"] == "VenueDownError: POST https://api.example/info said 502"
    assert alert["runUrl"] == f"http://127.0.0.1:3000/runs/{run_id}"
    assert alert["runbook"] == "docs/runbook.md#a-channel-has-failed"
    assert alert["runbookUrl"] is None
    assert [sent["title"] for sent in desk.told() if "run of" in sent["title"]] == [], "told above"
    desk.run()
    desk.everything_is_there()
    desk.tick(alerts.alert_on_problems, 0.1)
    desk.tick(alerts.alert_on_problems, 0.1)
    over = desk.told("hyperliquid/registry")[1:]
    assert [sent["event"] for sent in over] == ["recovery"]


def test_its_memory_outlives_a_restart_and_holds_no_secret(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """The cursor is all that is left of one evaluation for the next; Dagster keeps it."""
    desk.receiver.default = lambda _request: Reply(500)
    desk.everything_is_there()
    desk.run(failures=-1)
    with caplog.at_level(logging.DEBUG):
        desk.tick(alerts.alert_on_problems, 0.1)
        said = desk.tick(alerts.alert_on_problems)
    assert "wait for the webhook: answered 500" in said
    memory = desk.cursors["alert_on_problems"]
    assert memory is not None
    assert json.loads(memory)["outbox"]["waiting"]
    assert SECRET not in memory + said + caplog.text + repr(desk.settings)
    assert "hush" not in memory
    desk.receiver.default = lambda _request: Reply(200)
    desk.receiver.requests.clear()
    desk.tick(alerts.alert_on_problems, 16)
    assert len(desk.told("hyperliquid/registry")) == 1


def test_a_fresh_deployment_on_which_nothing_runs_says_so_once(desk: Desk) -> None:
    """Not in the minutes that it takes to begin, and once for each after that."""
    for _ in range(5):
        desk.tick(alerts.alert_on_problems)
    assert desk.told() == []
    for _ in range(5):
        desk.tick(alerts.alert_on_problems)
    titles = [sent["title"] for sent in desk.told()]
    assert len(titles) == len(set(titles))
    assert "set-up: hyperliquid/registry has never brought anything" in titles
    assert {sent["severity"] for sent in desk.told()} == {"error"}


def test_without_a_webhook_nothing_is_sent(desk: Desk, tmp_path: Path) -> None:
    desk.settings = load({"MARKET_DB": str(desk.settings.market_db)}, root=tmp_path)
    for _ in range(3):
        said = desk.tick(alerts.alert_on_problems)
    assert "0 messages" in said
    assert desk.receiver.requests == []


def test_a_rule_that_is_broken_alerts_by_its_severity(desk: Desk) -> None:
    desk.everything_is_there()
    desk.run("check_all")
    desk.tick(alerts.alert_on_problems, 0.1)
    desk.tick(alerts.alert_on_problems)
    (alert,) = desk.told("hyperliquid/hyperliquid_assets")
    assert alert["title"] == "hyperliquid_assets breaks the rule keys_are_unique"
    assert (alert["severity"], alert["lastError"]) == ("warning", "3 rows break it")


def test_a_run_that_is_no_channel_s_alerts_too(desk: Desk) -> None:
    desk.everything_is_there()
    desk.clock.advance(5)
    desk.run(STREAM)
    desk.everything_is_there()
    desk.clock.instant = datetime.now(tz=UTC)
    desk.tick(alerts.alert_on_problems, 0.1)
    desk.tick(alerts.alert_on_problems)
    (alert,) = desk.told(f"hyperliquid/{STREAM}")
    assert alert["title"] == f"a run of {STREAM} failed"
    assert alert["lastError"] == "VenueDownError: the socket closed"


def test_a_backfill_that_failed_alerts_until_one_goes_well(desk: Desk) -> None:
    """No channel has it: the run is all that tells."""
    desk.everything_is_there()
    run_id = desk.backfill(failures=-1)
    desk.clock.instant = datetime.now(tz=UTC)
    desk.tick(alerts.alert_on_problems, 0.1)
    desk.tick(alerts.alert_on_problems)
    label = "polymarket/polymarket_trades_history"
    (alert,) = desk.told(label)
    assert alert["title"] == "a run of polymarket_trades_history failed"
    assert alert["lastError"] == "VenueDownError: the feed ended early"
    assert str(alert["runUrl"]).endswith(run_id)
    desk.backfill()
    desk.tick(alerts.alert_on_problems)
    desk.tick(alerts.alert_on_problems)
    assert [one["event"] for one in desk.told(label)] == ["alert", "recovery"]


def test_of_a_source_that_is_off_nobody_is_told(desk: Desk) -> None:
    """Not of what it lacks, of checks, of jobs, of backfills; what failed by hand is on record."""
    desk.settings = replace(desk.settings, sources=Switches(frozenset({"defillama"})))
    desk.run("check_all")
    desk.run(failures=-1)
    desk.run(STREAM)
    desk.backfill(failures=-1)
    desk.clock.instant = datetime.now(tz=UTC)
    for _ in range(12):
        desk.tick(alerts.alert_on_problems)
    told = {sent["source"] for sent in desk.told()}
    assert "defillama" in told, "it was never brought"
    assert told <= {"defillama", "storage"}
    standings = read_standings(desk.settings.machine)
    assert {one.label.partition("/")[0] for one in standings} == {"defillama", "dagster", "storage"}
    assert "3 failed runs, 4 rows" in desk.tick(alerts.record_failed_runs)


def test_what_is_turned_off_while_it_fails_is_over(desk: Desk) -> None:
    """Whoever keeps the incident open elsewhere can close it."""
    desk.everything_is_there()
    desk.run(failures=-1)
    desk.clock.instant = datetime.now(tz=UTC)
    for _ in range(3):
        desk.tick(alerts.alert_on_problems)
    desk.settings = replace(desk.settings, sources=Switches(frozenset({"defillama"})))
    for _ in range(3):
        desk.tick(alerts.alert_on_problems)
    assert [one["event"] for one in desk.told("hyperliquid/registry")] == ["alert", "recovery"]


def _the_database_is_held(desk: Desk, hold: timedelta) -> None:
    desk.everything_is_there()
    desk.tick(alerts.alert_on_problems, 0.1)
    live = FileStore(desk.settings.market_db).paths.live
    desk.receiver.requests.clear()
    with holding(live):
        began = time.monotonic()
        desk.tick(alerts.alert_on_problems)
        desk.tick(alerts.alert_on_problems)
        while time.monotonic() - began < hold.total_seconds():
            time.sleep(1)
            desk.tick(alerts.alert_on_problems, 0.1)
        (alert,) = desk.told("storage/database")
        assert (alert["severity"], alert["status"]) == ("critical", "failed")
        assert "held" in alert["lastError"]
        desk.run(failures=-1)
        assert "wait" in desk.tick(alerts.record_failed_runs), "put off, not lost"
    desk.tick(alerts.alert_on_problems)
    desk.tick(alerts.alert_on_problems)
    assert [sent["event"] for sent in desk.told("storage/database")] == ["alert", "recovery"]
    assert "1 rows" in desk.tick(alerts.record_failed_runs)
    assert len(desk.rows()) == 1


def test_a_database_that_another_process_holds_is_critical(desk: Desk) -> None:
    _the_database_is_held(desk, timedelta(0))


@pytest.mark.soak
def test_a_database_that_another_process_holds_for_two_minutes(desk: Desk) -> None:
    _the_database_is_held(desk, timedelta(minutes=2))


def test_a_failed_run_is_recorded_once_with_its_kind_and_message(desk: Desk) -> None:
    """The asset that failed has a row; the one that was not tried because of it has none."""
    run_id = desk.run(failures=-1)
    assert desk.tick(alerts.record_failed_runs) == "1 failed runs, 1 rows"
    message = "POST https://api.example/info said 502"
    row = ("hyperliquid_assets", "hyperliquid", "registry", "failed", "VenueDownError", message)
    assert desk.rows() == [(*row, run_id, True)]
    assert desk.tick(alerts.record_failed_runs) == "0 failed runs, 0 rows"
    desk.cursors.clear()
    assert desk.tick(alerts.record_failed_runs) == "1 failed runs, 1 rows"
    assert len(desk.rows()) == 1, "the same row, where the cursor was lost"


def test_a_backfill_that_failed_is_recorded_for_the_table_that_it_fills(desk: Desk) -> None:
    """Also where some of its partitions are there."""
    run_id = desk.backfill(failures=-1)
    assert desk.tick(alerts.record_failed_runs) == "1 failed runs, 1 rows"
    (row,) = desk.rows()
    assert row[:6] == (
        "polymarket_trades",
        "polymarket",
        "trades_history",
        "failed",
        "VenueDownError",
        "the feed ended early",
    )
    assert row[6] == run_id


def test_a_step_that_failed_and_then_succeeded_is_no_failure(desk: Desk) -> None:
    desk.run(failures=1)
    assert len(_tries) == 2
    assert desk.tick(alerts.record_failed_runs) == "0 failed runs, 0 rows"


def test_a_run_that_was_killed_is_recorded_for_all_that_it_was_to_bring(desk: Desk) -> None:
    job = project().resolve_job_def(JOB)
    run = desk.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    desk.instance.report_run_failed(run, message="its process 7 is gone without a word: killed")
    desk.tick(alerts.record_failed_runs)
    said = "its process 7 is gone without a word: killed"
    assert [(row[0], row[4], row[5]) for row in desk.rows()] == [
        ("hyperliquid_asset_categories", "RunFailure", said),
        ("hyperliquid_assets", "RunFailure", said),
    ]


def test_a_stream_that_failed_is_recorded_for_each_of_its_tables(desk: Desk) -> None:
    desk.run(STREAM)
    desk.tick(alerts.record_failed_runs)
    assert [(row[0], row[2], row[5]) for row in desk.rows()] == [
        ("hyperliquid_candles", "candles", "the socket closed"),
        ("hyperliquid_mid_prices", "mids", "the socket closed"),
    ]
