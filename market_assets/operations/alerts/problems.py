"""What is wrong now, in the words of an alert: from health rows, asset checks and failed jobs.

Pure: plain values in, problems out. Who is told of which problem, and when, is `policy.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from market_assets.channels import SLACK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from market_assets.operations.health.open_failures import FailedCheck, FailedJob
    from market_assets.operations.health.statuses import Row

Severity = Literal["info", "warning", "error", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "error", "critical")
SET_UP: Final = timedelta(hours=1)
"""A deployment is fresh for so long: what is missing then was not set up."""
DATABASE: Final = "storage/database"
PUBLISHED: Final = "storage/published"
SPOOL: Final = "storage/spool"
_SEVERITY_OF: Final[dict[str, Severity]] = {
    "stale": "warning",
    "failed": "error",
    "missing": "error",
}
_MANY_IN_ONE: Final = ("dagster/schedules", "dagster/sensors")


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be, at one evaluation.

    Attributes:
        key: the same thing has the same key at the next evaluation.
        source: the venue, or `dagster`, or `storage`.
        channel: the channel; for a check, the asset.
        status: one of the five statuses.
        severity: how bad it is.
        title: one line for people.
        error: the last error, on one line.
        run_id: the Dagster run that failed, where one did.
        runbook: the heading in the runbook, as a link's anchor.
        cause: the key of the problem that explains this one.
        patience: how long it must have lasted before anybody is told.
    """

    key: str
    source: str
    channel: str
    status: str
    severity: Severity
    title: str
    error: str | None = None
    run_id: str | None = None
    runbook: str = ""
    cause: str | None = None
    patience: timedelta = timedelta(0)


def rank(severity: Severity) -> int:
    """How bad: 0 for `info`."""
    return SEVERITIES.index(severity)


def problems(
    rows: Sequence[Row],
    *,
    checks: Iterable[FailedCheck] = (),
    jobs: Iterable[FailedJob] = (),
    deployed_at: datetime,
    now: datetime,
) -> list[Problem]:
    """Everything that is wrong.

    A channel that only waits for another one's first rows is no problem of its own. Channels that
    one job brings and that are in the same state are explained by the first of them.

    Args:
        rows: of the health report, and of the database.
        checks: asset checks that fail.
        jobs: jobs whose latest run failed.
        deployed_at: when this deployment was first looked at.
        now: the time of the evaluation.
    """
    fresh = timedelta(0) <= now - deployed_at < SET_UP
    good = {row.label for row in rows if row.is_good}
    found: list[Problem] = []
    first_of: dict[tuple[str, str], str] = {}
    for row in rows:
        if row.is_good or row.waits_for in good:
            continue
        if row.label in _MANY_IN_ONE and row.parts:
            found += [_of_part(row, name, why) for name, why in row.parts.items()]
            continue
        problem = _of_row(row, fresh=fresh)
        if row.job and problem.cause is None:
            first = first_of.setdefault((row.job, row.status), problem.key)
            problem = replace(problem, cause=first if first != problem.key else None)
        found.append(problem)
    found += [_of_check(check) for check in checks]
    by_run = {p.run_id: p.key for p in found if p.run_id is not None}
    found += [_of_job(job, by_run.get(job.run_id)) for job in jobs]
    return found


def _of_row(row: Row, *, fresh: bool) -> Problem:
    severity = "critical" if row.label == DATABASE else _SEVERITY_OF[row.status]
    title = _TITLES.get(row.label) or f"{row.label} {_WORDS[row.status]}"
    if row.channel == "stream" and row.status == "failed":
        title = f"{row.label} is down"
    elif row.status == "missing" and fresh:
        title = f"set-up: {title}"
    return Problem(
        key=row.label,
        source=row.source,
        channel=row.channel,
        status=row.status,
        severity=severity,
        title=title,
        error=row.last_error,
        run_id=row.run_id,
        runbook=_runbook_of(row),
        cause=row.cause or row.waits_for,
        # The first rows of a fresh system take their turns: 2 to 4 minutes, measured.
        patience=SLACK if row.status == "missing" else timedelta(0),
    )


_TITLES: Final = {
    DATABASE: "the database cannot be reached",
    PUBLISHED: "the published file is behind",
    SPOOL: "received rows are in no table",
}
_WORDS: Final = {
    "stale": "is stale",
    "failed": "has failed",
    "missing": "has never brought anything",
}


_HEADINGS: Final = {
    DATABASE: "the-database-cannot-be-reached",
    PUBLISHED: "the-published-file-is-behind",
    SPOOL: "received-rows-are-in-no-table",
    "dagster/daemon": "the-daemon-has-no-heartbeat",
    **dict.fromkeys(_MANY_IN_ONE, "a-schedule-or-a-sensor-does-not-tick"),
}
"""In the runbook, of rows that are no channel."""


def _runbook_of(row: Row) -> str:
    if row.label in _HEADINGS:
        return _HEADINGS[row.label]
    if row.channel == "stream":
        return "the-stream-is-down"
    return {
        "stale": "a-channel-is-stale",
        "failed": "a-channel-has-failed",
        "missing": "a-channel-is-missing",
    }[row.status]


def _of_part(row: Row, name: str, why: str) -> Problem:
    return Problem(
        key=f"{row.label}#{name}",
        source=row.source,
        channel=row.channel,
        status=row.status,
        severity="error",
        title=f"{name} does not tick",
        error=why,
        runbook="a-schedule-or-a-sensor-does-not-tick",
    )


def _of_check(check: FailedCheck) -> Problem:
    return Problem(
        key=f"check/{check.asset}/{check.name}",
        source=check.source,
        channel=check.asset,
        status="failed",
        severity="error" if check.is_error else "warning",
        title=f"{check.asset} breaks the rule {check.name}",
        error=check.said,
        run_id=check.run_id,
        runbook="an-asset-check-fails",
    )


def _of_job(job: FailedJob, cause: str | None) -> Problem:
    return Problem(
        key=f"job/{job.job}",
        source=job.source,
        channel=job.job,
        status="failed",
        severity="error",
        title=f"a run of {job.job} failed",
        error=job.error,
        run_id=job.run_id,
        runbook="a-run-failed",
        cause=cause,
    )
