"""Which jobs are to be run now, outside of their schedules. Pure: no Dagster, no clock.

A job is due when a channel of it is late: missing, or older than its window. One whose latest
attempt failed is tried again, also before it is late, unless its own schedule comes as soon. While
a source is away one of its failed jobs is tried at a time, after pauses that grow to three minutes;
as soon as any of them succeeds, all others are. So every channel is back within five minutes of its
venue, and an outage of a weekend does not keep the machine busy.

Not here: whether a channel is late or failed (`statuses.py`), whether a run is on its way.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AGAIN_AFTER_S: Final = 300.0
"""A late job that did not fail, and did not become fresh either, is asked for again after this."""
FIRST_PAUSE_S: Final = 30.0
LONGEST_PAUSE_S: Final = 180.0
"""Between two tries of a source that is away; it doubles from the first to the longest."""


@dataclass(frozen=True)
class Job:
    """A job as it stands.

    Attributes:
        name: what Dagster calls it.
        source: the venue that it asks.
        is_late: a channel of it is missing or past its window.
        failed_at: when the latest attempt of a channel of it failed (Unix seconds); None if none
            did.
        is_frequent: its schedule tries again within `AGAIN_AFTER_S` anyway.
        is_ready: nothing is on its way for it, and what it is made from is there.
    """

    name: str
    source: str
    is_late: bool
    failed_at: float | None = None
    is_frequent: bool = False
    is_ready: bool = True


@dataclass(frozen=True)
class Outage:
    """A source of which jobs have failed.

    Attributes:
        failing: those, at the last look.
        tries: how often one of them was tried again.
        tried_at: when the last time was (Unix seconds).
    """

    failing: tuple[str, ...] = ()
    tries: int = 0
    tried_at: float = 0.0


@dataclass(frozen=True)
class Tried:
    """What is remembered between two looks.

    Attributes:
        asked: by job, when it was last asked for (Unix seconds).
        outages: by source.
    """

    asked: Mapping[str, float] = field(default_factory=dict)
    outages: Mapping[str, Outage] = field(default_factory=dict)

    def as_text(self) -> str:
        """For a sensor's cursor."""
        return json.dumps(asdict(self), separators=(",", ":"))


def recall(text: str | None) -> Tried:
    """What the cursor says; nothing, where it is another version's."""
    try:
        said: dict[str, Any] = json.loads(text or "{}")
        outages = {
            source: Outage(tuple(one["failing"]), int(one["tries"]), float(one["tried_at"]))
            for source, one in said["outages"].items()
        }
        return Tried({str(job): float(at) for job, at in said["asked"].items()}, outages)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Tried()


def due(jobs: Sequence[Job], tried: Tried, now: float) -> tuple[list[str], Tried]:
    """The jobs to run now, in their order, and what is to be remembered.

    Args:
        jobs: all that have a schedule.
        tried: what the last look left.
        now: when this is (Unix seconds); may be before the last look, where the clock was set back.
    """
    chosen = {
        job.name
        for job in jobs
        if job.is_ready
        and job.is_late
        and job.failed_at is None
        and _is_over(tried.asked.get(job.name), AGAIN_AFTER_S, now)
    }
    outages: dict[str, Outage] = {}
    for source in dict.fromkeys(job.source for job in jobs):
        of_source = [job for job in jobs if job.source == source]
        again, outage = _again(of_source, tried.outages.get(source, Outage()), tried.asked, now)
        chosen |= again
        if outage.failing:
            outages[source] = outage
    asked = {**tried.asked, **dict.fromkeys(chosen, now)}
    return [job.name for job in jobs if job.name in chosen], Tried(asked, outages)


def _again(
    jobs: Sequence[Job], outage: Outage, asked: Mapping[str, float], now: float
) -> tuple[set[str], Outage]:
    """Which failed jobs of a source are tried again."""
    failing = tuple(job.name for job in jobs if job.failed_at is not None)
    back = set(outage.failing) - set(failing)
    candidates = [
        job
        for job in jobs
        if job.failed_at is not None and job.is_ready and (job.is_late or not job.is_frequent)
    ]
    if back:
        return {job.name for job in candidates}, Outage(failing)
    outage = replace(outage, failing=failing)
    if not candidates:
        return set(), outage
    if outage.tries == 0:
        since = min(job.failed_at or now for job in candidates)
    else:
        since = outage.tried_at
    if not _is_over(since, min(FIRST_PAUSE_S * 2.0 ** min(outage.tries, 16), LONGEST_PAUSE_S), now):
        return set(), outage
    one = min(candidates, key=lambda job: asked.get(job.name, 0.0))
    return {one.name}, Outage(failing, outage.tries + 1, now)


def _is_over(since: float | None, pause: float, now: float) -> bool:
    """Whether a pause is over; one that begins far ahead is of a clock that was set back."""
    return since is None or abs(now - since) >= pause
