"""A session in numbers: for the reports that Dagster draws, and for `status`.

Collects what the parts of a session count; decides nothing. Safe to call from any thread.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from market_assets.redaction import redacted
from market_assets.storage.common.errors import StoreError
from market_assets.storage.common.spool import SpoolDepth
from market_assets.streams.core.state import SessionState

if TYPE_CHECKING:
    from datetime import datetime

    from market_assets.sources.feed_stats import FeedStats
    from market_assets.storage.api import Store
    from market_assets.storage.common.spool import Spool
    from market_assets.streams.core.draining import Drainer
    from market_assets.streams.core.flow import Flow
    from market_assets.streams.core.streaming import Streaming
    from market_assets.streams.core.venue_clock import VenueClock

_NAMES: Final = 10
"""How many names of a list are told."""


@dataclass
class Accounts:
    """The parts of a session that count something."""

    flow: Flow[Any]
    streaming: Streaming
    drainer: Drainer
    spool: Spool
    store: Store
    clock: VenueClock
    run_id: str
    code_version: str
    since: datetime
    report_error: str | None = None
    _frames: tuple[float, int] = field(default=(0.0, 0), init=False)
    _last_feed: FeedStats | None = field(default=None, init=False)

    def remember_feed(self) -> None:
        """The feed is about to be closed: tell from now on how it was, not that it is closed."""
        self._last_feed = self.flow.stats()

    def metrics(self, table: str) -> dict[str, float]:
        """The numbers of a report on a table."""
        feed, locks, spool = self.feed_stats(), self.store.lock_stats, self._depth()
        healing = self.flow.healer.progress()
        return {
            "lag_s": self._lags().get(table, 0.0),
            "sockets": feed.connected,
            "frames": feed.frames,
            "data_frames": feed.data_frames,
            "reconnects": feed.reconnects,
            "undecodable": feed.undecodable,
            "subscriptions": feed.subscribed,
            "subscriptions_wanted": self.flow.coverage().wanted,
            "subscriptions_refused": len(feed.refused),
            "left_out": len(self.flow.left_out) + len(feed.left_out),
            "waiting_rows": self.flow.waiting,
            "spool_segments": spool.segments,
            "spool_bytes": spool.bytes,
            "spool_oldest_s": spool.oldest_age_s,
            "lock_waits": locks.waits,
            "lock_wait_ms_max": locks.wait_ms_max,
            "lock_wait_ms_total": locks.wait_ms_total,
            "lock_hold_ms_total": locks.hold_ms_total,
            "open_holes": healing.open_holes,
            "healing_done": healing.done,
            "healing_total": healing.total,
            "healing_weight": healing.weight,
            "healed_rows": healing.healed_rows,
            "clock_jumps": self.clock.jumps,
            **self.flow.figures,
        }

    def state(self, phase: str) -> SessionState:
        """The session as `status` shows it."""
        feed, locks, spool = self.feed_stats(), self.store.lock_stats, self._depth()
        left_out = (*self.flow.left_out, *feed.left_out)
        return SessionState(
            phase=phase,
            pid=os.getpid(),
            run_id=self.run_id,
            code_version=self.code_version,
            since=self.since,
            written_at=self.clock.now(),
            sockets=feed.connected,
            sockets_wanted=feed.sockets,
            subscriptions={
                "acknowledged": feed.subscribed,
                "wanted": self.flow.coverage().wanted,
                "refused": dict(feed.refused),
                "left_out": {"count": len(left_out), "first": list(left_out[:_NAMES])},
            },
            frames=feed.frames,
            frames_by_channel=dict(feed.frames_by_channel),
            frames_per_s=self._rate(feed.frames),
            lag_s=self._lags(),
            last_event_at={
                name: progress.event_to_at
                for name, progress in self.drainer.total.items()
                if progress.event_to_at is not None
            },
            ages_s=dict(feed.ages_s),
            reconnects=feed.reconnects,
            reconnects_by_cause=dict(feed.reconnects_by_cause),
            trouble=redacted(feed.trouble),
            spool=asdict(spool),
            waiting_rows=self.flow.waiting,
            lock={
                "waits": locks.waits,
                "wait_ms_max": locks.wait_ms_max,
                "wait_ms_total": locks.wait_ms_total,
                "holds": locks.holds,
                "hold_ms_total": locks.hold_ms_total,
            },
            undecodable=feed.undecodable,
            undecodable_samples=feed.undecodable_samples,
            rejected={**feed.rejected, **self.streaming.rejected},
            healing=asdict(self.flow.healer.progress()),
            clock={
                "jumps": self.clock.jumps,
                "wall_offset_s": round(self.clock.wall_offset, 3),
                "in_doubt": self.clock.in_doubt,
                **self.flow.figures,
            },
            last_error=self.last_error,
        )

    @property
    def last_error(self) -> str | None:
        """What is wrong now, the worst first: the database, the disk, Dagster, the venue."""
        said = (
            self.drainer.error
            or self.streaming.disk_error
            or self.drainer.publish_error
            or self._set_aside()
            or self.report_error
            or self.feed_stats().outage
            or self.flow.error
            or self.flow.healer.progress().last_error
        )
        return redacted(said) if said else None

    def _set_aside(self) -> str | None:
        """Rows that were received and that nobody can read, as long as their files are there."""
        count = self._depth().set_aside
        return f"{count} spool segments cannot be read and are set aside" if count else None

    def feed_stats(self) -> FeedStats:
        """What the sockets brought, and how they are; at the end, how they were before it."""
        return self._last_feed or self.flow.stats()

    def _lags(self) -> dict[str, float]:
        """Seconds from the newest event in the database to the present, by table."""
        now, total = self.clock.now(), self.drainer.total
        return {
            table.name: round((now - at).total_seconds(), 3)
            for table, *_ in self.flow.tables
            if table.name in total and (at := total[table.name].event_to_at) is not None
        }

    def _depth(self) -> SpoolDepth:
        try:
            return self.spool.depth()
        except StoreError:
            # The folder cannot be read: that is told as the drain's error, with the reason.
            return SpoolDepth(0, 0, 0.0, 0)

    def _rate(self, frames: int) -> float:
        elapsed = self.clock.monotonic()
        since, before = self._frames
        self._frames = (elapsed, frames)
        return round((frames - before) / (elapsed - since), 1) if elapsed > since else 0.0
