"""Which questions state one price on a date, and which price."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.features.polymarket_signals.price_questions import price_question


@pytest.mark.parametrize(
    ("question", "direction", "strike"),
    [
        ("Will Bitcoin be above $101k on December 31?", "above", 101_000.0),
        ("Will the price of Bitcoin be above $1.2m on June 17?", "above", 1_200_000.0),
        ("Will $ETH be above $1,700 on June 17?", "above", 1700.0),
        ("XRP above $2.70 on May 30?", "above", 2.7),
        ("Will the price of Bitcoin be above $64,000 on March 11?", "above", 64_000.0),
        ("Will Ethereum be below $1,700.50 on Jan 2, 2027?", "below", 1700.5),
        ("Will Solana close under $ 70 at the end of March?", "below", 70.0),
        ("BTC > $100K on 12/31", "above", 100_000.0),
        ("Will HYPE be less than $0.5 on 3 May?", "below", 0.5),
        ("Will Bitcoin be over $1 million on December 31, 2026?", "above", 1_000_000.0),
        ("Will PUMP be at least $.005 on June 30?", "above", 0.005),
    ],
)
def test_one_price_on_a_date(question: str, direction: str, strike: float) -> None:
    found = price_question(question)
    assert found is not None
    assert found.direction == direction
    assert found.strike == pytest.approx(strike)


@pytest.mark.parametrize(
    "question",
    [
        "Will Bitcoin reach $170,000 by December 31, 2025?",
        "Will Bitcoin hit $1m in 2026?",
        "Will Bitcoin dip below $100k before 2026?",
        "Will Bitcoin dip to $45,000 in February?",
        "Will Bitcoin be above $100k by December 31?",
        "Will Bitcoin be above $200k in 2026?",
        "Will Bitcoin be above $200k in June?",
        "Will Elon and DOGE cut more than $250b in federal spending in 2025?",
        "Will Bitcoin stay above $100k through December 31?",
        "Will Bitcoin fall below $90k on December 31?",
        "Will Bitcoin be between $100k and $110k on December 31?",
        "Will Bitcoin be above $100k and Ethereum above $5k on December 31?",
        "Will Bitcoin be above $100-110k on December 31?",
        "Bitcoin above ___ on March 11?",
        "Will Bitcoin be above $100k?",
        "Will Bitcoin be $100k on December 31?",
        "Will Bitcoin be above or below $100k on December 31?",
        "Bitcoin Up or Down on December 31?",
        "Base FDV above $2B on December 31?",
        "Will the market cap of Solana be above $100B on December 31?",
        "Will Bitcoin be above $0 on December 31?",
        "",
    ],
)
def test_other_questions(question: str) -> None:
    assert price_question(question) is None


@given(st.integers(1, 999_999_999), st.sampled_from(["above", "below"]))
def test_a_figure_means_the_same_with_separators_and_without(figure: int, side: str) -> None:
    plain = price_question(f"Will Bitcoin be {side} ${figure} on December 31?")
    parted = price_question(f"Will Bitcoin be {side} ${figure:,} on December 31?")
    assert plain is not None
    assert plain == parted == (side, float(figure))
