"""Holes that the stream has left: filled with what the exchange still has, or closed as lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.ingestion.hyperliquid.gap_healing import THEIRS, Healing, heal, open_gaps
from market_assets.sources.errors import VenueError
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.retry import RetryPolicy
from market_assets.storage.files.store import FileStore
from market_assets.tables import INGESTION_GAPS
from market_assets_tests.simulated import Simulated, simulated
from market_simulator.hyperliquid.limits import Limits

NOW = datetime(2026, 11, 20, 15, 2, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ONCE = RetryPolicy(attempts=1, first_delay=0, longest_delay=0, busy_delay=0)
LONG_AGO = 2 * THEIRS


@pytest.fixture(name="venue", scope="module")
def make_venue() -> Iterator[Simulated]:
    generous = Limits(weight_per_minute=10**6)
    with simulated(main=3, builder=0, spot=1, start=NOW, speed=0, limits=generous) as venue:
        yield venue


class Rig:
    """A ledger, a store and a client at the venue's time."""

    def __init__(self, folder: Path, venue: Simulated) -> None:
        self.clock = ManualClock(datetime.fromtimestamp(venue.now_ms() / 1000, UTC))
        self.file = folder / "market.duckdb"
        self.store = FileStore(self.file, archive=folder / "archive", clock=self.clock)
        self.client = HyperliquidClient(venue.url, retries=ONCE, clock=self.clock)

    def hole(
        self, symbol: str, ago: timedelta, length: timedelta, *, interval: str = "1m", **more: Any
    ) -> datetime:
        """Put a hole on record that began so long ago, on the grid of its candles."""
        step = HOUR if interval == "1h" else MINUTE
        now = self.clock.now()
        begins = now - ago - (now - ago - datetime(2026, 1, 1, tzinfo=UTC)) % step
        row = {
            "source": "hyperliquid",
            "channel": "candles_1h" if interval == "1h" else "candles",
            "symbol": symbol,
            "gap_from_at": begins,
            "gap_to_at": begins + length,
            "cause": "downtime",
            "detected_at": now - LONG_AGO,
            "healed_at": None,
            "healed_rows": None,
            **more,
        }
        self.store.merge(INGESTION_GAPS, pl.DataFrame([row], schema=INGESTION_GAPS.schema))
        return begins

    def heal(self, within: timedelta = HOUR) -> Healing:
        return heal(self.client, self.store, retention={}, within=within, clock=self.clock)

    def ledger(self) -> list[tuple[Any, ...]]:
        return self.store.read(
            "select symbol, healed_at is not null, healed_rows from ingestion_gaps"
            " order by gap_from_at, symbol"
        ).rows()

    def candles(self) -> list[tuple[str, str, datetime]]:
        self.store.publish(force=True)
        with duckdb.connect(str(self.file), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(
                "select symbol, interval, open_at from hyperliquid_candles_all order by all"
            ).fetchall()


@pytest.fixture
def rig(tmp_path: Path, venue: Simulated) -> Iterator[Rig]:
    one = Rig(tmp_path, venue)
    yield one
    one.client.close()


def test_a_hole_is_filled_where_its_candles_stay(rig: Rig) -> None:
    """Of today in the table; of a day that the table does not keep, in the archive."""
    young = rig.hole("BTC", 3 * HOUR, 7 * MINUTE)
    old = rig.hole("ETH", 2 * DAY, 5 * MINUTE)
    hour = rig.hole("BTC", 3 * DAY, 2 * HOUR, interval="1h")
    done = rig.heal()
    assert (done.healed, done.rows, done.lost, done.left) == (3, 14, 0, 0)
    assert rig.candles() == sorted(
        [("BTC", "1m", young + k * MINUTE) for k in range(7)]
        + [("ETH", "1m", old + k * MINUTE) for k in range(5)]
        + [("BTC", "1h", hour + k * HOUR) for k in range(2)]
    )
    live = rig.store.read("select distinct symbol, interval from hyperliquid_candles order by all")
    assert live.rows() == [("BTC", "1h"), ("BTC", "1m")]
    assert rig.ledger() == [("BTC", True, 2), ("ETH", True, 5), ("BTC", True, 7)]
    assert open_gaps(rig.store, rig.clock.now()).is_empty()


def test_what_the_exchange_has_no_longer_is_lost_and_on_record(rig: Rig) -> None:
    rig.hole("BTC", 5 * DAY, 3 * MINUTE)
    asked = rig.client.stats().requests
    done = rig.heal()
    assert (done.healed, done.rows, done.lost) == (0, 0, 1)
    assert rig.client.stats().requests == asked, "it need not be asked"
    assert rig.ledger() == [("BTC", True, 0)]
    assert rig.candles() == []


def test_a_hole_that_is_partly_served_is_filled_as_far(rig: Rig) -> None:
    length = timedelta(minutes=5000)
    rig.hole("BTC", length + 100 * MINUTE, length)
    done = rig.heal()
    assert done.healed == 1
    assert 4800 < done.rows < 5000


def test_the_newest_hole_comes_first_and_the_streams_own_are_left_to_it(rig: Rig) -> None:
    now = rig.clock.now()
    rig.hole("BTC", 4 * HOUR, MINUTE)
    rig.hole("ETH", 3 * HOUR, MINUTE)
    rig.hole("SOL", 2 * HOUR, MINUTE, detected_at=now - THEIRS / 2)
    rig.hole("HYPE", 2 * HOUR, 3 * HOUR)
    rig.hole("BTC", HOUR, MINUTE, source="polymarket")
    rig.hole("BTC", HOUR, MINUTE, channel="mids")
    rig.hole("ETH", HOUR, MINUTE, healed_at=now, healed_rows=1)
    turn = open_gaps(rig.store, now)
    assert turn["symbol"].to_list() == ["ETH", "BTC"]


def test_no_time_leaves_all_to_the_next_round(rig: Rig) -> None:
    rig.hole("BTC", 3 * HOUR, MINUTE)
    done = rig.heal(within=timedelta(0))
    assert (done.left, done.healed) == (1, 0)
    assert rig.ledger() == [("BTC", False, None)]


def test_a_symbol_that_cannot_be_read_costs_itself(rig: Rig) -> None:
    rig.hole("NOSUCH", 2 * HOUR, MINUTE)
    rig.hole("BTC", 3 * HOUR, MINUTE)
    done = rig.heal()
    assert (done.healed, done.left, list(done.failed)) == (1, 1, ["NOSUCH"])
    assert rig.ledger() == [("BTC", True, 1), ("NOSUCH", False, None)]


def test_an_exchange_that_is_away_is_an_error_and_closes_nothing(
    rig: Rig, venue: Simulated
) -> None:
    for number in range(5):
        rig.hole("BTC", (3 + number) * HOUR, MINUTE)
    venue.control(name="http_502", type="candleSnapshot", count=3)
    asked = rig.client.stats().requests
    try:
        with pytest.raises(VenueError, match="502"):
            rig.heal()
    finally:
        venue.clear()
    assert rig.client.stats().requests == asked + 3
    assert [closed for _, closed, _ in rig.ledger()] == [False] * 5


def test_healing_twice_changes_nothing(rig: Rig) -> None:
    rig.hole("BTC", 2 * DAY, 5 * MINUTE)
    rig.heal()
    before, ledger = rig.candles(), rig.ledger()
    assert rig.heal() == Healing()
    assert (rig.candles(), rig.ledger()) == (before, ledger)
