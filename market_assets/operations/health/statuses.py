"""The five statuses, worked out from plain facts. Pure: no Dagster, no clock, no file.

`report.py` gathers the facts and calls this; `status`, `check` and every later reader (API, alerts,
metrics) show what stands here. The window comes from the asset's freshness policy; no other
threshold exists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from market_assets.operations.health.left_out import LeftOut, in_a_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from market_assets.switches import Off

Status = Literal["ok", "running", "stale", "failed", "missing"]

WORST_FIRST: Final[tuple[Status, ...]] = ("failed", "missing", "stale", "running", "ok")
"""The status of several things together is the first that any of them has."""


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
        in_progress_since: when that run was made; None if not known.
        is_stream: a sidecar feeds it, so that being in progress is its usual state.
        last_attempt: the latest finished run for it, whether or not it succeeded.
        left_out: parts of it that its latest materialization could not bring.
    """

    asset: str
    window: timedelta
    materialized_at: datetime | None = None
    materialized_by: str | None = None
    rows_written: int | None = None
    in_progress: bool = False
    in_progress_since: datetime | None = None
    is_stream: bool = False
    last_attempt: Attempt | None = None
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class Row:
    """One line of `status`: a channel, or a part of the system that channels depend on.

    Attributes:
        expected_cadence_s: seconds between two materializations when all is well.
        stale_after_s: the freshness window, in seconds.
        age_s: seconds since the oldest of the channel's assets was last materialized; never
            negative, whatever the clock was set to.
        rows_written: rows of the latest materializations, summed over the channel's assets.
        last_error: one line: why the latest attempt failed, what keeps the next from coming, or
            which parts the latest left out, and why; None if there is nothing to say.
        run_id: the run that failed, where one did.
        job: the Dagster job that brings the channel; '' for what is no channel.
        cause: another row that explains this one, as `source/channel` (with `#part` where only a
            part of that row does): who mends that one, mends this one.
        waits_for: a channel that was never materialized and that this one is made from.
        parts: of a row that stands for several things (all schedules): what is wrong with which.
        is_late: of a channel, one of its assets is missing or past its window, whatever became of
            the latest attempt.
        failed_at: of a channel, when its latest attempt failed, whatever goes on now; None if it
            did not.
    """

    source: str
    channel: str
    status: Status
    expected_cadence_s: float
    stale_after_s: float
    age_s: float | None
    rows_written: int | None
    last_error: str | None
    run_id: str | None = None
    job: str = ""
    cause: str | None = None
    waits_for: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    is_late: bool = False
    failed_at: datetime | None = None

    @property
    def label(self) -> str:
        """`source/channel`, as people see it."""
        return f"{self.source}/{self.channel}"

    @property
    def is_good(self) -> bool:
        """Nothing to do: ok, or in progress and not late."""
        return self.status in ("ok", "running")


@dataclass(frozen=True)
class Health:
    """The whole system at one instant.

    Attributes:
        at: when.
        rows: a line per channel, and for what channels depend on.
        off: the sources that are off, of which there is no row, and what turns them on.
    """

    at: datetime
    rows: tuple[Row, ...]
    off: tuple[Off, ...] = ()

    @property
    def ok(self) -> bool:
        return all(row.is_good for row in self.rows)

    def as_json(self) -> dict[str, object]:
        """The shape that the command line's `--json` and the read API share.

        Sources that are off are named where there are any.
        """
        off = [{"source": one.source, "variable": one.variable} for one in self.off]
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
            **({"off": off} if off else {}),
        }


def status_of(facts: AssetFacts, now: datetime) -> Status:
    """The status of one asset; the order of the questions is the order of the answers' weight.

    A stream that is on and fresh is `ok`, not `running`: being on is its usual state, and only
    before its first rows does it say that it is on its way. A first run may take as long as the
    asset may be old; after that the asset is missing, whatever the run says. An asset of which a
    part is lacking for longer than it may be old is stale, however fresh the rest is.
    """
    late = _is_late(facts, now)
    if facts.in_progress and facts.materialized_at is None:
        since = facts.in_progress_since
        if since is None or not _is_past(since, facts.window, now):
            return "running"
    lacking = any(_is_past(part.since, facts.window, now) for part in facts.left_out)
    if facts.in_progress and not late and not lacking:
        return "ok" if facts.is_stream else "running"
    if _failed_since(facts):
        return "failed"
    if facts.materialized_at is None:
        return "missing"
    return "stale" if late or lacking else "ok"


def channel_row(
    source: str,
    channel: str,
    cadence: timedelta,
    assets: Sequence[AssetFacts],
    now: datetime,
    *,
    job: str = "",
) -> Row:
    """A channel is as well as its worst asset, and as old as its oldest."""
    statuses = {facts.asset: status_of(facts, now) for facts in assets}
    times = [facts.materialized_at for facts in assets if facts.materialized_at is not None]
    rows = [facts.rows_written for facts in assets if facts.rows_written is not None]
    failures = [
        facts.last_attempt
        for facts in assets
        if statuses[facts.asset] == "failed" and facts.last_attempt is not None
    ]
    return Row(
        source=source,
        channel=channel,
        status=min(statuses.values(), key=WORST_FIRST.index),
        expected_cadence_s=cadence.total_seconds(),
        stale_after_s=min(facts.window for facts in assets).total_seconds(),
        age_s=age_s(min(times), now) if times else None,
        rows_written=sum(rows) if rows else None,
        last_error=next(
            (failure.error for failure in failures if failure.error),
            in_a_line([part for facts in assets for part in facts.left_out]),
        ),
        run_id=failures[0].run_id if failures else None,
        job=job,
        is_late=any(_is_late(facts, now) for facts in assets),
        failed_at=max(
            (
                facts.last_attempt.ended_at
                for facts in assets
                if facts.last_attempt is not None and _failed_since(facts)
            ),
            default=None,
        ),
    )


def age_s(at: datetime, now: datetime) -> float:
    """Seconds from then to now; 0 for an instant that a clock set back has put into the future."""
    return max(0.0, round((now - at).total_seconds(), 1))


def _is_late(facts: AssetFacts, now: datetime) -> bool:
    """Whether the asset is missing or past its window."""
    return facts.materialized_at is None or _is_past(facts.materialized_at, facts.window, now)


def _is_past(at: datetime, window: timedelta, now: datetime) -> bool:
    """Whether an instant is further away than the window.

    In either direction: after a clock that was ahead has been set right, what it dated would look
    fresh for as long as it was ahead.
    """
    return abs(now - at) > window


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
