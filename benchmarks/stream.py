"""What the stream costs: `python -m benchmarks.stream`, under two minutes.

**Throughput.** Frames of 400 symbols, as bytes, go through the feed's own socket handler, the
recorder, the spool and the store, flush by flush. In the same run, turn by turn, the floor does the
least that any program must do to have the same rows on disk: `orjson.loads` of each frame, the
newest state of each candle in a dict, the mids in another, text to float for what is written, and
one plain `INSERT` of those rows, with the database opened and closed for each flush, as it must be
where several processes share it. The floor checks nothing: no types, no sanity, no late or doubled
frames, no coverage, no closed bars, no spool, and it doubles rows.

**Latency.** A simulated venue of 400 symbols in a process of its own, ten times as busy as the
live one, and a whole session: from the receipt of a frame to the moment from which a reader finds
its row, at the default flush interval.

Figures are medians with the 5th and the 95th percentile. Read them as ratios.
"""

from __future__ import annotations

import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import orjson
import polars as pl

from market_assets.clock import ManualClock, to_ms
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.feed import FeedPolicy, HyperliquidFeed
from market_assets.sources.hyperliquid.ledger import Brake
from market_assets.sources.hyperliquid.link import Link
from market_assets.sources.hyperliquid.messages import Subscription
from market_assets.sources.hyperliquid.shared import Shared, Tally
from market_assets.sources.stream import Pacer
from market_assets.storage.common.schema import create_table
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.session import StreamSession
from market_assets.streams.core.venue_clock import VenueClock
from market_assets.streams.hyperliquid.flow import HyperliquidFlow
from market_assets.streams.hyperliquid.options import HyperliquidOptions
from market_assets.streams.hyperliquid.recorder import Recorder
from market_assets.tables import HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES, TableSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.feed import FeedSink
    from market_assets.storage.common.spool import Drained
    from market_assets.streams.hyperliquid.recorder import Batch

SYMBOLS = [f"SYM{number}" for number in range(400)]
FRAMES_PER_FLUSH = 6_000
"""Candle frames in 5 s: three a second for each symbol, more than ten times what is live."""
TURNS = 60
LATENCY_S = 45.0
START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
TABLES = (HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES)
FLUSH_S = 5


def frames(turn: int, seed: random.Random) -> list[bytes]:
    """What comes in one flush interval: candles in no order, and one map of mids."""
    minute_ms = to_ms(START) + turn * FLUSH_S // 60 * 60_000
    made = []
    for number in range(FRAMES_PER_FLUSH):
        symbol = seed.choice(SYMBOLS)
        price = seed.uniform(10, 100)
        trades = turn % 12 * FRAMES_PER_FLUSH + number + 1
        candle = {
            "t": minute_ms,
            "T": minute_ms + 59_999,
            "s": symbol,
            "i": "1m",
            "o": f"{price:.4f}",
            "c": f"{price * 1.01:.4f}",
            "h": f"{price * 1.02:.4f}",
            "l": f"{price * 0.99:.4f}",
            "v": f"{trades * 1.5:.3f}",
            "n": trades,
        }
        made.append(orjson.dumps({"channel": "candle", "data": candle}))
    mids = {symbol: f"{seed.uniform(10, 100):.4f}" for symbol in SYMBOLS}
    made.append(orjson.dumps({"channel": "allMids", "data": {"mids": mids}}))
    return made


class Ours:
    """The project's path from bytes to rows, without sockets and threads."""

    def __init__(self, folder: Path) -> None:
        self.wall = ManualClock(START, 1000.0)
        self._clock = VenueClock(self.wall)
        self._recorder = Recorder(self._clock, on_holes=lambda _: None)
        self._recorder.keep(mids=SYMBOLS, candles=SYMBOLS, known=SYMBOLS, cause="fresh")
        self._store = FileStore(folder / "market.duckdb", tables=TABLES)
        self._spool = Spool(self._store.paths.folder / "spool", limit_bytes=10**9)
        self._store.prepare()
        policy = FeedPolicy()
        self._link = Link(
            Shared(
                url="ws://127.0.0.1:1/ws",
                sink=self._recorder,
                clock=self._clock,
                policy=policy,
                tally=Tally(),
                brake=Brake(),
                connects=Pacer(policy.connections_per_minute, 60.0, self._clock),
                messages=Pacer(policy.messages_per_minute, 60.0, self._clock),
            )
        )
        self._link.want(
            [
                Subscription("allMids"),
                *(Subscription("candle", symbol, "1m") for symbol in SYMBOLS),
            ]
        )
        self.parts: dict[str, list[float]] = {
            "conflate": [],
            "frames": [],
            "spool": [],
            "drain": [],
        }
        self.rows = 0

    def turn(self, raw: list[bytes]) -> None:
        """One flush interval."""
        began = time.perf_counter()
        received = self._link.received
        for frame in raw:
            received(frame)
        self._recorder.tick()
        conflated = time.perf_counter()
        batch = self._recorder.take()
        framed = time.perf_counter()
        self._spool.append(HYPERLIQUID_CANDLES, batch.candles.frame)
        self._spool.append(HYPERLIQUID_MID_PRICES, batch.mids.frame)
        spooled = time.perf_counter()
        self._spool.drain(self._store)
        drained = time.perf_counter()
        self.rows += batch.rows
        for name, taken in (
            ("conflate", conflated - began),
            ("frames", framed - conflated),
            ("spool", spooled - framed),
            ("drain", drained - spooled),
        ):
            self.parts[name].append(taken)


