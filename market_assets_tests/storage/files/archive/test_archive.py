"""What retention deletes is in the archive first, once, and stays to be read."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from market_assets.storage.common.changes import Expired
from market_assets.storage.common.errors import (
    ArchiveUnreadable,
    NoArchive,
    OtherUpstream,
    StoreError,
    StoreLocked,
)
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.archive import joining
from market_assets.storage.files.archive.archive import Archive
from market_assets.storage.files.archive.retiring import retire as retire_from
from market_assets.storage.files.store import FileStore
from market_assets.tables import Column, TableSpec
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
DAY = timedelta(days=1)
MIDNIGHT = NOON.replace(hour=0)


def files(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder / "archive")) for one in folder.rglob("*.parquet"))


def test_a_day_that_is_over_is_one_file_sorted_by_key(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    rows = [(s, MIDNIGHT + k * HOUR, float(k), 0) for k in range(24) for s in ("b", "a'/../x")]
    store.merge(TICKS, ticks(*rows, ("a'/../x", NOON + DAY, 1.0, 0)))
    done = retire(store, MIDNIGHT + DAY)
    assert (done.deleted, done.archived) == ({"ticks": 48}, {"ticks": 48})
    assert files(tmp_path) == ["ticks/day=2026-03-30/data.parquet"], "no symbol is part of a path"
    [file] = (tmp_path / "archive").rglob("*.parquet")
    keys = duckdb.execute("select symbol, seen_at from read_parquet(?)", [str(file)]).fetchall()
    assert keys == sorted(keys)
    codecs = duckdb.execute("select distinct compression from parquet_metadata(?)", [str(file)])
    assert codecs.fetchall() == [("ZSTD",)]
    assert live(store) == [("a'/../x", NOON + DAY, 1.0)]
    store.publish(force=True)
    assert len(everything(tmp_path)) == 49


def test_the_view_is_read_from_any_folder_and_before_anything_is_archived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_at(tmp_path)
    store.merge(TICKS, ticks(("a", NOON, 1.0, 0), ("b", NOON + DAY, None, 0)))
    store.publish(force=True)
    assert everything(tmp_path) == [("a", NOON, 1.0), ("b", NOON + DAY, None)]
    retire(store, NOON + HOUR)
    store.publish(force=True)
    monkeypatch.chdir("/")
    assert everything(tmp_path) == [("a", NOON, 1.0), ("b", NOON + DAY, None)]


def test_hours_of_a_running_day_become_one_file_when_it_is_over(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.merge(TICKS, ticks(*[("a", MIDNIGHT + k * HOUR, float(k), 0) for k in range(30)]))
    retire(store, MIDNIGHT + 3 * HOUR)
    assert files(tmp_path) == [f"ticks/day=2026-03-30/part-0{k}.parquet" for k in range(3)]
    store.publish(force=True)
    retire(store, MIDNIGHT + DAY)
    assert files(tmp_path) == ["ticks/day=2026-03-30/data.parquet"]
    assert len(everything(tmp_path)) == 30, "the view of before, whose hours are one file now"
    store.publish(force=True)
    assert len(everything(tmp_path)) == 30


def test_a_day_is_finished_though_no_row_of_it_was_left(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.merge(TICKS, ticks(("a", NOON, 1.0, 0)))
    retire(store, NOON + HOUR)
    assert files(tmp_path) == ["ticks/day=2026-03-30/part-12.parquet"]
    store.retire(Expired(TICKS, "seen_at < ?", [NOON + DAY], NOON + DAY, rows=0))
    assert files(tmp_path) == ["ticks/day=2026-03-30/data.parquet"]


def test_a_finished_day_is_written_again_only_when_something_joins(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.merge(TICKS, ticks(("a", NOON, 1.0, 5), ("b", NOON, None, 5)))
    retire(store, MIDNIGHT + DAY)
    file = layout_at(tmp_path).day("ticks", NOON.date()).data
    before = file.stat()
    store.merge(TICKS, ticks(("a", NOON, 1.0, 5), ("b", NOON, 9.0, 4)))
    done = retire(store, MIDNIGHT + DAY)
    assert (done.deleted, done.archived) == ({"ticks": 2}, {}), "the same row, and an older one"
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    store.merge(TICKS, ticks(("b", NOON, 2.0, 6), ("c", NOON + HOUR, 3.0, 5)))
    assert retire(store, MIDNIGHT + DAY).archived == {"ticks": 2}, "a newer one, and a late one"
    store.publish(force=True)
    assert everything(tmp_path) == [
        ("a", NOON, 1.0),
        ("b", NOON, 2.0),
        ("c", NOON + HOUR, 3.0),
    ]
    assert files(tmp_path) == ["ticks/day=2026-03-30/data.parquet"]


def test_a_row_that_is_in_both_places_counts_once_as_the_database_has_it(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.merge(TICKS, ticks(("a", NOON, 1.0, 0), ("b", NOON, 1.0, 0)))
    store.publish(force=True)
    retire(store, MIDNIGHT + DAY)
    assert len(everything(tmp_path)) == 2, "published before, archived since"
    store.merge(TICKS, ticks(("a", NOON, 2.0, 1)))
    store.publish(force=True)
    assert everything(tmp_path) == [("a", NOON, 2.0), ("b", NOON, 1.0)]


def test_a_row_that_changes_between_reading_and_deleting_stays(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.merge(TICKS, ticks(("a", NOON, 1.0, 0), ("b", NOON, None, 0)))

    class Changing(Archive):
        def add(self, spec: TableSpec, frame: pl.DataFrame, *, over_before: datetime) -> int:
            came = super().add(spec, frame, over_before=over_before)
            store.merge(TICKS, ticks(("a", NOON, 2.0, 9)))
            return came

    archive = Changing(tmp_path / "archive")
    gone = Expired(TICKS, "seen_at < ?", [NOON + DAY], NOON + DAY, rows=2)
    with archive.held(timedelta(0), None):
        done = retire_from(store, archive, [gone], now=NOON)
    assert done.deleted == {"ticks": 1}
    assert live(store) == [("a", NOON, 2.0)]
    retire(store, NOON + DAY)
    store.publish(force=True)
    assert everything(tmp_path) == [("a", NOON, 2.0), ("b", NOON, None)]


def test_many_rows_go_in_turns(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.merge(TICKS, ticks(*[("a", NOON + timedelta(seconds=k), 1.0, 0) for k in range(25)]))
    archive = Archive(tmp_path / "archive")
    gone = Expired(TICKS, "seen_at < ?", [NOON + DAY], NOON + DAY, rows=25)
    with archive.held(timedelta(0), None):
        done = retire_from(store, archive, [gone], now=NOON, at_once=10)
    assert (done.deleted, done.archived) == ({"ticks": 25}, {"ticks": 25})
    assert live(store) == []


@pytest.mark.parametrize("late", [False, True])
def test_a_file_that_cannot_be_read_is_named_and_nothing_is_lost(
    tmp_path: Path, *, late: bool
) -> None:
    store = store_at(tmp_path)
    store.merge(TICKS, ticks(("a", NOON, 1.0, 0)))
    retire(store, MIDNIGHT + DAY if late else NOON + HOUR)
    [file] = (tmp_path / "archive").rglob("*.parquet")
    file.write_bytes(b"PAR1 this is none")
    store.merge(TICKS, ticks(("b", NOON, 1.0, 0)))
    with pytest.raises(ArchiveUnreadable, match=str(file)):
        retire(store, MIDNIGHT + DAY if late else NOON + HOUR)
    assert live(store) == [("b", NOON, 1.0)]
    assert file.read_bytes() == b"PAR1 this is none"
    assert not list(file.parent.glob(".*")), "no draft is left"


def test_a_damaged_file_keeps_no_other_tables_rows(tmp_path: Path) -> None:
    others = replace(TICKS, name="others")
    store = FileStore(
        tmp_path / "market.duckdb", archive=tmp_path / "archive", tables=(TICKS, others)
    )
    store.merge(TICKS, ticks(("a", NOON, 1.0, 0)))
    retire(store, MIDNIGHT + DAY)
    layout_at(tmp_path).day("ticks", NOON.date()).data.write_bytes(b"PAR1")
    store.merge(TICKS, ticks(("b", NOON, 1.0, 0)))
    store.merge(others, ticks(("b", NOON, 1.0, 0)))
    with pytest.raises(ArchiveUnreadable, match="ticks"):
        store.retire(
            *(
                Expired(spec, "seen_at < ?", [MIDNIGHT + DAY], MIDNIGHT + DAY, rows=1)
                for spec in (TICKS, others)
            )
        )
    assert live(store) == [("b", NOON, 1.0)]
    assert store.read("select count(*) from others").item() == 0
    assert files(tmp_path) == [
        f"{name}/day=2026-03-30/data.parquet" for name in ("others", "ticks")
    ]


def test_a_file_that_is_read_back_wrong_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_at(tmp_path)
    store.merge(TICKS, ticks(("a", NOON, 1.0, 0)))
    retire(store, MIDNIGHT + DAY)
    [file] = (tmp_path / "archive").rglob("*.parquet")
    before = file.read_bytes()

    def another_reaches_the_disk(path: Path) -> None:
        shutil.copy(file, path)

    monkeypatch.setattr(joining, "sync", another_reaches_the_disk)
    store.merge(TICKS, ticks(("b", NOON, 1.0, 0)))
    with pytest.raises(StoreError, match="1 rows were read back, and 2 were written"):
        retire(store, MIDNIGHT + DAY)
    assert file.read_bytes() == before
    assert live(store) == [("b", NOON, 1.0)]


def test_a_folder_that_cannot_be_written_costs_no_row(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file")
    store = store_at(tmp_path)
    store.merge(TICKS, ticks(("a", NOON, 1.0, 0)))
    with pytest.raises(StoreError, match="archive"):
        retire(store, MIDNIGHT + DAY)
    assert live(store) == [("a", NOON, 1.0)]


def test_two_that_archive_wait_for_each_other(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    with (
        archive.held(timedelta(0), None),
        pytest.raises(StoreLocked, match=r"\.lock"),
        archive.held(timedelta(0), None),
    ):
        pass


def test_simulated_rows_do_not_join_those_of_the_real_venues(tmp_path: Path) -> None:
    real = store_at(tmp_path, upstream="live")
    real.merge(TICKS, ticks(("a", NOON, 1.0, 0)))
    retire(real, MIDNIGHT + DAY)
    other = tmp_path / "other"
    other.mkdir()
    (other / "archive").symlink_to(tmp_path / "archive")
    simulated = store_at(other, upstream="simulated")
    simulated.merge(TICKS, ticks(("a", NOON, 9.0, 0)))
    with pytest.raises(OtherUpstream, match="MARKET_ARCHIVE"):
        retire(simulated, MIDNIGHT + DAY)
    assert live(simulated) == [("a", NOON, 9.0)]


def test_without_an_archive_rows_go_and_none_can_be_kept(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "market.duckdb", tables=(TICKS,))
    store.merge(TICKS, ticks(("a", NOON, 1.0, 0), ("b", NOON + DAY, 1.0, 0)))
    done = retire(store, MIDNIGHT + DAY)
    assert (done.deleted, done.archived) == ({"ticks": 1}, {})
    with pytest.raises(NoArchive, match="MARKET_ARCHIVE is off"):
        store.keep(TICKS, ticks(("a", NOON, 1.0, 0)), over_before=NOON + DAY)
    store.publish(force=True)
    assert everything(tmp_path) == [("b", NOON + DAY, 1.0)]


def test_rows_of_the_past_are_kept_and_counted(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = IngestionRun("venue", "channel", "ticks", NOON)
    rows = ticks(("a", NOON, 1.0, 0), ("a", NOON + HOUR, 2.0, 0), ("a", NOON, 1.5, 1))
    first = store.keep(TICKS, rows, over_before=NOON + DAY, run=run)
    assert (first.rows, first.inserted, first.unchanged) == (2, 2, 0)
    again = store.keep(TICKS, rows, over_before=NOON + DAY)
    assert (again.rows, again.inserted, again.unchanged) == (2, 0, 2)
    assert (first.event_from_at, first.event_to_at) == (NOON, NOON + HOUR)
    assert store.read("select rows_written from ingestion_runs").rows() == [(2,)]
    assert live(store) == []
    store.publish(force=True)
    assert everything(tmp_path) == [("a", NOON, 1.5), ("a", NOON + HOUR, 2.0)]


def test_too_large_an_archive_loses_its_oldest_day(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    for day in range(3):
        store.merge(TICKS, ticks(("a", NOON + day * DAY, 1.0, 0)))
    retire(store, NOON + 5 * DAY)
    one = layout_at(tmp_path).day("ticks", NOON.date()).data.stat().st_size
    (tmp_path / "archive" / "ticks" / "notes.txt").write_text("not ours")
    smaller = store_at(tmp_path, limit=2 * one + 100)
    dropped = smaller.retire(Expired(TICKS, "seen_at < ?", [NOON], NOON, rows=0)).dropped
    assert [day for day, _ in dropped] == [NOON.date()]
    assert dropped[0][1] == one
    smaller.publish(force=True)
    assert [at for _, at, _ in everything(tmp_path)] == [NOON + DAY, NOON + 2 * DAY]
    assert (tmp_path / "archive" / "ticks" / "notes.txt").exists()


def test_files_of_before_a_column_was_added_are_read_and_joined(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.merge(TICKS, ticks(("a", NOON, 1.0, 0), ("a", NOON + DAY, 1.0, 0)))
    retire(store, NOON + 2 * DAY)
    old = layout_at(tmp_path).day("ticks", NOON.date()).data
    for name in ("sizes", "price"):
        pl.read_parquet(old).drop(name).write_parquet(old)
    store.publish(force=True)
    assert everything(tmp_path) == [("a", NOON, None), ("a", NOON + DAY, 1.0)]
    assert joining.join(
        _with_default(), old, ticks(("b", NOON, 2.0, 0)), [old], work=tmp_path / "work"
    )
    assert pl.read_parquet(old).select("symbol", "price").rows() == [("a", 7.5), ("b", 2.0)]


def _with_default() -> TableSpec:
    columns = tuple(
        Column("price", "DOUBLE", "Price.", "USD", before=7.5) if c.name == "price" else c
        for c in TICKS.columns
    )
    return replace(TICKS, columns=columns)


def test_a_database_that_is_made_of_a_published_copy_has_no_view(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.merge(TICKS, ticks(("a", NOON, 1.0, 0), ("b", NOON + DAY, 1.0, 0)))
    retire(store, NOON + HOUR)
    store.publish(force=True)
    shutil.rmtree(store.paths.folder)
    again = store_at(tmp_path)
    assert live(again) == [("b", NOON + DAY, 1.0)]
    assert again.read("select count(*) from duckdb_views() where not internal").item() == 0
    again.merge(TICKS, ticks(("c", NOON + DAY, 1.0, 0)))
    again.publish(force=True)
    assert len(everything(tmp_path)) == 3


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_a_damaged_file_costs_its_day_and_no_publication(
    tmp_path: Path, damaged: int, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_at(tmp_path)
    rows = ticks(*[("a", NOON + k * DAY, 1.0, 0) for k in range(4)])
    store.merge(TICKS, rows)
    retire(store, NOON + 2 * DAY + HOUR)
    day = layout_at(tmp_path).days("ticks")[damaged]
    day.files[0].write_bytes(b"PAR1")
    store.publish(force=True)
    wanted = [NOON + k * DAY for k in range(4)]
    if damaged == 1:  # known only when it is read: neither the oldest file nor the newest
        with pytest.raises(duckdb.Error, match=str(day.data)):
            everything(tmp_path)
        return
    there = [at for _, at, _ in everything(tmp_path)]
    assert there == [at for at in wanted if at.date() != day.day]
    assert str(day.folder) in caplog.text
    with duckdb.connect(str(tmp_path / "market.duckdb"), read_only=True) as connection:
        [(said,)] = connection.execute(
            "select comment from duckdb_views() where view_name = 'ticks_all'"
        ).fetchall()
    assert f"but for {day.day}" in said


def test_a_query_of_a_day_opens_no_file_of_another_month(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    store.keep(
        TICKS,
        pl.concat([ticks(("a", NOON + k * 31 * DAY, 1.0, 0)) for k in range(4)]),
        over_before=NOON + 200 * DAY,
    )
    store.publish(force=True)
    with duckdb.connect(str(tmp_path / "market.duckdb"), read_only=True) as connection:
        plan = connection.execute(
            "explain (format json) select * from ticks_all"
            " where seen_at >= timestamptz '2026-03-30 00:00:00+00'"
            " and seen_at < timestamptz '2026-03-31 00:00:00+00'"
        ).fetchall()[0][1]
    assert plan.count('"name": "READ_PARQUET') == 1, plan
