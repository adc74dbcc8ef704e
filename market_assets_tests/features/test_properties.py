"""What holds for every feature: no look-ahead, and no symbol knows another.

Markets of random rows over two days; each feature at an instant is compared with itself after the
future has been added, after other symbols have been taken away, and after rows have been shuffled.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from market_assets.features.funding import funding_pressure
from market_assets.features.indicators import technical_indicators
from market_assets.features.liquidity import liquidity_profiles
from market_assets.features.positioning import positioning_pressure
from market_assets.features.thresholds import FundingThresholds, VolatilityThresholds
from market_assets.features.volatility import volatility_profiles
from market_assets_tests.features.rows import (
    NOW,
    book,
    candles,
    context,
    contexts,
    rates,
)

START = NOW - timedelta(hours=30)
END = NOW + timedelta(hours=10)
TIMES = {"candles": "close_at", "contexts": "observed_at", "rates": "funding_at"}


@dataclass(frozen=True)
class Market:
    """All that features read, of some symbols, from START to END."""

    candles: pl.DataFrame
    contexts: pl.DataFrame
    rates: pl.DataFrame
    fine: pl.DataFrame
    coarse: pl.DataFrame

    def each(self, change: Callable[[str, pl.DataFrame], pl.DataFrame]) -> Market:
        """The market with every frame changed."""
        return replace(
            self, **{f.name: change(f.name, getattr(self, f.name)) for f in fields(self)}
        )


Feature = Callable[[Market, datetime], pl.DataFrame]
FEATURES: dict[str, Feature] = {
    "indicators": lambda m, at: technical_indicators(m.candles, interval="1m", as_of=at),
    "series of indicators": lambda m, at: technical_indicators(
        m.candles, interval="1m", as_of=at, last_only=False
    ),
    "volatility": lambda m, at: volatility_profiles(
        m.candles, as_of=at, thresholds=VolatilityThresholds(minimum_candles_24h=5)
    ),
    "funding": lambda m, at: funding_pressure(
        m.rates,
        m.contexts,
        as_of=at,
        thresholds=FundingThresholds(minimum_rates_24h=3, minimum_rates_7d=5),
    ),
    "liquidity": lambda m, at: liquidity_profiles(m.fine, [m.coarse], m.contexts, as_of=at),
    "positioning": lambda m, at: positioning_pressure(m.contexts, as_of=at),
}
EVERY = pytest.mark.parametrize("name", FEATURES)


def _side(draw: random.Random, sign: int, mid: float) -> list[tuple[float, float]]:
    px, levels = mid, []
    for _ in range(draw.randint(1, 6)):
        px += sign * mid * draw.uniform(0.0001, 0.004)
        levels.append((px, draw.uniform(1, 1000)))
    return levels


def _book(draw: random.Random, symbol: str, at: datetime) -> pl.DataFrame:
    mid = draw.uniform(90, 110)
    return book(_side(draw, -1, mid), _side(draw, 1, mid), symbol=symbol, at=at)


def _of_symbol(symbol: str, seed: int) -> Market:
    """A symbol's rows are drawn from its name and the seed, whatever other symbols there are."""
    draw = random.Random(f"{symbol}{seed}")
    price, bars = 100.0, []
    for _ in range(90):
        opened = price
        price *= 1 + draw.choice([0.0, 0.0, draw.gauss(0, 0.01)])
        high, low = max(opened, price) * 1.001, min(opened, price) * 0.999
        bars.append(None if draw.random() < 0.02 else (opened, high, low, price))
    span = (END - START) // timedelta(minutes=5)
    seen = [START + i * timedelta(minutes=5) for i in range(0, span, draw.randint(1, 4))]
    payments = (END - START) // timedelta(hours=1)
    books = [NOW + timedelta(seconds=draw.randint(-60, 60)) for _ in range(4)]
    return Market(
        candles=candles(bars, symbol=symbol, start=NOW - timedelta(minutes=45)),
        contexts=contexts(
            *(
                context(
                    symbol,
                    at=at,
                    mark_px=draw.uniform(90, 110),
                    open_interest=draw.uniform(900, 1100),
                    funding_rate=draw.uniform(-1e-5, 1e-4),
                    premium=draw.choice([None, draw.uniform(-1e-3, 1e-3)]),
                    impact_bid_px=draw.uniform(90, 100),
                    impact_ask_px=draw.uniform(100, 110),
                    is_delisted=draw.random() < 0.02,
                )
                for at in seen
            )
        ),
        rates=rates(
            [draw.choice([0.000_012_5, draw.uniform(0, 1e-4)]) for _ in range(payments)],
            premiums=[draw.uniform(-1e-3, 1e-3) for _ in range(payments)],
            symbol=symbol,
            until=END,
        ),
        fine=pl.concat([_book(draw, symbol, at) for at in books]),
        coarse=pl.concat([_book(draw, symbol, at) for at in books]),
    )


