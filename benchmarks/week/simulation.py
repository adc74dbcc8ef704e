"""The week itself: every schedule of the project at its minute, by a clock that jumps.

The jobs are the project's own, run in one warm process against a real SQLite instance and a real
database; only the store's hurry to publish after a run by hand and the venues' request budgets,
which are counted in real seconds, are taken away. Dagster's daemon is not there: a tick is written
for each evaluation that it would have made, and purged as it purges them.

Not here: what is measured (`figures.py`), the stream's frames (`stream.py`).
"""

from __future__ import annotations

import uuid
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from shutil import copyfile
from typing import TYPE_CHECKING, Any, Final, Self

import dagster as dg
import time_machine
from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickData, TickStatus

from benchmarks.week.stream import Stream
from market_assets.defs.resources import (
    HyperliquidApi,
    MarketStore,
    defillama_api,
    hyperliquid_api,
    market_store,
    polymarket_api,
)
from market_assets.settings import ROOT, Settings, load
from market_assets.streams.registry import HYPERLIQUID
from market_assets.tables import HYPERLIQUID_ASSETS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from market_assets_tests.simulated import Simulated

PRUNE: Final = "run_history_prune"
MINUTE: Final = timedelta(minutes=1)
HOUR_MINUTES: Final = 60
DAY_MINUTES: Final = 1440
_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_PLENTY: Final = 1000.0
"""Share of the venue's request weight: a simulated minute has not sixty seconds to wait in."""


