"""What storage tells of itself: what waiting cost, what publishing and tidying up did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal


@dataclass(frozen=True)
class LockStats:
    """What the gate has cost this process since `since`, for metadata.

    Attributes:
        since: when counting began.
        holds: times the gate was passed, to read or to write.
        waits: times somebody else was in the way, for over a millisecond.
        wait_ms_total: time waited in all.
        wait_ms_max: the longest wait.
        hold_ms_total: time held in all.
        hold_ms_max: the longest hold.
    """

    since: datetime
    holds: int = 0
    waits: int = 0
    wait_ms_total: float = 0.0
    wait_ms_max: float = 0.0
    hold_ms_total: float = 0.0
    hold_ms_max: float = 0.0


@dataclass(frozen=True)
class Publication:
    """What became of a wish to publish.

    Attributes:
        outcome: `published`; `unchanged`, the published file is as new as the live one; `early`,
            the pace does not allow it yet; `busy`, another process is publishing.
        bytes: the size of the file, when it was published.
        copied: bytes that were written for it; 0 on a filesystem that shares blocks.
        wait_ms: how long others held the live file.
        hold_ms: how long writers were kept out.
        due_at: from when on the pace allows the next one; None: not known.
    """

    outcome: Literal["published", "unchanged", "early", "busy"]
    bytes: int = 0
    copied: int = 0
    wait_ms: float = 0.0
    hold_ms: float = 0.0
    due_at: datetime | None = None

    @property
    def is_published(self) -> bool:
        """The file was replaced."""
        return self.outcome == "published"


@dataclass(frozen=True)
class Compaction:
    """What compaction did.

    Attributes:
        is_done: the file was written anew.
        bytes_before: its size before.
        bytes_after: its size now.
        free_before: the share of its blocks that held nothing, 0 to 1.
        hold_ms: how long everybody was kept out.
        error: why the last attempt failed, where it is too early for another.
    """

    is_done: bool
    bytes_before: int
    bytes_after: int
    free_before: float
    hold_ms: float = 0.0
    error: str | None = None

    @property
    def freed(self) -> int:
        """Bytes that were given back to the system."""
        return self.bytes_before - self.bytes_after if self.is_done else 0


@dataclass(frozen=True)
class Standing:
    """How the published file stands to the live one.

    Attributes:
        published_at: when it was last published; None: never.
        behind_since: the first change that it lacks; None: it has all.
        error: why it cannot be brought up to date; None: nothing is known to be in the way.
        interval: the time between two publications, at its size and pace.
        window: how far behind it may be.
    """

    published_at: datetime | None
    behind_since: datetime | None
    error: str | None
    interval: timedelta
    window: timedelta

    def behind(self, now: datetime) -> timedelta:
        """For how long it has lacked something; never negative, whatever the clock was set to."""
        if self.behind_since is None:
            return timedelta(0)
        return max(timedelta(0), now - self.behind_since)
