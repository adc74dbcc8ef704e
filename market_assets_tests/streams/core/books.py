"""A second stream on the runtime: whole books of a made-up venue, whose levels vanish.

`Venue` is a real WebSocket server; `BookFlow` is all that a stream of it has to write.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, Self

import polars as pl
from websockets.asyncio.server import ServerConnection, serve

from market_assets.clock import Clock, SystemClock, to_ms
from market_assets.machine_paths import MachinePaths
from market_assets.sources.feed_stats import FeedStats
from market_assets.sources.stream import Ending, Pacer, Stream, StreamPolicy
from market_assets.storage.common.changes import Delete, Written
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.flow import Coverage, Piece, Streamed
from market_assets.streams.core.heal_progress import HealingProgress
from market_assets.streams.core.options import StreamOptions
from market_assets.streams.core.session import StreamSession
from market_assets.streams.core.venue_clock import VenueClock
from market_assets.tables import TABLES, Column, TableSpec

LEVELS: Final = TableSpec(
    name="made_up_book_levels",
    grain="one row per token and price of its present book",
    columns=(
        Column("token", "VARCHAR", "Whose book.", required=True),
        Column("price", "DOUBLE", "The level.", required=True),
        Column("size", "DOUBLE", "Shares that rest there.", required=True),
        Column("ingested_at", "TIMESTAMPTZ", "When the book was received.", required=True),
    ),
    key=("token", "price"),
    time_column="ingested_at",
    version=("ingested_at",),
)

NEWER_LEVELS: Final = replace(
    LEVELS,
    columns=(*LEVELS.columns, Column("venue", "VARCHAR", "Whose.", required=True, before="then")),
)
"""The table as a later version has it: with a column more, which is never NULL."""
CHANGES: Final = TableSpec(
    name="made_up_book_changes",
    grain="one row per token and instant at which its book changed",
    columns=(
        Column("token", "VARCHAR", "Whose book.", required=True),
        Column("ingested_at", "TIMESTAMPTZ", "When it was received.", required=True),
    ),
    key=("token", "ingested_at"),
    time_column="ingested_at",
)
"""A table that only the later version has."""

Book = dict[float, float]
"""Sizes by price."""


class Venue:
    """Sends the whole book of a token when it is subscribed to and when it changes."""

    def __init__(self) -> None:
        self.books: dict[str, Book] = {}
        self._open: dict[ServerConnection, set[str]] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def set(self, token: str, book: Book) -> None:
        """From now on this is its book; everybody who listens hears it."""
        self.books[token] = dict(book)
        asyncio.run_coroutine_threadsafe(self._tell(token), self._loop).result(10)

    def cut(self) -> None:
        """End all connections, as a restart of the venue does."""
        for connection in list(self._open):
            asyncio.run_coroutine_threadsafe(connection.close(), self._loop).result(10)

    def subscriptions(self) -> list[set[str]]:
        """What each connection listens to."""
        return [set(tokens) for tokens in self._open.values()]

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with serve(self._speak, "127.0.0.1", 0) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._ready.set()
            await self._stop.wait()

    async def _speak(self, connection: ServerConnection) -> None:
        self._open[connection] = set()
        try:
            async for raw in connection:
                said = json.loads(raw)
                self._open[connection] = set(said["tokens"])
                for token in said["tokens"]:
                    await connection.send(self._frame(token))
        finally:
            del self._open[connection]

    async def _tell(self, token: str) -> None:
        for connection, tokens in list(self._open.items()):
            if token in tokens:
                with suppress(Exception):
                    await connection.send(self._frame(token))

    def _frame(self, token: str) -> str:
        return json.dumps({"token": token, "book": list(self.books.get(token, {}).items())})


class BookBatch(NamedTuple):
    """Whole books that changed."""

    books: dict[str, Book]
    at: datetime
    is_newer: bool

    @property
    def pieces(self) -> Sequence[Piece]:
        if not self.books:
            return ()
        whole = pl.DataFrame({"token": list(self.books)})
        rows = [
            (token, price, size, self.at)
            for token, book in self.books.items()
            for price, size in book.items()
        ]
        frame = pl.DataFrame(rows, schema=LEVELS.schema, orient="row")
        if not self.is_newer:
            return (Piece(LEVELS, frame, whole),)
        changes = whole.with_columns(pl.lit(self.at, pl.Datetime("us", "UTC")).alias("ingested_at"))
        frame = frame.with_columns(venue=pl.lit("now"))
        return (Piece(NEWER_LEVELS, frame, whole), Piece(CHANGES, changes))


class NoHealer:
    """A whole book heals itself with the next one."""

    def run(self, stop: threading.Event) -> None:
        stop.wait()

    def drained(self, started: float) -> None: ...

    def expect_crash(self) -> None: ...

    def progress(self) -> HealingProgress:
        return HealingProgress()


class BookFlow:
    """A `Flow` of whole books, and the handler of its one socket."""

    def __init__(
        self,
        clock: VenueClock,
        _call: Callable[..., None],
        *,
        url: str,
        tokens: Sequence[str],
        is_newer: bool = False,
    ) -> None:
        self._clock = clock
        self.led = self.were_set_back = 0
        self.clock_was_ahead = False
        self._tokens = tuple(tokens)
        self._is_newer = is_newer
        self._room = len(tokens)
        self._changed: dict[str, Book] = {}
        self._heard: set[str] = set()
        self._frames = self._reconnects = 0
        self._subscribe = asyncio.Event()
        self._concluded_ms = 0
        policy = StreamPolicy(first_delay=0.05, tick=0.1)
        pacers = {name: Pacer(1000, 60.0, clock) for name in ("connects", "messages")}
        self._stream = Stream(url, self, policy=policy, clock=clock, **pacers)
        self.tables = (Streamed(LEVELS, "made_up", "books"),)
        self.healer = NoHealer()
        self.error = None
        self.figures: dict[str, float] = {}

    async def run(self) -> None:
        await self._stream.run()

    def opened(self) -> None:
        self._subscribe.set()

    async def talk(self, send: Callable[[str], Awaitable[None]]) -> NoReturn:
        while True:
            await self._subscribe.wait()
            self._subscribe.clear()
            await send(json.dumps({"tokens": self._wanted}))

    def received(self, raw: bytes) -> None:
        said = json.loads(raw)
        self._frames += 1
        self._heard.add(said["token"])
        self._changed[said["token"]] = dict(said["book"])

    def overdue(self) -> str | None:
        return None

    def closed(self, ending: Ending) -> None:
        self._reconnects += ending.cause != "stopped"
        self._heard.clear()

    def use(self, subscriptions: int) -> None:
        self._room = subscriptions
        self._heard &= set(self._wanted)
        self._subscribe.set()

    def tick(self) -> None:
        self._clock.tick()
        self._concluded_ms = to_ms(self._clock.now())

    def take(self) -> BookBatch:
        changed, self._changed = self._changed, {}
        return BookBatch(changed, self._clock.now(), self._is_newer)

    def restore(self, batch: BookBatch, failed: Collection[str]) -> None:
        if failed:
            self._changed = {**batch.books, **self._changed}

    def shed(self, _now: datetime) -> int:
        return 0

    def lead(self, *, relieves: bool) -> None:
        self.led += relieves

    def set_back(self) -> None:
        self.were_set_back += 1

    def take_set_back(self) -> bool:
        was_ahead, self.clock_was_ahead = self.clock_was_ahead, False
        return was_ahead

    def repair(self, store: FileStore, now: datetime) -> tuple[Written, ...]:
        return tuple(store.write(Delete(LEVELS, "ingested_at > ?", [now])))

    def coverage(self) -> Coverage:
        return Coverage(len(self._wanted), len(self._heard), 0, self._concluded_ms)

    def stats(self) -> FeedStats:
        return FeedStats(
            sockets=1,
            connected=int(self._stream.connected),
            subscribed=len(self._heard),
            refused={},
            left_out=(),
            frames=self._frames,
            frames_by_channel={"book": self._frames},
            undecodable=0,
            undecodable_samples=(),
            rejected={},
            reconnects=self._reconnects,
            reconnects_by_cause={"reconnect": self._reconnects},
            trouble=self._stream.trouble[1] if self._stream.trouble else "",
            ages_s={},
        )

    @property
    def waiting(self) -> int:
        return sum(len(book) for book in list(self._changed.values()))

    @property
    def left_out(self) -> tuple[str, ...]:
        return self._tokens[self._room :]

    @property
    def _wanted(self) -> tuple[str, ...]:
        return self._tokens[: self._room]

    def close(self) -> None: ...


def tables(*, is_newer: bool = False) -> tuple[TableSpec, ...]:
    """What this version of the code keeps, or a later one."""
    return (*TABLES, *((NEWER_LEVELS, CHANGES) if is_newer else (LEVELS,)))


def session(
    folder: Path,
    venue: Venue,
    tokens: Sequence[str],
    *,
    is_newer: bool = False,
    **options: Any,
) -> StreamSession:
    """A session of the made-up venue's stream, by this version of the code or a later one."""
    store = FileStore(folder / "market.duckdb", tables=tables(is_newer=is_newer))
    own = MachinePaths(store.paths.folder).stream("made_up")
    told = StreamOptions(
        subscriptions=2 * len(tokens),
        flush_interval=timedelta(seconds=0.2),
        poll=timedelta(seconds=0.02),
        report_interval=timedelta(seconds=0),
        **options,
    )
    return StreamSession(
        options=told,
        store=store,
        spool=Spool(own.spool, limit_bytes=10**8),
        folder=own.folder,
        flow_for=lambda clock, call: BookFlow(
            clock, call, url=f"ws://127.0.0.1:{venue.port}", tokens=tokens, is_newer=is_newer
        ),
        code_version="test",
        clock=_clock(),
    )


def _clock() -> Clock:
    return SystemClock()
