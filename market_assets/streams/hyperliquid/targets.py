"""What is to be streamed: the dexs and the live symbols, most traded first, from the venue's lists.

Where the venue cannot be asked, the registry in the database answers; where it answers only for
some of its dexs, what was known of the others stays. What an answer leaves out (a symbol, all of a
dex) stays too until a second answer in a row confirms it. Not here: subscribing (`sources`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from market_assets.sources.hyperliquid.model import Listing, Universe
    from market_assets.storage.api import Store

_REGISTRY: Final = """
with traded as (
    select symbol, sum(volume * close) as volume
    from hyperliquid_candles
    where interval = '1m'
    group by symbol
)
select a.symbol, a.kind, a.dex, a.is_delisted, coalesce(t.volume, 0.0) as volume
from hyperliquid_assets a left join traded t using (symbol)
where a.is_listed is distinct from false
"""


@dataclass(frozen=True)
class Asset:
    """One listed asset, as far as streaming needs it; `volume` of a day in dollars."""

    symbol: str
    kind: str
    dex: str
    is_delisted: bool
    volume: float


@dataclass(frozen=True)
class Targets:
    """What is to be streamed.

    Attributes:
        assets: all that is known, by symbol, the delisted ones too.
        restrict: symbols to restrict to; empty: all.
        missed: those of `assets` that the last answer about them left out.
    """

    assets: dict[str, Asset]
    restrict: frozenset[str] = frozenset()
    missed: frozenset[str] = frozenset()

    @property
    def symbols(self) -> tuple[str, ...]:
        """The live symbols, most traded first."""
        live = [
            asset
            for asset in self.assets.values()
            if not asset.is_delisted and (not self.restrict or asset.symbol in self.restrict)
        ]
        live.sort(key=lambda asset: (-asset.volume, asset.kind, asset.symbol))
        return tuple(asset.symbol for asset in live)

    @property
    def dexs(self) -> tuple[str, ...]:
        """The dexs whose mids are wanted: those of the live symbols; spot comes with the first."""
        names = {"" if a.kind == "spot" else a.dex for a in map(self.assets.get, self.symbols) if a}
        return tuple(sorted(names))

    @property
    def known(self) -> Collection[str]:
        """Every symbol that has been heard of."""
        return self.assets.keys()

    def within(self, subscriptions: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(candles that fit beside the mids, those left out), by rank."""
        room = max(0, subscriptions - len(self.dexs))
        return self.symbols[:room], self.symbols[room:]

    def updated(self, universe: Universe) -> Targets:
        """With what the venue says now; of what it could not say, the old stays.

        A symbol is gone when two answers in a row have left it out: one may be cut, or empty.
        """
        said = {listing.symbol: self._asset(listing) for listing in universe.listings}
        absent = {symbol: asset for symbol, asset in self.assets.items() if symbol not in said}
        unsaid = {
            symbol
            for symbol, asset in absent.items()
            if universe.says_nothing_of(symbol, asset.kind, asset.dex)
        }
        left_out = absent.keys() - unsaid
        kept = {
            symbol: asset
            for symbol, asset in absent.items()
            if symbol in unsaid or symbol not in self.missed
        }
        missed = (left_out - self.missed) | (unsaid & self.missed)
        return Targets({**kept, **said}, self.restrict, frozenset(missed))

    def _asset(self, listing: Listing) -> Asset:
        """A listing as streaming needs it; a volume that is not given now is that of before."""
        volume = listing.volume_24h
        if volume is None:
            known = self.assets.get(listing.symbol)
            volume = known.volume if known else 0.0
        return Asset(listing.symbol, listing.kind, listing.dex, listing.is_delisted, volume)


def from_registry(store: Store, restrict: Iterable[str]) -> Targets:
    """The targets as the database knows them."""
    rows = store.read(_REGISTRY)
    assets = {row[0]: Asset(*row) for row in rows.iter_rows()}
    return Targets(assets, frozenset(restrict))
