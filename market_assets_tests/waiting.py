"""Waiting for what another thread or process does: polled, with a limit, and named if it fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(found: Callable[[], T], what: str, patience_s: float = 60.0, every_s: float = 0.02) -> T:
    """What is found, once it is true.

    What starts a command to look (`status` costs two seconds of CPU) is looked at `every_s=5`, or
    the looking slows down what is looked at.

    Raises:
        AssertionError: it was not within so many seconds; says what, and what was seen last.
    """
    deadline = time.monotonic() + patience_s
    while not (last := found()):
        assert time.monotonic() < deadline, f"not {what} within {patience_s:.0f} s; last: {last!r}"
        time.sleep(every_s)
    return last
