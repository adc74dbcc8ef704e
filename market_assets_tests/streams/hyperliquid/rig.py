"""A simulated venue, a database and sessions around them, and what must hold of all afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.lease import Lease
from market_assets_tests.simulated import Simulated, simulated
from market_assets_tests.waiting import until
from market_simulator.hyperliquid.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE = 60_000
BUCKET = 5_000
PATIENCE_S = 90.0
HOUR_PATIENCE_S = 150.0
"""An hour of the venue, at the speed of these tests, and something to spare."""


@dataclass
class Process:
    """A session in a process."""

    popen: subprocess.Popen[str]
    stderr: Path

    def kill(self) -> None:
        """As the power cut does."""
        self.popen.send_signal(signal.SIGKILL)
        self.popen.communicate(timeout=20)

    def end(self) -> dict[str, Any]:
        """Ask it to stop; what it says of its end."""
        self.popen.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self, patience: float = PATIENCE_S) -> dict[str, Any]:
        """What it says of its end, once it has come."""
        out, _ = self.popen.communicate(timeout=patience)
        assert out.strip(), self.stderr.read_text()[-3000:]
        return json.loads(out.splitlines()[-1])

    @property
    def is_running(self) -> bool:
        return self.popen.poll() is None


@dataclass
class Rig:
    """A venue, a folder with a database, and the processes that stream into it."""

    venue: Simulated
    folder: Path
    speed: float
    symbols: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = FileStore(self.folder / "market.duckdb")
        self.spool = Spool(self.store.paths.folder / "spool", limit_bytes=10**9)
        self.lease = Lease(self.store.paths.folder)
        self.began_ms = self.venue.now_ms() // MINUTE * MINUTE

    def said(self, **options: Any) -> dict[str, Any]:
        """What a session is told."""
        return {
            "db": str(self.folder / "market.duckdb"),
            "url": self.venue.url,
            "ws_url": self.venue.ws_url,
            "speed": self.speed,
            "acks": str(self.folder / "acks"),
            "policy": self.policy,
            "options": {"restrict": list(self.symbols), **self.options, **options},
        }

    def start(self, **options: Any) -> Process:
        """Start a session as a process; returns at once."""
        stderr = self.folder / f"stderr{len(self.processes)}"
        with stderr.open("w") as errors:
            popen = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "market_assets_tests.streams.hyperliquid.process",
                    json.dumps(self.said(**options)),
                ],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.processes.append(Process(popen, stderr))
        return self.processes[-1]

    def acknowledged(self) -> list[list[Any]]:
        """[table, key…, version…] of every row that a spool has acknowledged."""
        path = self.folder / "acks"
        if not path.exists():
            return []
        lines = path.read_text().splitlines()
        return [json.loads(line) for line in lines if line.endswith("]")]

    def closed_through(self) -> int:
        """The last minute of which every symbol has a closed candle, since the rig began."""
        have = self.store.read(
            "select epoch_ms(open_at) as ms from hyperliquid_candles"
            " where interval = '1m' and is_closed and open_at >= make_timestamptz(? * 1000)"
            " group by open_at having count(*) = ? order by ms",
            [self.began_ms, len(self.symbols)],
        )["ms"].to_list()
        last = self.began_ms - MINUTE
        for at in have:
            if at != last + MINUTE:
                break
            last = at
        return last

    def wait_true(self, through_ms: int) -> None:
        """Until every candle is the true one.

        That is at once, but for a bar that was closed without its last trades: at this speed the
        two minutes that are read again after a kill are seconds, and a busy machine may be further
        behind. It is mended within the hour, when the last hour of each symbol is read again.
        """
        until(lambda: not self.wrong_candles(through_ms), "the true candles", HOUR_PATIENCE_S)

    def wait_complete(self, through_ms: int, patience: float = PATIENCE_S) -> None:
        """Until every minute through that one is closed for every symbol."""
        until(
            lambda: self.closed_through() >= through_ms,
            f"closed candles through {(through_ms - self.began_ms) // MINUTE} min;"
            f" {self._missing()}",
            patience,
        )

    def check(self, through_ms: int) -> None:
        """Nothing acknowledged is lost, nothing is doubled, and the candles are the true ones."""
        self.spool.drain(self.store)
        for table, key in (
            ("hyperliquid_candles", "symbol, interval, open_at"),
            ("hyperliquid_mid_prices", "symbol, bucket_at"),
            ("ingestion_gaps", "source, channel, symbol, gap_from_at"),
        ):
            query = f"select {key} from {table} group by all having count(*) > 1"  # noqa: S608 - ours
            doubled = self.store.read(query)
            assert doubled.is_empty(), doubled
        self._check_acknowledged()
        self.check_candles(through_ms)

    def check_candles(self, through_ms: int) -> None:
        """The candles are the true ones."""
        wrong = self.wrong_candles(through_ms)
        assert not wrong, wrong

    def wrong_candles(self, through_ms: int) -> list[tuple[object, ...]]:
        """Candles that are not the true ones: symbol, what is stored, what is true."""
        wrong: list[tuple[object, ...]] = []
        for symbol in self.symbols:
            rows = self.store.read(
                "select epoch_ms(open_at), open, high, low, close, volume, trades, is_closed"
                " from hyperliquid_candles where symbol = ? and interval = '1m'"
                " and open_at >= make_timestamptz(? * 1000)"
                " and open_at <= make_timestamptz(? * 1000) order by 1",
                [symbol, self.began_ms, through_ms],
            ).rows()
            truth = self.truth(symbol, through_ms)
            pairs = zip(rows, truth, strict=True)
            wrong += [(symbol, row, true) for row, true in pairs if row != true]
        return wrong

    def truth(self, symbol: str, through_ms: int) -> list[tuple[Any, ...]]:
        """The true candles of a symbol since the rig began."""
        return [
            (c["t"], *(float(c[k]) for k in "ohlcv"), c["n"], True)
            for c in self.venue.truth(symbol, "1m", self.began_ms, through_ms)
        ]

    def now_minute(self) -> int:
        """The venue's present minute."""
        return self.venue.now_ms() // MINUTE * MINUTE

    def state(self) -> dict[str, Any]:
        """What the session last said of itself."""
        path = self.store.paths.folder / "stream.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _check_acknowledged(self) -> None:
        have = {}
        for symbol, interval, at, *version in self.store.read(
            "select symbol, interval, open_at, trades, is_closed, ingested_at"
            " from hyperliquid_candles"
        ).iter_rows():
            have["hyperliquid_candles", symbol, interval, str(at)] = [*version[:2], str(version[2])]
        for symbol, at, ingested_at in self.store.read(
            "select symbol, bucket_at, ingested_at from hyperliquid_mid_prices"
        ).iter_rows():
            have["hyperliquid_mid_prices", symbol, str(at)] = [str(ingested_at)]
        lengths = {"hyperliquid_candles": 4, "hyperliquid_mid_prices": 3}
        for row in self.acknowledged():
            if row[0] not in lengths:
                continue
            key, version = tuple(row[: lengths[row[0]]]), row[lengths[row[0]] :]
            assert key in have, f"lost: {row}"
            assert have[key] >= version, f"{key} is {have[key]}, {version} was acknowledged"

    def _missing(self) -> str:
        spent = self.state().get("healing")
        return f"healing {spent}"


@contextmanager
def rig(
    folder: Path,
    *,
    speed: float = 20.0,
    symbols: tuple[str, ...] = ("BTC", "ETH", "PURR/USDC", "@107"),
    rate: float = 1.0,
    policy: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[Rig]:
    """A rig; what still runs at the end is killed."""
    quick = {
        "flush_interval": 5.0,
        "keep_minutes": 4 * 3600.0,
        "keep_hours": 8 * 3600.0,
        "reread_weight": 0.0,
        "poll": 0.02,
        **options,
    }
    limits = Limits(
        weight_per_minute=10**9,
        connects_per_minute=10**6,
        messages_per_minute=10**6,
        connections=100,
    )
    with simulated(
        main=6, builder=2, spot=4, rate=rate, process=True, limits=limits, speed=speed
    ) as venue:
        made = Rig(venue, folder, speed, symbols, quick, policy or {})
        try:
            yield made
        finally:
            for process in made.processes:
                if process.is_running:
                    process.kill()
