"""How far a command is that takes longer than a second, for whoever waits."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from market_assets.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from market_assets.clock import Clock

_QUIET_S: Final = 1.0
_EVERY_S: Final = 5.0


@contextmanager
def told(what: str, clock: Clock | None = None) -> Iterator[Callable[[int, int], None]]:
    """Show progress on stderr while the block runs; gives what takes how much of how much is done.

    A terminal has a bar, which is gone at the end. Elsewhere there is a line after a second, and
    one every five seconds.

    Args:
        what: is being done.
        clock: measures how long it takes.
    """
    console = Console(stderr=True, highlight=False)
    if not sys.stderr.isatty():
        yield _lines(what, console, clock or SystemClock())
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(what: str, console: Console, clock: Clock) -> Callable[[int, int], None]:
    due_at = clock.monotonic() + _QUIET_S

    def tell(done: int, total: int) -> None:
        nonlocal due_at
        now = clock.monotonic()
        if now >= due_at:
            console.print(f"{what}: {done:,} of {total:,}", markup=False, soft_wrap=True)
            due_at = now + _EVERY_S

    return tell
