"""What features look back on is there: kept by retention, read by the inputs, at every instant."""

from __future__ import annotations

import itertools
import math
import statistics
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.channels import channel_of
from market_assets.clock import ManualClock, floor, interval_length
from market_assets.derived.inputs import FeatureInputs, _query, reach
from market_assets.derived.series import judge
from market_assets.features import indicators, windows
from market_assets.features.series import closed_bars
from market_assets.features.volatility import volatility_profiles
from market_assets.operations.maintenance.upkeep import keep_up
from market_assets.settings.features import LEAST_RETENTION
from market_assets.storage.files.store import FileStore
from market_assets.tables import HYPERLIQUID_CANDLES, TABLES
from market_assets_tests.features.rows import NOW, Bar, candles, flat

MINUTE = timedelta(minutes=1)
HOUR = floor(NOW, timedelta(hours=1))
RULES = {rule.only[1]: rule for rule in HYPERLIQUID_CANDLES.retention if rule.only}
LATE = channel_of("hyperliquid_candles").freshness_window


def bars(count: int) -> list[Bar]:
    """A price that never moves twice by as much."""
    prices = [100.0 + 7.0 * math.sin(n * n) for n in range(count)]
    return [(price, price, price, price) for price in prices]


@pytest.mark.parametrize(
    "seconds",
    [0, 0.001, 1, 7.9, 8, 30, 59.999, 60, 61, 305, 1799.5, 1800, 3540, 3599, 3599.999],
)
def test_a_day_has_1440_minutes_and_the_one_before(seconds: float, tmp_path: Path) -> None:
    """At any second of the minute and of the hour, right after rows were deleted."""
    as_of = HOUR + timedelta(seconds=seconds)
    written = floor(as_of - timedelta(seconds=8), MINUTE)
    count = 26 * 60
    made = bars(count)
    store = FileStore(tmp_path / "market.duckdb")
    store.merge(HYPERLIQUID_CANDLES, candles(made, symbol="BTC", start=written - count * MINUTE))
    kept = keep_up(store, retention={}, now=as_of)
    assert kept.deleted["hyperliquid_candles"] > 0
    minutes = FeatureInputs(store, ManualClock(as_of)).now.usable("1m")
    found = closed_bars(minutes, interval="1m", as_of=as_of)
    assert found["close_at"].max() == written
    before = written - (windows.MINUTES_OF_A_DAY + 1) * MINUTE
    assert found.filter(found["open_at"] >= before).height == windows.MINUTES_OF_A_DAY + 1
    [profile] = volatility_profiles(minutes, as_of=as_of).to_dicts()
    assert profile["candles_used"] == windows.MINUTES_OF_A_DAY
    day = [bar[3] for bar in made[-windows.MINUTES_OF_A_DAY - 1 :]]
    gains = [math.log(b / a) for a, b in itertools.pairwise(day)]
    assert len(gains) == windows.MINUTES_OF_A_DAY
    expected = statistics.stdev(gains) * math.sqrt(365 * 24 * 60)
    assert profile["realized_vol_24h_rate"] == pytest.approx(expected, rel=1e-9)


@given(
    interval=st.sampled_from(sorted(windows.LOOK_BACK)),
    at=st.timedeltas(timedelta(0), timedelta(days=2)),
    age=st.timedeltas(timedelta(0), timedelta(hours=4)),
)
def test_a_series_that_is_used_has_its_whole_window(
    interval: str, at: timedelta, age: timedelta
) -> None:
    """However late its newest candle may be, and wherever between two candles it is looked at."""
    step, as_of = interval_length(interval), HOUR + at
    newest_at = floor(as_of - age, step) - step
    series = candles(flat(10.0, 60), symbol="A", interval=interval, start=newest_at - 59 * step)
    verdict = judge(series, length=step, as_of=as_of, overdue_by=LATE)
    needed = {"1m": windows.MINUTES_OF_A_DAY, "1h": windows.INDICATOR_CANDLES}[interval]
    before = newest_at - needed * step
    if verdict.usable:
        assert before >= as_of - reach(interval)
        assert before >= as_of - windows.LEAST[interval] - RULES[interval].slack


def test_what_is_read_is_kept_and_what_is_needed_is_the_least_that_may_be_kept() -> None:
    """A feature that looks back further must say so, and then the settings follow."""
    assert RULES["1m"].age({}) >= reach("1m")
    for interval in windows.LOOK_BACK:
        assert windows.LEAST[interval] <= windows.LOOK_BACK[interval]
    assert max(indicators._READY.values()) + 1 == windows.INDICATOR_CANDLES
    defaults = {rule.setting: rule.keep for table in TABLES for rule in table.retention}
    for setting, least in LEAST_RETENTION.items():
        assert defaults[setting] >= least, setting


@pytest.mark.parametrize(
    ("query", "least"), [("contexts", windows.CONTEXTS), ("funding_rates", windows.FUNDING_RATES)]
)
def test_what_a_query_reaches_back_is_what_is_kept_at_the_least(
    query: str, least: timedelta
) -> None:
    assert f"interval '{least // timedelta(hours=1)} hours'" in _query(query)
