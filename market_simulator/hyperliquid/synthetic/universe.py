"""The universe of the simulated exchange: what is listed, in which order, and changes to it.

The constants of each asset are drawn from the seed and its name, so that two simulators with one
seed list the same assets.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from market_simulator.hyperliquid.numbers import PERP_DECIMALS, SPOT_DECIMALS, Scale
from market_simulator.hyperliquid.synthetic import names
from market_simulator.hyperliquid.synthetic.assets import Asset, busy, tail
from market_simulator.randomness import key_of, unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from market_simulator.hyperliquid.synthetic.names import FixedPair

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
        self.spot_pairs: dict[str, FixedPair] = {}
        self._removed_dexs: frozenset[str] = frozenset()
        self.version = 0
        self._list_main()
        self._list_builders()
        self._list_spot()

    @property
    def dexs(self) -> tuple[names.BuilderDex, ...]:
        """The builders' dexs, in the order of `perpDexs`."""
        return tuple(dex for dex in names.BUILDERS if dex.name not in self._removed_dexs)

    def perps(self, dex: str) -> list[Asset]:
        """The perpetuals of a dex, in the order of its `universe`, delisted ones included."""
        return [a for a in self.listed() if a.kind == "perp" and a.dex == dex]

    def spots(self) -> list[Asset]:
        """The spot pairs, in the order of `spotMeta`."""
        return [a for a in self.listed() if a.kind == "spot"]

    def listed(self) -> list[Asset]:
        """Everything that is in a list."""
        return [a for a in self.assets.values() if not a.removed]

    def find(self, coin: str) -> Asset | None:
        """The asset of that name, if it is in a list."""
        asset = self.assets.get(coin)
        return None if asset is None or asset.removed else asset

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

    def remove(self, name: str, now_ms: int) -> None:
        """Take an asset, or a builder's dex with all of its assets, out of every list.

        Raises KeyError for a name that is neither.
        """
        if name in {dex.name for dex in self.dexs}:
            self._removed_dexs |= {name}
        for asset in self._named(name):
            asset.pause(now_ms)
            asset.removed = True
        self.version += 1

    def restore(self, name: str, now_ms: int) -> None:
        """Undo `remove`. Raises KeyError for a name that is neither asset nor dex."""
        for asset in self._named(name):
            asset.removed = False
            if not asset.delisted:
                asset.resume(now_ms)
        self._removed_dexs -= {name}
        self.version += 1

    def _named(self, name: str) -> list[Asset]:
        """The asset of that name, or the assets of that dex."""
        if any(dex.name == name for dex in names.BUILDERS):
            return [asset for asset in self.assets.values() if asset.dex == name]
        return [self.assets[name]]

    def _add(self, asset: Asset) -> None:
        self.assets = {**self.assets, asset.coin: asset}  # another thread may be going over it
        self.version += 1

    def _list_main(self) -> None:
        live = [n for n in names.MAIN if n not in names.DELISTED]
        ranked = [*names.BUSIEST, *(n for n in live if n not in names.BUSIEST)]
        kept = ranked[: self.size.main]
        for name in names.MAIN:
            if name in names.DELISTED:
                self._add(self._perp(name, "", self._anchor(name), None))
                self._stop(name, DELISTED_MS, delisted=True)
            elif name in kept:
                rank = _active(ranked.index(name), ACTIVE_MAIN)
                self._add(self._perp(name, "", self._anchor(name), rank))

    def _list_builders(self) -> None:
        live = 0
        for dex in names.BUILDERS:
            for name, anchor in dex.perps.items():
                coin = f"{dex.name}:{name}"
                dead = name in dex.delisted or name in dex.bookless
                if not dead and live >= self.size.builder:
                    continue
                rank = live + 20 if live < ACTIVE_BUILDER else None
                self._add(self._perp(coin, dex.name, anchor, rank))
                if dead:
                    delisted = name in dex.delisted
                    self._stop(coin, DELISTED_MS if delisted else QUIET_MS, delisted=delisted)
                live += not dead

    def _stop(self, coin: str, since_ms: int, *, delisted: bool) -> None:
        self.assets[coin].pauses.append((since_ms, None))
        self.assets[coin].delisted = delisted

    def _list_spot(self) -> None:
        tokens = iter(_spot_tokens())
        places = {pair.place: pair for pair in names.SPOT_FIXED[: self.size.spot]}
        for index in range(1, 1000):
            if len(places) >= self.size.spot:
                break
            if index not in places and unit(key_of(self.seed, "hole"), index) >= _HOLES:
                places[index] = names.FixedPair(index, *next(tokens), names.STABLES["USDC"])
        for rank, index in enumerate(sorted(places)):
            coin = "PURR/USDC" if index == 0 else f"@{index}"
            self.spot_pairs[coin] = places[index]
            self._add(self._spot(coin, places[index].base, rank))

    def _perp(
        self, coin: str, dex: str, anchor: float, rank: int | None, born_ms: int | None = None
    ) -> Asset:
        name = coin.partition(":")[2] or coin
        anchor = names.ANCHORS.get(name, anchor)
        sz = min(max(math.floor(math.log10(anchor)) + 1, 0), 5)
        asset = self._asset(
            coin,
            kind="perp",
            dex=dex,
            underlying=name,
            anchor=anchor,
            scale=Scale(PERP_DECIMALS - sz, sz),
            rank=rank,
        )
        asset.impact_usd = 20_000.0 if coin in ("BTC", "ETH") else 6_000.0
        asset.max_leverage = names.MAX_LEVERAGE.get(coin, (3, 5, 10)[key_of(coin, "leverage") % 3])
        asset.isolated = coin in names.ISOLATED
        if born_ms is not None:
            asset.born_ms = born_ms
        return asset

    def _spot(self, coin: str, base: str, rank: int) -> Asset:
        underlying = names.FOLLOWS.get(base, f"{base}/spot")
        anchor = names.PEGS.get(base) or self._anchor(underlying)
        sz = min(max(math.floor(math.log10(anchor)) + 1, 0), 5)
        rank_of_pair = 3 if base in names.FOLLOWS else _active(rank + 30, 30 + ACTIVE_SPOT)
        asset = self._asset(
            coin,
            kind="spot",
            dex="",
            underlying=underlying,
            anchor=anchor,
            scale=Scale(SPOT_DECIMALS - sz, sz),
            rank=rank_of_pair,
        )
        if base in names.STABLES:
            asset.volatility = 2e-6
        return asset

    def _anchor(self, name: str) -> float:
        fixed = names.ANCHORS.get(name)
        return fixed or round(0.02 * 400 ** unit(key_of(self.seed, "anchor", name)), 5)

    def _asset(
        self,
        coin: str,
        *,
        kind: Literal["perp", "spot"],
        dex: str,
        underlying: str,
        anchor: float,
        scale: Scale,
        rank: int | None,
    ) -> Asset:
        key = key_of(self.seed, coin)
        pace = tail(unit(key, 1)) if rank is None else busy(rank, unit(key, 1))
        return Asset(
            coin=coin,
            kind=kind,
            dex=dex,
            price_key=key_of(self.seed, "price", underlying),
            key=key,
            anchor=anchor,
            volatility=pace.volatility,
            half_spread=pace.half_spread,
            blocks=self.size.rate * pace.blocks,
            trade_usd=pace.trade_usd,
            level_usd=pace.level_usd,
            impact_usd=6_000.0,
            scale=scale,
            born_ms=GENESIS_MS + int(unit(key, 2) * 600) * DAY_MS,
        )


_HOLES: Final = 0.25


def _active(rank: int, active: int) -> int | None:
    return rank if rank < active else None


@functools.cache
def _spot_tokens() -> list[tuple[str, int]]:
    """Names and token indexes for the pairs whose place is not fixed; pair and token differ."""
    fixed = {pair.base_token for pair in names.SPOT_FIXED}
    free: Iterable[int] = (i for i in range(2, 1000) if i not in fixed)
    return list(zip(names.SPOT_TOKENS, free, strict=False))
