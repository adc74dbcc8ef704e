"""A round of upkeep on a real database: which hours are rolled up, and what is deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.operations.maintenance.upkeep import Upkeep, keep_up
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_CANDLES, HYPERLIQUID_MID_PRICES, INGESTION_GAPS

NOW = datetime(2026, 11, 20, 12, 10, tzinfo=UTC)
HOUR = datetime(2026, 11, 20, 11, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def put(
    store: FileStore,
    minutes: range,
    *,
    start: datetime = HOUR,
    symbol: str = "BTC",
    interval: str = "1m",
    **changes: object,
) -> None:
    length = MINUTE if interval == "1m" else 60 * MINUTE
    rows = [
        {
            "symbol": symbol,
            "interval": interval,
            "open_at": start + n * length,
            "close_at": start + (n + 1) * length,
            "open": 10.0,
            "high": 11.0,
            "low": 9.0,
            "close": 10.5,
            "volume": 1.0,
            "trades": 1,
            "is_closed": True,
            "source": "stream",
            "ingested_at": NOW - MINUTE,
        }
        | changes
        for n in minutes
    ]
    store.merge(HYPERLIQUID_CANDLES, pl.DataFrame(rows, schema=HYPERLIQUID_CANDLES.schema))


def upkeep(store: FileStore, now: datetime = NOW, **kwargs: object) -> Upkeep:
    return keep_up(store, retention={}, now=now, **kwargs)  # type: ignore[arg-type]


def hours(store: FileStore) -> list[tuple[object, ...]]:
    return store.read(
        "select open_at, trades, is_closed, source from hyperliquid_candles"
        " where interval = '1h' order by open_at"
    ).rows()


def test_a_whole_hour_and_the_forming_one_are_rolled_up(store: FileStore) -> None:
    put(store, range(70))
    assert upkeep(store).rolled_up == 2
    later = HOUR + timedelta(hours=1)
    assert hours(store) == [(HOUR, 60, True, "rollup"), (later, 10, False, "rollup")]


def test_an_hour_that_is_done_is_not_done_again(store: FileStore) -> None:
    put(store, range(60))
    assert upkeep(store).rolled_up == 1
    again = upkeep(store, NOW + MINUTE)
    assert (again.rolled_up, again.rollup) == (0, None)


def test_the_forming_hour_follows_its_minutes(store: FileStore) -> None:
    put(store, range(10))
    upkeep(store)
    put(store, range(10, 12), ingested_at=NOW + MINUTE)
    assert upkeep(store, NOW + 2 * MINUTE).rolled_up == 1
    assert hours(store) == [(HOUR, 12, False, "rollup")]


def test_a_quiet_hour_closes_though_no_trade_was_added(store: FileStore) -> None:
    put(store, range(30))
    upkeep(store)
    put(store, range(30, 60), trades=0, volume=0.0, ingested_at=NOW + MINUTE)
    upkeep(store, NOW + 2 * MINUTE)
    assert hours(store) == [(HOUR, 30, True, "rollup")]


def test_a_corrected_minute_corrects_its_hour(store: FileStore) -> None:
    put(store, range(60))
    upkeep(store)
    put(store, range(7, 8), trades=5, volume=2.0, source="rest", ingested_at=NOW)
    assert upkeep(store, NOW + MINUTE).rolled_up == 1
    assert hours(store) == [(HOUR, 64, True, "rollup")]


@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize("received", [timedelta(seconds=5), -timedelta(seconds=5)])
def test_a_correction_with_as_many_trades_corrects_its_hour(
    store: FileStore, received: timedelta, *, is_closed: bool
) -> None:
    """REST may replace a minute's price by another, and it may be drained long after it came.

    What is right is not made again.
    """
    put(store, range(60 if is_closed else 10))
    upkeep(store)
    put(store, range(7, 8), high=99.0, source="rest", ingested_at=NOW + received)
    assert upkeep(store, NOW + MINUTE).rolled_up == 1
    high = store.read("select high, is_closed from hyperliquid_candles where interval = '1h'")
    assert high.rows() == [(99.0, is_closed)]
    assert upkeep(store, NOW + 2 * MINUTE).rollup is None


def test_a_fuller_hour_from_rest_is_not_asked_for_again_and_again(store: FileStore) -> None:
    """All its minutes are there and newer, and it stays: they have fewer trades."""
    put(store, range(1), interval="1h", trades=100, source="rest")
    put(store, range(60), ingested_at=NOW)
    assert upkeep(store).rollup is None


def test_an_hour_from_rest_is_left_where_our_minutes_have_a_hole(store: FileStore) -> None:
    put(store, range(1), interval="1h", trades=100, source="rest")
    put(store, range(30))
    assert upkeep(store).rolled_up == 0
    assert hours(store) == [(HOUR, 100, True, "rest")]


def test_rows_past_their_retention_go_and_others_stay(store: FileStore) -> None:
    put(store, range(1), start=NOW - timedelta(hours=24, minutes=11))
    put(store, range(1), start=NOW - timedelta(hours=24, minutes=9))
    put(store, range(2), start=NOW - timedelta(days=7, hours=1), interval="1h")
    mids = [
        {
            "symbol": "BTC",
            "bucket_at": NOW - age,
            "mid": 1.0,
            "samples": 1,
            "ingested_at": NOW,
        }
        for age in (timedelta(minutes=31), timedelta(minutes=29))
    ]
    frame = pl.DataFrame(mids, schema=HYPERLIQUID_MID_PRICES.schema)
    store.merge(HYPERLIQUID_MID_PRICES, frame)
    done = upkeep(store)
    assert done.deleted == {"hyperliquid_candles": 2, "hyperliquid_mid_prices": 1}
    left = store.read("select interval, count(*) from hyperliquid_candles group by 1 order by 1")
    assert left.rows() == [("1h", 1), ("1m", 1)]


def test_a_gap_in_trades_is_forgotten_only_once_it_is_filled(store: FileStore) -> None:
    """The venue gives trades of years; the exchange gives no candles of a week ago."""
    found = NOW - timedelta(days=8)
    rows = [
        {
            "source": source,
            "channel": "any",
            "symbol": symbol,
            "gap_from_at": found - MINUTE,
            "gap_to_at": found,
            "cause": "any",
            "detected_at": found,
            "healed_at": healed_at,
        }
        for source in ("hyperliquid", "polymarket")
        for symbol, healed_at in (("open", None), ("healed", found))
    ]
    store.merge(INGESTION_GAPS, pl.DataFrame(rows, schema=INGESTION_GAPS.schema))
    upkeep(store)
    assert store.read("select source, symbol from ingestion_gaps").rows() == [
        ("polymarket", "open")
    ]


def test_a_setting_changes_the_retention(store: FileStore) -> None:
    put(store, range(1), start=NOW - timedelta(hours=2))
    put(store, range(1), start=NOW - timedelta(hours=1, minutes=9))
    kept = keep_up(store, retention={"MARKET_KEEP_CANDLES_1M_HOURS": timedelta(hours=1)}, now=NOW)
    assert kept.deleted == {"hyperliquid_candles": 1}


def test_the_rolled_up_rows_are_counted_with_their_run(store: FileStore) -> None:
    put(store, range(60))
    run = IngestionRun("hyperliquid", "maintenance", "hyperliquid_candles", NOW)
    upkeep(store, run=run)
    (row,) = store.read("select status, rows_written from ingestion_runs").rows()
    assert row == ("ok", 1)


def test_an_empty_database_needs_nothing(store: FileStore) -> None:
    assert upkeep(store) == Upkeep(0, {}, None)


def test_a_compaction_that_fails_does_not_fail_the_round(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why, and is not tried again before an hour is over."""
    tried = []

    def fail(*_: object, **__: object) -> None:
        tried.append(1)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("market_assets.storage.files.compact.connected", fail)
    put(store, range(60))
    first = upkeep(store)
    assert first.rolled_up == 1
    assert "No space left on device" in (first.compaction_error or "")
    assert upkeep(store).compaction_error == first.compaction_error
    assert len(tried) == 1


def test_space_that_old_rows_leave_is_given_back(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backlog comes and goes; the file does not stay as large as it was."""
    monkeypatch.setattr("market_assets.storage.files.compact.SMALLEST", 0)
    old = pl.DataFrame(
        {"n": range(60_000)},
    ).select(
        pl.format("S{}", pl.col("n")).alias("symbol"),
        pl.lit(NOW - timedelta(hours=1)).cast(pl.Datetime("us", "UTC")).alias("bucket_at"),
        (pl.col("n") * 1.37).sqrt().alias("mid"),
        pl.lit(1, pl.Int64).alias("samples"),
        pl.lit(NOW).cast(pl.Datetime("us", "UTC")).alias("ingested_at"),
    )
    store.merge(HYPERLIQUID_MID_PRICES, old)
    before = store.paths.live.stat().st_size
    rounds = [upkeep(store) for _ in range(2)]
    assert [done.deleted for done in rounds] == [{"hyperliquid_mid_prices": 60_000}, {}]
    assert store.paths.live.stat().st_size < before / 2
