"""Sources that are off: what is left of their definitions, and that nothing else minds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import duckdb
import polars as pl
import pytest

from market_assets.channels import CHANNELS
from market_assets.definitions import defs
from market_assets.defs import operations
from market_assets.defs.jobs import FLOWS
from market_assets.operations.health.dagster_state import freshness_windows
from market_assets.operations.health.open_failures import failed_checks
from market_assets.operations.health.report import report, watched
from market_assets.settings import load
from market_assets.tables import POLYMARKET_LATER_MARKETS
from market_assets_tests.defs.running import errors, metadata, project
from market_assets_tests.ingestion.defillama.conftest import fill_routes
from market_assets_tests.simulated import simulated
from market_assets_tests.sources.defillama.shapes import llama

SOURCES = ("hyperliquid", "polymarket", "defillama")
UPKEEP = "store_maintenance_run_schedule"
OWN_SCHEDULES = {"run_history_prune_schedule"}
OWN_SENSORS = {
    "alert_on_problems",
    "alert_on_signals",
    "close_runs_without_process",
    "record_failed_runs",
}
OF_ROWS_OF = {"hyperliquid": ("data_completeness", "ingestion_gaps")}
"""What is made of a source's rows, and is off with it."""
CATCHES_UP = "catch_up_late_channels"


@dataclass
class Made:
    """The definitions that some sources make."""

    definitions: dg.Definitions
    repository: dg.RepositoryDefinition = field(init=False)

    def __post_init__(self) -> None:
        self.repository = self.definitions.get_repository_def()

    @property
    def schedules(self) -> dict[str, str]:
        """Cron lines by name."""
        return {one.name: str(one.cron_schedule) for one in self.repository.schedule_defs}

    @property
    def sensors(self) -> dict[str, set[str]]:
        """What each may start."""
        found = self.repository.sensor_defs
        return {one.name: {target.job_name for target in one.targets} for one in found}

    @property
    def windows(self) -> dict[str, timedelta]:
        return freshness_windows(self.definitions.resolve_all_asset_specs())

    @property
    def by_hand(self) -> tuple[set[str], set[str], set[str]]:
        """Assets, checks and jobs."""
        graph = self.repository.asset_graph
        return (
            {key.to_user_string() for key in graph.get_all_asset_keys()},
            {key.to_user_string() for key in graph.asset_check_keys},
            {job.name for job in self.repository.get_all_jobs()},
        )


def made(monkeypatch: pytest.MonkeyPatch, *on: str) -> Made:
    monkeypatch.setenv("MARKET_SOURCES", ",".join(on))
    return Made(defs())


@pytest.fixture(scope="module")
def whole() -> Made:
    return Made(defs())


