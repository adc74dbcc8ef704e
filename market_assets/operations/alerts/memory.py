"""What the alerts remember, as text for the sensor's cursor: incidents, and messages not sent yet.

A cursor of another version is forgotten, which at worst says again what was said already.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from market_assets.operations.alerts.delivery import Outbox
from market_assets.operations.alerts.policy import State

if TYPE_CHECKING:
    from datetime import datetime

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Memory:
    """Everything that outlives an evaluation."""

    state: State
    outbox: Outbox = field(default_factory=Outbox)

    def as_text(self) -> str:
        """For the cursor."""
        return msgspec.json.encode(self).decode()


def recall(text: str | None, now: datetime) -> Memory:
    """What the cursor says; a deployment that is `now` looked at for the first time without one."""
    if text:
        try:
            return msgspec.json.decode(text, type=Memory)
        except msgspec.MsgspecError as error:
            _LOG.warning("the alerts' memory cannot be read and begins anew: %s", error)
    return Memory(State(deployed_at=now))
