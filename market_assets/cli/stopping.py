"""Ctrl-C: once ends everything in order within seconds, twice at once."""

from __future__ import annotations

import signal
import time
from threading import Event
from typing import TYPE_CHECKING, Final

from market_assets.cli.dagster_process import is_run_worker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from market_assets.cli.processes import Group

PATIENCE_S: Final = 8.0
"""The stream and the runs may take so long to put away what they have. What they have not by then
is in the spool, or is read again from the venue."""
SERVICES_S: Final = 4.0
"""Dagster's own services keep what they know in SQLite, and have nothing to put away."""
LAST_S: Final = 0.5
"""What is stopped after the patience is used up gets this much."""
_ONE_PRESS_S: Final = 0.3
"""Two signals that are closer together than this are one: `make` and a terminal may both send."""


class Stop:
    """Whether somebody wants `run` to end, and how quickly.

    Attributes:
        wanted: set by the first SIGINT, SIGTERM or SIGHUP.
        hurry: set by another SIGINT: a person who presses Ctrl-C again will not wait.
    """

    def __init__(self) -> None:
        self.wanted = Event()
        self.hurry = Event()
        self._since: float | None = None

    def listen(self) -> None:
        """Take the signals; on the main thread."""
        for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(which, self.heard)

    def heard(self, number: int, _frame: FrameType | None = None) -> None:
        """A signal has come."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
        elif number == signal.SIGINT and now - self._since >= _ONE_PRESS_S:
            self.hurry.set()
        self.wanted.set()


def stop_all(groups: Sequence[Group], hurry: Event | None = None) -> list[Group]:
    """Stop the groups one after the other, all within the patience; gives those that live on.

    Args:
        groups: in the order in which they are to end.
        hurry: once it is set, nothing is waited for.
    """
    deadline = time.monotonic() + PATIENCE_S
    return [
        group
        for group in groups
        if not group.stop(
            patience=max(LAST_S, deadline - time.monotonic()),
            hurry=hurry,
            is_worth_waiting_for=is_run_worker,
            others=SERVICES_S,
        )
    ]
