"""Assets: the constants from which an asset's price path, tape, book and context follow.

Which assets there are is `universe.py`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from market_simulator.hyperliquid.numbers import Scale


@dataclass
class Asset:
    """One listing.

    Attributes:
        coin: its name on the wire: `BTC`, `xyz:TSLA`, `@107`, `PURR/USDC`.
        dex: the perpetual dex it belongs to; empty for the main dex and for spot.
        price_key: key of its price path; assets of one underlying share it.
        key: key of all its other draws.
        anchor: the price about which the path moves.
        volatility: standard deviation of the log return over one minute.
        half_spread: half of the quoted spread, relative to the price.
        blocks: blocks with trades per minute, on average.
        trade_usd: median notional of a block's trades.
        level_usd: typical notional of a book level.
        impact_usd: the notional at which impact prices are taken.
        born_ms: when it was listed.
        pauses: spans without trading and quotes; an open end lasts.
        delisted: whether it carries the flag `isDelisted`.
        removed: whether it is in no list any more; who subscribed to it hears nothing.
    """

    coin: str
    kind: Literal["perp", "spot"]
    dex: str
    price_key: int
    key: int
    anchor: float
    volatility: float
    half_spread: float
    blocks: float
    trade_usd: float
    level_usd: float
    impact_usd: float
    scale: Scale
    born_ms: int
    pauses: list[tuple[int, int | None]] = field(default_factory=list)
    delisted: bool = False
    removed: bool = False
    max_leverage: int = 10
    isolated: bool = False

    def trades_at(self, now_ms: int) -> bool:
        """Whether it is quoted and traded at that instant."""
        return now_ms >= self.born_ms and not any(
            start <= now_ms and (end is None or now_ms < end) for start, end in self.pauses
        )

    def last_traded_ms(self, now_ms: int) -> int:
        """The newest instant, not after `now_ms`, at which it could trade."""
        for start, end in reversed(self.pauses):
            if start <= now_ms and (end is None or now_ms < end):
                return start - 1
        return now_ms

    def pause(self, now_ms: int) -> None:
        """Stop trading, until `resume`."""
        if self.trades_at(now_ms):
            self.pauses.append((now_ms, None))

    def resume(self, now_ms: int) -> None:
        """Trade again."""
        self.pauses = [(start, now_ms if end is None else end) for start, end in self.pauses]


class Pace(NamedTuple):
    """How busy, deep and restless an asset is; the attributes are those of `Asset`."""

    blocks: float
    volatility: float
    half_spread: float
    trade_usd: float
    level_usd: float


def busy(rank: int, luck: float) -> Pace:
    """One of the active assets: the ten busiest trade once a second, all of them 95 times."""
    return Pace(
        blocks=60.0 if rank < 10 else 34.0 if rank < 60 else 18.0,  # noqa: PLR2004 - three tiers
        volatility=0.0005 + 0.0006 * luck,
        half_spread=2e-6 + 4e-6 * rank,
        trade_usd=120_000.0 / (4 + rank) ** 1.9,
        level_usd=400_000.0 / (1 + rank) ** 0.75,
    )


def tail(luck: float) -> Pace:
    """One of the long tail: from two blocks a minute down to one in fifty minutes."""
    return Pace(
        blocks=2.0 * 0.01**luck,
        volatility=0.0003,
        half_spread=0.0008 + 0.004 * luck,
        trade_usd=60.0,
        level_usd=150.0 * 40**luck,
    )
