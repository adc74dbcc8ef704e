"""What the read API bears: `python -m benchmarks.api`, about two minutes.

`market-assets api` serves a published database of 500 symbols with a day of minute candles and
20,000 prediction markets to 200 clients at once, while a writer beside it writes 1,000 rows a
second and publishes as often as the pace allows. The load comes from `wrk` (Debian: `apt install
wrk`); without it nothing is measured, and that is said.

Each route alone, then a mix of them as bots ask (most of it `latest`), then the mix from clients
that have the answers already and send their tags. An error is a status other than 200 or 304, a
connection that was refused or reset, or no answer for ten seconds.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx
import polars as pl
import psutil

from market_assets.storage.files.store import FileStore
from market_assets.tables import TABLES, TableSpec, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLIENTS = 200
SECONDS = 10
SYMBOLS = 500
MINUTES = 1440
MARKETS = 20_000
LINKED = 2_000
"""Markets that are about a symbol, one of 40."""
PUBLISH_BYTES_PER_SECOND = 20e6
"""Twenty times the default pace, so that the file is replaced every few seconds."""
FEATURES = tuple(
    spec.name for spec in TABLES if spec.name.startswith("hyperliquid_") and "as_of" in spec.key
)
SCRIPT = """
local paths = {%s}
local tag = "%s"
local headers = {}
if tag ~= "" then headers["If-None-Match"] = tag end
local nth = 0
function init() math.randomseed(os.time()); nth = math.random(#paths) end
function request()
  nth = nth %% #paths + 1
  return wrk.format("GET", paths[nth], headers)
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%%d,"seconds":%%f,"p50":%%f,"p99":%%f,"max":%%f,"errors":%%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Measured:
    """One run of the load.

    Attributes:
        name: what was asked.
        per_second: answers.
        p50_ms: how long the median client waited for one.
        p99_ms: the same of the slowest hundredth.
        errors: how many were not answered as they should.
        cpu_ms: what an answer cost the server, which other work on the machine does not change.
        writes: how the writer fared meanwhile.
    """

    name: str
    per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_ms: float
    writes: Writes

    def row(self) -> str:
        """A line of the report."""
        return (
            f"| {self.name} | {self.per_second:,.0f} | {self.p50_ms:.0f} ms | "
            f"{self.p99_ms:.0f} ms | {self.errors} | {self.cpu_ms:.2f} ms | "
            f"{self.writes.flush_ms:.0f} ms | "
            f"{self.writes.wait_ms:.1f} ms | {self.writes.published} |"
        )


@dataclass(frozen=True)
class Writes:
    """The writer meanwhile: medians of what a flush took and waited, and how often it published."""

    flush_ms: float
    wait_ms: float
    published: int


def filled(spec: TableSpec, rows: int, **given: pl.Expr) -> pl.DataFrame:
    """Rows of a table: the given columns, random numbers, a fixed text, NULL."""
    number = pl.int_range(rows)
    filler = {
        "DOUBLE": number.hash(7).cast(pl.Float64) / 2**64,
        "BIGINT": pl.lit(1),
        "VARCHAR": pl.lit("x"),
        "BOOLEAN": pl.lit(value=False),
        "TIMESTAMPTZ": pl.lit(now()),
    }
    null = pl.lit(None)
    columns = {
        c.name: filler.get(c.type, null) if c.required or c.type == "DOUBLE" else null
        for c in spec.columns
    } | given
    return pl.select(**columns, _=number).drop("_").cast(spec.schema)


def now() -> datetime:
    """The present, to the second."""
    return datetime.now(tz=UTC).replace(microsecond=0)


def fill(store: FileStore) -> None:
    """The database of the module's docstring."""
    n = pl.int_range(SYMBOLS * MINUTES)
    symbol = pl.format("SYM{}", pl.int_range(SYMBOLS))
    opened = pl.lit(now().replace(second=0) - timedelta(minutes=MINUTES)) + pl.duration(
        minutes=n // SYMBOLS
    )
    store.merge(
        table("hyperliquid_candles"),
        filled(
            table("hyperliquid_candles"),
            SYMBOLS * MINUTES,
            symbol=pl.format("SYM{}", n % SYMBOLS),
            interval=pl.lit("1m"),
            open_at=opened,
            close_at=opened + pl.duration(minutes=1),
            is_closed=pl.lit(value=True),
        ),
    )
    for name in (
        "hyperliquid_assets",
        "hyperliquid_asset_contexts",
        "hyperliquid_funding_rates",
        *FEATURES,
    ):
        spec = table(name)
        given = {"symbol": symbol}
        if "interval" in spec.key:
            given["interval"] = pl.lit("1m")
        store.merge(spec, filled(spec, SYMBOLS, **given))
    m = pl.int_range(MARKETS)
    store.merge(
        table("polymarket_markets"),
        filled(
            table("polymarket_markets"),
            MARKETS,
            condition_id=pl.format("0x{}", m),
            question=pl.format("Will SYM{} be above {} on the last day of the year?", m % 500, m),
            slug=pl.format("will-sym{}-be-above-{}-on-the-last-day-of-the-year", m % 500, m),
            closed=m % 3 == 0,
        ),
    )
    store.merge(
        table("polymarket_market_asset_links"),
        filled(
            table("polymarket_market_asset_links"),
            LINKED,
            condition_id=pl.format("0x{}", pl.int_range(LINKED)),
            symbol=pl.format("SYM{}", 7 * (pl.int_range(LINKED) % 40)),
        ),
    )
    flush(store, 0)
    store.publish(force=True)


def flush(store: FileStore, turn: int) -> float:
    """What a stream brings: mids and the running candle of all symbols; milliseconds of waiting."""
    at = now()
    symbol = pl.format("SYM{}", pl.int_range(SYMBOLS))
    mids = filled(
        table("hyperliquid_mid_prices"),
        SYMBOLS,
        symbol=symbol,
        bucket_at=pl.lit(at.replace(second=at.second // 5 * 5)),
    )
    minute = at.replace(second=0)
    candles = filled(
        table("hyperliquid_candles"),
        SYMBOLS,
        symbol=symbol,
        interval=pl.lit("1m"),
        open_at=pl.lit(minute),
        close_at=pl.lit(minute + timedelta(minutes=1)),
        trades=pl.lit(turn + 1),
    )
    waited = store.merge(table("hyperliquid_mid_prices"), mids).lock_wait_ms
    return max(waited, store.merge(table("hyperliquid_candles"), candles).lock_wait_ms)


class Writer:
    """Flushes once a second and publishes at the pace, until it is told to stop."""

    def __init__(self, store: FileStore) -> None:
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._flushes: list[float] = []
        self._waits: list[float] = []
        self._published = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def taken(self) -> Writes:
        """What was measured since the last time."""
        flushes, waits, published = self._flushes, self._waits, self._published
        self._flushes, self._waits, self._published = [], [], 0
        return Writes(statistics.median(flushes or [0]), statistics.median(waits or [0]), published)

    def _write(self) -> None:
        turn = 1
        while not self._stop.wait(1):
            started = time.perf_counter()
            waited = flush(self._store, turn)
            self._flushes.append((time.perf_counter() - started) * 1e3)
            self._waits.append(waited)
            self._published += self._store.publish().is_published
            turn += 1


@dataclass
class Load:
    """Two hundred clients, one after another through some paths, each as fast as it is answered."""

    url: str
    server: psutil.Process
    writer: Writer

    def run(self, name: str, paths: Sequence[str], *, tag: str = "") -> Measured:
        """One run; with a tag, clients say that they have that answer."""
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(SCRIPT % (", ".join(map(json.dumps, paths)), tag.replace('"', '\\"')))
            script.flush()
            self.writer.taken()
            before = self._cpu_s()
            command = [
                "wrk",
                "-t2",
                f"-c{CLIENTS}",
                f"-d{SECONDS}s",
                "--timeout",
                "10s",
                "-s",
                script.name,
                self.url,
            ]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
        return Measured(
            name=name,
            per_second=found["requests"] / found["seconds"],
            p50_ms=found["p50"],
            p99_ms=found["p99"],
            errors=found["errors"],
            cpu_ms=(self._cpu_s() - before) * 1e3 / max(1, found["requests"]),
            writes=self.writer.taken(),
        )

    def _cpu_s(self) -> float:
        times = self.server.cpu_times()
        return float(times.user + times.system)


def runs(load: Load) -> Iterator[Measured]:
    """Every run of the report but the last."""
    latest = [f"/api/v1/assets/SYM{n}/latest" for n in range(0, SYMBOLS, 7)]
    candles = [f"/api/v1/assets/SYM{n}/candles?limit=100" for n in range(0, SYMBOLS, 7)]
    search = [f"/api/v1/polymarket/markets/search?q=sym{n}" for n in range(0, SYMBOLS, 7)]
    mix = [
        path
        for n in range(20)
        for path in (*latest[n * 3 : n * 3 + 7], *candles[n * 2 : n * 2 + 2], search[n])
    ]
    yield load.run("`latest`", latest)
    yield load.run("`candles`, 100 of them", candles)
    yield load.run("market search in 20,000", search)
    yield load.run("`assets`, all 500", ["/api/v1/assets"])
    yield load.run("mix: 7 `latest`, 2 `candles`, 1 search", mix)


def serve(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """The API as its users start it, and where it says that it listens."""
    env = {**os.environ, "MARKET_DB": str(folder / "market.duckdb"), "MARKET_API_TOKEN": ""}
    command = [sys.executable, "-m", "market_assets.cli.main", "api", "--port", "0"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().split("/openapi.json")[0]


def report(folder: Path) -> Iterator[str]:
    """Run everything in the folder; the lines of the report."""
    store = FileStore(folder / "market.duckdb", publish_bytes_per_second=PUBLISH_BYTES_PER_SECOND)
    fill(store)
    size = store.paths.published.stat().st_size / 1e6
    process, url = serve(folder)
    try:
        httpx.get(f"{url}/api/v1/assets/SYM1/latest", timeout=30).raise_for_status()
        yield f"{CLIENTS} clients, {SECONDS} s each, a published file of {size:.0f} MB."
        yield ""
        yield "| route | answers a second | p50 | p99 | errors | CPU | flush | waited | published |"
        yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
        server = psutil.Process(process.pid)
        with Writer(store) as writer:
            time.sleep(5)
            yield f"| nobody asks | | | | | | {writer.taken().flush_ms:.0f} ms | | |"
            for measured in runs(Load(url, server, writer)):
                yield measured.row()
        paths = [f"/api/v1/assets/SYM{n}/latest" for n in range(0, SYMBOLS, 7)]
        tag = httpx.get(url + paths[0], timeout=30).headers["etag"]
        with Writer(FileStore(folder / "elsewhere" / "market.duckdb")) as writer:
            yield (
                Load(url, server, writer)
                .run("`latest`, which the client has", paths, tag=tag)
                .row()
            )
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def main() -> None:
    """Print the report; the files are removed."""
    if shutil.which("wrk") is None:
        print("Not measured: the load comes from wrk, which is not here (apt install wrk).")
        return
    folder = Path(tempfile.mkdtemp(prefix="market-assets-bench-"))
    try:
        for line in report(folder):
            print(line, flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
