"""Which signals are still to be posted, and the memory that keeps each from being posted twice.

Signals are read by when they were found, and a little further back than the last evaluation read:
a run that took long may have stored later what it found before. What was taken is remembered for
as long as it can be read again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from market_assets.operations.alerts.delivery import Outbox
from market_assets.operations.alerts.policy import Message
from market_assets.operations.alerts.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from market_assets.operations.alerts.signal import Signal

_LOG = logging.getLogger(__name__)
OVERLAP: Final = timedelta(minutes=10)
"""So far back signals are read again; the first evaluation reads those of so long."""


@dataclass(frozen=True)
class SignalMemory:
    """What outlives an evaluation.

    Attributes:
        read_to: signals that were found by then have been read.
        taken: ids of those that may be read again, and are posted or wait.
        outbox: messages that are not sent yet.
    """

    read_to: datetime
    taken: tuple[str, ...] = ()
    outbox: Outbox = field(default_factory=Outbox)

    @property
    def since(self) -> datetime:
        """From when on signals are to be read."""
        return self.read_to - OVERLAP

    def as_text(self) -> str:
        """For the cursor."""
        return msgspec.json.encode(self).decode()


def recall_signals(text: str | None, now: datetime) -> SignalMemory:
    """What the cursor says; without one, nothing has been posted."""
    if text:
        try:
            return msgspec.json.decode(text, type=SignalMemory)
        except msgspec.MsgspecError as error:
            _LOG.warning("the memory of posted signals cannot be read and begins anew: %s", error)
    return SignalMemory(read_to=now)


def take(memory: SignalMemory, found: Iterable[Signal], now: datetime) -> SignalMemory:
    """The memory after these signals: those that are new wait in the outbox.

    Args:
        memory: as it was.
        found: signals of the wanted kinds that were found since `memory.since`, in order.
        now: when they were read.
    """
    signals = list(found)
    new = [one for one in signals if one.signal_id not in memory.taken]
    recent = {one.signal_id for one in signals if one.found_at > now - OVERLAP}
    # Of a clock that was set back: what was taken before may be read again.
    kept = memory.taken if now < memory.read_to else ()
    return SignalMemory(
        read_to=now,
        taken=tuple(dict.fromkeys((*kept, *sorted(recent)))),
        outbox=memory.outbox.with_more([message_of(one, now) for one in new]),
    )


def message_of(signal: Signal, now: datetime) -> Message:
    """The message that tells of a signal."""
    about = signal.question or signal.condition_id
    problem = Problem(
        key=f"signal/{signal.signal_id}",
        source="polymarket",
        channel="signals",
        status="ok",
        severity="info",
        title=f"{signal.kind} {signal.score:.6g} (from {signal.threshold:.6g} on): {about}",
    )
    return Message("signal", problem, "info", signal.as_of, now, signal=signal)
