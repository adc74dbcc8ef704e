"""What holds of the warm launcher alone: its process, and what happens to that on a bad day."""

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from dagster import DagsterRunStatus, serialize_value
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.launcher import WorkerStatus

from market_assets.launcher.run_launcher import WarmProcess, WarmRunLauncher, worker_of
from market_assets.settings import SettingError, load
from market_assets_tests.launcher.conftest import Location, eventually


def _launcher(of: Location) -> WarmRunLauncher:
    launcher = of.instance.run_launcher
    assert isinstance(launcher, WarmRunLauncher)
    return launcher


def _warm_pid(of: Location) -> int:
    warm = _launcher(of)._warm
    assert warm is not None
    return warm.process.pid


def _waits(began: Path, ended: Path) -> dict[str, object]:
    return {"ops": {"waits": {"config": {"began": str(began), "ended": str(ended)}}}}


def test_the_projects_definitions_are_loaded_with_one_thread() -> None:
    """Nothing that they import at module level may start a thread: it could not be forked."""
    project = ReconstructableRepository.for_module(
        "market_assets.definitions", "defs", working_directory=str(Path.cwd())
    )
    stamp = ("code", load({}))
    begun = WarmProcess.begin(serialize_value(project.get_python_origin()), stamp)
    assert psutil.Process(begun.process.pid).num_threads() == 1
    begun.leave()
    assert begun.process.wait() == 0


def test_runs_are_children_of_one_process(warm: Location) -> None:
    first = warm.launch("job_ends_well")
    pid = _warm_pid(warm)
    second = warm.launch("job_ends_well")
    assert _warm_pid(warm) == pid
    assert {warm.ended(first), warm.ended(second)} == {DagsterRunStatus.SUCCESS}
    workers = [worker_of(warm.run(run_id)) for run_id in (first, second)]
    assert None not in workers
    assert len({worker.pid for worker in workers if worker}) == 2


def test_a_run_has_no_pandas(warm: Location) -> None:
    """DuckDB would import it in each: it is in the environment of these tests."""
    assert find_spec("pandas") is not None
    run_id = warm.launch("job_imports_pandas")
    assert warm.ended(run_id) is DagsterRunStatus.SUCCESS
    assert "there is none" in warm.said(run_id)


def test_a_new_setting_makes_a_new_process(warm: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    warm.ended(warm.launch("job_ends_well"))
    before = _warm_pid(warm)
    monkeypatch.setenv("MARKET_FLUSH_SECONDS", "7")
    warm.ended(warm.launch("job_ends_well"))
    assert _warm_pid(warm) != before
    eventually(lambda: not psutil.pid_exists(before), "the old one stayed")


def test_a_setting_that_cannot_be_is_named(warm: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKET_RUN_LAUNCHER", "cold")
    with pytest.raises(SettingError, match="MARKET_RUN_LAUNCHER is 'cold'; warm or default"):
        warm.launch("job_ends_well")


def test_the_default_launcher_can_be_had_back(
    warm: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKET_RUN_LAUNCHER", "default")
    run_id = warm.launch("job_ends_well")
    assert warm.ended(run_id) is DagsterRunStatus.SUCCESS
    assert _launcher(warm)._warm is None
    assert worker_of(warm.run(run_id)) is None


def test_a_killed_warm_process_costs_no_run(warm: Location, tmp_path: Path) -> None:
    """The runs that it forked go on, and the next run gets a new one."""
    began, ended = tmp_path / "began", tmp_path / "ended"
    running = warm.launch("job_waits", _waits(began, ended))
    eventually(began.exists, "it never began")
    os.kill(_warm_pid(warm), signal.SIGKILL)
    assert warm.ended(warm.launch("job_ends_well")) is DagsterRunStatus.SUCCESS
    Path(f"{ended}.let").touch()
    assert warm.ended(running) is DagsterRunStatus.SUCCESS


def test_a_run_that_dies_with_the_warm_process_is_found_by_monitoring(
    warm: Location, tmp_path: Path
) -> None:
    began = tmp_path / "began"
    run_id = warm.launch("job_waits", _waits(began, tmp_path / "ended"))
    eventually(lambda: began.exists() and began.read_text(), "it never began")
    launcher = _launcher(warm)
    assert launcher.supports_check_run_worker_health
    assert launcher.check_run_worker_health(warm.run(run_id)).status is WorkerStatus.RUNNING
    os.kill(_warm_pid(warm), signal.SIGKILL)
    worker = int(began.read_text())
    os.kill(worker, signal.SIGKILL)
    eventually(
        lambda: launcher.check_run_worker_health(warm.run(run_id)).status is WorkerStatus.NOT_FOUND,
        "its end was not seen",
    )
    assert str(worker) in str(launcher.check_run_worker_health(warm.run(run_id)).msg)
    assert not launcher.terminate(run_id)
    assert f"The process of this run ({worker}) has ended" in warm.said(run_id)


def test_the_warm_process_ends_with_its_last_run(warm: Location, tmp_path: Path) -> None:
    began, ended = tmp_path / "began", tmp_path / "ended"
    run_id = warm.launch("job_waits", _waits(began, ended))
    eventually(began.exists, "it never began")
    pid = _warm_pid(warm)
    _launcher(warm).dispose()
    assert psutil.pid_exists(pid)
    Path(f"{ended}.let").touch()
    assert warm.ended(run_id) is DagsterRunStatus.SUCCESS
    eventually(lambda: not psutil.pid_exists(pid), "the warm process stayed")


def test_a_signal_to_the_warm_process_leaves_its_runs_alone(warm: Location, tmp_path: Path) -> None:
    began, ended = tmp_path / "began", tmp_path / "ended"
    run_id = warm.launch("job_waits", _waits(began, ended))
    eventually(began.exists, "it never began")
    pid = _warm_pid(warm)
    os.kill(pid, signal.SIGTERM)
    after = warm.launch("job_ends_well")
    assert warm.ended(after) is DagsterRunStatus.SUCCESS
    assert _warm_pid(warm) != pid
    Path(f"{ended}.let").touch()
    assert warm.ended(run_id) is DagsterRunStatus.SUCCESS


def test_code_with_threads_is_not_forked(warm: Location) -> None:
    """A library that starts a thread on import: the run gets an interpreter of its own."""
    warm.file.write_text(
        warm.file.read_text()
        + "\nfrom threading import Event, Thread"
        + "\nThread(target=Event().wait, daemon=True).start()\n"
    )
    run_id = warm.launch("job_ends_well")
    assert warm.ended(run_id) is DagsterRunStatus.SUCCESS
    assert "there is no warm process: it has 2 threads, not one" in warm.said(run_id)
