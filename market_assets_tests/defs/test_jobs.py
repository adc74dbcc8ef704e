"""Channels become jobs: one job and one schedule for those that share one, and one request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
import yaml

from market_assets.channels import Channel
from market_assets.clock import ManualClock
from market_assets.definitions import defs
from market_assets.defs import operations
from market_assets.defs.jobs import FLOWS, flows_of, not_there_yet
from market_assets.settings import load
from market_assets_tests.operations.health.venue import damage

ROOT = Path(__file__).resolve().parent.parent.parent
FIVE_MINUTES = timedelta(minutes=5)
FEATURES = "hyperliquid_features_refresh"


def channel(name: str, job: str, **more: object) -> Channel:
    return Channel("venue", name, more.pop("cadence", FIVE_MINUTES), (name,), job, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    return defs().get_repository_def()


def test_channels_of_one_job_are_one_flow_in_the_order_of_their_first() -> None:
    channels = [channel("a", "first"), channel("b", "second"), channel("c", "first")]
    flows = flows_of(channels)
    assert [(flow.job, flow.assets) for flow in flows] == [
        ("first", ("a", "c")),
        ("second", ("b",)),
    ]


@pytest.mark.parametrize(
    "more", [{"cadence": timedelta(hours=1)}, {"offset": timedelta(minutes=1)}], ids=str
)
def test_channels_of_one_job_must_agree_on_when_it_is_due(more: dict[str, timedelta]) -> None:
    with pytest.raises(ValueError, match="the channels of first do not agree"):
        flows_of([channel("a", "first"), channel("b", "first", **more)])


def test_five_features_are_one_job_and_one_schedule(repository: dg.RepositoryDefinition) -> None:
    (flow,) = [flow for flow in FLOWS if flow.job == FEATURES]
    assert len(flow.channels) == 5
    schedules = [s for s in repository.schedule_defs if s.job_name == FEATURES]
    assert [s.cron_schedule for s in schedules] == ["2-59/5 * * * *"]


def test_what_is_due_often_goes_first_and_fills_leave_slots(
    repository: dg.RepositoryDefinition,
) -> None:
    """After a start, features do not wait behind minutes of history."""
    tags = {flow.job: repository.get_job(flow.job).tags for flow in FLOWS}
    for flow in FLOWS:
        is_often = flow.cadence <= FIVE_MINUTES
        assert (tags[flow.job].get("dagster/priority") == "1") == is_often, flow.job
    long = {job for job, said in tags.items() if "market_assets/long" in said}
    assert "defillama_history_refresh" in long
    limits = yaml.safe_load((ROOT / "dagster.yaml").read_text())["concurrency"]["runs"]
    by_tag = {one["key"]: one["limit"] for one in limits["tag_concurrency_limits"]}
    assert by_tag["market_assets/long"] <= by_tag["market_assets/slot"] / 2


def test_what_features_are_made_from_is_due_before_them(
    repository: dg.RepositoryDefinition,
) -> None:
    schedules = {s.job_name: s.cron_schedule for s in repository.schedule_defs}
    assert schedules["hyperliquid_contexts_refresh"] == "1-59/5 * * * *"
    assert schedules["hyperliquid_funding_rates_refresh"] == "3 * * * *"


def test_rules_that_read_whole_tables_run_hourly_and_not_every_five_minutes(
    repository: dg.RepositoryDefinition,
) -> None:
    often = set(repository.get_job(FEATURES).graph.node_dict)
    hourly = set(repository.get_job("hyperliquid_tables_check").graph.node_dict)
    whole = {
        f"hyperliquid_{table}_{rule}"
        for table in ("technical_indicators", "liquidity_profiles", "positioning_pressure")
        for rule in ("keys_are_unique", "no_future_times")
    }
    assert whole <= hourly
    assert not whole & often
    assert "hyperliquid_liquidity_profiles_books_are_not_crossed" in often - hourly


NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def caught_up(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance, cursor: str | None = None
) -> tuple[list[str], str | None]:
    """The jobs of Hyperliquid that the sensor requests, and its cursor afterwards."""
    context = dg.build_sensor_context(
        instance=instance,
        repository_def=repository,
        cursor=cursor,
        resources={"settings": load()},
    )
    said = operations.catch_up_late_channels(context)
    if isinstance(said, dg.SkipReason):
        return [], cursor
    assert isinstance(said, dg.SensorResult)
    requested = [str(request.job_name) for request in said.run_requests or []]
    return [job for job in requested if job.startswith("hyperliquid_")], said.cursor


def report(instance: dg.DagsterInstance, *assets: str) -> None:
    for asset in assets:
        instance.report_runless_asset_event(dg.AssetMaterialization(asset))


def test_a_job_waits_for_what_its_assets_are_made_from_and_is_then_requested_once(
    repository: dg.RepositoryDefinition,
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first, cursor = caught_up(repository, instance)
        assert first == ["hyperliquid_registry_refresh"], "everything else is made from it"
        report(
            instance,
            "hyperliquid_assets",
            "hyperliquid_asset_categories",
            "hyperliquid_asset_category_taxonomy",
        )
        second, cursor = caught_up(repository, instance, cursor)
        assert second == ["hyperliquid_contexts_refresh"]
        report(instance, "hyperliquid_asset_contexts", "hyperliquid_candles")
        third, cursor = caught_up(repository, instance, cursor)
        audits = "hyperliquid_candle_audits_refresh"
        assert sorted(third) == [audits, "hyperliquid_funding_rates_refresh"]
        report(instance, "hyperliquid_funding_rates", "hyperliquid_mid_prices")
        fourth, cursor = caught_up(repository, instance, cursor)
        assert fourth == [FEATURES, "hyperliquid_maintenance_run"], "five channels, one request"
        assert caught_up(repository, instance, cursor)[0] == [], "not asked for again at once"


def test_what_others_wait_for_goes_before_what_nobody_waits_for(
    repository: dg.RepositoryDefinition,
) -> None:
    """At a first start the queue is long, and the features are at the end of a chain."""
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance, repository_def=repository, resources={"settings": load()}
        )
        said = operations.catch_up_late_channels(context)
        assert isinstance(said, dg.SensorResult)
        first = {
            request.job_name
            for request in said.run_requests or []
            if request.tags.get("dagster/priority") == "5"
        }
        assert "hyperliquid_registry_refresh" in first
        assert "polymarket_discovery_refresh" in first
        assert "polymarket_tags_refresh" not in first


def test_a_stream_that_is_on_and_has_written_nothing_is_waited_for(
    repository: dg.RepositoryDefinition,
) -> None:
    """Its channel is `running` then, not `missing`: there are no candles all the same."""
    with dg.DagsterInstance.ephemeral() as instance:
        names = [asset for one in FLOWS if one.job != FEATURES for asset in one.assets]
        report(instance, *names)
        stream = repository.get_job("hyperliquid_stream")
        run = instance.create_run_for_job(stream, status=dg.DagsterRunStatus.STARTED)
        assert caught_up(repository, instance)[0] == [], run.run_id
        report(instance, "hyperliquid_candles")
        assert caught_up(repository, instance)[0] == [FEATURES]


def test_one_late_channel_of_a_job_is_enough(
    repository: dg.RepositoryDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        names = [asset for one in FLOWS for asset in one.assets]
        report(instance, *names, "hyperliquid_candles", "hyperliquid_mid_prices")
        assert caught_up(repository, instance)[0] == []
        clock = ManualClock(datetime.now(tz=UTC) + timedelta(minutes=30))
        monkeypatch.setattr(operations, "SystemClock", lambda: clock)
        late, _ = caught_up(repository, instance)
        assert FEATURES in late
        assert "hyperliquid_registry_refresh" not in late


def test_a_source_that_is_down_keeps_no_other_waiting(
    repository: dg.RepositoryDefinition,
) -> None:
    """Links need Hyperliquid's registry; the catalogue that they are made with does not."""
    (flow,) = [flow for flow in FLOWS if flow.job == "polymarket_discovery_refresh"]
    with dg.DagsterInstance.ephemeral() as instance:
        assert not_there_yet(instance, repository, flow) == []


