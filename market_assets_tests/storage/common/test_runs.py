"""Ingestion runs: their ids, and what of an error may be kept."""

from __future__ import annotations

import uuid
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.frames import conform
from market_assets.storage.common.changes import Merge, Written
from market_assets.storage.common.runs import IngestionRun, new_run_id, rows, without_secrets
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_MID_PRICES, INGESTION_RUNS
from market_assets_tests.storage.examples import at


def test_ids_are_uuids_that_sort_by_time() -> None:
    """Version 7, variant 2; a millisecond later is greater; never the same twice."""
    ids = [new_run_id(at(second / 1000)) for second in range(50)]
    assert ids == sorted(ids)
    assert len({new_run_id(at(0)) for _ in range(100)}) == 100
    for one in ids:
        assert uuid.UUID(one).version == 7
        assert uuid.UUID(one).variant == uuid.RFC_4122


def test_only_the_assets_own_table_is_counted() -> None:
    """What other tables got in the same transaction belongs to other runs."""
    run = IngestionRun("venue", "channel", "mine", at(0))
    counted = run.counting(
        [Written("mine", 2, inserted=1, updated=1), Written("other", 5, 5)], at(1)
    )
    assert (counted.rows_written, counted.status, counted.run_id) == (2, "ok", run.run_id)
    assert (run.rows_written, run.status) == (0, "running")
    assert run.counting([Written("other", 5, 5)], at(1)).status == "running"


def test_the_rows_are_a_frame_of_the_table() -> None:
    """Running, ok and failed; a clock that went back gives no negative duration."""
    running = IngestionRun("venue", "channel", "a", at(0))
    done = running.counting([Written("a", 1, inserted=1)], at(-5))
    failed = IngestionRun("venue", "channel", "a", at(0)).failed(ValueError())
    frame = conform(INGESTION_RUNS, rows([running, done, failed]))
    assert frame["status"].to_list() == ["running", "ok", "failed"]
    assert frame["duration_ms"].to_list() == [None, 0, None]
    assert frame["error_message"].to_list() == [None, None, "ValueError"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GET https://user:pw@host/path?key=1&b=2 failed", "GET https://host/path failed"),
        ("wss://host/ws?token=abc: refused", "wss://host/ws refused"),
        ('proxy "http://me:secret@proxy:3128" said 407', 'proxy "http://proxy:3128" said 407'),
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer …"),
        ("{'api_key': 'abc', 'n': 1}", "{'api_key': '…', 'n': 1}"),
        ("password=hunter2; x-api-token: zzz", "password=…; x-api-token: …"),
        ("one\n  two\tthree", "one two three"),
        ("no secret in here: 5 = 5", "no secret in here: 5 = 5"),
    ],
)
def test_secrets_do_not_reach_the_table(text: str, kept: str) -> None:
    """What is left says what happened, on one line."""
    assert without_secrets(text) == kept


@given(st.text(max_size=1000))
def test_a_message_is_one_line_of_bounded_length(text: str) -> None:
    """Whatever the error says."""
    kept = without_secrets(text)
    assert len(kept) <= 300
    assert "\n" not in kept


def test_an_attempt_of_which_nothing_came_leaves_no_row(tmp_path: Path) -> None:
    """A stream hands over one per table with every flush; `running` would stand there for ever."""
    store = FileStore(tmp_path / "market.duckdb")
    row = {"symbol": "A", "bucket_at": at(0), "mid": 1.0, "samples": 1, "ingested_at": at(1)}
    frame = pl.DataFrame([row], schema=HYPERLIQUID_MID_PRICES.schema)
    moved = IngestionRun("hyperliquid", "mids", "hyperliquid_mid_prices", at(0))
    idle = IngestionRun("hyperliquid", "candles", "hyperliquid_candles", at(0))
    store.write(Merge(HYPERLIQUID_MID_PRICES, frame), runs=[moved, idle])
    told = store.read("select asset_key, status from ingestion_runs").rows()
    assert told == [("hyperliquid_mid_prices", "ok")]
    failed = idle.failed(OSError("gone"))
    store.write(Merge(HYPERLIQUID_MID_PRICES, frame), runs=[failed])
    ((count,),) = store.read("select count(*) from ingestion_runs where status = 'failed'").rows()
    assert count == 1
