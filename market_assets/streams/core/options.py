"""What a session is told, and what it tells: its options, its reports, its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

EndReason = Literal[
    "stopped",
    "handed_over",
    "duration",
    "supervisor_gone",
    "lock_lost",
    "handover_timeout",
    "failed",
]


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """How a session streams.

    Attributes:
        subscriptions: WebSocket subscriptions in all, for this session and its successor together.
        flush_interval: how often rows are put on disk.
        session_length: after which the session asks to be relieved.
        duration: after which it ends, relieved or not; None: never.
        heal: whether holes are healed at all.
        report_interval: how often a table is reported while rows arrive.
        handover_timeout: how long a successor waits for its predecessor to let go.
        drain_timeout: how long the end waits for the database.
        poll: how often the clock, the lease and the wish to stop are looked at.
    """

    subscriptions: int = 980
    flush_interval: timedelta = timedelta(seconds=5)
    session_length: timedelta = timedelta(hours=8)
    duration: timedelta | None = None
    heal: bool = True
    report_interval: timedelta = timedelta(seconds=60)
    handover_timeout: timedelta = timedelta(minutes=10)
    drain_timeout: timedelta = timedelta(seconds=20)
    poll: timedelta = timedelta(milliseconds=200)


@dataclass(frozen=True)
class Report:
    """What a minute brought to one table.

    Attributes:
        table: the table.
        rows: rows inserted or changed since the last report.
        event_from_at: the earliest event time among them.
        event_to_at: the latest.
        metrics: plain numbers of the whole session: lag, reconnects, spool depth, lock waits,
            subscriptions, healing.
    """

    table: str
    rows: int
    event_from_at: datetime | None
    event_to_at: datetime | None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SessionEnd:
    """How a session ended.

    Attributes:
        reason: why.
        began_at: when it began.
        ended_at: when it ended.
        rows: rows inserted or changed, by table, from the sockets and from healing together.
        frames: frames that the sockets brought, by channel.
        data_frames: those of them that carry data; 0: the sockets brought nothing.
        healed_rows: rows that healing brought.
        is_drained: everything received is in the database; False: the rest waits in the spool.
        error: what was wrong at the end; None if nothing was.
    """

    reason: EndReason
    began_at: datetime
    ended_at: datetime
    rows: Mapping[str, int]
    frames: Mapping[str, int]
    data_frames: int
    healed_rows: int
    is_drained: bool
    error: str | None
