"""One read for all features: what is in it, what is missing from it, and what it says of that."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.clock import ManualClock
from market_assets.derived.inputs import FeatureInputs, Inputs, InputsMissing
from market_assets.features.indicators import technical_indicators
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    HYPERLIQUID_ASSET_CONTEXTS,
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_FUNDING_RATES,
)
from market_assets_tests.features.rows import NOW, candles, context, contexts, flat, rates

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def read(store: FileStore) -> Inputs:
    return FeatureInputs(store, ManualClock(NOW)).now


def minutes(symbol: str, count: int, *, ended: timedelta = timedelta(0)) -> pl.DataFrame:
    return candles(flat(10.0, count), symbol=symbol, start=NOW - ended - count * MINUTE)


def test_nothing_is_read_before_it_is_asked_for_and_then_once(store: FileStore) -> None:
    inputs = FeatureInputs(store, ManualClock(NOW))
    assert not store.paths.live.exists()
    first = inputs.now
    holds = store.lock_stats.holds
    assert inputs.now is first
    assert store.lock_stats.holds == holds


def test_a_day_of_closed_minutes_and_a_week_of_hours_and_nothing_later(store: FileStore) -> None:
    ahead = candles(flat(10.0, 5), symbol="BTC", start=NOW)
    forming = minutes("ETH", 1).with_columns(is_closed=pl.lit(value=False))
    hours = candles(flat(10.0, 200), interval="1h", start=NOW - 200 * HOUR)
    store.merge(HYPERLIQUID_CANDLES, pl.concat([minutes("BTC", 1500), ahead, forming, hours]))
    inputs = read(store)
    assert inputs.candles["1m"].height == 1440 + 8
    assert inputs.candles["1m"]["close_at"].max() == NOW
    assert inputs.candles["1h"].height == 168 + 2
    rows = technical_indicators(inputs.usable("1m"), interval="1m", as_of=NOW)
    assert rows["candles_used"].to_list() == [1440 + 8]


def test_an_unfit_series_is_left_out_of_the_usable_ones(store: FileStore) -> None:
    store.merge(
        HYPERLIQUID_CANDLES,
        pl.concat([minutes("BTC", 90), minutes("OLD", 90, ended=20 * MINUTE)]),
    )
    inputs = read(store)
    assert inputs.usable("1m")["symbol"].unique().to_list() == ["BTC"]
    assert set(inputs.verdicts["1m"].blocked) == {"OLD"}


def test_candles_that_stopped_altogether_are_an_error_that_says_so(store: FileStore) -> None:
    with pytest.raises(InputsMissing, match="there are no candles"):
        read(store).usable("1m")
    store.merge(HYPERLIQUID_CANDLES, minutes("BTC", 90, ended=20 * MINUTE))
    with pytest.raises(InputsMissing, match="BTC: stale"):
        read(store).usable("1m")


def test_contexts_that_stopped_are_an_error_that_says_so(store: FileStore) -> None:
    with pytest.raises(InputsMissing, match="materialize hyperliquid_asset_contexts"):
        read(store).fresh_contexts()
    store.merge(HYPERLIQUID_ASSET_CONTEXTS, contexts(context(at=NOW - 11 * MINUTE)))
    with pytest.raises(InputsMissing, match="660 s old"):
        read(store).fresh_contexts()
    store.merge(HYPERLIQUID_ASSET_CONTEXTS, contexts(context(at=NOW - 10 * MINUTE)))
    assert read(store).fresh_contexts().height == 2


def test_contexts_of_now_of_an_hour_and_of_a_day_before(store: FileStore) -> None:
    ago = [m * MINUTE for m in (0, 5, 40, 60, 70, 120, 24 * 60, 24 * 60 + 30, 26 * 60, -1)]
    store.merge(HYPERLIQUID_ASSET_CONTEXTS, contexts(*(context(at=NOW - a) for a in ago)))
    found = {NOW - at for at in read(store).contexts["observed_at"]}
    assert found == {m * MINUTE for m in (0, 5, 60, 70, 24 * 60, 24 * 60 + 30)}


def test_rates_of_a_week_before_the_newest(store: FileStore) -> None:
    store.merge(HYPERLIQUID_FUNDING_RATES, rates([0.0001] * 300, until=NOW - 2 * HOUR))
    found = read(store).rates
    assert found.height >= 168
    assert found["funding_at"].max() == NOW - 2 * HOUR


def test_ranked_are_those_that_trade_and_are_quoted(store: FileStore) -> None:
    store.merge(
        HYPERLIQUID_ASSET_CONTEXTS,
        contexts(
            context("LOW", at=NOW, mid_px=1.0, volume_24h_quote=1.0),
            context("HIGH", at=NOW, mid_px=1.0, volume_24h_quote=9.0),
            context("NONE", at=NOW, mid_px=1.0, volume_24h_quote=None),
            context("GONE", at=NOW, mid_px=1.0, is_delisted=True),
            context("DARK", at=NOW, mid_px=None),
            context("LATE", at=NOW - HOUR, mid_px=1.0),
        ),
    )
    inputs = read(store)
    assert inputs.ranked == ["HIGH", "LOW", "NONE"]
    assert inputs.delisted == {"GONE"}


def test_a_symbol_without_a_minute_of_the_last_two_hours_is_not_streamed(store: FileStore) -> None:
    """Its series is not late: nobody brings one."""
    frames = [
        minutes("BTC", 60),
        minutes("LATE", 60, ended=2 * HOUR - MINUTE),
        minutes("DROPPED", 60, ended=2 * HOUR + MINUTE),
    ]
    store.merge(HYPERLIQUID_CANDLES, pl.concat(frames))
    assert read(store).streamed == {"BTC", "LATE"}
