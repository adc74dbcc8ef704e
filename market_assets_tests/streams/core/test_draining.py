"""From the spool into the database: what is counted, and what the database may do wrong."""

from __future__ import annotations

import fcntl
import itertools
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.storage.common.errors import StoreLocked
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.draining import PUBLISH_EVERY_S, Drainer, TableProgress
from market_assets.streams.core.flow import Streamed
from market_assets.streams.hyperliquid.mids import MidBuckets
from market_assets.streams.hyperliquid.repair import repair
from market_assets.tables import HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES, INGESTION_GAPS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from market_assets.storage.common.changes import Change, Written
    from market_assets.storage.common.runs import IngestionRun

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TABLE = HYPERLIQUID_MID_PRICES.name


class Bench:
    """A drainer, stepped by hand."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(NOW, 100.0)
        self.store = FileStore(
            folder / "market.duckdb", lock_wait=timedelta(seconds=0.2), clock=self.clock
        )
        self.spool = Spool(self.store.paths.folder / "spool", limit_bytes=10**8)
        self.drained: list[float] = []
        self.drainer = Drainer(
            store=self.store,
            spool=self.spool,
            clock=self.clock,
            tables=[
                Streamed(HYPERLIQUID_MID_PRICES, "hyperliquid", "mids"),
                Streamed(HYPERLIQUID_CANDLES, "hyperliquid", "candles"),
            ],
            repair=repair,
            run_id="run",
            on_drained=self.drained.append,
        )

    def append(self, at: datetime, **mids: float) -> None:
        self.spool.append(HYPERLIQUID_MID_PRICES, rows(at, **mids))

    def count(self) -> int:
        return self.store.read("select count(*) from hyperliquid_mid_prices").item()


def rows(at: datetime, **mids: float) -> pl.DataFrame:
    buckets = MidBuckets()
    buckets.add(mids, at)
    return buckets.take().frame


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_rows_are_counted_in_the_run_of_their_minute(bench: Bench) -> None:
    """One row of `ingestion_runs` per table and minute, in the transaction of its rows."""
    for second in (0, 20, 65):
        bench.clock.instant = NOW + timedelta(seconds=second)
        bench.append(bench.clock.now(), A=1.0, B=2.0)
        assert bench.drainer._turn()
    runs = bench.store.read(
        "select started_at, rows_written, status, dagster_run_id from ingestion_runs"
        " where asset_key = ? order by started_at",
        [TABLE],
    ).rows()
    assert runs == [
        (NOW, 4, "ok", "run"),
        (NOW + timedelta(seconds=65), 2, "ok", "run"),
    ]
    assert bench.drainer.take_progress()[TABLE] == TableProgress(
        6, NOW, NOW + timedelta(seconds=65)
    )
    assert bench.drainer.take_progress() == {}
    assert bench.drainer.total[TABLE].rows == 6


def test_a_drain_says_from_when_on_everything_is_in(bench: Bench) -> None:
    bench.drainer._turn()
    bench.clock.advance(5)
    bench.drainer._turn()
    assert bench.drained == [100.0, 105.0]


def test_a_held_database_costs_an_error_and_nothing_else(bench: Bench) -> None:
    """The rows stay in the spool, and go in when it is free."""
    bench.store.prepare()
    bench.append(NOW, A=1.0)
    with bench.store.paths.lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not bench.drainer._turn()
    assert "held" in (bench.drainer.error or "")
    assert not bench.drainer.is_empty
    assert bench.drainer._turn()
    assert bench.count() == 1
    assert bench.drainer.is_empty


def test_a_segment_that_cannot_be_read_is_told(bench: Bench) -> None:
    bench.append(NOW, A=1.0)
    [path] = (bench.store.paths.folder / "spool").glob("*.arrow")
    path.write_bytes(b"no arrow")
    bench.append(NOW, B=1.0)
    assert bench.drainer._turn()
    assert bench.spool.depth().set_aside == 1
    assert bench.count() == 1


def test_a_publication_that_fails_is_told_until_one_succeeds(bench: Bench) -> None:
    """Drains in between succeed, and say nothing of it."""
    bench.append(NOW, A=1.0)
    assert bench.drainer._turn()
    published = bench.store.paths.published
    published.unlink()
    published.write_text("a shopping list")
    bench.clock.advance(PUBLISH_EVERY_S)
    bench.append(NOW, B=1.0)
    for _ in range(3):
        assert bench.drainer._turn()
        assert "publishing" in (bench.drainer.publish_error or "")
        assert bench.drainer.error is None
    published.unlink()
    bench.clock.advance(PUBLISH_EVERY_S)
    assert bench.drainer._turn()
    assert bench.drainer.publish_error is None


def test_rows_from_the_future_are_deleted(bench: Bench) -> None:
    """What a clock that was ahead has stamped would beat right rows until then."""
    bench.append(NOW + timedelta(hours=2), A=1.0)
    bench.append(NOW, B=1.0)
    bench.drainer.repair_after(NOW)
    assert bench.drainer._turn()
    assert bench.store.read("select symbol from hyperliquid_mid_prices").rows() == [("B",)]


def gap(source: str, channel: str, start: float, end: float, **times: float | None) -> list[object]:
    """A row of `ingestion_gaps`; all times in minutes from now."""
    detected, healed = times.get("detected", start), times.get("healed")
    ats = [
        None if at is None else NOW + timedelta(minutes=at) for at in (start, end, detected, healed)
    ]
    return [source, channel, "X", ats[0], ats[1], "reconnect", ats[2], ats[3], None]


def test_gaps_of_others_are_left_alone_and_open_ones_are_kept(bench: Bench) -> None:
    """The clock was two hours ahead: what the stream wrote by it is put right, and nothing else."""
    others = [
        gap("polymarket", "trades", -60, -30, detected=119),
        gap("polymarket", "trades", -20, -10, detected=119, healed=120),
        gap("hyperliquid", "funding_rates", -180, -60, detected=120, healed=120),
    ]
    told = [
        gap("hyperliquid", "candles", -50, -40, detected=115),
        gap("hyperliquid", "candles", -30, -20, detected=-19, healed=118),
        gap("hyperliquid", "candles", -5, 110, detected=111, healed=112),
        gap("hyperliquid", "candles", 30, 90, detected=91),
        gap("hyperliquid", "candles_1h", -600, 60, detected=118),
        gap("hyperliquid", "candles_1h", 60, 120, detected=118),
        gap("hyperliquid", "candles", -120, -110, detected=-100, healed=-90),
    ]
    right = [
        gap("hyperliquid", "candles", -50, -40, detected=0),
        gap("hyperliquid", "candles", -30, -20, detected=-19),
        gap("hyperliquid", "candles", -5, 0, detected=0),
        gap("hyperliquid", "candles_1h", -600, 0, detected=0),
        gap("hyperliquid", "candles", -120, -110, detected=-100, healed=-90),
    ]
    schema = INGESTION_GAPS.schema
    bench.store.merge(INGESTION_GAPS, pl.DataFrame([*others, *told], schema, orient="row"))
    bench.append(NOW, A=1.0)
    bench.drainer.repair_after(NOW)
    assert bench.drainer._turn()
    found = bench.store.read("select * exclude (healed_rows) from ingestion_gaps").rows()
    assert sorted(found, key=str) == sorted((tuple(row[:-1]) for row in [*others, *right]), key=str)


def test_what_a_drain_has_committed_is_counted_though_the_next_batch_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is taken away in between: the report has the rows that are in it."""
    monkeypatch.setattr("market_assets.storage.common.spool.BATCH_SEGMENTS", 1)
    bench.append(NOW, A=1.0, B=1.0)
    bench.append(NOW, C=1.0)
    write, calls = bench.store.write, itertools.count()

    def taken_away(*changes: Change, runs: Sequence[IngestionRun] = ()) -> list[Written]:
        if next(calls):
            raise StoreLocked("held by somebody")
        return write(*changes, runs=runs)

    monkeypatch.setattr(bench.store, "write", taken_away)
    assert not bench.drainer._turn()
    monkeypatch.setattr(bench.store, "write", write)
    assert bench.count() == 2
    assert bench.drainer.take_progress()[TABLE].rows == 2
    assert bench.drainer._turn()
    assert bench.drainer.take_progress()[TABLE].rows == 1
    assert bench.drainer.total[TABLE].rows == 3


def test_what_nobody_has_thought_of_does_not_end_the_drains(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.append(NOW, A=1.0)
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "write", lambda *_, **__: 1 / 0)
        assert not bench.drainer._turn()
    assert "ZeroDivisionError" in (bench.drainer.error or "")
    assert bench.drainer._turn()
    assert bench.count() == 1


def test_the_end_drains_publishes_and_has_a_deadline(bench: Bench) -> None:
    thread = threading.Thread(target=bench.drainer.run)
    thread.start()
    bench.append(NOW, A=1.0)
    assert bench.drainer.end(wait=20)
    thread.join(20)
    assert bench.drainer.is_empty
    with duckdb.connect(str(bench.store.paths.published), read_only=True) as reader:
        assert reader.sql("select count(*) from hyperliquid_mid_prices").fetchall() == [(1,)]


def test_the_end_does_not_wait_for_ever(bench: Bench) -> None:
    """Nobody drains: the caller goes on, and the rows wait in the spool."""
    bench.append(NOW, A=1.0)
    assert not bench.drainer.end(wait=0.05)
    assert not bench.drainer.is_empty
