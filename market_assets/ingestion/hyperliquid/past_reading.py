"""The past of many symbols: one after the other, written every few, and how far that is.

A symbol that cannot be read costs itself. Three in a row that the venue did not answer are the
venue's: what was read is written, and the rest is the next run's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from market_assets.sources.errors import VenueBusy, VenueError, VenueUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from market_assets.clock import Clock
    from market_assets.storage.common.changes import Written

T = TypeVar("T")

BATCH: Final = 40
"""Symbols whose rows are written together: a day's file of the archive is written anew then."""
_GIVE_UP_AFTER: Final = 3


@dataclass
class PastRead:
    """What was read.

    Attributes:
        written: what came of it.
        rows_are: what a row is, in the plural.
        symbols: how many are wanted.
        done: of them, those that were read, or had to be read no more.
        failed: symbols that could not be read, with the reason.
        rows_per_s: rows a second.
        left_s: seconds that the rest will take, by the pace so far; None before there is one.
    """

    written: Written
    rows_are: str
    symbols: int = 0
    done: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    rows_per_s: float = 0.0
    left_s: float | None = None

    def __str__(self) -> str:
        """One line for the log: how far it has come, how fast, and how long it will take."""
        share = 100 * self.done / self.symbols if self.symbols else 100.0
        left = "" if self.left_s is None else f", {self.left_s:.0f} s left"
        return (
            f"{self.done} of {self.symbols} symbols ({share:.0f} %), "
            f"{self.written.rows:,} {self.rows_are}, {self.rows_per_s:.0f} a second{left}"
        )


def read_each(
    read: PastRead,
    symbols: Sequence[str],
    ask: Callable[[str], Sequence[T]],
    write: Callable[[list[T]], Written],
    *,
    clock: Clock,
    progress: Callable[[PastRead], None],
) -> None:
    """Ask for each symbol, and write what came.

    Args:
        read: is told how far it is.
        symbols: in the order in which they are asked for.
        ask: gives a symbol's rows.
        write: takes rows of several symbols.
        clock: for the pace.
        progress: is told after each symbol.

    Raises:
        VenueError: nothing could be had.
    """
    started, in_a_row, answered = clock.monotonic(), 0, 0
    waiting: list[T] = []
    first_error: VenueError | None = None
    for number, symbol in enumerate(symbols, start=1):
        try:
            waiting += ask(symbol)
        except VenueError as error:
            first_error = first_error or error
            read.failed[symbol] = str(error)
            in_a_row = in_a_row + 1 if isinstance(error, VenueUnavailable | VenueBusy) else 0
            if in_a_row >= _GIVE_UP_AFTER:
                break
            continue
        in_a_row = 0
        answered += 1
        read.done += 1
        if answered % BATCH == 0:
            read.written = read.written.plus(write(waiting))
            waiting = []
        if (took := clock.monotonic() - started) > 0:
            read.rows_per_s = (read.written.rows + len(waiting)) / took
            read.left_s = took / number * (len(symbols) - number)
        progress(read)
    if first_error is not None and not answered:
        raise first_error
    read.written = read.written.plus(write(waiting))
