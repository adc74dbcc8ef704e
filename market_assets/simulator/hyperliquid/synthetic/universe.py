"""The assets of the simulated exchange and how each of them trades.

An `Asset` holds the constants from which its price path, tape, book and context follow. They are
drawn from the seed and the name, so that two simulators with one seed list the same assets.
`Universe` keeps them in listing order and knows which exist, trade or are delisted at an instant.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from market_assets.simulator.hyperliquid.numbers import PERP_DECIMALS, SPOT_DECIMALS, Scale
from market_assets.simulator.hyperliquid.synthetic import names
from market_assets.simulator.randomness import key_of, unit

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY_MS: Final = 86_400_000
GENESIS_MS: Final = 1_684_108_800_000
"""2023-05-15: nothing is listed before."""
DELISTED_MS: Final = 1_751_328_000_000
"""2025-07-01: what is delisted by default has not traded since."""
QUIET_MS: Final = 1_764_547_200_000
"""2025-12-01: what nobody quotes by default has not traded since."""

ACTIVE_MAIN: Final = 150
ACTIVE_BUILDER: Final = 35
ACTIVE_SPOT: Final = 55
"""How many of each kind trade in nearly every minute; the rest are the long tail."""


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


@dataclass(frozen=True)
class SpotPair:
    """A spot pair's place: its index, and the token indexes of base and quote."""

    index: int
    base: str
    base_token: int
    quote_token: int


@dataclass(frozen=True)
class Dex:
    """A builder dex: name, full name and the spot token that is its collateral."""

    name: str
    full_name: str
    collateral: int


@dataclass(frozen=True)
class Size:
    """How much is listed.

    Attributes:
        main: live perpetuals of the main dex (at most 190; 38 delisted come on top).
        builder: live perpetuals of builder dexs, over all of them.
        spot: spot pairs.
        rate: multiplier of trading activity; 10 gives ten times the trades.
    """

    main: int = 190
    builder: int = 60
    spot: int = 150
    rate: float = 1.0


