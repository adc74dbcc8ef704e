"""The record of attempts to bring rows: `ingestion_runs`, committed with the rows it counts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.redaction import redacted
from market_assets.storage.common.changes import Written, earliest, latest
from market_assets.storage.common.errors import one_line
from market_assets.tables import INGESTION_RUNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

_MESSAGE_LENGTH: Final = 300


@dataclass
class IngestionRun:
    """One attempt to bring rows of one asset. Its totals move only when a transaction commits.

    Hand it to every write that belongs to the attempt: one for an asset's run, many for a minute
    of a stream. Its row says `running` until the first write of its asset commits, then `ok` as
    of the last one, so that a process that is killed leaves a true row behind.

    Attributes:
        source: the venue.
        channel: the channel.
        asset_key: the asset; changes to the table of that name are counted.
        started_at: when the attempt began.
        run_id: unique, and growing with time: DuckDB then finds the row in 2 ms among 250,000,
            where random ids take 12.
        dagster_run_id: the Dagster run, or None.
        left_out: parts that it was to bring and could not, with the reason; set before the write.
        rows_written: rows inserted or updated by committed writes.
        event_from_at: the earliest event time among the rows offered.
        event_to_at: the latest.
        finished_at: when the last write committed, or the failure was recorded.
        error_kind: the class of the error that ended it.
        error_message: one line, without secrets.
        ended_at: when a failure happened that is recorded later.
    """

    source: str
    channel: str
    asset_key: str
    started_at: datetime
    run_id: str = ""
    dagster_run_id: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    rows_written: int = field(default=0, init=False)
    event_from_at: datetime | None = field(default=None, init=False)
    event_to_at: datetime | None = field(default=None, init=False)
    finished_at: datetime | None = field(default=None, init=False)
    error_kind: str | None = field(default=None, init=False)
    error_message: str | None = field(default=None, init=False)
    ended_at: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.run_id = self.run_id or new_run_id(self.started_at)

    @property
    def status(self) -> str:
        """`running`, `ok` or `failed`."""
        if self.error_kind is not None:
            return "failed"
        return "running" if self.finished_at is None else "ok"

    def failed(self, error: BaseException) -> IngestionRun:
        """The run as failed, to be recorded with `store.write(runs=[run.failed(error)])`.

        The class of the error becomes `error_kind`, its text `error_message`, without URLs' query
        strings, passwords and tokens.
        """
        return self.failed_with(type(error).__name__, str(error))

    def failed_with(
        self, kind: str, message: str, *, ended_at: datetime | None = None
    ) -> IngestionRun:
        """The run as failed, from what somebody else recorded of it.

        Args:
            kind: becomes `error_kind`.
            message: becomes `error_message`, on one line and without secrets.
            ended_at: when; by default when the row is written.
        """
        self.error_kind = kind
        self.error_message = without_secrets(message) or kind
        self.ended_at = ended_at
        return self

    def counting(self, written: Iterable[Written], now: datetime) -> IngestionRun:
        """A copy that counts the writes of its asset: what it will be when they commit."""
        mine = [one for one in written if one.table == self.asset_key]
        counted = replace(self)
        counted.rows_written = self.rows_written + sum(w.inserted + w.updated for w in mine)
        counted.event_from_at = earliest(self.event_from_at, *(w.event_from_at for w in mine))
        counted.event_to_at = latest(self.event_to_at, *(w.event_to_at for w in mine))
        counted.error_kind, counted.error_message = self.error_kind, self.error_message
        counted.ended_at = self.ended_at
        counted.finished_at = (
            (self.ended_at or now) if mine or self.error_kind else self.finished_at
        )
        return counted

    def is_moved_by(self, written: Iterable[Written]) -> bool:
        """Whether these changes say something about the attempt: of its asset, or that it failed.

        A stream hands over an attempt per table with every flush; one of whose table nothing came
        would leave a row that says `running` for ever.
        """
        return self.error_kind is not None or any(w.table == self.asset_key for w in written)

    def take(self, counted: IngestionRun) -> None:
        """Become what `counting` foresaw: its transaction is committed."""
        self.rows_written = counted.rows_written
        self.event_from_at, self.event_to_at = counted.event_from_at, counted.event_to_at
        self.finished_at = counted.finished_at


def rows(runs: Iterable[IngestionRun]) -> pl.DataFrame:
    """A frame of `ingestion_runs`, one row per run."""
    return pl.DataFrame(
        [
            {
                "run_id": run.run_id,
                "source": run.source,
                "channel": run.channel,
                "asset_key": run.asset_key,
                "status": run.status,
                "started_at": run.started_at,
                "finished_at": run.finished_at,
                "duration_ms": _milliseconds(run),
                "rows_written": run.rows_written,
                "event_from_at": run.event_from_at,
                "event_to_at": run.event_to_at,
                "error_kind": run.error_kind,
                "error_message": run.error_message,
                "dagster_run_id": run.dagster_run_id,
                "left_out": [
                    without_secrets(f"{part}: {why}") for part, why in run.left_out.items()
                ]
                or None,
            }
            for run in runs
        ],
        schema=INGESTION_RUNS.schema,
    )


def new_run_id(at: datetime, *names: str) -> str:
    """A UUID of version 7: 48 bits of milliseconds, then chance. Sorts by time.

    Args:
        at: the time.
        names: take the place of chance: who records the same attempt twice, has one row.
    """
    milliseconds = int(at.timestamp() * 1e3) & (1 << 48) - 1
    rest = uuid.uuid5(uuid.NAMESPACE_OID, "/".join(names)) if names else uuid.uuid4()
    value = milliseconds << 80 | rest.int & (1 << 80) - 1
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def without_secrets(text: str) -> str:
    """The text on one line of at most 300 characters, without what must not be kept."""
    return one_line(redacted(" ".join(text.split())), _MESSAGE_LENGTH)


def _milliseconds(run: IngestionRun) -> int | None:
    if run.finished_at is None:
        return None
    return max(0, round((run.finished_at - run.started_at).total_seconds() * 1e3))
