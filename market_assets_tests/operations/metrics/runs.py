"""A table of runs that can be added to and pruned, and snapshots of it without a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from market_assets.storage.common.schema import create_table
from market_assets.storage.files.file_version import Version
from market_assets.storage.files.published import Snapshot
from market_assets.tables import INGESTION_RUNS

T0 = datetime(2026, 11, 1, tzinfo=UTC)


class Runs:
    """`ingestion_runs` in memory; every snapshot is a later version."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("attach ':memory:' as published; use published")
        self.connection.execute("set timezone = 'UTC'")
        self.connection.execute(create_table(INGESTION_RUNS))
        self._versions = 0

    def add(
        self,
        started: datetime,
        *,
        channel: str = "contexts",
        ms: int | None = 700,
        rows: int = 3,
        status: str = "ok",
        run_id: str = "",
    ) -> None:
        """One attempt; with a `run_id` that is there already, in its place."""
        self._versions += 1
        run_id = run_id or f"run {self._versions}"
        self.connection.execute("delete from ingestion_runs where run_id = ?", [run_id])
        finished = None if ms is None else started + timedelta(milliseconds=ms)
        values: dict[str, Any] = {
            "run_id": run_id,
            "source": "hyperliquid",
            "channel": channel,
            "asset_key": f"hyperliquid_{channel}",
            "status": status,
            "started_at": started,
            "finished_at": finished,
            "duration_ms": ms,
            "rows_written": rows,
        }
        names = ", ".join(values)
        places = ", ".join("?" * len(values))
        self.connection.execute(
            f"insert into ingestion_runs ({names}) values ({places})",  # noqa: S608 - own names
            list(values.values()),
        )

    def prune(self, before: datetime) -> None:
        """What retention does."""
        self.connection.execute("delete from ingestion_runs where started_at < ?", [before])

    @contextmanager
    def snapshot(self, at: datetime) -> Iterator[Snapshot]:
        """The table as it was published at that instant."""
        version = Version(1, int(at.timestamp() * 1e9), self._versions)
        cursor = self.connection.cursor()
        snapshot = Snapshot(Path("runs"), version, cursor)
        try:
            yield snapshot
        finally:
            snapshot.close()
