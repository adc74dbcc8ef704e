"""For each stream the job that streams, and the sensor that keeps it alive.

The lock that a session holds is the truth about whether it lives: a run's status outlives a power
cut, the lock does not. The op only carries the session: its main thread waits, so that Terminate
reaches it, and reports; sockets and database are on other threads, in `streams/`.
"""

import logging
import threading
from datetime import timedelta
from typing import Final

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from market_assets.clock import Clock, SystemClock, from_s
from market_assets.code_version import code_version, code_version_on_disk
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.options import OWNER, report_metadata
from market_assets.defs.publishing import is_by_hand, publish_now
from market_assets.operations.health import records
from market_assets.operations.health.dead_runs import DeadRuns
from market_assets.settings import Settings
from market_assets.storage.api import Store
from market_assets.streams.core.lease import Lease, LeaseHeldError
from market_assets.streams.registry import HYPERLIQUID, POLYMARKET, StreamDef

_LOG = logging.getLogger(__name__)
_DEAD_RUNS: Final = DeadRuns()
_LOADED_AT: Final = SystemClock().monotonic()
_LIVED: Final = timedelta(minutes=2)
"""A session that failed later than this had started well."""
_FIRST_PAUSE: Final = timedelta(seconds=15)
_LONGEST_PAUSE: Final = timedelta(minutes=5)
"""Between two sessions that fail as they begin; it doubles from the first to the longest."""
_LOOK_BACK: Final = 8
DAEMON_SILENCE: Final = timedelta(seconds=150)
"""Dagster's daemon writes a heartbeat every 30 s; without one for so long, nobody supervises."""


class StreamConfig(dg.Config):
    """How long a session lasts.

    Attributes:
        hours: after which it ends, relieved or not; 0: it goes on until it is relieved.
    """

    hours: float = 0.0