class Floor:
    """The least that has the same rows on disk; see the module's text."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with duckdb.connect(path) as connection:
            for spec in TABLES:
                connection.execute(create_table(spec)).fetchall()

    def turn(self, raw: list[bytes], now: datetime) -> None:
        """One flush interval."""
        candles: dict[tuple[str, int], dict[str, Any]] = {}
        mids: dict[str, str] = {}
        for text in raw:
            frame = orjson.loads(text)
            data = frame["data"]
            if frame["channel"] == "candle":
                candles[data["s"], data["t"]] = data
            else:
                mids |= data["mids"]
        self._insert(self._candles(candles, now), self._mids(mids, now))

    def _candles(
        self, newest: dict[tuple[str, int], dict[str, Any]], now: datetime
    ) -> pl.DataFrame:
        opened = pl.from_epoch("t", time_unit="ms").dt.replace_time_zone("UTC").cast(_US)
        return pl.DataFrame(list(newest.values())).select(
            symbol="s",
            interval="i",
            open_at=opened,
            close_at=opened + pl.duration(minutes=1),
            open=pl.col("o").cast(pl.Float64),
            high=pl.col("h").cast(pl.Float64),
            low=pl.col("l").cast(pl.Float64),
            close=pl.col("c").cast(pl.Float64),
            volume=pl.col("v").cast(pl.Float64),
            trades="n",
            is_closed=pl.lit(value=False),
            source=pl.lit("stream"),
            ingested_at=pl.lit(now).cast(_US),
        )

    def _mids(self, mids: dict[str, str], now: datetime) -> pl.DataFrame:
        return pl.DataFrame({"symbol": list(mids), "mid": list(mids.values())}).select(
            "symbol",
            bucket_at=pl.lit(now).cast(_US),
            mid=pl.col("mid").cast(pl.Float64),
            samples=pl.lit(1, pl.Int64),
            ingested_at=pl.lit(now).cast(_US),
        )

    def _insert(self, *written: pl.DataFrame) -> None:
        with duckdb.connect(self._path, config={"threads": "1"}) as connection:
            connection.execute("begin").fetchall()
            for spec, frame in zip(TABLES, written, strict=True):
                connection.register("source", frame)
                connection.execute(f"insert into {spec.name} select * from source").fetchall()
            connection.execute("commit").fetchall()


_US = pl.Datetime("us", "UTC")


def throughput(folder: Path) -> list[str]:
    """Both, turn by turn, over the same frames."""
    seed = random.Random(1)
    ours, floor = Ours(folder), Floor(folder / "floor.duckdb")
    took: dict[str, list[float]] = {"ours": [], "floor": []}
    for turn in range(TURNS):
        raw = frames(turn, seed)
        now = START + timedelta(seconds=FLUSH_S * turn)
        ours.wall.advance(FLUSH_S if turn else 0.0)
        turns: list[tuple[str, Callable[[], None]]] = [
            ("ours", lambda raw=raw: ours.turn(raw)),
            ("floor", lambda raw=raw, now=now: floor.turn(raw, now)),
        ]
        for name, run in turns if turn % 2 else reversed(turns):
            began = time.perf_counter()
            run()
            took[name].append(time.perf_counter() - began)
    count = FRAMES_PER_FLUSH + 1
    rates = {name: [count / seconds for seconds in values] for name, values in took.items()}
    ratios = [f / o for o, f in zip(took["ours"], took["floor"], strict=True)]
    lines = [
        f"{count:,} frames a flush, {TURNS} flushes, {ours.rows:,} rows written.",
        "",
        "| | median | 5 % – 95 % |",
        "| --- | --- | --- |",
        row("the stream, frames a second", rates["ours"], 0),
        row("the floor, frames a second", rates["floor"], 0),
        row("ratio (goal: at least 0.8)", ratios, 2),
    ]
    return lines + [
        row(f"of a flush: {name}, ms", [value * 1000 for value in values], 1)
        for name, values in ours.parts.items()
    ]


@dataclass
class Stopwatch:
    """From the receipt of each frame to the commit of a row that holds it, or a newer state."""

    received: dict[str, list[float]] = field(
        default_factory=lambda: {spec.name: [] for spec in TABLES}
    )
    taken: dict[str, deque[list[float]]] = field(
        default_factory=lambda: {spec.name: deque() for spec in TABLES}
    )
    spooled: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def watch(self, recorder: Recorder) -> None:
        """Note when frames come, and which flush takes them along."""
        candle, mids, take = recorder.candle, recorder.mids, recorder.take

        def timed_candle(*args: Any) -> None:
            self.received[HYPERLIQUID_CANDLES.name].append(time.monotonic())
            candle(*args)

        def timed_mids(*args: Any) -> None:
            self.received[HYPERLIQUID_MID_PRICES.name].append(time.monotonic())
            mids(*args)

        def timed_take() -> Batch:
            batch = take()
            for name, frame in (
                (HYPERLIQUID_CANDLES.name, batch.candles.frame),
                (HYPERLIQUID_MID_PRICES.name, batch.mids.frame),
            ):
                if frame.height:
                    self.taken[name].append(self.received[name])
                    self.received[name] = []
            return batch

        vars(recorder).update(candle=timed_candle, mids=timed_mids, take=timed_take)


class WatchedSpool(Spool):
    """A spool that tells the stopwatch what is readable."""

    def __init__(self, directory: Path, watch: Stopwatch) -> None:
        super().__init__(directory, limit_bytes=10**9)
        self._watch = watch

    def append(
        self, table: TableSpec, frame: pl.DataFrame, *, scopes: pl.DataFrame | None = None
    ) -> Path:
        path = super().append(table, frame, scopes=scopes)
        waiting = self._watch.taken.get(table.name)
        if waiting:
            self._watch.spooled += waiting.popleft()
        return path

    def drain(self, *args: Any, **options: Any) -> Drained:
        spooled, self._watch.spooled = self._watch.spooled, []
        drained = super().drain(*args, **options)
        now = time.monotonic()
        self._watch.waits += [now - at for at in spooled]
        return drained


VENUE = """
from market_simulator.hyperliquid.synthetic.universe import Size
from market_simulator.config import SimulatorConfig
from market_simulator.server import serve
size = Size(main=190, builder=110, spot=100, rate=10.0)
serve(SimulatorConfig(port=0, size=size), on_ready=lambda at: print(at.port, flush=True))
"""


def venue() -> tuple[subprocess.Popen[str], int]:
    """A simulated venue in a process of its own, and its port."""
    process = subprocess.Popen([sys.executable, "-c", VENUE], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def latency(folder: Path) -> Iterator[str]:
    """A session against a busy venue."""
    process, port = venue()
    watch = Stopwatch()
    store = FileStore(folder / "market.duckdb")
    spool = WatchedSpool(store.paths.folder / "spool", watch)
    options = HyperliquidOptions(heal=False, duration=timedelta(seconds=LATENCY_S))

    def feed(sink: FeedSink, clock: Clock) -> HyperliquidFeed:
        assert isinstance(sink, Recorder)
        watch.watch(sink)
        return HyperliquidFeed(f"ws://127.0.0.1:{port}/ws", sink, clock=clock)

    session = StreamSession(
        options=options,
        store=store,
        spool=spool,
        folder=store.paths.folder,
        flow_for=partial(
            HyperliquidFlow,
            options=options,
            store=store,
            spool=spool,
            client_for=lambda user, clock: HyperliquidClient(
                f"http://127.0.0.1:{port}", user=user, clock=clock
            ),
            feed=feed,
        ),
        code_version="benchmark",
    )
    began, cpu = time.monotonic(), cpu_s()
    try:
        end = session.run(threading.Event())
    finally:
        process.terminate()
        process.communicate(timeout=20)
    seconds = time.monotonic() - began
    state = json.loads((store.paths.folder / "stream.json").read_text())
    waits = sorted(watch.waits)
    p50, p99 = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
    goal = options.flush_interval.total_seconds() + 0.2
    yield (
        f"{len(waits):,} frames in {seconds:.0f} s ({len(waits) / seconds:,.0f} a second) of"
        f" {state['subscriptions']['wanted']} subscriptions;"
        f" {sum(end.rows.values()):,} rows written."
    )
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    yield f"| frame to readable row, median | {p50:.2f} s |"
    yield f"| frame to readable row, p99 (goal: at most {goal:.1f} s) | {p99:.2f} s |"
    yield f"| longest | {waits[-1]:.2f} s |"
    yield f"| CPU of the session | {(cpu_s() - cpu) / seconds * 100:.1f} % of one core |"
    yield f"| live database held | {state['lock']['hold_ms_total'] / seconds / 10:.2f} % |"
    yield f"| peak memory of this process | {peak_mb():.0f} MB |"


def row(what: str, values: list[float], digits: int) -> str:
    """A line of the report: median, and how far it spreads."""
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20]
    median = statistics.median(ordered)
    return f"| {what} | {median:,.{digits}f} | {low:,.{digits}f} – {high:,.{digits}f} |"


def cpu_s() -> float:
    """CPU seconds of this process, its threads included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mb() -> float:
    """The greatest resident size so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Both parts."""
    print(
        f"DuckDB {duckdb.__version__}, Python {platform.python_version()}, {os.cpu_count()} CPUs.\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        for line in throughput(Path(folder)):
            print(line)
    print()
    with tempfile.TemporaryDirectory() as folder:
        for line in latency(Path(folder)):
            print(line)


if __name__ == "__main__":
    main()
