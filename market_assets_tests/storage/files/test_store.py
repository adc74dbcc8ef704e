"""The store as its users see it: one call, one transaction, one hold of the live file."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.frames import FrameError, empty
from market_assets.storage.common.changes import Delete, Merge, Replace
from market_assets.storage.common.errors import StoreLocked
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    HYPERLIQUID_CANDLES,
    INGESTION_RUNS,
    TABLES,
)
from market_assets_tests.storage.examples import NOTES, PRICES, T0, at, candles, notes, prices
from market_assets_tests.storage.processes import holding, run

if TYPE_CHECKING:
    from pathlib import Path

COUNT_IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
from market_assets.storage.files.store import FileStore
store = FileStore(Path(sys.argv[1]))
print(store.read("select count(*) as n from hyperliquid_candles")["n"].item())
"""


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> FileStore:
    """A store of two small tables, in a folder that is yet to be made."""
    tables = (PRICES, NOTES, INGESTION_RUNS)
    return FileStore(tmp_path / "data" / "market.duckdb", tables=tables, clock=ManualClock(at(100)))


def new_run(asset: str = "prices") -> IngestionRun:
    return IngestionRun("venue", "channel", asset, at(90))


def test_what_is_written_can_be_read(store: FileStore) -> None:
    """Types survive the way: NULLs, lists, days, instants in UTC."""
    rows = [
        ("n", "text", ["a", ""], datetime(2026, 1, 1, tzinfo=UTC).date()),
        ("m", None, None, None),
    ]
    store.merge(NOTES, notes(rows))
    assert store.read("select * from notes order by note_id desc").rows() == rows
    store.merge(PRICES, prices([("A", 1.5, 1, at(0))]))
    frame = store.read("select * from prices")
    assert frame.schema == pl.Schema(PRICES.schema)
    assert frame["seen_at"].to_list() == [at(0)]


def test_parameters_by_place_and_by_name(store: FileStore) -> None:
    """Values are bound, whatever is in them."""
    store.merge(PRICES, prices([("A'--", 1.0, 1, at(0)), ("B", 2.0, 1, at(0))]))
    assert store.read("select price from prices where symbol = ?", ["A'--"])["price"].to_list() == [
        1
    ]
    by_name = store.read(
        "select price from prices where seen_at = $t and price > $p", {"t": at(0), "p": 1}
    )
    assert by_name["price"].to_list() == [2]


def test_several_queries_are_of_one_state_and_one_hold(store: FileStore) -> None:
    store.merge(PRICES, prices([("A", 1.5, 1, at(0)), ("B", 2.5, 1, at(0))]))
    before = store.lock_stats.holds
    found = store.read_together(
        {
            "all": ("select symbol from prices order by symbol", {}),
            "one": ("select symbol from prices where symbol = $symbol", {"symbol": "B"}),
        }
    )
    assert {name: frame["symbol"].to_list() for name, frame in found.items()} == {
        "all": ["A", "B"],
        "one": ["B"],
    }
    assert store.lock_stats.holds == before + 1
    with pytest.raises(duckdb.Error):
        store.read_together({"write": ("delete from prices", {})})


def test_reading_cannot_write(store: FileStore) -> None:
    """The file is opened read-only for it."""
    with pytest.raises(duckdb.Error, match="read-only"):
        store.read("insert into prices values ('A', 1, 1, null)")


def test_one_write_is_one_transaction(store: FileStore) -> None:
    """Several changes and their runs arrive together, under one hold, each with its counts."""
    store.merge(NOTES, notes([("old", None, None, None)]))
    holds = store.lock_stats.holds
    run = new_run()
    written = store.write(
        Merge(PRICES, prices([("A", 1.0, 1, at(5)), ("B", 1.0, 1, at(7))])),
        Replace(NOTES, notes([("n", "text", None, None)])),
        Delete(PRICES, "symbol = ?", ["B"]),
        runs=[run],
    )
    assert store.lock_stats.holds == holds + 1
    assert [one.table for one in written] == ["prices", "notes", "prices"]
    assert [(one.inserted, one.deleted) for one in written] == [(2, 0), (1, 1), (0, 1)]
    assert written[0].lock_hold_ms == written[2].lock_hold_ms > 0
    [row] = store.read("select * from ingestion_runs").to_dicts()
    assert (row["status"], row["rows_written"]) == ("ok", 2)
    assert (row["event_from_at"], row["event_to_at"]) == (at(5), at(7))
    assert (row["duration_ms"], row["run_id"]) == (10_000, run.run_id)


def test_a_failed_write_leaves_nothing(store: FileStore) -> None:
    """The second change fails: the first is undone, the run is not counted, nor recorded."""
    run = new_run()
    with pytest.raises(duckdb.BinderException):
        store.write(
            Merge(PRICES, prices([("A", 1.0, 1, at(0))])),
            Delete(PRICES, "no_such_column = ?", [1]),
            runs=[run],
        )
    assert (run.rows_written, run.status) == (0, "running")
    assert store.read("select * from prices").is_empty()
    assert store.read("select * from ingestion_runs").is_empty()
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]), run=run)
    assert (run.rows_written, run.status) == (1, "ok")


def test_a_wrong_frame_touches_nothing(store: FileStore) -> None:
    """It is refused before the gate; the store's folder is not even made."""
    with pytest.raises(FrameError):
        store.merge(PRICES, prices([("A", 1.0, 1, at(0))]).drop("seq"))
    assert not store.paths.published.parent.exists()


