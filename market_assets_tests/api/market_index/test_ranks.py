"""The rank of a market: never against the order of answers, and equal only where it says so."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market_assets.api.market_index.ranks import ranks, unrounded
from market_assets_tests.api.market_index.files import Market

# Some are next to each other: no rounding can tell them apart.
NEAR = st.sampled_from([None, 0.0, 1.0, 0.1, 0.1 + 1e-12, 1e6, 1e6 + 1e-3, -2.5, -2.5 - 1e-12])
VOLUMES = NEAR | st.floats()
MARKETS = st.builds(
    Market,
    condition_id=st.just("0x"),
    closed=st.booleans(),
    volume_24h_usd=VOLUMES,
    volume_usd=VOLUMES,
)


def column(values: list[float | None]) -> tuple[np.ndarray, np.ndarray]:
    """Values, and where there are any."""
    there = np.array([value is not None for value in values])
    return np.array([0.0 if value is None else value for value in values]), there


@given(st.lists(MARKETS, min_size=2, max_size=8))
def test_a_rank_is_never_against_the_order(markets: list[Market]) -> None:
    """And equal ranks that tell all are of equals."""
    markets = sorted(markets, key=lambda market: market.stands)
    found = ranks(
        np.array([market.closed for market in markets]),
        *column([market.volume_24h_usd for market in markets]),
        *column([market.volume_usd for market in markets]),
    )
    assert (found[1:] >= found[:-1]).all()
    for rank, other, one, next_one in zip(found, found[1:], markets, markets[1:], strict=False):
        if rank == other and unrounded(np.array([rank]))[0]:
            assert one.stands == next_one.stands


def test_what_is_common_is_told_in_full() -> None:
    """No volume, none that is known, and whole dollars up to a million."""
    days = [None, 0.0, 5.0, 1023.0, 2.0**19]
    found = ranks(np.zeros(5, np.bool_), *column(days), *column(days))
    assert unrounded(found).all()
