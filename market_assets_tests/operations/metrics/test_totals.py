"""Counters that never go down, though the rows that they count are deleted."""

from __future__ import annotations

import json
from dataclasses import astuple
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets.clock import ManualClock
from market_assets.operations.metrics.totals import BOUNDS_MS, OTHER, RunTotals, Totals
from market_assets_tests.operations.metrics.runs import T0, Runs

KEEP = timedelta(days=30)
SERIES = ("hyperliquid", "contexts")


def counted(
    totals: RunTotals, runs: Runs, now: datetime, series: tuple[str, str] = SERIES
) -> Totals:
    """What a scrape at that instant shows of one channel."""
    with runs.snapshot(now) as snapshot:
        return totals.of(snapshot)[series]


def fresh(file: Path, now: datetime = T0, keep: timedelta = KEEP) -> RunTotals:
    """A process that starts at that instant."""
    return RunTotals(file, keep=keep, clock=ManualClock(now))


def test_each_channel_is_counted_from_zero_on(tmp_path: Path) -> None:
    """Successes, failures, rows and durations; a run in progress is none of them."""
    runs = Runs()
    runs.add(T0, ms=100, rows=5)
    runs.add(T0, ms=101, rows=2)
    runs.add(T0, ms=10**7, status="failed", rows=0)
    runs.add(T0, ms=None, status="running")
    totals = fresh(tmp_path / "totals.json")
    found = counted(totals, runs, T0)
    timed = [0] * (len(BOUNDS_MS) + 1)
    timed[0], timed[1], timed[-1] = 1, 1, 1
    assert found == Totals(2, 1, 7, tuple(timed), 100 + 101 + 10**7)
    assert counted(totals, runs, T0, ("hyperliquid", "registry")) == Totals()


def test_channels_that_the_program_does_not_know_make_no_series(tmp_path: Path) -> None:
    """Whatever stands in the table, the labels come from the program."""
    runs = Runs()
    for n in range(50):
        runs.add(T0, channel=f"junk {n}")
    totals = fresh(tmp_path / "totals.json")
    with runs.snapshot(T0) as snapshot:
        found = totals.of(snapshot)
    assert found[OTHER].succeeded == 50
    assert not [series for series in found if "junk" in series[1]]


def test_a_source_that_is_off_is_counted_and_not_shown(tmp_path: Path) -> None:
    """What somebody ran by hand meanwhile is there on the day on which it is on again."""
    runs, file = Runs(), tmp_path / "totals.json"
    runs.add(T0, rows=5)
    off = RunTotals(file, keep=KEEP, clock=ManualClock(T0), off={"hyperliquid"})
    with runs.snapshot(T0) as snapshot:
        found = off.of(snapshot)
    assert {source for source, _ in found} == {"polymarket", "defillama", "history"}
    later = T0 + timedelta(days=20)
    runs.add(later, rows=7)
    moved_on = RunTotals(file, keep=KEEP, clock=ManualClock(later), off={"hyperliquid"})
    with runs.snapshot(later) as snapshot:
        assert OTHER not in moved_on.of(snapshot)
    runs.prune(later)
    assert counted(fresh(file, later), runs, later).rows_written == 12


