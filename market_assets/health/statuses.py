"""The five statuses, worked out from plain facts. Pure: no Dagster, no clock, no file.

`dagster_state.py` gathers the facts; `status`, `check` and every later reader (API, alerts,
metrics) show what stands here. The window comes from the asset's freshness policy; no other
threshold exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

Status = Literal["ok", "running", "stale", "failed", "missing"]

_WORST_FIRST: Final[tuple[Status, ...]] = ("failed", "missing", "stale", "running", "ok")


@dataclass(frozen=True)
class Attempt:
    """The latest finished run that was to materialize an asset."""

    run_id: str
    ended_at: datetime
    failed: bool
    error: str | None = None


@dataclass(frozen=True)
class AssetFacts:
    """What Dagster knows about one asset.

    Attributes:
        asset: its key.
        window: how old it may be, from its freshness policy.
        materialized_at: its latest materialization; None if there is none.
        materialized_by: the run that made it.
        rows_written: what that materialization says it wrote.
        in_progress: a run for it is queued or running; for a stream, its lock is held.
        is_stream: a sidecar feeds it, so that being in progress is its usual state.
        last_attempt: the latest finished run for it, whether or not it succeeded.
    """

    asset: str
    window: timedelta
    materialized_at: datetime | None = None
    materialized_by: str | None = None
    rows_written: int | None = None
    in_progress: bool = False
    is_stream: bool = False
    last_attempt: Attempt | None = None


@dataclass(frozen=True)
class Row:
    """One line of `status`: a channel, or a part of Dagster that everything depends on.

    Attributes:
        expected_cadence_s: seconds between two materializations when all is well.
        stale_after_s: the freshness window, in seconds.
        age_s: seconds since the oldest of the channel's assets was last materialized.
        rows_written: rows of the latest materializations, summed over the channel's assets.
        last_error: one line; None if the latest attempt went well.
    """

    source: str
    channel: str
    status: Status
    expected_cadence_s: float
    stale_after_s: float
    age_s: float | None
    rows_written: int | None
    last_error: str | None

    @property
    def is_good(self) -> bool:
        """Nothing to do: ok, or in progress and not late."""
        return self.status in ("ok", "running")


@dataclass(frozen=True)
class Health:
    """The whole system at one instant."""

    at: datetime
    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        return all(row.is_good for row in self.rows)

    def as_json(self) -> dict[str, object]:
        """The shape that the command line's `--json` and the read API share."""
        return {
            "ok": self.ok,
            "rows": [
                {
                    "source": row.source,
                    "channel": row.channel,
                    "status": row.status,
                    "expectedCadenceSec": row.expected_cadence_s,
                    "staleAfterSec": row.stale_after_s,
                    "ageSec": row.age_s,
                    "rowsWritten": row.rows_written,
                    "lastError": row.last_error,
                }
                for row in self.rows
            ],
        }


def status_of(facts: AssetFacts, now: datetime) -> Status:
    """The status of one asset; the order of the questions is the order of the answers' weight.

    A stream that is on and fresh is `ok`, not `running`: being on is its usual state, and only
    before its first rows does it say that it is on its way.
    """
    late = facts.materialized_at is None or now - facts.materialized_at > facts.window
    if facts.in_progress and facts.materialized_at is None:
        return "running"
    if facts.in_progress and not late:
        return "ok" if facts.is_stream else "running"
    if _failed_since(facts):
        return "failed"
    if facts.materialized_at is None:
        return "missing"
    return "stale" if late else "ok"


def channel_row(
    source: str, channel: str, cadence: timedelta, assets: Sequence[AssetFacts], now: datetime
) -> Row:
    """A channel is as well as its worst asset, and as old as its oldest."""
    statuses = {facts.asset: status_of(facts, now) for facts in assets}
    times = [facts.materialized_at for facts in assets if facts.materialized_at is not None]
    rows = [facts.rows_written for facts in assets if facts.rows_written is not None]
    errors = [
        facts.last_attempt.error
        for facts in assets
        if statuses[facts.asset] == "failed" and facts.last_attempt is not None
    ]
    return Row(
        source=source,
        channel=channel,
        status=min(statuses.values(), key=_WORST_FIRST.index),
        expected_cadence_s=cadence.total_seconds(),
        stale_after_s=min(facts.window for facts in assets).total_seconds(),
        age_s=round((now - min(times)).total_seconds(), 1) if times else None,
        rows_written=sum(rows) if rows else None,
        last_error=next((error for error in errors if error), None),
    )


def _failed_since(facts: AssetFacts) -> bool:
    """Whether the latest attempt failed after the latest success.

    A run that materialized this asset and then failed on another one did succeed here; a stream
    materializes for hours in one run, so there only the time counts.
    """
    attempt = facts.last_attempt
    if attempt is None or not attempt.failed:
        return False
    if facts.materialized_at is None:
        return True
    if not facts.is_stream and attempt.run_id == facts.materialized_by:
        return False
    return attempt.ended_at > facts.materialized_at
