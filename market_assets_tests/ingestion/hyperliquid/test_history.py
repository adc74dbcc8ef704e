"""Candles and payments of the past: what is asked for, where it goes, what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from market_assets.clock import ManualClock, to_ms
from market_assets.ingestion.hyperliquid.candle_history import (
    check_served,
    complete,
    kept,
    listed_symbols,
    oldest_served,
    read_day,
)
from market_assets.ingestion.hyperliquid.funding_history import read_month
from market_assets.ingestion.hyperliquid.past_reading import PastRead
from market_assets.sources.errors import NotServed, VenueError
from market_assets.sources.hyperliquid.client import HyperliquidClient
from market_assets.sources.retry import RetryPolicy
from market_assets.storage.common.errors import NoArchive
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_ASSETS, HYPERLIQUID_CANDLES
from market_assets_tests.simulated import Simulated, simulated
from market_assets_tests.storage.examples import assets
from market_simulator.hyperliquid.limits import Limits

NOW = datetime(2026, 11, 20, 15, 2, 30, tzinfo=UTC)
TODAY = date(2026, 11, 20)
DAY = timedelta(days=1)
ONCE = RetryPolicy(attempts=1, first_delay=0, longest_delay=0, busy_delay=0)


@pytest.fixture(name="venue", scope="module")
def make_venue() -> Iterator[Simulated]:
    generous = Limits(weight_per_minute=10**6)
    with simulated(main=3, builder=0, spot=1, start=NOW, speed=0, limits=generous) as venue:
        yield venue


class Rig:
    """A store, a clock at the venue's time, and a client that does not ask twice."""

    def __init__(self, folder: Path, venue: Simulated, *, archive: bool = True) -> None:
        self.clock = ManualClock(datetime.fromtimestamp(venue.now_ms() / 1000, UTC))
        self.file = folder / "market.duckdb"
        self.store = FileStore(
            self.file, archive=folder / "archive" if archive else None, clock=self.clock
        )
        self.client = HyperliquidClient(venue.url, retries=ONCE, clock=self.clock)
        self.said: list[str] = []

    def run(self) -> IngestionRun:
        return IngestionRun("hyperliquid", "candles_history", "hyperliquid_candles", NOW)

    def read(self, day: date, interval: str, *symbols: str) -> PastRead:
        return read_day(
            self.client,
            self.store,
            day,
            interval,
            symbols=symbols,
            retention={},
            clock=self.clock,
            run=self.run(),
            progress=lambda read: self.said.append(str(read)),
        )

    def everything(self, table: str, order: str) -> list[tuple[object, ...]]:
        self.store.publish(force=True)
        with duckdb.connect(str(self.file), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(
                f"select * from {table}_all order by {order}"  # noqa: S608 - names of the test
            ).fetchall()

    def live(self, table: str) -> int:
        count = f"select count(*) from {table}"  # noqa: S608 - a name of the test
        return int(self.store.read(count).item())


@pytest.fixture
def rig(tmp_path: Path, venue: Simulated) -> Iterator[Rig]:
    one = Rig(tmp_path, venue)
    yield one
    one.client.close()


def test_a_day_past_its_retention_goes_into_the_archive_as_the_venue_has_it(
    rig: Rig, venue: Simulated
) -> None:
    day = TODAY - 2 * DAY
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    read = rig.read(day, "1m", "BTC", "ETH")
    assert (read.symbols, read.done, read.written.inserted) == (2, 2, 2 * 1440)
    assert rig.live("hyperliquid_candles") == 0
    found = rig.everything("hyperliquid_candles", "symbol, open_at")
    assert len(found) == 2 * 1440
    truth = venue.truth("BTC", "1m", to_ms(begins), to_ms(begins + DAY) - 1)
    names = HYPERLIQUID_CANDLES.column_names
    mine = [dict(zip(names, row, strict=True)) for row in found if row[0] == "BTC"]
    assert [to_ms(row["open_at"]) for row in mine] == [one["t"] for one in truth]  # type: ignore[arg-type]
    assert [row["close"] for row in mine] == [float(one["c"]) for one in truth]
    assert {row["is_closed"] for row in mine} == {True}
    assert rig.said[-1].startswith("2 of 2 symbols (100 %)")


def test_a_second_time_only_what_is_missing_is_asked_for(rig: Rig) -> None:
    rig.read(TODAY - 2 * DAY, "1m", "BTC")
    asked = rig.client.stats().requests
    again = rig.read(TODAY - 2 * DAY, "1m", "BTC", "ETH")
    assert again.written.inserted == 1440, "only the other symbol was missing"
    assert rig.client.stats().requests == asked + 1
    assert complete(rig.store, TODAY - 2 * DAY, "1m", until=datetime(2026, 11, 19, tzinfo=UTC)) == {
        "BTC",
        "ETH",
    }


def test_a_day_that_retention_ends_in_is_split(rig: Rig) -> None:
    """Yesterday's 1-minute candles: those of the last 24 hours stay in the table."""
    rig.read(TODAY - DAY, "1m", "BTC")
    cut = NOW - DAY - timedelta(minutes=10)  # a window of 24 hours is to be whole
    assert rig.live("hyperliquid_candles") == 60 * 24 - (cut.hour * 60 + cut.minute + 1)
    assert len(rig.everything("hyperliquid_candles", "open_at")) == 1440


def test_today_up_to_now_and_other_intervals_stay_in_the_table(rig: Rig) -> None:
    assert rig.read(TODAY, "1m", "BTC").written.inserted == 15 * 60 + 2
    assert rig.read(TODAY - 4 * DAY, "15m", "BTC").written.inserted == 96
    assert rig.read(TODAY - 3 * DAY, "1h", "BTC").written.inserted == 24
    assert rig.live("hyperliquid_candles") == 15 * 60 + 2 + 96 + 24


def test_the_oldest_that_is_served_is_the_5000th() -> None:
    assert oldest_served("1m", NOW) == datetime(2026, 11, 17, 3, 43, tzinfo=UTC)
    assert oldest_served("1h", NOW) == datetime(2026, 4, 26, 8, tzinfo=UTC)
    check_served(date(2026, 11, 17), "1m", NOW)
    with pytest.raises(NotServed) as gone:
        check_served(date(2026, 11, 16), "1m", NOW)
    assert "1m candles of 2026-11-16" in str(gone.value)
    assert "from 2026-11-17 03:43 UTC on" in str(gone.value)
    assert "2026-11-18 to 2026-11-20" in str(gone.value)
    with pytest.raises(NotServed, match="2026-11-21 has not begun"):
        check_served(date(2026, 11, 21), "1m", NOW)


def test_a_day_that_is_partly_served_is_read_as_far(rig: Rig) -> None:
    read = rig.read(date(2026, 11, 17), "1m", "BTC")
    assert read.from_at == oldest_served("1m", rig.clock.now())  # type: ignore[attr-defined]
    assert 0 < read.written.inserted <= 1440 - (3 * 60 + 43) + 1


def test_a_symbol_that_cannot_be_read_costs_itself(rig: Rig) -> None:
    run = rig.run()
    read = read_day(
        rig.client,
        rig.store,
        TODAY - 2 * DAY,
        "1h",
        symbols=("BTC", "NOSUCH", "ETH"),
        retention={},
        clock=rig.clock,
        run=run,
    )
    assert (read.done, list(read.failed)) == (2, ["NOSUCH"])
    assert rig.live("hyperliquid_candles") == 48
    assert list(run.left_out) == ["candles of NOSUCH"], "what was left out is on record"


def test_a_venue_that_is_away_is_an_error(rig: Rig, venue: Simulated) -> None:
    venue.control(name="http_502", type="candleSnapshot", count=3)
    asked = rig.client.stats().requests
    try:
        with pytest.raises(VenueError, match="502"):
            rig.read(TODAY - 2 * DAY, "1h", "BTC", "ETH", "SOL", "HYPE")
    finally:
        venue.clear()
    assert rig.client.stats().requests == asked + 3, "the fourth was left for the next run"
    assert rig.live("hyperliquid_candles") == 0


def test_what_was_read_before_the_venue_went_away_is_written(rig: Rig, venue: Simulated) -> None:
    def goes_away(read: PastRead) -> None:
        if read.done == 1:
            venue.control(name="http_502", type="candleSnapshot", count=3)

    try:
        read = read_day(
            rig.client,
            rig.store,
            TODAY - 2 * DAY,
            "1h",
            symbols=("BTC", "ETH", "SOL", "HYPE"),
            retention={},
            clock=rig.clock,
            run=rig.run(),
            progress=goes_away,
        )
    finally:
        venue.clear()
    assert (read.done, list(read.failed)) == (1, ["ETH", "SOL", "HYPE"])
    assert rig.live("hyperliquid_candles") == 24


def test_without_an_archive_old_candles_have_nowhere_to_go(
    tmp_path: Path, venue: Simulated
) -> None:
    rig = Rig(tmp_path, venue, archive=False)
    try:
        with pytest.raises(NoArchive, match="hyperliquid_candles"):
            rig.read(TODAY - 2 * DAY, "1m", "BTC")
    finally:
        rig.client.close()


def test_how_long_candles_are_kept_is_told_by_their_interval() -> None:
    slack = timedelta(minutes=10)
    assert kept("1m", {}) == DAY + slack
    assert kept("1m", {"MARKET_KEEP_CANDLES_1M_HOURS": 3 * DAY}) == 3 * DAY + slack
    assert (kept("1h", {}) or slack) >= 7 * DAY
    assert kept("4h", {}) is None


def test_what_is_listed_is_wanted_perpetuals_first(rig: Rig) -> None:
    is_spot = pl.col("symbol") == "PURR/USDC"
    listed = assets("PURR/USDC", "BTC", "OLD", seen=0).with_columns(
        kind=pl.when(is_spot).then(pl.lit("spot")).otherwise(pl.lit("perp")),
        is_delisted=pl.col("symbol") == "OLD",
    )
    rig.store.merge(HYPERLIQUID_ASSETS, listed)
    assert listed_symbols(rig.store) == ["BTC", "PURR/USDC"]
    assert listed_symbols(rig.store, perps_only=True) == ["BTC"]


def test_payments_of_a_month(rig: Rig) -> None:
    """Of this month up to now, in the table; of one past its retention, in the archive."""
    for month, table_rows in ((date(2026, 11, 1), True), (date(2026, 7, 1), False)):
        before = rig.live("hyperliquid_funding_rates")
        read = read_month(
            rig.client,
            rig.store,
            month,
            symbols=("BTC",),
            retention={},
            clock=rig.clock,
            run=rig.run(),
        )
        assert read.done == 1
        assert read.written.inserted >= 1
        assert (rig.live("hyperliquid_funding_rates") > before) is table_rows
    found = rig.everything("hyperliquid_funding_rates", "funding_at")
    hours = {row[1].strftime("%Y-%m") for row in found}  # type: ignore[attr-defined]
    assert {"2026-07", "2026-11"} <= hours
    with pytest.raises(NotServed, match="December 2026 has not begun"):
        read_month(
            rig.client,
            rig.store,
            date(2026, 12, 1),
            symbols=("BTC",),
            retention={},
            clock=rig.clock,
            run=rig.run(),
        )
