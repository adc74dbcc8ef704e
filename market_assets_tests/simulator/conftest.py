"""The simulated Polymarket that the tests of its market channel share.

Files that need another one (other sizes, other limits, faults that are cleared) make their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from market_assets_tests.simulator.market_channel import tokens_with_books
from market_assets_tests.simulator.market_venue import Api, polymarket
from market_simulator.polymarket.size import PolymarketLimits

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """One for each file, whose limits no test reaches."""
    with polymarket(limits=PolymarketLimits(scale=100)) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(api: Api) -> list[str]:
    """Sixty tokens that have books."""
    return tokens_with_books(api, 60)
