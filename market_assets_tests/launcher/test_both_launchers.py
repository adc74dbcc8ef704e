"""What holds of a run whichever launcher started it."""

from pathlib import Path

from dagster import DagsterRunStatus

from market_assets_tests.launcher.conftest import Location, eventually


def test_a_run_ends_well_and_says_what_it_did(either: Location) -> None:
    run_id = either.launch("job_ends_well")
    assert either.ended(run_id) is DagsterRunStatus.SUCCESS
    said = either.said(run_id)
    assert "it is first code" in said
    assert "Started process for run (pid: " in said
    eventually(lambda: "Process for run exited (pid: " in either.said(run_id), "it never left")


def test_an_error_of_a_step_fails_the_run_with_its_words(either: Location) -> None:
    run_id = either.launch("job_raises")
    assert either.ended(run_id) is DagsterRunStatus.FAILURE
    assert "ValueError: as it should" in either.said(run_id)


def test_a_run_that_is_killed_fails_and_the_signal_is_named(either: Location) -> None:
    run_id = either.launch("job_is_killed")
    assert either.ended(run_id) is DagsterRunStatus.FAILURE
    assert (
        f"Run execution process for {run_id} was terminated by signal 9 (SIGKILL)"
        in either.said(run_id)
    )


def test_a_run_that_exits_halfway_fails_and_the_code_is_named(either: Location) -> None:
    run_id = either.launch("job_exits")
    assert either.ended(run_id) is DagsterRunStatus.FAILURE
    assert f"Run execution process for {run_id} unexpectedly exited with code 3." in either.said(
        run_id
    )


def test_a_run_that_is_terminated_cleans_up_and_is_canceled(
    either: Location, tmp_path: Path
) -> None:
    began, ended = tmp_path / "began", tmp_path / "ended"
    run_id = either.launch("job_waits", _waits(began, ended))
    eventually(lambda: began.exists() and began.read_text(), "it never began")
    assert either.instance.run_launcher.terminate(run_id)
    assert either.ended(run_id) is DagsterRunStatus.CANCELED
    assert ended.exists()


def test_a_run_that_has_ended_cannot_be_terminated(either: Location) -> None:
    run_id = either.launch("job_ends_well")
    either.ended(run_id)
    assert not either.instance.run_launcher.terminate(run_id)
    assert either.run(run_id).status is DagsterRunStatus.SUCCESS


def test_runs_at_the_same_time_do_not_wait_for_each_other(either: Location, tmp_path: Path) -> None:
    paths = [(tmp_path / f"began{k}", tmp_path / f"ended{k}") for k in range(3)]
    runs = [either.launch("job_waits", _waits(*each)) for each in paths]
    eventually(lambda: all(began.exists() for began, _ in paths), "they did not all begin")
    for _, ended in paths:
        Path(f"{ended}.let").touch()
    assert {either.ended(run_id) for run_id in runs} == {DagsterRunStatus.SUCCESS}


def test_a_run_has_the_code_that_is_on_the_disk_when_it_starts(edited: Location) -> None:
    before = edited.launch("job_ends_well")
    edited.ended(before)
    edited.file.write_text(edited.file.read_text().replace('"first"', '"second"'))
    after = edited.launch("job_ends_well")
    assert edited.ended(after) is DagsterRunStatus.SUCCESS
    assert "it is first code" in edited.said(before)
    assert "it is second code" in edited.said(after)


def test_code_that_cannot_be_loaded_fails_the_run_and_says_why(edited: Location) -> None:
    edited.ended(edited.launch("job_ends_well"))
    edited.file.write_text("raise RuntimeError('half an edit')\n")
    run_id = edited.launch("job_ends_well")
    assert edited.ended(run_id) is DagsterRunStatus.FAILURE
    assert "Could not load job definition" in edited.said(run_id)
    assert "half an edit" in edited.said(run_id)


def _waits(began: Path, ended: Path) -> dict[str, object]:
    return {"ops": {"waits": {"config": {"began": str(began), "ended": str(ended)}}}}
