"""Launches each run by forking it from a warm process: no interpreter to start, nothing to load.

Dagster's default launcher has the code server start a new interpreter for each run, which imports
Dagster and loads the definitions before its first step: most runs need less CPU for their work.
This one keeps a process that has done that (`warm_process.py`) and forks the run from it. It is
renewed when the code or a setting changes, so a run always runs what is on the disk when it starts.
Whatever keeps it from working, the run is launched as Dagster does by default, and says why.

Named in `dagster.yaml`; `MARKET_RUN_LAUNCHER=default` goes back to Dagster's own.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
from dagster import DefaultRunLauncher, serialize_value
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs

from market_assets.code_version import code_stamp
from market_assets.database_revisions import read_revisions_once
from market_assets.launcher.messages import Lines, Ready, Start, Started
from market_assets.process_identity import WORKER_TAG, ProcessIdentity
from market_assets.settings import Settings, load

if TYPE_CHECKING:
    from dagster import DagsterRun
    from dagster._serdes.config_class import ConfigurableClassData

_CAN_FORK: Final = sys.platform == "linux"
"""On macOS the system's own libraries do not survive a fork."""
_READY_WITHIN_S: Final = 60.0
_FORKED_WITHIN_S: Final = 20.0
_AGAIN_AFTER_S: Final = 60.0


class WarmProcessError(RuntimeError):
    """There is no warm process to fork a run from."""


@dataclass
class WarmProcess:
    """A warm process, as its launcher sees it.

    Attributes:
        process: the process.
        lines: leads to it.
        stamp: the code and the settings that it was started with.
    """

    process: subprocess.Popen[bytes]
    lines: Lines
    stamp: tuple[str, Settings]

    @classmethod
    def begin(cls, origin: str, stamp: tuple[str, Settings]) -> WarmProcess:
        """Start one, and wait until it is loaded.

        Raises:
            WarmProcessError: it cannot be started, cannot load, or has more than one thread.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own module, with this interpreter
                [
                    sys.executable,
                    "-m",
                    "market_assets.launcher",
                    str(theirs.fileno()),
                    origin,
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        begun = cls(process, Lines(ours), stamp)
        try:
            ready = begun.lines.receive(Ready, within_s=_READY_WITHIN_S)
        except (OSError, msgspec.MsgspecError) as error:
            begun.end()
            raise WarmProcessError(f"it was not loaded in {_READY_WITHIN_S:.0f} s") from error
        if ready is None:
            begun.end()
            raise WarmProcessError(f"it ended while loading, with {process.wait()}")
        if ready.error or ready.threads != 1:
            begun.end()
            raise WarmProcessError(ready.error or f"it has {ready.threads} threads, not one")
        return begun

    def fork(self, start: Start) -> str:
        """Fork a run's process; who it is.

        Raises:
            WarmProcessError: the warm process is gone, or does not answer.
        """
        try:
            self.lines.send(start)
            started = self.lines.receive(Started, within_s=_FORKED_WITHIN_S)
        except (OSError, msgspec.MsgspecError) as error:
            raise WarmProcessError(f"no answer: {error or type(error).__name__}") from error
        if started is None:
            raise WarmProcessError("it is gone")
        return started.worker

    def leave(self) -> None:
        """Ask for no more runs of it: it ends when the last of those that it has has ended."""
        self.lines.close()
        # Whoever waits for it keeps it from being a zombie afterwards.
        threading.Thread(target=self.process.wait, daemon=True).start()

    def end(self) -> None:
        """End it: it was of no use."""
        self.lines.close()
        self.process.kill()
        self.process.wait()


class WarmRunLauncher(DefaultRunLauncher):
    """Dagster's default run launcher, but that runs are forked from a warm process."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        """Start nothing yet: only the process that launches runs needs a warm one."""
        super().__init__(inst_data)
        read_revisions_once()
        self._warm: WarmProcess | None = None
        self._failed: tuple[tuple[str, Settings], float, str] | None = None
        self._lock = threading.Lock()

    def launch_run(self, context: LaunchRunContext) -> None:
        """Fork the run from the warm process, or launch it as Dagster does by default."""
        run = context.dagster_run
        settings = load()
        if not _CAN_FORK or settings.run_launcher == "default" or run.job_code_origin is None:
            super().launch_run(context)
            return
        try:
            worker = self._fork(run, settings)
        except WarmProcessError as error:
            self._instance.report_engine_event(
                f"Launched in a new interpreter, for there is no warm process: {error}.",
                run,
                cls=self.__class__,
            )
            super().launch_run(context)
            return
        self._instance.add_run_tags(run.run_id, {WORKER_TAG: worker})

    def terminate(self, run_id: str) -> bool:
        """Interrupt the run's process, as Ctrl-C does; whether there was one to interrupt."""
        run = self._instance.get_run_by_id(run_id) if self.has_instance else None
        worker = None if run is None else worker_of(run)
        if run is None or run.is_finished or worker is None:
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call] # Dagster's
        self._instance.report_run_canceling(run)
        if not worker.is_alive:
            self._instance.report_engine_event(
                f"The process of this run ({worker.pid}) has ended, or is another host's.",
                run,
                cls=self.__class__,
            )
            return False
        os.kill(worker.pid, signal.SIGINT)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring asks for the process of each run."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process is there; of a run that Dagster launched nothing is known."""
        worker = worker_of(run)
        if worker is None or worker.is_alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND, f"the process {worker.pid} of the run is gone"
        )

    def dispose(self) -> None:
        """Let the warm process end with its last run."""
        with self._lock:
            if self._warm is not None:
                self._leave(self._warm)
        super().dispose()

    def _fork(self, run: DagsterRun, settings: Settings) -> str:
        origin = run.job_code_origin
        if origin is None:
            raise WarmProcessError("the run does not say where its code is")
        start = Start(
            run_id=run.run_id,
            arguments=serialize_value(
                ExecuteRunArgs(
                    job_origin=origin, run_id=run.run_id, instance_ref=self._instance.get_ref()
                )
            ),
            tells=f"{run.job_name} {run.run_id[:8]}",
        )
        stamp = (code_stamp(), settings)
        with self._lock:
            warm = self._warm_with(stamp, serialize_value(origin.repository_origin))
            try:
                return warm.fork(start)
            except WarmProcessError:
                self._leave(warm)
                warm = self._warm_with(stamp, serialize_value(origin.repository_origin))
                return warm.fork(start)

    def _warm_with(self, stamp: tuple[str, Settings], origin: str) -> WarmProcess:
        """The warm process with this code and these settings; a new one if they have changed."""
        if self._warm is not None and self._warm.stamp == stamp:
            return self._warm
        if self._warm is not None:
            self._leave(self._warm)
        if self._failed is not None:
            failed_with, failed_at, why = self._failed
            if failed_with == stamp and time.monotonic() < failed_at + _AGAIN_AFTER_S:
                raise WarmProcessError(why)
        try:
            self._warm = WarmProcess.begin(origin, stamp)
        except WarmProcessError as error:
            self._failed = (stamp, time.monotonic(), str(error))
            raise
        self._failed = None
        return self._warm

    def _leave(self, warm: WarmProcess) -> None:
        warm.leave()
        self._warm = None


def worker_of(run: DagsterRun) -> ProcessIdentity | None:
    """The process of a run that was forked; None for one that Dagster launched by default."""
    return ProcessIdentity.parse(run.tags.get(WORKER_TAG, ""))
