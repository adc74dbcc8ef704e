"""Auditing against the simulated exchange: whose turn it is, and what is put right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.clock import ManualClock, from_ms
from market_assets.ingestion.hyperliquid.candle_audit import EVERY, audit_candles, due
from market_assets.sources.errors import VenueError
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.hyperliquid.model import Candle
from market_assets.sources.retry import RetryPolicy
from market_assets.storage.common.changes import Delete, Merge
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_CANDLES
from market_assets_tests.simulated import Simulated, simulated
from market_simulator.hyperliquid.limits import Limits

NOW = datetime(2026, 11, 20, 15, 2, 30, tzinfo=UTC)
ONCE = RetryPolicy(attempts=1, first_delay=0, longest_delay=0, busy_delay=0)
LONG = timedelta(hours=1)


@pytest.fixture(name="venue", scope="module")
def make_venue() -> Iterator[Simulated]:
    generous = Limits(weight_per_minute=10**6)
    with simulated(main=3, builder=0, spot=1, start=NOW, speed=0, limits=generous) as venue:
        yield venue


class Cutting(HyperliquidClient):
    """Tells an hour as an exchange does that was started anew within it: from there on."""

    def candles(self, symbol: str, interval: str, start: datetime, end: datetime) -> list[Candle]:
        found = super().candles(symbol, interval, start, end)
        if interval != "1h":
            return found
        whole = found[-3]
        opened = from_ms(whole.open_ms)
        late = (opened + timedelta(minutes=40), opened + timedelta(hours=1))
        minutes = super().candles(symbol, "1m", *late)
        found[-3] = whole._replace(
            open=minutes[0].open,
            high=max(one.high for one in minutes),
            low=min(one.low for one in minutes),
            volume=sum(one.volume for one in minutes),
            trades=sum(one.trades for one in minutes),
        )
        return found


class Rig:
    """A store that holds what the exchange has of BTC and ETH, and a client."""

    def __init__(self, folder: Path, venue: Simulated) -> None:
        self.clock = ManualClock(datetime.fromtimestamp(venue.now_ms() / 1000, UTC))
        self.store = FileStore(folder / "market.duckdb", clock=self.clock)
        self.client = HyperliquidClient(venue.url, retries=ONCE, clock=self.clock)
        now = self.clock.now()
        for symbol in ("BTC", "ETH"):
            for interval, span in (("1m", timedelta(hours=24)), ("1h", timedelta(days=7))):
                found = self.client.candles(symbol, interval, now - span, now)
                self.store.merge(HYPERLIQUID_CANDLES, frames.candles(found, "rest", now))

    def spoil(self, interval: str, number: int, **figures: float) -> datetime:
        """Change a candle of BTC's; which one is told by how many follow it."""
        open_at: datetime = self.store.read(
            "select open_at from hyperliquid_candles where symbol = 'BTC' and interval = ?"
            " order by open_at desc",
            [interval],
        )["open_at"][number]
        where = "symbol = 'BTC' and interval = ? and open_at = ?"
        row = self.store.read(
            f"select * from hyperliquid_candles where {where}",  # noqa: S608 - the test's own
            [interval, open_at],
        ).with_columns(**{name: pl.lit(value) for name, value in figures.items()})
        row = row.cast(HYPERLIQUID_CANDLES.schema)  # type: ignore[arg-type]
        self.store.write(
            Delete(HYPERLIQUID_CANDLES, where, [interval, open_at]), Merge(HYPERLIQUID_CANDLES, row)
        )
        return open_at

    def audits(self) -> dict[tuple[str, str], tuple[int, ...]]:
        found = self.store.read(
            "select symbol, interval, compared, mismatches, replaced, exchange_wrong"
            " from hyperliquid_candle_audits"
        )
        return {(row[0], row[1]): row[2:] for row in found.rows()}

    def audit(self, *symbols: str, within: timedelta = LONG):  # type: ignore[no-untyped-def] # noqa: ANN201
        return audit_candles(self.client, self.store, symbols, within=within, clock=self.clock)


@pytest.fixture
def rig(tmp_path: Path, venue: Simulated) -> Iterator[Rig]:
    one = Rig(tmp_path, venue)
    yield one
    one.client.close()


def test_what_the_exchange_has_is_right(rig: Rig) -> None:
    rig.audit("BTC")
    found = rig.audits()
    assert found["BTC", "1m"][1:] == (0, 0, 0)
    assert found["BTC", "1h"][1:] == (0, 0, 0)
    assert found["BTC", "1m"][0] > 22 * 60
    assert found["BTC", "1h"][0] > 5 * 24


def test_a_wrong_candle_becomes_the_exchanges_also_with_fewer_trades(rig: Rig) -> None:
    before = rig.store.read("select * exclude (ingested_at) from hyperliquid_candles order by all")
    rig.spoil("1m", 30, high=1e9)
    rig.spoil("1m", 40, trades=10**6, volume=1e9)
    rig.spoil("1h", 20, close=1.0, trades=10**7)
    rig.store.write(
        Delete(
            HYPERLIQUID_CANDLES,
            "symbol = 'BTC' and interval = '1m' and open_at = ?",
            [rig.clock.now().replace(second=0) - timedelta(hours=2)],
        )
    )
    done = rig.audit("BTC", "ETH")
    assert rig.audits()["BTC", "1m"][1:] == (3, 3, 0)
    assert rig.audits()["BTC", "1h"][1:] == (1, 1, 0)
    assert rig.audits()["ETH", "1m"][1:] == (0, 0, 0)
    assert max(one.worst_bps or 0 for one in done.audits) > 1e4
    after = rig.store.read("select * exclude (ingested_at) from hyperliquid_candles order by all")
    assert after.equals(before)


def test_an_hour_that_its_minutes_bear_out_stays_ours(rig: Rig, venue: Simulated) -> None:
    """The exchange's hour has lost its first part; its minutes have not."""
    with closing(Cutting(venue.url, retries=ONCE, clock=rig.clock)) as cutting:
        rig.client, client = cutting, rig.client
        rig.audit("BTC")
        rig.client = client
    assert rig.audits()["BTC", "1h"][1:] == (1, 0, 1)


def test_the_longest_waiting_comes_first_and_nobody_twice_a_day(rig: Rig) -> None:
    assert due(rig.store, rig.clock.now()) == ["BTC", "ETH"]
    rig.audit("BTC")
    assert due(rig.store, rig.clock.now()) == ["ETH"]
    rig.clock.advance(EVERY.total_seconds() / 2)
    rig.audit("ETH")
    assert due(rig.store, rig.clock.now()) == []
    rig.clock.advance(EVERY.total_seconds() / 2 + 1)
    assert due(rig.store, rig.clock.now()) == ["BTC"]


def test_no_time_leaves_all_to_the_next_round(rig: Rig) -> None:
    done = rig.audit("BTC", "ETH", within=timedelta(0))
    assert (done.left, done.audits) == (2, [])


def test_an_exchange_that_is_away_is_an_error_and_a_symbol_costs_itself(
    rig: Rig, venue: Simulated
) -> None:
    done = rig.audit("NOSUCH", "BTC")
    assert list(done.failed) == ["NOSUCH"]
    assert len(done.audits) == 2
    venue.control(name="http_502", type="candleSnapshot", count=3)
    try:
        with pytest.raises(VenueError, match="502"):
            rig.audit("BTC", "ETH", "SOL", "HYPE")
    finally:
        venue.clear()
