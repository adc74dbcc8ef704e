"""The job that streams Hyperliquid, and the sensor that keeps it alive.

The lock that a session holds is the truth about whether it lives: a run's status outlives a power
cut, the lock does not. The op only carries the session: its main thread waits, so that Terminate
reaches it, and reports; sockets and database are on other threads, in `sidecar/`.
"""

import threading
from datetime import timedelta
from typing import Final

import dagster as dg
from dagster import DagsterInstance

from market_assets.clock import SystemClock, from_s
from market_assets.code_version import code_version, code_version_on_disk
from market_assets.defs.options import OWNER, report_metadata
from market_assets.health import records
from market_assets.health.dead_runs import close_dead_runs
from market_assets.settings import Settings
from market_assets.sidecar.lease import Lease
from market_assets.storage.store import Store

JOB: Final = "hyperliquid_stream"
DAEMON_SILENCE: Final = timedelta(seconds=150)
"""Dagster's daemon writes a heartbeat every 30 s; without one for so long, nobody supervises."""


class StreamConfig(dg.Config):
    """How long a session lasts.

    Attributes:
        hours: after which it ends, relieved or not; 0: it goes on until it is relieved.
    """

    hours: float = 0.0


@dg.op(description="Streams until it is relieved, terminated, or Dagster is gone.")
def stream_hyperliquid(
    context: dg.OpExecutionContext,
    config: StreamConfig,
    settings: dg.ResourceParam[Settings],
    store: dg.ResourceParam[Store],
) -> None:
    """Mids of every dex and 1-minute candles of every live asset into the database."""
    from market_assets.sidecar.assembly import hyperliquid_session  # noqa: PLC0415 - only here

    session = hyperliquid_session(
        store,
        settings,
        code_version=code_version(),
        run_id=context.run_id,
        duration=timedelta(hours=config.hours) if config.hours else None,
    )
    supervised = context.run.remote_job_origin is not None
    try:
        end = session.run(
            threading.Event(),
            report=lambda report: context.log_event(
                dg.AssetMaterialization(report.table, metadata=report_metadata(report))
            ),
            alive=_DagsterLives(context.instance, supervised=supervised),
        )
    except dg.DagsterExecutionInterruptedError:
        # Terminate, SIGTERM or Ctrl-C: the session has put everything away, which is a good end.
        context.log.info("told to stop: everything received is in the database or in the spool")
        return
    context.log.info("the session ended: %s", end)


@dg.job(
    name=JOB,
    description="Streams Hyperliquid's mids and candles into the database; kept alive by "
    "`keep_hyperliquid_stream_alive`.",
    tags={"market_assets/stream": "hyperliquid", "dagster/priority": "10", "owner": OWNER},
    executor_def=dg.in_process_executor,
)
def hyperliquid_stream() -> None:
    """One op: the sidecar."""
    stream_hyperliquid()


@dg.sensor(
    job=hyperliquid_stream,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a stream session when none lives, or when the living one wants to be "
    "relieved (its time is up, or the code has changed).",
)
def keep_hyperliquid_stream_alive(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.RunRequest | dg.SkipReason:
    """The lock decides whether a session is wanted, and no run of the job may be on its way."""
    lease = Lease(settings.state_dir)
    view = lease.peek()
    if view.state == "alive" and view.holder and _is_outdated(view.holder.code_version):
        lease.request_handover("the code has changed")
    if not view.wants_session:
        return dg.SkipReason(f"{view.state}: {_who(view.holder)}")
    close_dead_runs(context.instance, SystemClock().now(), job=JOB)
    leader = view.holder.run_id if view.holder else None
    on_its_way = [
        run.dagster_run.run_id
        for run in records.active(context.instance, JOB)
        if run.dagster_run.run_id != leader
    ]
    if on_its_way:
        return dg.SkipReason(f"run {on_its_way[0]} is on its way")
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


class _DagsterLives:
    """Whether the daemon that started this run is still there.

    A run that somebody started by hand, without a daemon, has nothing to outlive.
    """

    def __init__(self, instance: DagsterInstance, *, supervised: bool) -> None:
        self._instance = instance
        self._supervised = supervised

    def __call__(self) -> bool:
        if not self._supervised:
            return True
        beats = self._instance.get_daemon_heartbeats().values()
        latest = max((beat.timestamp for beat in beats), default=0.0)
        return SystemClock().now() - from_s(latest) < DAEMON_SILENCE
