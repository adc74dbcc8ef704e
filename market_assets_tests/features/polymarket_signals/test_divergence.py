"""Markets about a price that disagree with the price itself."""

from __future__ import annotations

import math
from datetime import timedelta
from statistics import NormalDist

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.features.polymarket_signals.divergence import (
    asked_prices,
    asset_divergences,
    probability_above,
)

from .rows import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    Row,
    book,
    last_score,
    market,
    markets,
    mid,
    mids,
    profiles,
    series,
    volatility,
)

QUESTION = "Will Bitcoin be above $100k on November 21?"
SYMBOLS = pl.DataFrame({"condition_id": ["0xa"], "symbol": ["BTC"]})
YEAR = timedelta(days=365)
RATES = st.floats(0.05, 3.0)
PRICES = st.floats(1.0, 1e6)


def _asked(symbol: str = "BTC", **columns: object) -> pl.DataFrame:
    rows = markets(market(**{"question": QUESTION, "end_at": NOW + DAY, **columns}))
    return asked_prices(rows, SYMBOLS.with_columns(symbol=pl.lit(symbol)))


def _points(
    yes: Row, price: list[Row], rate: list[Row], asked: pl.DataFrame | None = None
) -> pl.DataFrame:
    return asset_divergences(
        series(now=[yes]),
        _asked() if asked is None else asked,
        mids(*price),
        profiles(*rate),
        as_of=NOW,
    )


def test_the_probability_is_that_of_the_normal_distribution() -> None:
    deviation = 0.6 * math.sqrt(1 / 365)
    d2 = math.log(102_000 / 100_000) / deviation - deviation / 2
    found = probability_above(102_000, 100_000, 0.6, DAY)
    assert found == pytest.approx(NormalDist().cdf(d2), abs=1e-12)
    assert found == pytest.approx(0.7313, abs=1e-3)


@given(PRICES, PRICES, RATES, st.integers(1, 10**7))
def test_a_higher_price_is_likelier_above(a: float, b: float, rate: float, seconds: int) -> None:
    low, high = sorted((a, b))
    below, above = (
        probability_above(price, 1000.0, rate, timedelta(seconds=seconds)) for price in (low, high)
    )
    assert below is not None
    assert above is not None
    assert 0 <= below <= above <= 1


@pytest.mark.parametrize(
    ("price", "rate", "to_end"), [(0.0, 0.6, DAY), (1.0, 0.0, DAY), (1.0, 0.6, timedelta(0))]
)
def test_what_is_not_above_nothing_has_no_probability(
    price: float, rate: float, to_end: timedelta
) -> None:
    assert probability_above(price, 1.0, rate, to_end) is None


def test_the_distance_in_percentage_points_and_all_that_it_is_made_of() -> None:
    points = _points(book(0.49, 0.51), [mid(102_000)], [volatility(0.6)])
    row = points.row(0, named=True)
    probability = probability_above(102_000, 100_000, 0.6, DAY)
    assert probability is not None
    assert row["score"] == pytest.approx(100 * (probability - 0.5))
    assert row["probability"] == probability
    assert (row["asset_mid"], row["realized_vol_24h_rate"]) == (102_000.0, 0.6)
    assert (row["strike"], row["direction"], row["hours_to_end"]) == (100_000.0, "above", 24.0)
    assert (row["symbol"], row["condition_id"], row["token_id"]) == ("BTC", "0xa", None)


def test_below_is_the_rest() -> None:
    asked = _asked(question="Will Bitcoin be below $100k on November 21?")
    points = _points(book(0.49, 0.51), [mid(102_000)], [volatility(0.6)], asked)
    probability = probability_above(102_000, 100_000, 0.6, DAY)
    assert probability is not None
    assert points["probability"].item() == pytest.approx(1 - probability)


def test_a_market_that_agrees_has_no_distance() -> None:
    points = _points(book(0.49, 0.51), [mid(100_000)], [volatility(0.01)])
    score = last_score(points)
    assert score is not None
    assert score < 0.1


def test_yes_may_be_the_second_outcome() -> None:
    asked = _asked(outcomes=["No", "Yes"], token_ids=["a-no", "a-yes"])
    assert asked["yes_token_id"].to_list() == ["a-yes"]


@pytest.mark.parametrize(
    "columns",
    [
        {"question": "Will Bitcoin reach $100k by November 21?"},
        {"end_at": None},
        {"closed": True},
        {"outcomes": ["Up", "Down"]},
        {"token_ids": None},
        {"question": None},
    ],
)
def test_markets_that_do_not_ask_for_a_price_at_an_end(columns: Row) -> None:
    assert _asked(**columns).is_empty()


def test_a_symbol_of_a_thousand_coins_has_a_strike_of_a_thousand_coins() -> None:
    asked = _asked("kPEPE", question="Will PEPE be above $0.02 on November 21?")
    assert asked["strike"].item() == pytest.approx(20.0)


def test_what_is_too_old_is_not_known() -> None:
    yes, price, rate = book(0.1, 0.2), [mid(102_000)], [volatility(0.6)]
    assert last_score(_points(yes, [mid(102_000, 7 * MINUTE)], rate)) is None
    assert last_score(_points(yes, price, [volatility(0.6, HOUR)])) is None
    assert last_score(_points(yes, [], rate)) is None
    assert last_score(_points(yes, [mid(102_000, symbol="ETH")], rate)) is None


def test_after_the_end_nothing_is_told() -> None:
    points = _points(book(0.1, 0.2), [mid(102_000)], [volatility(0.6)], _asked(end_at=NOW))
    assert last_score(points) is None


def test_each_state_of_the_book_is_held_against_the_price_of_its_time() -> None:
    books = series(book(0.49, 0.51, 10 * MINUTE), now=[book(0.49, 0.51)])
    points = asset_divergences(
        books,
        _asked(),
        mids(mid(120_000, 11 * MINUTE), mid(100_000, MINUTE)),
        profiles(volatility(0.6, 12 * MINUTE), volatility(0.6, 4 * MINUTE)),
        as_of=NOW,
    ).sort("at")
    first, last = points["score"].to_list()
    assert first > 40
    assert last < 5
