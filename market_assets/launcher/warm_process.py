"""The process that runs are forked from: loaded once, with one thread and no work of its own.

`python -m market_assets.launcher DESCRIPTOR ORIGIN` is started by the run launcher
(`run_launcher.py`), which speaks to it over the socket with that descriptor. It loads the
definitions that ORIGIN names, without the libraries that start threads (`deferred.py`), says so,
and then forks a process for each run that it is told of. It ends when its launcher is gone and the
last run has ended; until then it notices each run's end, and reports those that crashed, as
Dagster's code server does.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import socket
from contextlib import suppress
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final

import psutil
from dagster import DagsterInstance, deserialize_value
from dagster._cli.api import execute_run_command
from dagster._grpc.types import ExecuteRunArgs
from dagster._utils import get_run_crash_explanation
from setproctitle import setproctitle

from market_assets.launcher import deferred
from market_assets.launcher.messages import Lines, Ready, Start, Started
from market_assets.launcher.preloading import preload
from market_assets.process_identity import ProcessIdentity

if TYPE_CHECKING:
    from multiprocessing.context import ForkProcess

_fork: Final = multiprocessing.get_context("fork")


class WarmProcess:
    """Forks a process per run, and looks after them until they end."""

    def __init__(self, launcher: Lines) -> None:
        """Speak to the launcher at the other end of `launcher`."""
        self._launcher: Lines | None = launcher
        self._workers: dict[int, tuple[ForkProcess, Start]] = {}
        self._reporters: list[ForkProcess] = []
        self._woken, self._wake = os.pipe()

    def serve(self) -> None:
        """Fork until the launcher is gone, then wait for the last run to end."""
        self._let_signals_wake()
        while self._launcher is not None or self._workers:
            ends = [worker.sentinel for worker, _ in self._workers.values()]
            reports = [reporter.sentinel for reporter in self._reporters]
            launcher = [] if self._launcher is None else [self._launcher.fileno()]
            heard = wait([*launcher, self._woken, *ends, *reports])
            if self._woken in heard:
                os.read(self._woken, 1024)
                self._leave_launcher()
            elif launcher and launcher[0] in heard:
                self._hear()
            self._collect()
        for reporter in self._reporters:
            reporter.join()

    def _hear(self) -> None:
        launcher = self._launcher
        if launcher is None:
            return
        start = launcher.receive(Start, within_s=None)
        if start is None:
            self._leave_launcher()
            return
        worker = _fork.Process(target=work, args=(start, launcher), name=start.tells)
        worker.start()
        self._workers[worker.sentinel] = (worker, start)
        identity = ProcessIdentity.of(worker.pid)
        try:
            launcher.send(Started(worker="" if identity is None else str(identity)))
        except OSError:
            self._leave_launcher()

    def _collect(self) -> None:
        """Let go of those that have ended, and have a crash reported by a process of its own.

        What speaks to Dagster's database must not be loaded here: it would be in every later fork.
        """
        for sentinel, (worker, start) in list(self._workers.items()):
            if worker.is_alive():
                continue
            del self._workers[sentinel]
            exit_code = worker.exitcode
            worker.close()
            if exit_code:
                reporter = _fork.Process(target=report_crash, args=(start, exit_code))
                reporter.start()
                self._reporters.append(reporter)
        self._reporters = [reporter for reporter in self._reporters if reporter.is_alive()]

    def _leave_launcher(self) -> None:
        """Take no more runs: the launcher is gone, or somebody wants this process to end."""
        if self._launcher is not None:
            self._launcher.close()
            self._launcher = None

    def _let_signals_wake(self) -> None:
        """Ctrl-C reaches the whole process group: the runs end by themselves, and then this."""
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)


def work(start: Start, launcher: Lines) -> None:
    """Execute a run: what `dagster api execute_run` does in a process of its own.

    Args:
        start: the run.
        launcher: closed here, so that the launcher hears of the warm process's end, not of ours.
    """
    launcher.close()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    setproctitle(f"market_assets run: {start.tells}")
    deferred.hide_pandas()
    deferred.import_now()
    execute_run = execute_run_command.callback
    if execute_run is None:
        raise RuntimeError("this Dagster has no `dagster api execute_run`")
    execute_run(start.arguments, None)


def report_crash(start: Start, exit_code: int) -> None:
    """Report a run whose process has ended without ending the run, in Dagster's own words."""
    deferred.import_now()
    arguments = deserialize_value(start.arguments, ExecuteRunArgs)
    if arguments.instance_ref is None:
        raise ValueError(f"run {start.run_id} was started without its instance")
    with DagsterInstance.from_ref(arguments.instance_ref) as instance:
        run = instance.get_run_by_id(start.run_id)
        if run is None or run.is_finished:
            return
        message = get_run_crash_explanation(
            prefix=f"Run execution process for {run.run_id}", exit_code=exit_code
        )
        instance.report_engine_event(message, run, cls=WarmProcess)
        instance.report_run_failed(run)


def threads() -> int:
    """How many threads this process has, those of C libraries counted."""
    return psutil.Process().num_threads()


def run(descriptor: str, origin: str) -> None:
    """Load, say that this is ready, and serve the launcher at the other end of the descriptor."""
    launcher = Lines(socket.socket(fileno=int(descriptor)))
    setproctitle("market_assets warm process")
    try:
        preload(origin)
    except Exception as error:
        with suppress(OSError):
            launcher.send(Ready(threads=threads(), error=f"{type(error).__name__}: {error}"))
        raise
    gc.collect()
    # The collector leaves alone what is loaded by now: looking at it would copy its pages.
    gc.freeze()
    launcher.send(Ready(threads=threads()))
    WarmProcess(launcher).serve()