class PacedStore(MarketStore):
    """The store as runs of the daemon have it: published within the byte budget, never at once."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Any]:  # noqa: ARG002 - Dagster's signature
        """Hand over the store."""
        store = self.store()
        try:
            yield store
        finally:
            store.publish()


class Cron:
    """The minutes of a cron line whose day, month and weekday are all `*`."""

    def __init__(self, line: str) -> None:
        minute, hour, *rest = line.split()
        if rest != ["*"] * 3:
            raise ValueError(f"{line!r}: only minutes and hours are understood")
        self._minutes, self._hours = _field(minute, HOUR_MINUTES), _field(hour, 24)

    def is_due(self, at: datetime) -> bool:
        """Whether the minute that begins then is one of them."""
        return at.minute in self._minutes and at.hour in self._hours

    @property
    def is_frequent(self) -> bool:
        """More often than hourly."""
        return len(self._minutes) > 1


@dataclass(frozen=True)
class Pace:
    """What is left out, evenly. History is pruned every hour all the same.

    Attributes:
        thin: of the ticks of a schedule that is due more often than hourly, and of a sensor's, one
            in so many is there.
        hourly: the same for the other schedules.
        flush_minutes: simulated minutes from one flush of the stream to the next; there is one
            before each run too, which would find its prices old.
    """

    thin: int = 1
    hourly: int = 1
    flush_minutes: int = 1

    def has(self, nth: int, cron: Cron) -> bool:
        """Whether the nth tick of a schedule is there."""
        return nth % (self.thin if cron.is_frequent else self.hourly) == 0


class Simulation:
    """A home of its own, a venue whose clock follows, and all that is due, minute by minute."""

    def __init__(
        self,
        folder: Path,
        venue: Simulated,
        *,
        start: datetime,
        pace: Pace,
        environ: Mapping[str, str],
        only: Collection[str] = (),
    ) -> None:
        """Nothing is opened before the block is entered.

        Args:
            folder: where database and instance are made.
            venue: its clock stands still at `start`, and is moved from here.
            start: the first simulated minute.
            pace: what is left out.
            environ: settings; `MARKET_DB` and `DAGSTER_HOME` are said here.
            only: the jobs that are run; by default all that have a schedule.
        """
        home = folder / "dagster"
        home.mkdir(parents=True)
        copyfile(ROOT / "dagster.yaml", home / "dagster.yaml")
        self.settings = load(
            {
                **environ,
                **venue.environment,
                "MARKET_DB": str(folder / "data" / "market.duckdb"),
                "DAGSTER_HOME": str(home),
            }
        )
        self.now = start
        self.passed = 0
        self.failures: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()
        self.first_errors: dict[str, str] = {}
        self._venue = venue
        self._pace = pace
        self._only = only
        self._due: Counter[str] = Counter()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._clock = self._open.enter_context(time_machine.travel(self.now, tick=True))
        self.instance = self._open.enter_context(
            DagsterInstance.from_config(str(self.settings.dagster_home))
        )
        self._definitions = _definitions(self.settings)
        self._crons = {
            schedule.job_name: Cron(str(schedule.cron_schedule))
            for schedule in self._definitions.schedules or []
            if isinstance(schedule, dg.ScheduleDefinition)
            and (not self._only or schedule.job_name in self._only)
        }
        self.store = market_store(self.settings).store()
        self.stream = Stream(
            self._definitions.resolve_job_def(HYPERLIQUID.job), self.instance, run_config=_QUIET
        )
        self._open.callback(self.stream.stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def set_up(self) -> None:
        """The first round, as on a fresh installation: the stream, then every job once."""
        self.run_job("hyperliquid_registry_refresh")
        listed = self.store.read(
            f"select symbol, dex from {HYPERLIQUID_ASSETS.name} where not is_delisted"
        )
        self.stream.listen(dict(listed.iter_rows()), self.now)
        for _ in range(HOUR_MINUTES // self._pace.flush_minutes):
            self._move(self.now + self._pace.flush_minutes * MINUTE)
            self.stream.hear_until(self.now)
        for job in self._crons:
            self.run_job(job)

    def minute(self) -> None:
        """One more minute, and what is due in it."""
        self._move(self.now + MINUTE)
        since_start = int(self.now.timestamp() // 60)
        due = [job for job, cron in self._crons.items() if cron.is_due(self.now)]
        self._due.update(due)
        wanted = [
            job for job in due if job == PRUNE or self._pace.has(self._due[job], self._crons[job])
        ]
        if wanted or since_start % self._pace.flush_minutes == 0:
            self.stream.hear_until(self.now)
        if since_start % (self.settings.session_length // MINUTE) == 0:
            self.stream.hand_over(self.now)
        for job in wanted:
            self._tick(f"{job}_schedule", InstigatorType.SCHEDULE, self.run_job(job))
        if since_start % self._pace.thin == 0:
            for sensor in self._definitions.sensors or []:
                for _ in range(max(1, 60 // int(sensor.minimum_interval_seconds or 60))):
                    self._tick(sensor.name, InstigatorType.SENSOR)

    def run_job(self, name: str) -> str:
        """One run of a job; its Dagster id. That it fails is counted."""
        done = self._definitions.resolve_job_def(name).execute_in_process(
            instance=self.instance, raise_on_error=False, run_config=_QUIET
        )
        self.runs[name] += 1
        if not done.success:
            if any("interrupted" in (event.message or "") for event in done.all_events):
                raise KeyboardInterrupt  # a signal to this process: Dagster takes it for the run's
            self.failures[name] += 1
            failed = next((e for e in done.all_events if e.is_step_failure), None)
            said = failed.step_failure_data.error_display_string if failed else "no step failed"
            self.first_errors.setdefault(name, said.strip())
        return done.run_id

    def _move(self, to: datetime) -> None:
        """Set all clocks: the process's (never back) and the venue's."""
        self._venue.jump((to - self.now).total_seconds())
        self.passed += round((to - self.now) / MINUTE)
        self.now = to
        self._clock.move_to(max(to, datetime.now(tz=UTC)))

    def _tick(self, name: str, kind: InstigatorType, run_id: str | None = None) -> None:
        """What the daemon keeps of one evaluation, and what it deletes after one."""
        status = TickStatus.SUCCESS if run_id else TickStatus.SKIPPED
        data = TickData(
            name, name, kind, TickStatus.STARTED, self.now.timestamp(), selector_id=name
        )
        tick = self.instance.create_tick(data)
        ended = tick.with_status(status, end_timestamp=self.now.timestamp())
        if run_id:
            ended = ended.with_run_info(run_id)
        else:
            ended = ended.with_reason(f"{uuid.uuid4()}: what a sensor says when nothing is to do")
        self.instance.update_tick(ended)
        self._purge(name, kind)

    def _purge(self, name: str, kind: InstigatorType) -> None:
        statuses_by_days: dict[int, list[TickStatus]] = {}
        for status, days in self.instance.get_tick_retention_settings(kind).items():
            if days > 0:
                statuses_by_days.setdefault(days, []).append(status)
        for days, statuses in statuses_by_days.items():
            self.instance.purge_ticks(
                name,
                name,
                before=(self.now - timedelta(days=days)).timestamp(),
                tick_statuses=statuses,
            )


def _field(text: str, size: int) -> frozenset[int]:
    """The values of one field of a cron line: `*`, `7`, `*/4`, `3-59/5`."""
    span, _, step = text.partition("/")
    first, _, last = span.partition("-")
    if span == "*":
        return frozenset(range(0, size, int(step or 1)))
    return frozenset(range(int(first), int(last or first) + 1, int(step or 1)))


def _definitions(settings: Settings) -> dg.Definitions:
    """The project's, with resources of these settings."""
    from market_assets.definitions import defs  # noqa: PLC0415 - reads the settings when imported

    loaded = defs()
    store = market_store(settings)
    resources = {
        **(loaded.resources or {}),
        "settings": dg.ResourceDefinition.hardcoded_resource(settings),
        "store": PacedStore(
            database=store.database, publish_bytes_per_second=store.publish_bytes_per_second
        ),
        "hyperliquid": _generous(hyperliquid_api(settings)),
        "hyperliquid_backfill": _generous(hyperliquid_api(settings, user="backfill")),
        "polymarket": polymarket_api(settings),
        "polymarket_backfill": polymarket_api(settings, user="backfill"),
        "defillama": defillama_api(settings),
    }
    return dg.Definitions(
        assets=loaded.assets,
        asset_checks=loaded.asset_checks,
        jobs=loaded.jobs,
        schedules=loaded.schedules,
        sensors=loaded.sensors,
        resources=resources,
        executor=loaded.executor,
    )


def _generous(api: HyperliquidApi) -> HyperliquidApi:
    return HyperliquidApi(
        base_url=api.base_url, budget_file=api.budget_file, weight_share=_PLENTY, user=api.user
    )
