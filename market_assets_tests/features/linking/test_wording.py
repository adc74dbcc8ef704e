"""Whether the words beside a name speak of a price or a token."""

from __future__ import annotations

import pytest

from market_assets.features.linking.wording import speaks_of_asset, speaks_of_launch


def beside(text: str) -> bool:
    start = text.index("Foo")
    return speaks_of_asset(text, start, start + 3, frozenset({"FOO"}))


@pytest.mark.parametrize(
    "text",
    [
        "Foo above $3 on May 5?",
        "Will Foo dip to $0.20?",
        "Will Foo close the first over ___?",
        "Foo Up or Down - May 5",
        "Foo all-time high by June?",
        "Will Foo hit a new ATH?",
        "Will Foo flip Bar?",
        "Foo (FOO) reaches $9?",
        "Foo's price under $4?",
        "What price will Foo reach?",
        "Will the price of Foo be fair?",
        "Will ACME hold 20k Foo?",
        "Foo market cap (FDV) >$1B?",
        "Foo FDV >$1B?",
        "Foo airdrop in May?",
        "Will Foo launch a token?",
        "Spot Foo ETF by June?",
        "Foo >$3?",
    ],
)
def test_price_and_token_wording(text: str) -> None:
    """Families of titles that are about an asset."""
    assert beside(text)


@pytest.mark.parametrize(
    "text",
    [
        "Will Foo win the cup?",
        "Will Foo gross above $100m?",
        "Foo: Ares opens above $50m?",
        "Will the Foo be above $3?",
        "Foo (BAR) above $3?",
        "Foo Holdings above $3?",
        "Foo above 98 points?",
        "Will Foo be above average?",
        "Will it be above $3, Foo?",
    ],
)
def test_other_wording(text: str) -> None:
    """Films, clubs, companies and indices have thresholds too."""
    assert not beside(text)


def test_words_of_a_launch() -> None:
    """Which no film or club has, so that case does not matter before them."""
    assert speaks_of_launch("foo airdrop", 3)
    assert speaks_of_launch("foo's FDV", 3)
    assert not speaks_of_launch("foo token", 3)
    assert not speaks_of_launch("foo above $3", 3)