@pytest.mark.parametrize("off", SOURCES)
def test_of_a_source_that_is_off_nothing_runs_by_itself(
    whole: Made, off: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the others everything does, at the same minutes; and all of it may be run by hand."""
    left = made(monkeypatch, *(one for one in SOURCES if one != off))
    assert UPKEEP not in whole.schedules
    gone = (off, *OF_ROWS_OF.get(off, ()))
    others = {n: cron for n, cron in whole.schedules.items() if not n.startswith(gone)}
    assert len(others) < len(whole.schedules)
    upkeep = {UPKEEP: "* * * * *"} if off == "hyperliquid" else {}
    assert left.schedules == others | upkeep
    assert left.sensors.keys() == whole.sensors.keys() - {f"keep_{off}_stream_alive"}
    assert left.sensors[CATCHES_UP] == {flow.job for flow in FLOWS if not flow.job.startswith(gone)}
    windows = {n: w for n, w in whole.windows.items() if not n.startswith(gone)}
    assert left.windows == windows
    assert left.by_hand == whole.by_hand


def test_without_any_source_there_is_only_what_is_of_none(
    whole: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a later source adds is either its own, and off here, or belongs into these lists."""
    none = made(monkeypatch, "evm")
    assert none.schedules.keys() == OWN_SCHEDULES | {UPKEEP}
    assert none.sensors == {name: set() for name in OWN_SENSORS}
    assert none.windows == {}
    assert none.by_hand == whole.by_hand


def test_an_asset_that_is_off_still_says_everything_else_of_itself(
    whole: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = made(monkeypatch, "hyperliquid")
    key = dg.AssetKey("polymarket_trades")
    before, now = (one.repository.asset_graph.get(key) for one in (whole, left))
    assert (now.metadata, now.tags, now.owners) == (before.metadata, before.tags, before.owners)
    assert now.group_name == "polymarket"


@pytest.mark.parametrize("off", SOURCES)
def test_catching_up_starts_nothing_of_a_source_that_is_off(
    off: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though all of it is missing; nor does anything wait for it."""
    left = made(monkeypatch, *(one for one in SOURCES if one != off))
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance,
            repository_def=left.repository,
            resources={"settings": load()},
        )
        said = operations.catch_up_late_channels(context)
        assert isinstance(said, dg.SensorResult)
        asked = {str(request.job_name) for request in said.run_requests or []}
    # What is made of a source's rows waits for them, and nothing of it is there yet.
    assert not {job for job in asked if job.startswith(("data_", "hyperliquid_candle_audits"))}
    sources = {job.partition("_")[0] for job in asked - {"ingestion_gaps_refresh"}}
    assert sources == set(SOURCES) - {off}


def test_books_are_either_streamed_or_polled(whole: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the two runs by itself; the other one may be run by hand."""
    stream, poll = "keep_polymarket_stream_alive", "poll_polymarket_books"
    monkeypatch.setenv("MARKET_BOOKS_STREAM", "off")
    polled = Made(defs())
    assert (stream in whole.sensors, poll in whole.sensors) == (True, False)
    assert (stream in polled.sensors, poll in polled.sensors) == (False, True)
    assert polled.by_hand == whole.by_hand
    [books] = [one for one in load().sources.channels if one.name == "books"]
    assert (books.mode, books.job) == ("schedule", "polymarket_books_poll")
    assert polled.windows == whole.windows


@contextmanager
def _polymarket() -> Iterator[dict[str, str]]:
    with simulated(main=1, builder=0, spot=0, events=20) as venue:
        yield {
            **venue.environment,
            "MARKET_TRADES_LOOKBACK_HOURS": "1",
            "MARKET_UNIVERSE_SIZE": "10",
            "MARKET_BOOKS_STREAM": "off",
        }


@contextmanager
def _defillama() -> Iterator[dict[str, str]]:
    with llama() as venue:
        fill_routes(venue, datetime.now(tz=UTC).date())
        url = venue.server.url
        yield {"DEFILLAMA_API_URL": url, "DEFILLAMA_STABLECOINS_URL": url}


@pytest.mark.parametrize(
    ("on", "serving"), [("polymarket", _polymarket), ("defillama", _defillama)]
)
def test_a_source_alone_is_well(
    on: str,
    serving: Callable[[], AbstractContextManager[dict[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """In an empty database, without the assets that its rows are about: no run fails, no check."""
    with serving() as environment:
        alone = project(monkeypatch, tmp_path, {**environment, "MARKET_SOURCES": on})
        with alone.instance as instance:
            rows: dict[str, object] = {}
            jobs = [flow.job for flow in FLOWS if flow.source == on]
            for job in (*jobs, *(c.polled_by for c in CHANNELS if c.source == on and c.polled_by)):
                result = alone.run(job)
                assert errors(result) == {}, job
                rows |= {name: one["dagster/row_count"] for name, one in metadata(result).items()}
            assert rows.keys() == {asset for c in CHANNELS if c.source == on for asset in c.assets}
            assert rows.get("polymarket_market_asset_links", 0) == 0
            assert rows.get("polymarket_markets", rows.get("defillama_capital_base")) != 0
            switches = load().sources
            repository = alone.definitions.get_repository_def()
            expected = watched(repository, switches.channels, switches.off)
            health = report(instance, watched=expected, machine=None, now=datetime.now(tz=UTC))
            statuses = {row.label: row.status for row in health.rows if row.source != "dagster"}
            assert statuses == {one.label: "ok" for one in CHANNELS if one.source == on}
            assert {one.source for one in health.off} == set(SOURCES) - {on}
            keys = repository.asset_graph.asset_check_keys
            assert failed_checks(instance, keys, expected.channels) == []


def _feed(*ages: timedelta, count: int) -> pl.DataFrame:
    """Prices of a market, `count` of each age."""
    now = datetime.now(tz=UTC)
    rows = [
        {
            "condition_id": f"0x{n}",
            "symbol": "BTC",
            "as_of": now - age,
            "quote_source": "clob",
            "observed_at": now - age,
            "ingested_at": now - age,
        }
        for age in ages
        for n in range(count)
    ]
    columns = POLYMARKET_LATER_MARKETS.column_names
    full = [{name: row.get(name) for name in columns} for row in rows]
    return pl.DataFrame(full, schema=POLYMARKET_LATER_MARKETS.schema)


def test_the_store_is_kept_small_while_hyperliquid_is_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its asset does it otherwise. What was written is published; a refusal fails the run."""
    here = project(monkeypatch, tmp_path, {"MARKET_SOURCES": "polymarket"})
    with here.instance:
        here.store.merge(POLYMARKET_LATER_MARKETS, _feed(timedelta(days=8), timedelta(0), count=60))
        assert errors(here.run("store_maintenance_run")) == {}
        count = "select count(*) from polymarket_later_markets"
        assert here.rows(count) == [(60,)]
        with duckdb.connect(str(here.store.paths.published), read_only=True) as published:
            assert published.execute(count).fetchall() == [(60,)]
        here.store.merge(POLYMARKET_LATER_MARKETS, _feed(timedelta(days=9), count=1000))
        (said,) = errors(here.run("store_maintenance_run")).values()
        assert "is the clock right?" in said


def test_its_tick_waits_for_the_last_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    left = made(monkeypatch, "defillama")
    schedule = left.repository.get_schedule_def(UPKEEP)
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:

        def tick() -> str:
            context = dg.build_schedule_context(instance=instance, repository_def=left.repository)
            data = schedule.evaluate_tick(context)
            return data.skip_message or f"{len(data.run_requests or [])} requested"

        assert tick() == "1 requested"
        run = dg.DagsterRun(
            job_name="store_maintenance_run",
            run_id=str(uuid4()),
            status=dg.DagsterRunStatus.STARTED,
        )
        instance.add_run(run)
        assert tick() == f"run {run.run_id} is still going"
