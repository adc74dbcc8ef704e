"""The gate: who waits for whom, for how long, and what the error says."""

from __future__ import annotations

import os
import re
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from market_assets.clock import ManualClock
from market_assets.storage.common.errors import StoreLocked, StoreUnwritable
from market_assets.storage.common.flock import locked, take
from market_assets.storage.files.gate import Gate
from market_assets.storage.files.paths import StorePaths
from market_assets_tests.storage.examples import T0
from market_assets_tests.storage.processes import said, started, tell
from market_assets_tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

HOLD_GATE = """
import sys
from datetime import timedelta
from pathlib import Path
from market_assets.clock import SystemClock
from market_assets.storage.files.gate import Gate
from market_assets.storage.files.paths import StorePaths
gate = Gate(StorePaths(Path(sys.argv[1])), wait=timedelta(seconds=60), clock=SystemClock())
with gate.passed(exclusive=sys.argv[2] == "write"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(name="paths")
def make_paths(tmp_path: Path) -> StorePaths:
    """Where a store would be; its folder exists."""
    paths = StorePaths(tmp_path / "market.duckdb")
    paths.folder.mkdir()
    return paths


def gate_of(paths: StorePaths, *, wait: float = 30) -> Gate:
    return Gate(paths, wait=timedelta(seconds=wait), clock=ManualClock(T0))


@pytest.mark.parametrize("mode", ["write", "read"])
def test_the_error_names_the_process_that_holds_it(paths: StorePaths, mode: str) -> None:
    """PID and command of a writer, and of a reader, which leaves no word in the file."""
    with started(HOLD_GATE, paths.published, mode) as process:
        assert said(process) == "held"
        with (
            pytest.raises(
                StoreLocked, match=rf"live/market\.duckdb is held by PID {process.pid} \("
            ),
            gate_of(paths, wait=0).passed(exclusive=True),
        ):
            pass


def test_the_error_tells_what_the_holder_waits_for(paths: StorePaths) -> None:
    """Whoever holds the gate and is refused the file says by whom."""
    with gate_of(paths).passed(exclusive=True) as hold:
        hold.waits_for("a notebook (PID 71)")
        with (
            pytest.raises(StoreLocked, match=r"which waits for a notebook \(PID 71\)"),
            gate_of(paths, wait=0).passed(exclusive=True),
        ):
            pass


def test_readers_share_and_writers_do_not(paths: StorePaths) -> None:
    """Two readers are in at once; no writer beside them; after them, one."""
    gate = gate_of(paths)
    with (
        gate.passed(exclusive=False),
        gate.passed(exclusive=False),
        pytest.raises(StoreLocked),
        gate_of(paths, wait=0).passed(exclusive=True),
    ):
        pass
    with (
        gate.passed(exclusive=True),
        pytest.raises(StoreLocked),
        gate_of(paths, wait=0).passed(exclusive=False),
    ):
        pass


def test_a_killed_holder_leaves_no_lock(paths: StorePaths) -> None:
    """The lock dies with its process, without anybody cleaning up."""
    with started(HOLD_GATE, paths.published, "write") as process:
        assert said(process) == "held"
    with gate_of(paths, wait=0).passed(exclusive=True):
        pass


def test_a_waiting_writer_goes_before_new_readers(paths: StorePaths) -> None:
    """While a writer waits for the readers inside, the next reader does not overtake it."""
    gate = gate_of(paths)
    order: list[str] = []

    def write() -> None:
        with gate.passed(exclusive=True):
            order.append("writer")

    def read() -> None:
        with gate.passed(exclusive=False):
            order.append("reader")

    with gate.passed(exclusive=False):
        writer = threading.Thread(target=write)
        writer.start()
        until(lambda: is_taken(paths.gate), "the gate taken", every_s=0.001)
        reader = threading.Thread(target=read)
        reader.start()
        assert order == []
    writer.join(30)
    reader.join(30)
    assert order == ["writer", "reader"]


def test_nobody_starves(paths: StorePaths) -> None:
    """Writers that come back at once, and readers that always overlap: each gets its turns."""
    gate = gate_of(paths)
    turns = dict.fromkeys(("w1", "w2", "r1", "r2", "r3", "r4"), 0)
    stop = threading.Event()

    def loop(name: str) -> None:
        while not stop.is_set():
            with gate.passed(exclusive=name.startswith("w")):
                stop.wait(0.002)
                turns[name] += 1

    threads = [threading.Thread(target=loop, args=(name,)) for name in turns]
    for thread in threads:
        thread.start()
    until(lambda: min(turns.values()) >= 10, "ten turns of each", every_s=0.001)
    stop.set()
    for thread in threads:
        thread.join(30)


def test_waits_and_holds_are_measured(paths: StorePaths) -> None:
    """A pass that found the gate free counts no wait; one that did not, does."""
    gate = gate_of(paths)
    with gate.passed(exclusive=True) as hold:
        held_since = time.monotonic()
        until(lambda: time.monotonic() > held_since + 0.01, "10 ms", every_s=0.001)
    assert gate.stats.holds == 1
    assert gate.stats.hold_ms_max == gate.stats.hold_ms_total == hold.hold_ms >= 5
    with started(HOLD_GATE, paths.published, "write") as process:
        assert said(process) == "held"
        release = threading.Timer(0.05, tell, (process,))
        release.start()
        with gate.passed(exclusive=False):
            pass
        release.join()
    assert gate.stats.waits >= 1
    assert gate.stats.wait_ms_total >= gate.stats.wait_ms_max > 1
    assert gate.stats.since == T0


def test_a_removed_lock_file_does_not_let_two_in(tmp_path: Path) -> None:
    """Somebody clears the folder: whoever waited for the old file takes the new one."""
    path = tmp_path / "lock"
    first = take(path, exclusive=True, deadline=0)
    taken: list[int] = []
    waiter = threading.Thread(
        target=lambda: taken.append(take(path, exclusive=True, deadline=time.monotonic() + 30))
    )
    waiter.start()
    path.unlink()
    os.close(first)
    waiter.join(30)
    with pytest.raises(StoreLocked), locked(path, deadline=0):
        pass
    os.close(taken[0])


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The lock file cannot be made: which folder, and why."""
    with (
        pytest.raises(
            StoreUnwritable, match=re.escape(f"{tmp_path}/none cannot be written: No such")
        ),
        locked(tmp_path / "none" / "lock", deadline=0),
    ):
        pass


def is_taken(path: Path) -> bool:
    try:
        os.close(take(path, exclusive=True, deadline=0))
    except StoreLocked:
        return True
    return False