def test_what_a_job_is_made_from_and_was_never_there_is_named(
    repository: dg.RepositoryDefinition,
) -> None:
    """Its ticks are skipped until then: a run would fail for no reason."""
    (flow,) = [flow for flow in FLOWS if flow.job == FEATURES]
    with dg.DagsterInstance.ephemeral() as instance:
        report(instance, "hyperliquid_funding_rates")
        waiting = not_there_yet(instance, repository, flow)
        assert waiting == ["hyperliquid_asset_contexts", "hyperliquid_candles"]
        report(instance, "hyperliquid_asset_contexts", "hyperliquid_candles")
        assert not_there_yet(instance, repository, flow) == []


def test_a_damaged_record_of_a_run_keeps_no_schedule_from_ticking(
    repository: dg.RepositoryDefinition, tmp_path: Path
) -> None:
    """A run that is going on is waited for; one that nobody can read would be waited for for ever.

    Nor does the sensor that catches up trip over it.
    """
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    schedule = repository.get_schedule_def("hyperliquid_registry_refresh_schedule")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:

        def tick() -> str:
            context = dg.build_schedule_context(instance=instance, repository_def=repository)
            data = schedule.evaluate_tick(context)
            return data.skip_message or f"{len(data.run_requests or [])} requested"

        run = dg.DagsterRun(
            job_name="hyperliquid_registry_refresh",
            run_id=str(uuid4()),
            status=dg.DagsterRunStatus.STARTED,
        )
        instance.add_run(run)
        assert tick() == f"run {run.run_id} is still going"
        damage(
            instance,
            "history/runs.db",
            "update runs set run_body = '{' where run_id = ?",
            run.run_id,
        )
        assert tick() == "1 requested"
        assert caught_up(repository, instance)[0] == ["hyperliquid_registry_refresh"]
