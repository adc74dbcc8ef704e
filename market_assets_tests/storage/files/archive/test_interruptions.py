"""Killed anywhere, told anything in any order: every row is there once, the newest one."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets_tests.storage.files.archive.ticks import (
    NOON,
    TICKS,
    everything,
    layout_at,
    live,
    retire,
    store_at,
    ticks,
)

HOUR = timedelta(hours=1)
DIES = """
import os, sys
from datetime import timedelta
from pathlib import Path
from market_assets_tests.storage.files.archive.ticks import NOON, retire, store_at

folder, left, hours = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
store = store_at(folder)
store.prepare()

def watch(frame, event, argument):
    global left
    if not frame.f_code.co_filename.endswith(PLACES):
        return None
    if event == "line":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
    return watch

PLACES = tuple(f"storage/files/archive/{name}.py" for name in ("archive", "joining", "retiring"))
PLACES += ("storage/common/durable.py", "storage/files/store.py")
sys.settrace(watch)
retire(store, NOON + timedelta(hours=hours))
sys.settrace(None)
print(left)
"""
"""Retires rows, and is killed before the line of that number."""


def _fill(folder: Path) -> None:
    """A finished day that rows join, one whose hours become one file, and a running one."""
    store = store_at(folder)
    store.merge(TICKS, ticks(*[("a", NOON + k * 5 * HOUR, float(k), 0) for k in range(14)]))
    retire(store, NOON + 30 * HOUR)
    store.merge(TICKS, ticks(("b", NOON, 1.0, 1), ("a", NOON, 9.0, 2), ("b", NOON + HOUR, 1.0, 0)))


def _retired(folder: Path, left: int, hours: int) -> int | None:
    """Lines that were left; None: it was killed."""
    done = subprocess.run(
        [sys.executable, "-c", DIES, str(folder), str(left), str(hours)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return None if done.returncode == -9 else int(done.stdout)


def _is_whole(folder: Path) -> None:
    """Every row once, before anybody mends anything; and in order after the next round."""
    wanted = sorted(
        [("a", NOON + k * 5 * HOUR, float(k) if k else 9.0) for k in range(14)]
        + [("b", NOON, 1.0), ("b", NOON + HOUR, 1.0)]
    )
    store = store_at(folder)
    store.publish(force=True)
    assert everything(folder) == wanted
    retire(store, NOON + 60 * HOUR)
    store.publish(force=True)
    assert everything(folder) == wanted
    assert all(len(day.files) == 1 for day in layout_at(folder).days("ticks")[:2])
    assert not list((folder / "archive").rglob(".data*")), "a draft is left"


def _kill_at(folder: Path, numbers: list[int]) -> None:
    for number in numbers:
        with tempfile.TemporaryDirectory(dir=folder) as one:
            _fill(Path(one))
            assert _retired(Path(one), number, 60) is None
            _is_whole(Path(one))


def _lines(folder: Path) -> int:
    """How many lines a whole round has."""
    whole = folder / "whole"
    whole.mkdir()
    _fill(whole)
    left = _retired(whole, 10**9, 60)
    assert left is not None
    _is_whole(whole)
    return 10**9 - left


def test_killed_between_two_lines(tmp_path: Path) -> None:
    lines = _lines(tmp_path)
    assert lines > 100
    _kill_at(tmp_path, random.Random(7).sample(range(1, lines), 8))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_between_any_two_lines(tmp_path: Path) -> None:
    lines = _lines(tmp_path)
    _kill_at(tmp_path, list(range(1, lines)))


_WRITES = st.tuples(st.sampled_from("ab"), st.integers(0, 60), st.integers(0, 9), st.integers(0, 5))
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.lists(_WRITES, min_size=1, max_size=6)),
        st.tuples(st.just("keep"), st.lists(_WRITES, min_size=1, max_size=6)),
        st.tuples(st.just("retire"), st.integers(0, 80)),
        st.tuples(st.just("publish"), st.none()),
    ),
    max_size=12,
)


@settings(max_examples=25)  # each opens a database a dozen times
@given(steps=_STEPS)
def test_whatever_is_written_and_retired_the_newest_row_of_each_key_is_there(
    steps: list[tuple[str, object]],
) -> None:
    """A model: a dictionary in which the greater version wins, and the first of equals."""
    with tempfile.TemporaryDirectory() as folder:
        store = store_at(Path(folder))
        store.prepare()
        model: dict[tuple[str, int], tuple[int, float]] = {}
        for what, argument in steps:
            if what in ("write", "keep"):
                rows = [  # one row per key and version: which of two equal ones stays is no matter
                    (symbol, NOON + hour * HOUR, float(10 * hour + came), came)
                    for symbol, hour, _, came in argument  # type: ignore[attr-defined]
                ]
                if what == "write":
                    store.merge(TICKS, ticks(*rows))
                else:
                    store.keep(TICKS, ticks(*rows), over_before=NOON + 24 * HOUR)
                for symbol, at, price, came in rows:
                    key = (symbol, (at - NOON) // HOUR)
                    if key not in model or model[key][0] < came:
                        model[key] = (came, price)
            elif what == "retire":
                retire(store, NOON + int(argument) * HOUR)  # type: ignore[call-overload]
            else:
                store.publish(force=True)
        # A row that was archived when a newer one came is replaced when that one is retired.
        retire(store, NOON + 100 * HOUR)
        assert live(store) == []
        store.publish(force=True)
        assert everything(Path(folder)) == sorted(
            (symbol, NOON + hour * HOUR, price) for (symbol, hour), (_, price) in model.items()
        )
