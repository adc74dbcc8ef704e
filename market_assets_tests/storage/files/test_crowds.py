"""Files that others hold, and many who want the same one: everybody gets a turn, or a reason."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from market_assets.storage.common.errors import StoreLocked
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import PRICES, at, prices, symbols_in
from market_assets_tests.storage.processes import holding, said, started, tell

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 10**8

PROCESS_OF_MANY = """
import sys
from pathlib import Path
from market_assets.storage.files.store import FileStore
from market_assets_tests.storage.examples import PRICES, at, prices
store = FileStore(Path(sys.argv[1]), tables=(PRICES,))
print("ready", flush=True)
sys.stdin.readline()
for turn in range(int(sys.argv[3])):
    if sys.argv[2] == "read":
        count = store.read("select count(*) as n from prices")["n"].item()
        assert count % 2 == 0, count
    else:
        rows = [(f"{sys.argv[2]}-{turn}-{leg}", 1.0, 1, at(turn)) for leg in "ab"]
        store.merge(PRICES, prices(rows))
print("done", flush=True)
"""


def hold_live_file(folder: Path, appends: int) -> None:
    """Somebody holds the live file, somebody else the published one, while a stream goes on."""
    store = FileStore(folder / "market.duckdb", tables=(PRICES,), lock_wait=timedelta(seconds=0.05))
    spool = Spool(store.paths.folder / "spool", limit_bytes=LIMIT)
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]))
    store.publish(force=True)
    with holding(store.paths.published, "read"):
        with holding(store.paths.live) as holder:
            for number in range(appends):
                spool.append(PRICES, prices([(f"S{number:05}", 1.0, 1, at(number))]))
                if number % 10 == 0:
                    with pytest.raises(StoreLocked, match=f"PID {holder.pid}"):
                        spool.drain(store)
            assert spool.depth().segments == appends
        drained = spool.drain(store)
        assert (drained.segments, drained.written[0].inserted) == (appends, appends)
        store.publish(force=True)
    assert len(symbols_in(store.paths.published)) == appends + 1


def test_the_live_file_is_held_for_a_while(tmp_path: Path) -> None:
    """Appends go on, the drain says who is in the way, later everything arrives."""
    hold_live_file(tmp_path, appends=21)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_live_file_is_held_for_long(tmp_path: Path) -> None:
    """As many segments as a stream of two tables leaves in an hour."""
    hold_live_file(tmp_path, appends=1440)


def test_many_processes_write_and_read(tmp_path: Path) -> None:
    """No refusal, no row lost, no half-written transaction seen."""
    many_processes(tmp_path, writers=2, readers=2, turns=12)


@pytest.mark.soak
def test_a_crowd_writes_and_reads(tmp_path: Path) -> None:
    """Six readers and four writers, each with its number of turns."""
    many_processes(tmp_path, writers=4, readers=6, turns=100)


def many_processes(folder: Path, *, writers: int, readers: int, turns: int) -> None:
    store = FileStore(folder / "market.duckdb", tables=(PRICES,))
    store.prepare()
    names = [*(f"w{number}" for number in range(writers)), *(["read"] * readers)]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(started(PROCESS_OF_MANY, store.paths.published, name, turns))
            for name in names
        ]
        assert [said(process) for process in processes] == ["ready"] * len(names)
        for process in processes:
            tell(process)
        assert [said(process) for process in processes] == ["done"] * len(names)
    assert store.read("select count(*) as n from prices")["n"].item() == 2 * writers * turns