def test_pruning_and_a_restart_take_nothing_away(tmp_path: Path) -> None:
    """Forty days of runs, pruned after thirty: all are counted, by a new process too."""
    runs, file = Runs(), tmp_path / "totals.json"
    totals = fresh(file)
    for turn in range(40 * 6):
        now = T0 + timedelta(hours=4 * turn)
        runs.add(now)
        runs.prune(now - KEEP)
        if turn % 7 == 0:
            totals = RunTotals(file, keep=KEEP, clock=ManualClock(now))
        if turn % 5 == 0:
            assert counted(totals, runs, now).succeeded == turn + 1
    left = runs.connection.execute("select count(*) from ingestion_runs").fetchone()
    assert left == (30 * 6 + 1,)


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["ok", "failed", "restart", "prune", "wait"]), st.integers(1, 30)
        ),
        max_size=40,
    )
)
@settings(max_examples=25, deadline=None)
def test_totals_are_those_of_all_runs_there_ever_were(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Whatever the order of runs, scrapes, prunings and restarts."""
    file = tmp_path_factory.mktemp("totals") / "totals.json"
    runs, keep, now = Runs(), timedelta(hours=24), T0
    clock = ManualClock(now)
    totals = RunTotals(file, keep=keep, clock=clock)
    ok = failed = 0
    for what, hours in steps:
        now += timedelta(hours=hours / 10)
        clock.instant = now
        if what in ("ok", "failed"):
            runs.add(now, status=what, ms=hours * 100)
            ok, failed = ok + (what == "ok"), failed + (what == "failed")
        elif what == "prune":
            runs.prune(now - keep)
        elif what == "restart":
            totals = RunTotals(file, keep=keep, clock=clock)
        found = counted(totals, runs, now)
        assert (found.succeeded, found.failed, sum(found.timed)) == (ok, failed, ok + failed)


def test_a_minute_of_a_stream_is_timed_when_it_has_ended(tmp_path: Path) -> None:
    """It is a success from its first flush on; its duration is taken once, when it stands still."""
    runs, totals = Runs(), fresh(tmp_path / "totals.json")
    series = ("hyperliquid", "mids")
    for ms, rows in ((5_000, 10), (30_000, 60), (60_000, 120)):
        runs.add(T0, channel="mids", ms=ms, rows=rows, run_id="minute")
        found = counted(totals, runs, T0 + timedelta(milliseconds=ms), series)
        assert (found.succeeded, found.rows_written, sum(found.timed)) == (1, rows, 0)
    found = counted(totals, runs, T0 + timedelta(minutes=4), series)
    assert (found.duration_ms, sum(found.timed)) == (60_000, 1)
    assert found.timed[BOUNDS_MS.index(60_000)] == 1


def test_a_run_that_fails_after_it_was_ok_takes_no_success_back(tmp_path: Path) -> None:
    """Counters only grow."""
    runs, totals = Runs(), fresh(tmp_path / "totals.json")
    runs.add(T0, run_id="one")
    assert counted(totals, runs, T0).succeeded == 1
    runs.add(T0, run_id="one", status="failed")
    found = counted(totals, runs, T0)
    assert (found.succeeded, found.failed) == (1, 1)


def test_what_is_counted_for_good_moves_on_by_the_newest_run_not_by_the_clock(
    tmp_path: Path,
) -> None:
    """A published file that is days old misses runs that are not in it yet: they count later."""
    runs, file = Runs(), tmp_path / "totals.json"
    runs.add(T0)
    late = T0 + timedelta(days=10)
    assert counted(fresh(file, late), runs, T0).succeeded == 1
    runs.add(T0 + timedelta(hours=1))
    assert counted(fresh(file, late), runs, late).succeeded == 2


def test_a_clock_that_was_ahead_costs_one_new_beginning(tmp_path: Path) -> None:
    """A run dated a year ahead moves nothing on; a file from then is left behind."""
    runs, file = Runs(), tmp_path / "totals.json"
    ahead = T0 + timedelta(days=365)
    runs.add(ahead)
    runs.add(T0)
    assert counted(fresh(file, T0), runs, T0).succeeded == 2
    assert datetime.fromisoformat(json.loads(file.read_text())["until"]) < T0
    assert counted(fresh(file, ahead), runs, ahead).succeeded == 2
    runs.add(T0 + timedelta(hours=1))
    assert counted(fresh(file, T0), runs, T0).succeeded == 3


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"until": "soon", "totals": {}}',
        '{"until": "2026-11-01T00:00:00Z", "totals": []}',
        '{"until": "2026-11-01T00:00:00+00:00", "totals": {"a/b": {"timed": [1]}}}',
    ],
)
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, junk: str) -> None:
    """The table is counted, and a good file written."""
    runs, file = Runs(), tmp_path / "totals.json"
    file.write_text(junk)
    for day in range(5):
        runs.add(T0 + timedelta(days=day))
    now = T0 + timedelta(days=4)
    assert counted(fresh(file, now), runs, now).succeeded == 5
    assert json.loads(file.read_text())["totals"]["hyperliquid/contexts"]["succeeded"] == 2


def test_a_folder_that_cannot_be_written_costs_nothing_now(tmp_path: Path) -> None:
    """The process counts on by what it has in memory."""
    runs, file = Runs(), tmp_path / "no" / "totals.json"
    (tmp_path / "no").write_text("a file where the folder should be")
    runs.add(T0)
    now = T0 + timedelta(days=5)
    totals = fresh(file, now)
    runs.add(now)
    assert counted(totals, runs, now).succeeded == 2
    runs.prune(now)
    assert counted(totals, runs, now + timedelta(hours=1)).succeeded == 2


def test_a_database_without_runs_has_zeros(tmp_path: Path) -> None:
    """From before the table was made."""
    runs = Runs()
    runs.connection.execute("drop table ingestion_runs")
    found = counted(fresh(tmp_path / "totals.json"), runs, T0)
    assert not any(value for value in astuple(found) if isinstance(value, int))
