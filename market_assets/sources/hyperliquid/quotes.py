"""What the tokens are worth that markets are quoted in: USDC is a dollar, others have their mid.

A builder's dex is settled in a token of its choice, and a spot pair is quoted in any. Such a token
is near a dollar until it is not, so amounts in it become dollars by its own mid against USDC at the
exchange, of the same answer as the market's, and by nothing else.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from market_assets.sources.hyperliquid.wire import SpotPair, SpotToken

USDC: Final = 0
"""Index of the token that the exchange's own dex is settled in. Indexes are never reused."""


class Quote(NamedTuple):
    """A token that markets are quoted in.

    Attributes:
        token: its name.
        usd: what one of it is worth in dollars; None where nobody quotes it against USDC.
    """

    token: str
    usd: float | None

    def in_usd(self, amount: float | None) -> float | None:
        """An amount of the token in dollars; None where either is not known."""
        if amount is None or self.usd is None:
            return None
        value = amount * self.usd
        return value if math.isfinite(value) else None


ONLY_USDC: Final[Mapping[int, Quote]] = MappingProxyType({USDC: Quote("USDC", 1.0)})
"""What is known before spot has answered, or where it does not."""


class Traded(Protocol):
    """The market of a spot pair, as far as it tells of a price."""

    @property
    def coin(self) -> str: ...

    @property
    def mid_px(self) -> float | None: ...

    @property
    def day_ntl_vlm(self) -> float | None: ...


def quotes_of(
    tokens: Iterable[SpotToken | None],
    pairs: Iterable[SpotPair | None],
    markets: Iterable[Traded | None],
) -> dict[int, Quote]:
    """Every token with its price: the mid of its pair with USDC, the most traded if it has several.

    Args:
        tokens: of `spotMeta`.
        pairs: of `spotMeta`.
        markets: contexts of spot pairs, in any order.
    """
    by_coin = {market.coin: market for market in markets if market}
    best: dict[int, tuple[float, float]] = {}
    for pair in pairs:
        market = by_coin.get(pair.name) if pair else None
        if pair is None or market is None or pair.tokens[1] != USDC:
            continue
        mid, traded = market.mid_px, market.day_ntl_vlm
        if mid is None or not 0.0 < mid < math.inf:
            continue
        volume = traded if traded is not None and math.isfinite(traded) else 0.0
        base = pair.tokens[0]
        if base not in best or volume > best[base][0]:
            best[base] = (volume, mid)
    return {
        token.index: Quote(token.name, best[token.index][1] if token.index in best else None)
        for token in tokens
        if token and token.index != USDC
    } | dict(ONLY_USDC)


def collateral_of(dex: str, index: int | None, quotes: Mapping[int, Quote]) -> Quote | None:
    """What a dex is settled in; None where it is not said, or no such token is known.

    Args:
        dex: its name; '' is the exchange's own, which before 2025 did not say that it is USDC.
        index: `collateralToken` of its `meta`.
        quotes: by index.
    """
    if index is None and not dex:
        index = USDC
    return None if index is None else quotes.get(index)