class Universe:
    """Everything that is listed, in the venue's order. Listing control changes it."""

    def __init__(self, seed: int, size: Size) -> None:
        self.seed = seed
        self.size = size
        self.assets: dict[str, Asset] = {}
        self.spot_pairs: dict[str, SpotPair] = {}
        self.dexs = [Dex(name, full, token) for name, full, token, _ in names.BUILDER_DEXS]
        self.version = 0
        self._list_main()
        self._list_builders()
        self._list_spot()

    def perps(self, dex: str) -> list[Asset]:
        """The perpetuals of a dex, in the order of its `universe`, delisted ones included."""
        return [a for a in self.assets.values() if a.kind == "perp" and a.dex == dex]

    def spots(self) -> list[Asset]:
        """The spot pairs, in the order of `spotMeta`."""
        return [a for a in self.assets.values() if a.kind == "spot"]

    def has_dex(self, dex: str) -> bool:
        return dex == "" or any(d.name == dex for d in self.dexs)

    def list_perp(self, coin: str, now_ms: int, *, anchor: float = 1.0, busy: bool = True) -> Asset:
        """List a new perpetual, now. `xyz:NEW` goes to the dex `xyz`, which must exist."""
        dex = coin.partition(":")[0] if ":" in coin else ""
        if coin in self.assets or not self.has_dex(dex):
            raise ValueError(f"{coin!r} is listed already, or its dex does not exist")
        asset = self._perp(coin, dex, anchor, rank=40 if busy else None, born_ms=now_ms)
        self._add(asset)
        return asset

    def delist(self, coin: str, now_ms: int) -> None:
        """Stop a perpetual's trading and flag it. Raises KeyError for an unknown one."""
        asset = self.assets[coin]
        asset.pause(now_ms)
        asset.delisted = True
        self.version += 1

    def relist(self, coin: str, now_ms: int) -> None:
        """Let a delisted perpetual trade again. Raises KeyError for an unknown one."""
        asset = self.assets[coin]
        asset.resume(now_ms)
        asset.delisted = False
        self.version += 1

    def _add(self, asset: Asset) -> None:
        self.assets[asset.coin] = asset
        self.version += 1

    def _list_main(self) -> None:
        live = [n for n in names.MAIN if n not in names.DELISTED]
        ranked = names.BUSIEST + [n for n in live if n not in names.BUSIEST]
        kept = ranked[: self.size.main]
        for name in names.MAIN:
            if name in names.DELISTED:
                asset = self._perp(name, "", self._anchor(name), rank=None)
                asset.pauses.append((DELISTED_MS, None))
                asset.delisted = True
                self._add(asset)
            elif name in kept:
                rank = ranked.index(name)
                self._add(self._perp(name, "", self._anchor(name), _active(rank, ACTIVE_MAIN)))

    def _list_builders(self) -> None:
        rank = 0
        for dex, _, _, listings in names.BUILDER_DEXS:
            for listing in listings.split():
                name, _, anchor = listing.partition(":")
                coin = f"{dex}:{name}"
                asset = self._perp(coin, dex, float(anchor), _active(rank + 20, ACTIVE_BUILDER))
                if coin in names.BUILDER_DELISTED:
                    asset.delisted = True
                    asset.pauses.append((DELISTED_MS, None))
                elif coin in names.BUILDER_BOOKLESS:
                    asset.pauses.append((QUIET_MS, None))
                elif rank >= self.size.builder:
                    continue
                else:
                    rank += 1
                self._add(asset)

    def _list_spot(self) -> None:
        tokens = iter(_spot_tokens())
        places = dict(list(names.SPOT_FIXED.items())[: self.size.spot])
        for index in range(1, 1000):
            if len(places) >= self.size.spot:
                break
            if index not in places and unit(key_of(self.seed, "hole"), index) >= _HOLES:
                places[index] = (*next(tokens), 0)
        for rank, index in enumerate(sorted(places)):
            base, base_token, quote = places[index]
            coin = "PURR/USDC" if index == 0 else f"@{index}"
            self.spot_pairs[coin] = SpotPair(index, base, base_token, quote)
            self._add(self._spot(coin, base, rank))

    def _perp(
        self, coin: str, dex: str, anchor: float, rank: int | None, born_ms: int | None = None
    ) -> Asset:
        name = coin.partition(":")[2] or coin
        anchor = names.ANCHORS.get(name, anchor)
        sz = min(max(math.floor(math.log10(anchor)) + 1, 0), 5)
        asset = self._asset(coin, "perp", dex, name, anchor, Scale(PERP_DECIMALS - sz, sz), rank)
        asset.impact_usd = 20_000.0 if coin in ("BTC", "ETH") else 6_000.0
        asset.max_leverage = names.MAX_LEVERAGE.get(coin, (3, 5, 10)[key_of(coin, "leverage") % 3])
        asset.isolated = coin in names.ISOLATED
        if born_ms is not None:
            asset.born_ms = born_ms
        return asset

    def _spot(self, coin: str, base: str, rank: int) -> Asset:
        underlying = names.SAME_UNDERLYING.get(base, f"{base}/spot")
        anchor = 1.0 if base in names.STABLES else self._anchor(underlying)
        sz = min(max(math.floor(math.log10(anchor)) + 1, 0), 5)
        busy = 3 if base in names.SAME_UNDERLYING else _active(rank + 30, 30 + ACTIVE_SPOT)
        scale = Scale(SPOT_DECIMALS - sz, sz)
        asset = self._asset(coin, "spot", "", underlying, anchor, scale, busy)
        if base in names.STABLES:
            asset.volatility = 2e-6
        return asset

    def _anchor(self, name: str) -> float:
        fixed = names.ANCHORS.get(name)
        return fixed or round(0.02 * 400 ** unit(key_of(self.seed, "anchor", name)), 5)

    def _asset(  # noqa: PLR0917 - the seven things that set one kind of listing apart
        self,
        coin: str,
        kind: Literal["perp", "spot"],
        dex: str,
        underlying: str,
        anchor: float,
        scale: Scale,
        rank: int | None,
    ) -> Asset:
        key = key_of(self.seed, coin)
        luck = unit(key, 1)
        depth = 150.0 * 40**luck if rank is None else 400_000.0 / (1 + rank) ** 0.75
        tail = rank is None
        return Asset(
            coin=coin,
            kind=kind,
            dex=dex,
            price_key=key_of(self.seed, "price", underlying),
            key=key,
            anchor=anchor,
            volatility=0.0003 if tail else 0.0005 + 0.0006 * luck,
            half_spread=0.0008 + 0.004 * luck if tail else 2e-6 + 4e-6 * rank,
            blocks=self.size.rate * (_tail_blocks(luck) if tail else _busy_blocks(rank)),
            trade_usd=60.0 if tail else 120_000.0 / (4 + rank) ** 1.9,
            level_usd=depth,
            impact_usd=6_000.0,
            scale=scale,
            born_ms=GENESIS_MS + int(unit(key, 2) * 600) * DAY_MS,
        )


_HOLES: Final = 0.25


def _active(rank: int, active: int) -> int | None:
    return rank if rank < active else None


def _busy_blocks(rank: int) -> float:
    """Once a second for the ten busiest, then 34 and 18 a minute: about 95 a second in all."""
    return 60.0 if rank < 10 else 34.0 if rank < 60 else 18.0  # noqa: PLR2004 - the tiers named above


def _tail_blocks(luck: float) -> float:
    """The long tail: from two blocks a minute down to one in fifty minutes."""
    return float(2.0 * 0.01**luck)


@functools.cache
def _spot_tokens() -> list[tuple[str, int]]:
    """Names and token indexes for the pairs whose place is not fixed; pair and token differ."""
    fixed = {token for _, token, _ in names.SPOT_FIXED.values()}
    free: Iterable[int] = (i for i in range(2, 1000) if i not in fixed)
    return list(zip(names.SPOT_TOKENS, free, strict=False))