def test_an_empty_merge_takes_no_lock(store: FileStore) -> None:
    """Nothing to write, nobody kept out; with a run, the run is recorded."""
    store.prepare()
    holds = store.lock_stats.holds
    assert store.merge(PRICES, empty(PRICES)).rows == 0
    assert store.write() == ()
    assert store.lock_stats.holds == holds
    run = new_run()
    store.merge(PRICES, empty(PRICES), run=run)
    assert run.status == "ok"
    assert store.read("select rows_written from ingestion_runs")["rows_written"].to_list() == [0]


def test_a_run_adds_up_over_several_writes(store: FileStore) -> None:
    """A minute of a stream: one row in the end, with everything that it brought."""
    run = new_run()
    store.merge(PRICES, prices([("A", 1.0, 1, at(3))]), run=run)
    store.merge(PRICES, prices([("A", 1.0, 1, at(1)), ("B", 1.0, 1, at(2))]), run=run)
    store.merge(NOTES, notes([("n", None, None, None)]), run=run)
    [row] = store.read("select * from ingestion_runs").to_dicts()
    assert row["rows_written"] == run.rows_written == 2
    assert (row["event_from_at"], row["event_to_at"]) == (at(1), at(3))


def test_a_failure_is_recorded_without_rows(store: FileStore) -> None:
    """The row of a failed attempt says why and when, and what it had written before."""
    run = new_run()
    store.write(runs=[run])
    assert store.read("select status from ingestion_runs")["status"].to_list() == ["running"]
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]), run=run)
    store.write(runs=[run.failed(TimeoutError("https://venue/info?key=abc gave up"))])
    [row] = store.read("select * from ingestion_runs").to_dicts()
    assert (row["status"], row["error_kind"], row["rows_written"]) == ("failed", "TimeoutError", 1)
    assert row["error_message"] == "https://venue/info gave up"
    assert row["finished_at"] == at(100)


def test_all_tables_of_the_project_can_be_kept(tmp_path: Path) -> None:
    """Every table is made, and an empty frame of it is accepted and comes back."""
    store = FileStore(tmp_path / "market.duckdb")
    for spec in TABLES:
        store.replace(spec, empty(spec))
        assert store.read(f"select * from {spec.name}").schema == pl.Schema(spec.schema)  # noqa: S608


def test_another_process_sees_what_was_written(tmp_path: Path) -> None:
    """At once, without publishing."""
    store = FileStore(tmp_path / "market.duckdb")
    store.merge(HYPERLIQUID_CANDLES, candles(["A", "B"]))
    assert run(COUNT_IN_ANOTHER_PROCESS, store.paths.published) == "2\n"


def test_the_store_is_made_anew_when_its_folder_is_cleared(store: FileStore) -> None:
    """A long-lived store notices that `live` is gone, and starts from the published file."""
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]))
    store.publish(force=True)
    store.merge(PRICES, prices([("B", 1.0, 1, at(0))]))
    for path in store.paths.folder.iterdir():
        if path.is_file():
            path.unlink()
    store.merge(PRICES, prices([("C", 1.0, 1, at(0))]))
    assert store.read("select symbol from prices order by 1")["symbol"].to_list() == ["A", "C"]


def test_a_locked_file_fails_in_time_and_names_the_holder(tmp_path: Path) -> None:
    """Within `lock_wait`; reading, writing and publishing alike; afterwards all is well."""
    store = FileStore(
        tmp_path / "market.duckdb", tables=(PRICES,), lock_wait=timedelta(seconds=0.05)
    )
    store.merge(PRICES, prices([("A", 1.0, 1, at(0))]))
    with holding(store.paths.live) as process:
        for call in (
            lambda: store.merge(PRICES, prices([("B", 1.0, 1, at(0))])),
            lambda: store.read("select 1"),
            store.reach,
            lambda: store.publish(force=True),
            lambda: store.compact(force=True),
        ):
            with pytest.raises(StoreLocked, match=f"PID {process.pid}"):
                call()
    assert store.merge(PRICES, prices([("B", 1.0, 1, at(0))])).inserted == 1


def test_threads_share_a_store(store: FileStore) -> None:
    """Writers and readers in one process: no refusal, no row lost, reads see whole writes."""
    store.prepare()
    failures: list[BaseException] = []
    torn: list[int] = []

    def write(name: str) -> None:
        for turn in range(8):
            frame = prices([(f"{name}{turn}{leg}", 1.0, 1, at(0)) for leg in "ab"])
            store.merge(PRICES, frame)

    def read() -> None:
        for _ in range(12):
            count = store.read("select count(*) as n from prices")["n"].item()
            if count % 2:
                torn.append(count)

    def guarded(action: object, *args: str) -> None:
        try:
            action(*args)  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(write, name)) for name in "xyz"]
    threads += [threading.Thread(target=guarded, args=(read,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert (failures, torn) == ([], [])
    assert store.read("select count(*) as n from prices")["n"].item() == 48


def test_nothing_happens_before_the_first_call(tmp_path: Path) -> None:
    """A store can be made for a folder that does not exist, and costs nothing."""
    FileStore(tmp_path / "none" / "market.duckdb")
    assert not (tmp_path / "none").exists()


def test_the_statistics_begin_with_the_store(store: FileStore) -> None:
    """`since` is the store's clock at its making."""
    assert store.lock_stats.since == T0 + timedelta(seconds=100)


def test_reaching_it_reads_no_frame(tmp_path: Path) -> None:
    """So a sensor that only asks whether it is there needs neither Polars nor pyarrow."""
    script = """
import sys
from pathlib import Path
from market_assets.launcher import deferred
deferred.defer()
deferred.hide_pandas()  # it looks inside pyarrow
from market_assets.storage.files.store import FileStore
FileStore(Path(sys.argv[1])).reach()
assert deferred.still_deferred() == ["pyarrow", "polars"], deferred.still_deferred()
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "market.duckdb")], check=True)