def _market(seed: int, symbols: tuple[str, ...] = ("BTC", "@107", "xyz:TSLA")) -> Market:
    markets = [_of_symbol(symbol, seed) for symbol in symbols]
    return markets[0].each(lambda name, _: pl.concat([getattr(m, name) for m in markets]))


def _until(market: Market, as_of: datetime) -> Market:
    return market.each(lambda name, f: f.filter(pl.col(TIMES.get(name, "book_at")) <= as_of))


SEEDS = st.integers(0, 10_000)
INSTANTS = st.integers(-45 * 60, 45 * 60).map(lambda s: NOW + timedelta(seconds=s))
FEW = settings(max_examples=15, deadline=None)


@EVERY
@FEW
@given(SEEDS, INSTANTS)
def test_the_future_changes_nothing(name: str, seed: int, as_of: datetime) -> None:
    """Rows at an instant are the same whether or not the market has gone on since."""
    market, feature = _market(seed), FEATURES[name]
    assert_frame_equal(feature(market, as_of), feature(_until(market, as_of), as_of))


@EVERY
@FEW
@given(SEEDS, INSTANTS)
def test_no_row_speaks_of_an_instant_that_had_not_come(
    name: str, seed: int, as_of: datetime
) -> None:
    rows = FEATURES[name](_market(seed), as_of)
    assert rows.filter(pl.col("as_of") > as_of).is_empty()
    assert rows.select("symbol", "as_of").is_unique().all()


@FEW
@given(SEEDS, INSTANTS, INSTANTS)
def test_a_series_only_grows(seed: int, one: datetime, other: datetime) -> None:
    """Rows for every candle: those of the earlier instant stand unchanged in the later one."""
    market, series = _market(seed), FEATURES["series of indicators"]
    earlier, later = (series(market, at) for at in sorted((one, other)))
    assert_frame_equal(later.filter(pl.col("as_of") <= min(one, other)), earlier)


@EVERY
@FEW
@given(SEEDS, INSTANTS)
def test_symbols_do_not_know_each_other(name: str, seed: int, as_of: datetime) -> None:
    """A symbol's rows are the same alone, among others, and in whatever order rows come."""
    feature = FEATURES[name]
    together = feature(_market(seed), as_of)
    for symbol in ("BTC", "@107", "xyz:TSLA"):
        alone = feature(_market(seed, (symbol,)), as_of)
        assert_frame_equal(together.filter(symbol=symbol), alone)
    shuffled = _market(seed).each(lambda _, f: f.sample(fraction=1.0, shuffle=True, seed=seed))
    assert_frame_equal(feature(shuffled, as_of), together)


@EVERY
def test_features_have_rows_to_judge(name: str) -> None:
    """The properties above are of something: every feature has rows in most markets."""
    found = [FEATURES[name](_market(seed), NOW).height for seed in range(20)]
    assert sum(rows > 0 for rows in found) >= 15


@EVERY
def test_no_rows_in_give_no_rows_out(name: str) -> None:
    nothing = _market(0).each(lambda _, frame: frame.clear())
    assert FEATURES[name](nothing, NOW).is_empty()
