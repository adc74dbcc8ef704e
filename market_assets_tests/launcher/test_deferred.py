"""Libraries that are put off: who imports them has them, and nothing runs before somebody looks."""

import importlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets.launcher import deferred

NAME = "heavy_made_up"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that writes down each time that it is executed, put off."""
    package = tmp_path / NAME
    package.mkdir()
    log = tmp_path / "executed"
    log.touch()
    (package / "__init__.py").write_text(
        f"with open({str(log)!r}, 'a') as f: f.write('x')\nvalue = 7\n__version__ = '1'\n"
    )
    (package / "part.py").write_text("from . import value\ndouble = 2 * value\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    deferred.defer([NAME])
    yield log
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


def test_importing_runs_nothing_and_the_first_look_does(log: Path) -> None:
    first = importlib.import_module(NAME)
    again = importlib.import_module(NAME)
    assert log.read_text() == ""
    assert deferred.still_deferred() == [NAME]
    assert first.value == 7
    assert again.__version__ == "1"
    assert log.read_text() == "x"
    assert deferred.still_deferred() == []
    assert importlib.import_module(NAME) is not first, "new importers get the library itself"


def test_from_import_looks_inside(log: Path) -> None:
    scope: dict[str, object] = {}
    exec(f"from {NAME} import value", scope)  # noqa: S102 - the statement is what is tested
    assert scope["value"] == 7
    assert log.read_text() == "x"


def test_a_part_of_it_finds_the_whole(log: Path) -> None:
    assert importlib.import_module(f"{NAME}.part").double == 14
    assert log.read_text() == "x"


def test_importing_all_now_is_once(log: Path) -> None:
    kept = importlib.import_module(NAME)
    deferred.import_now()
    assert log.read_text() == "x"
    deferred.import_now()
    assert kept.value == 7
    assert log.read_text() == "x"


def test_threads_that_look_at_once_import_it_once(log: Path) -> None:
    kept = importlib.import_module(NAME)
    start = threading.Barrier(8)
    seen: list[int] = []

    def look() -> None:
        start.wait()
        seen.append(kept.value)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [7] * 8
    assert log.read_text() == "x"


@pytest.mark.usefixtures("log")
def test_what_it_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        _ = importlib.import_module(NAME).nothing


def test_a_library_that_fails_fails_each_time_that_it_is_looked_at(log: Path) -> None:
    kept = importlib.import_module(NAME)
    (log.parent / NAME / "__init__.py").write_text("raise RuntimeError('broken')\n")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            _ = kept.value


def test_one_that_is_not_installed_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_library is not installed"):
        deferred.defer(["no_such_library"])


def test_one_that_is_imported_already_stays() -> None:
    deferred.defer(["json"])
    assert not isinstance(sys.modules["json"], deferred.DeferredModule)


def test_the_real_ones_work_together_afterwards() -> None:
    """Polars, pyarrow, DuckDB and numpy hand each other data once they are there."""
    script = """
from market_assets.launcher import deferred
deferred.defer()
import duckdb, numpy, polars, pyarrow
assert deferred.still_deferred() == list(deferred.THREADED), deferred.still_deferred()
deferred.import_now()
frame = duckdb.sql("select unnest([1.0, 2.0]) as x").pl()
assert isinstance(frame, polars.DataFrame) and isinstance(frame.to_arrow(), pyarrow.Table)
assert numpy.asarray(frame["x"]).sum() == 3.0
assert duckdb.sql("select sum(x) from frame").fetchall() == [(3.0,)]
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_what_is_loaded_before_the_fork_starts_no_thread() -> None:
    """None of those modules looks inside a library that is put off."""
    script = """
import importlib, psutil
from market_assets.launcher import deferred
deferred.defer()
from market_assets.launcher.preloading import modules
names = list(modules())
for name in names:
    importlib.import_module(name)
    assert deferred.still_deferred() == list(deferred.THREADED), f"{name} looks inside one"
    assert psutil.Process().num_threads() == 1, f"{name} starts a thread"
assert "market_assets.storage.files.store" in names, "the project's own are among them"
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_pandas_is_hidden_and_what_is_there_already_stays() -> None:
    """DuckDB and pyarrow take it for not installed; a process that has it keeps it."""
    script = """
import sys
from market_assets.launcher import deferred
if sys.argv[1] == "first":
    import pandas
deferred.hide_pandas()
if sys.argv[1] == "first":
    import pandas.api
    sys.exit()
import duckdb, pyarrow
assert duckdb.execute("select ?", ["bound"]).fetchall() == [("bound",)]
assert pyarrow.scalar(1).as_py() == 1
assert "pandas" not in sys.modules
try:
    import pandas
except ModuleNotFoundError as error:
    assert error.name == "pandas"
else:
    sys.exit("it was found")
"""
    for case in ("first", "never"):
        subprocess.run([sys.executable, "-c", script, case], check=True)
