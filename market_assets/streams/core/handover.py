"""When one session relieves another: what the leader and the one that waits do, step by step.

The leader asks to be relieved when it is old or somebody says so, and makes room for what its
successor needs at the same time. The successor streams beside it into the same spool, where every
write is idempotent, and says that it is ready once everything it wants is acknowledged and on disk.
The leader leaves after it has concluded the minute in which it heard that: every later minute is
the successor's as a whole. If nobody comes, or the one that came is killed, the leader simply goes
on.

Every step returns at once; `session.py` takes one a few times a second. Not here: the locks
(`lease.py`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Literal

from market_assets.clock import floor_ms, interval_length, to_ms

if TYPE_CHECKING:
    from market_assets.streams.core.flow import Flow
    from market_assets.streams.core.lease import Lease
    from market_assets.streams.core.options import EndReason, StreamOptions
    from market_assets.streams.core.streaming import Streaming
    from market_assets.streams.core.venue_clock import VenueClock

_LOG = logging.getLogger(__name__)

MARGIN_MS: Final = 6_000
"""A successor covers a minute as a whole only if it was ready so long before its start."""
PATIENCE_S: Final = 150.0
"""After the successor is ready, the leader waits for the end of the minute, but not longer."""
READY_PATIENCE_S: Final = 45.0
"""A successor that has rows on disk is ready by then, even if some subscriptions are refused."""

Step = Literal["promoted"] | None


class Handover:
    """The lease of one session, and its part in a handover."""

    def __init__(
        self,
        *,
        lease: Lease,
        flow: Flow[Any],
        streaming: Streaming,
        clock: VenueClock,
        options: StreamOptions,
    ) -> None:
        self._lease = lease
        self._streaming = streaming
        self._flow = flow
        self._clock = clock
        self._options = options
        self._began = clock.monotonic()
        self._is_leader = False
        self._is_handing_over = False
        self._ready_minute: int | None = None
        self._ready_since = 0.0
        self._complete_at_flush: int | None = None
        self.end: EndReason | None = None

    @property
    def phase(self) -> Literal["streaming", "handing_over", "standby"]:
        """What this session is doing."""
        if not self._is_leader:
            return "standby"
        return "handing_over" if self._is_handing_over else "streaming"

    def begin(self, *, run_id: str, code_version: str) -> bool:
        """Take the lease; True as the leader, False as the successor of one.

        Raises:
            LeaseHeldError: another session streams and is not to be relieved.
        """
        self._began = self._clock.monotonic()
        role = self._lease.acquire(
            run_id=run_id, started_at=self._clock.now().isoformat(), code_version=code_version
        )
        self._is_leader = role == "leader"
        return self._is_leader

    def room(self) -> int:
        """How many subscriptions this session may have: beside a leader, what it leaves."""
        leader = None if self._is_leader else self._lease.leader
        return max(0, self._options.subscriptions - (leader.subscriptions if leader else 0))

    def step(self) -> Step:
        """Look after the lease; `end` is set when the session is to end."""
        if not self._lease.is_mine:
            self.end = "lock_lost"
            return None
        self._lease.say(subscriptions=self._flow.coverage().wanted)
        if self._is_leader:
            self._lead()
            return None
        return self._wait()

    def _lead(self) -> None:
        age = self._clock.monotonic() - self._began
        if not self._is_handing_over:
            reason = self._lease.handover_requested()
            if reason is None and age < self._options.session_length.total_seconds():
                return
            _LOG.info("to be relieved: %s", reason or f"streaming for {age:.0f} s")
            self._is_handing_over = True
            shared = self._flow.coverage().shared
            self._streaming.use(subscriptions=self._options.subscriptions - shared)
            self._lease.begin_handover()
        if not self._lease.successor_is_ready():
            self._ready_minute = None
        elif self._ready_minute is None:
            self._ready_minute = _minute(to_ms(self._clock.now()) + MARGIN_MS)
            self._ready_since = self._clock.monotonic()
        elif (
            self._flow.coverage().settled_ms >= self._ready_minute
            or self._clock.monotonic() - self._ready_since > PATIENCE_S
        ):
            self.end = "handed_over"

    def _wait(self) -> Step:
        if self._lease.promote():
            _LOG.info("leading from now on")
            self._is_leader = True
            self._began = self._clock.monotonic()
            self._streaming.use(subscriptions=self._options.subscriptions)
            return "promoted"
        waited = self._clock.monotonic() - self._began
        if waited > self._options.handover_timeout.total_seconds():
            self.end = "handover_timeout"
        elif self._is_ready(waited):
            self._lease.say(ready=True)
        return None

    def _is_ready(self, waited: float) -> bool:
        """Whether what is wanted is heard, and a flush since then is on disk."""
        wanted, heard, *_ = self._flow.coverage()
        if wanted == 0 or (heard < wanted and waited < READY_PATIENCE_S):
            return False
        if self._complete_at_flush is None:
            self._complete_at_flush = self._streaming.flushes
        return self._streaming.flushes > self._complete_at_flush


def _minute(milliseconds: int) -> int:
    return floor_ms(milliseconds, interval_length("1m"))
