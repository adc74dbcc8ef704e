"""What a stream is to the runtime: it hears its venue, and hands out rows in pieces.

A `Flow` owns all that a venue has of its own: sockets, subscriptions, state in memory, healing. The
runtime (`session.py`, `streaming.py`) owns what every stream needs: threads, the grid of flushes,
the spool and its drain, the lease and the handover, the accounts. It knows of a flow what stands
here.

One thread, that of the event loop, calls a flow; what other threads may call says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from threading import Event

    import polars as pl

    from market_assets.sources.feed_stats import FeedStats
    from market_assets.storage.api import Store
    from market_assets.storage.common.changes import Written
    from market_assets.streams.core.heal_progress import HealingProgress
    from market_assets.streams.core.venue_clock import VenueClock
    from market_assets.tables import TableSpec

    Call = Callable[..., None]
    """Does something on the thread that owns the flow: `call(action, *args)`. From any thread."""
    FlowFor = Callable[[VenueClock, Call], "Flow[Any]"]
    """Makes the flow of a session, by its clock."""


class Streamed(NamedTuple):
    """A table that a stream reports, and the channel that its rows are counted in."""

    table: TableSpec
    source: str
    channel: str


class Piece(NamedTuple):
    """Rows of one table on their way to disk.

    Attributes:
        table: where they go.
        frame: the rows.
        scopes: None: the rows are merged. Else the frame is all that there is inside of these
            scopes (values of some columns of the key, one row each): a stored row of them that it
            does not have is gone. A scope without rows is emptied.
        together: pieces of one batch that follow each other and have the same word here are
            written in one transaction, all or none: no reader sees one without the others.
    """

    table: TableSpec
    frame: pl.DataFrame
    scopes: pl.DataFrame | None = None
    together: str = ""


class Batch(Protocol):
    """What a flow has handed out to be put on disk; it can take it back."""

    @property
    def pieces(self) -> Sequence[Piece]:
        """The rows, in the order in which they are to be written."""
        ...


class Coverage(NamedTuple):
    """How much of what it wants a flow hears.

    Attributes:
        wanted: subscriptions that it wants, within its room.
        heard: those of them that bring data.
        shared: those that a successor needs at the same time as the leader, whatever it takes over.
        settled_ms: up to this instant everything is judged: later time may be the successor's.
    """

    wanted: int
    heard: int
    shared: int
    settled_ms: int


class Healer(Protocol):
    """Brings what the stream has missed, in a thread of its own."""

    def run(self, stop: Event) -> None:
        """Heal until told to stop; what fails is tried again, and ends nothing."""
        ...

    def drained(self, started: float) -> None:
        """A drain that began at that monotonic reading has succeeded. From any thread."""
        ...

    def expect_crash(self) -> None:
        """The session before was killed: what it wrote last is to be looked at again."""
        ...

    def progress(self) -> HealingProgress:
        """How far it is. From any thread."""
        ...


B = TypeVar("B", bound=Batch)


class Flow(Protocol[B]):
    """One venue's stream."""

    @property
    def tables(self) -> Sequence[Streamed]:
        """What it reports. From any thread."""
        ...

    @property
    def healer(self) -> Healer:
        """Only the leader's runs."""
        ...

    async def run(self) -> None:
        """Hear the venue until cancelled; what it raises ends the session."""
        ...

    def use(self, subscriptions: int) -> None:
        """Take so many of the venue's subscriptions at most, from now on."""
        ...

    def tick(self) -> None:
        """A second or so has passed: tick the clock, judge what is over."""
        ...

    def take(self) -> B:
        """Hand out what has changed since the last call."""
        ...

    def restore(self, batch: B, failed: Collection[str]) -> None:
        """Take back the pieces of these tables: they could not be put on disk."""
        ...

    def shed(self, now: datetime) -> int:
        """Give up what has waited for too long for a place to put it; counts rows."""
        ...

    def lead(self, *, relieves: bool) -> None:
        """It leads from now on.

        Args:
            relieves: the predecessor has let go, and what both have missed is to be looked for;
                False: it leads from the start.
        """
        ...

    def set_back(self) -> None:
        """The clock was ahead and has been set back: forget what has not come to pass."""
        ...

    def take_set_back(self) -> bool:
        """Whether the clock has been found ahead since this was last asked. From any thread."""
        ...

    def repair(self, store: Store, now: datetime) -> Sequence[Written]:
        """Put right what a clock that was ahead has left in the database. On the drain's thread.

        Raises:
            StoreError: the database does not let it; nothing is changed.
        """
        ...

    def coverage(self) -> Coverage:
        """How much it hears. From any thread."""
        ...

    def stats(self) -> FeedStats:
        """What its sockets brought, and how they are. From any thread."""
        ...

    @property
    def waiting(self) -> int:
        """Rows in memory that are not on disk yet. From any thread."""
        ...

    @property
    def left_out(self) -> Sequence[str]:
        """What it would hear if it had the room, most important first. From any thread."""
        ...

    @property
    def error(self) -> str | None:
        """What keeps it from knowing what to hear; None if nothing does. From any thread."""
        ...

    @property
    def figures(self) -> Mapping[str, float]:
        """What else it counts: names and numbers. From any thread."""
        ...

    def close(self) -> None:
        """Let go of what it holds, after its healer has ended."""
        ...
