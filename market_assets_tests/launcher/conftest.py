"""A code location of jobs that behave well and badly, and an instance with either launcher."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.instance_for_test import instance_for_test
from dagster._core.test_utils import create_run_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget

from market_assets import code_version

JOBS = """
import os, signal, time
import dagster as dg

SAYS = "first"

@dg.op
def ends_well(context):
    context.log.info(f"it is {SAYS} code")

@dg.op
def raises():
    raise ValueError("as it should")

@dg.op
def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)

@dg.op
def exits():
    os._exit(3)

@dg.op
def imports_pandas(context):
    try:
        import pandas
    except ModuleNotFoundError:
        context.log.info("there is none")

@dg.op(config_schema={"began": str, "ended": str})
def waits(context):
    began, ended = context.op_config["began"], context.op_config["ended"]
    open(began, "w").write(str(os.getpid()))
    try:
        while not os.path.exists(ended + ".let"):
            time.sleep(0.05)
    finally:
        open(ended, "w").close()

def job_of(op):
    @dg.job(name=f"job_{op.name}", executor_def=dg.in_process_executor)
    def made():
        op()
    return made

STEPS = (ends_well, raises, is_killed, exits, waits, imports_pandas)
defs = dg.Definitions(jobs=[job_of(one) for one in STEPS])
"""
_PATIENCE_S = 90.0

LAUNCHERS = {
    "warm": {
        "module": "market_assets.launcher.run_launcher",
        "class": "WarmRunLauncher",
    },
    "default": {"module": "dagster", "class": "DefaultRunLauncher"},
}


def eventually(seen: Callable[[], object], what: str) -> None:
    """Wait until it is so.

    Raises:
        AssertionError: it never was.
    """
    until = time.monotonic() + _PATIENCE_S
    while not seen():
        assert time.monotonic() < until, what
        time.sleep(0.05)


@dataclass
class Location:
    """The code location, and the instance that launches its runs."""

    file: Path
    instance: DagsterInstance
    workspace: WorkspaceProcessContext

    def launch(self, job: str, run_config: dict[str, object] | None = None) -> str:
        """Launch a run of the job; its id."""
        request = self.workspace.create_request_context()
        [location] = request.code_locations
        [repository] = location.get_repositories().values()
        remote_job = repository.get_full_job(job)
        run = create_run_for_test(
            self.instance,
            job_name=job,
            run_config=run_config,
            remote_job_origin=remote_job.get_remote_origin(),
            job_code_origin=remote_job.get_python_origin(),
        )
        self.instance.launch_run(run.run_id, request)
        return run.run_id

    def run(self, run_id: str) -> DagsterRun:
        """The run as it is now."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def ended(self, run_id: str) -> DagsterRunStatus:
        """How the run ended."""
        eventually(lambda: self.run(run_id).is_finished, f"{run_id} did not end")
        return self.run(run_id).status

    def said(self, run_id: str) -> str:
        """All that the run's event log says."""
        return "\n".join(
            f"{entry.user_message} {entry.dagster_event.message if entry.dagster_event else ''}"
            f" {entry.dagster_event.event_specific_data if entry.dagster_event else ''}"
            for entry in self.instance.all_logs(run_id)
        )


@contextmanager
def location(folder: Path, launcher: str) -> Iterator[Location]:
    """A code location whose files count as the project's code, with this launcher."""
    code = folder / "code"
    code.mkdir()
    file = code / "jobs.py"
    file.write_text(JOBS)
    with (
        mock.patch.object(code_version, "_PACKAGE", code),
        instance_for_test(overrides={"run_launcher": LAUNCHERS[launcher]}) as instance,
        WorkspaceProcessContext(
            instance, PythonFileTarget(str(file), None, str(code), "jobs")
        ) as workspace,
    ):
        yield Location(file, instance, workspace)


@pytest.fixture(scope="module", params=list(LAUNCHERS))
def either(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Location]:
    """With the warm launcher, and with Dagster's own; the code stays as it is."""
    with location(tmp_path_factory.mktemp(request.param), request.param) as made:
        yield made


@pytest.fixture(params=list(LAUNCHERS))
def edited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Location]:
    """The same, for a test that changes the code."""
    with location(tmp_path, request.param) as made:
        yield made


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[Location]:
    """With the warm launcher."""
    with location(tmp_path, "warm") as made:
        yield made
