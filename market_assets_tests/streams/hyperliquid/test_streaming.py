"""From the socket to the disk: what fails there costs itself, and nothing that was received."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.clock import SystemClock
from market_assets.sources.errors import VenueUnavailable
from market_assets.storage.common.segments import Content
from market_assets.storage.common.spool import Spool
from market_assets.storage.files.store import FileStore
from market_assets.streams.core.sound_rows import sift
from market_assets.streams.core.streaming import Streaming
from market_assets.streams.core.venue_clock import VenueClock
from market_assets.streams.hyperliquid.flow import HyperliquidFlow
from market_assets.streams.hyperliquid.mids import MidBatch, MidBuckets
from market_assets.streams.hyperliquid.options import HyperliquidOptions
from market_assets.streams.hyperliquid.recorder import Batch, Recorder
from market_assets.tables import HYPERLIQUID_MID_PRICES
from market_assets_tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Failing(Spool):
    """A spool that fails for one table in a way that nobody has thought of."""

    fails: str = ""

    def append_together(self, contents: Sequence[Content]) -> Path:
        if self.fails in {one.table.name for one in contents}:
            raise ZeroDivisionError("nobody has thought of it")
        return super().append_together(contents)


class Bench:
    """The streaming half of a session, with a feed that does what it is told."""

    def __init__(self, folder: Path, heard: Callable[[Recorder], None]) -> None:
        self.store = FileStore(folder / "market.duckdb")
        self.spool = Failing(self.store.paths.folder / "spool", limit_bytes=10**8)
        self.clock = VenueClock(SystemClock())
        self.heard = heard
        options = HyperliquidOptions(poll=timedelta(seconds=0.01))
        parts: dict[str, Any] = {
            "client_for": lambda *_: SimpleNamespace(universe=self.no_lists),
            "feed": lambda *_: SimpleNamespace(run=self.run, want=lambda **_: None),
        }
        self.streaming = Streaming(
            flow=lambda: self.flow,
            spool=self.spool,
            clock=self.clock,
            options=options,
            on_flushed=lambda: None,
        )
        self.flow = HyperliquidFlow(
            self.clock,
            self.streaming.call,
            options=options,
            store=self.store,
            spool=self.spool,
            **parts,
        )
        self.recorder = self.flow._recorder
        self.recorder.keep(mids=["A", "B"], candles=[], known=["A", "B"], cause="fresh")

    async def run(self) -> None:
        self.heard(self.recorder)
        await asyncio.sleep(3600)

    def no_lists(self) -> None:
        raise VenueUnavailable("hyperliquid", "away")

    def stored(self) -> list[str]:
        """The symbols that have a mid."""
        self.spool.drain(self.store)
        return self.store.read("select distinct symbol from hyperliquid_mid_prices order by 1")[
            "symbol"
        ].to_list()


def mids(**prices: float) -> pl.DataFrame:
    buckets = MidBuckets()
    buckets.add(prices, NOW)
    return buckets.take().frame


def batch(bench: Bench, frame: pl.DataFrame) -> Batch:
    return Batch(MidBatch(frame), bench.recorder.take().candles)


def test_a_row_that_the_table_does_not_take_costs_itself(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda _: None)
    assert bench.streaming._append(batch(bench, mids(A=1.0, B=math.nan, C=2.0))) is None
    assert bench.stored() == ["A", "C"]
    assert list(bench.streaming.rejected) == ["B"]
    assert "NaN" in bench.streaming.rejected["B"]


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_every_sound_row_is_kept_and_every_other_is_named(sound: list[bool]) -> None:
    prices = {f"S{n:02}": 1.0 if good else math.nan for n, good in enumerate(sound)}
    kept, refused = sift(HYPERLIQUID_MID_PRICES, mids(**prices).sort("symbol"))
    assert kept["symbol"].to_list() == [name for name, price in prices.items() if price == 1.0]
    assert set(refused) == prices.keys() - set(kept["symbol"])


def test_what_fails_in_an_unknown_way_stays_in_memory(tmp_path: Path) -> None:
    """It is said, the rows are written once it works, and the stream goes on."""

    def hear(recorder: Recorder) -> None:
        recorder.mids("", {"A": 1.0}, datetime.now(UTC))
        recorder._release_mids()

    bench = Bench(tmp_path, hear)
    bench.spool.fails = HYPERLIQUID_MID_PRICES.name
    bench.streaming.start(subscriptions=10)
    until(lambda: bench.streaming.disk_error, "an error")
    assert "ZeroDivisionError" in (bench.streaming.disk_error or "")
    bench.spool.fails = ""
    assert bench.streaming.stop(wait=20)
    assert bench.streaming.failure is None
    assert bench.stored() == ["A"]


@pytest.mark.parametrize("fails", ["the feed", "the judgement of the last minutes"])
def test_what_was_received_is_on_disk_whatever_ends_the_stream(
    tmp_path: Path, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hear(recorder: Recorder) -> None:
        recorder.mids("", {"A": 1.0}, datetime.now(UTC))
        recorder._release_mids()
        if fails == "the feed":
            raise RuntimeError("a fault of the program")

    bench = Bench(tmp_path, hear)
    if fails != "the feed":
        monkeypatch.setattr(bench.recorder, "tick", lambda: 1 / 0)
    bench.streaming.start(subscriptions=10)
    until(lambda: bench.streaming.is_over or bench.recorder.waiting, "the mid")
    bench.streaming.stop(wait=20)
    assert bench.streaming.is_over
    assert bench.stored() == ["A"]