def stream_job(stream: StreamDef) -> dg.JobDefinition:
    """The job whose runs are the sessions of a stream: one op, the sidecar."""

    @dg.op(
        name=f"stream_{stream.name}",
        description="Streams until it is relieved, terminated, or Dagster is gone.",
    )
    @fails_in_a_line
    def stream_it(
        context: dg.OpExecutionContext,
        config: StreamConfig,
        settings: dg.ResourceParam[Settings],
        store: dg.ResourceParam[Store],
    ) -> None:
        _stream(stream, context, config, settings, store)

    @dg.job(
        name=stream.job,
        description=f"{stream.brings} Kept alive by `keep_{stream.name}_stream_alive`.",
        tags={"market_assets/stream": stream.name, "dagster/priority": "10", "owner": OWNER},
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        stream_it()

    return job


def _stream(
    stream: StreamDef,
    context: dg.OpExecutionContext,
    config: StreamConfig,
    settings: Settings,
    store: Store,
) -> None:
    session = stream.assemble(
        store,
        settings,
        code_version=code_version(),
        run_id=context.run_id,
        duration=timedelta(hours=config.hours) if config.hours else None,
    )
    supervised = not is_by_hand(context.run)
    try:
        end = session.run(
            threading.Event(),
            report=lambda report: context.log_event(
                dg.AssetMaterialization(report.table, metadata=report_metadata(report))
            ),
            alive=DagsterLives(context.instance, supervised=supervised),
        )
    except LeaseHeldError as held:
        # Somebody pressed Launch, or two sessions came at once: the stream is on, which is fine.
        context.log.info("nothing to do: %s", held)
        return
    except dg.DagsterExecutionInterruptedError:
        # Terminate, SIGTERM or Ctrl-C: the session has put everything away, which is a good end.
        context.log.info("told to stop: everything received is in the database or in the spool")
        return
    context.log.info("the session ended: %s", end)
    if is_by_hand(context.run):
        publish_now(store)


def stream_sensor(stream: StreamDef, job: dg.JobDefinition) -> dg.SensorDefinition:
    """The sensor that starts sessions: the lock decides whether one is wanted.

    No run of the job may be on its way.
    """

    @dg.sensor(
        name=f"keep_{stream.name}_stream_alive",
        job=job,
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a stream session when none lives, or when the living one wants to be "
        "relieved (its time is up, or the code has changed).",
    )
    def keep_alive(
        context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
    ) -> dg.RunRequest | dg.SkipReason:
        return _wanted(stream, context.instance, settings)

    return keep_alive


def _wanted(
    stream: StreamDef, instance: DagsterInstance, settings: Settings
) -> dg.RunRequest | dg.SkipReason:
    lease = Lease(settings.machine.stream(stream.name).folder)
    view = lease.peek()
    if view.state == "alive" and view.holder and _is_outdated(view.holder.code_version):
        lease.request_handover("the code has changed")
    if not view.wants_session:
        return dg.SkipReason(f"{view.state}: {_who(view.holder)}")
    _DEAD_RUNS.close(instance, job=stream.job)
    leader = view.holder.run_id if view.holder else None
    on_its_way = [
        run.dagster_run.run_id
        for run in records.active(instance, stream.job)
        if run.dagster_run.run_id != leader
    ]
    if on_its_way:
        return dg.SkipReason(f"run {on_its_way[0]} is on its way")
    failures, wait_s = _pause(instance, stream.job, SystemClock(), _LOADED_AT)
    if wait_s > 0:
        return dg.SkipReason(
            f"{failures} sessions in a row failed as they began; the next begins in {wait_s:.0f} s"
        )
    return dg.RunRequest(tags={"market_assets/why": view.state})


def _is_outdated(version: str) -> bool:
    """Whether a session's code is not what was loaded here, and a new session would run that.

    A file that is edited while nobody has reloaded the code changes nothing: a new session would
    start from the disk, differ from what is loaded, and be relieved for ever.
    """
    return version != code_version() == code_version_on_disk()


def _who(holder: object) -> str:
    pid, run_id = getattr(holder, "pid", None), getattr(holder, "run_id", None)
    return f"process {pid}, run {run_id}" if pid else "a process that has not said who it is"


def _pause(
    instance: DagsterInstance, job: str, clock: Clock, loaded_at: float
) -> tuple[int, float]:
    """How many sessions in a row have failed as they began, and the seconds until the next one.

    What cannot start now (a database of a newer version, a wrong address) will not in 15 seconds
    either. Sessions of before this process do not count: after a restart the first try is at once.

    Args:
        instance: Dagster's instance.
        job: the stream's.
        clock: for the ages of runs.
        loaded_at: when this process began to look (monotonic seconds).
    """
    finished = RunsFilter(job_name=job, statuses=list(records.FINISHED))
    now, uptime_s = clock.now(), clock.monotonic() - loaded_at
    failures, ended_s = 0, 0.0
    for run in records.runs(instance, finished, limit=_LOOK_BACK).records:
        ended_at = from_s(run.end_time) if run.end_time else run.update_timestamp
        age_s = abs((now - ended_at).total_seconds())
        lived_s = abs((run.end_time or 0.0) - run.start_time) if run.start_time else 0.0
        failed = run.dagster_run.status == DagsterRunStatus.FAILURE
        if not failed or age_s > uptime_s or timedelta(seconds=lived_s) >= _LIVED:
            break
        ended_s = ended_s if failures else age_s
        failures += 1
    if failures == 0:
        return 0, 0.0
    pause = min(_FIRST_PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE)
    return failures, pause.total_seconds() - ended_s


class DagsterLives:
    """Whether the daemon that started this run is still there.

    A run that somebody started by hand, without a daemon, has nothing to outlive. The age of a
    heartbeat is the time that has passed here since it was another one: the daemon's clock and
    this one's may be set, and a laptop's sleep is no silence. Where nobody can say, the session
    stays.
    """

    def __init__(
        self, instance: DagsterInstance, *, supervised: bool, clock: Clock | None = None
    ) -> None:
        """Begin to listen.

        Args:
            instance: Dagster's instance.
            supervised: a daemon started this run.
            clock: for how long nothing was heard.
        """
        self._instance = instance
        self._supervised = supervised
        self._clock = clock or SystemClock()
        self._latest: float | None = None
        self._heard_at = self._clock.monotonic()

    def __call__(self) -> bool:
        if not self._supervised:
            return True
        now = self._clock.monotonic()
        try:
            beats = self._instance.get_daemon_heartbeats().values()
        except Exception as error:  # noqa: BLE001 - a locked or damaged store, of whatever kind
            _LOG.warning("nobody can say whether Dagster's daemon lives: %s", type(error).__name__)
            return True
        latest = max((beat.timestamp for beat in beats), default=0.0)
        if latest != self._latest:
            self._latest, self._heard_at = latest, now
        return now - self._heard_at < DAEMON_SILENCE.total_seconds()


hyperliquid_stream = stream_job(HYPERLIQUID)
keep_hyperliquid_stream_alive = stream_sensor(HYPERLIQUID, hyperliquid_stream)
polymarket_stream = stream_job(POLYMARKET)
keep_polymarket_stream_alive = stream_sensor(POLYMARKET, polymarket_stream)
