"""Which symbol of the exchange stands for a ticker.

An asset can be listed many times: as a perp of the first dex, as perps of builder dexs, as spot
pairs. One of them is what people mean by its price. Nothing here knows names or titles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_DOLLARS = "USDC"


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the exchange's registry.

    Attributes:
        symbol: the exchange's own coin name: BTC, kPEPE, @107, xyz:TSLA.
        kind: perp or spot.
        dex: the builder's dex; '' for the first.
        display_name: BASE/QUOTE of a spot pair.
        is_delisted: not trading now.
    """

    symbol: str
    kind: str
    dex: str = ""
    display_name: str = ""
    is_delisted: bool = False


class Listings:
    """Looks tickers up in a registry."""

    def __init__(self, registry: Iterable[Listed]) -> None:
        self._first: dict[str, str] = {}
        self._delisted: dict[str, str] = {}
        self._builders: dict[str, str] = {}
        self._spot: dict[str, str] = {}
        for listed in sorted(registry, key=lambda listed: listed.symbol):
            self._add(listed)

    def _add(self, listed: Listed) -> None:
        if listed.kind == "spot":
            base, _, quote = listed.display_name.partition("/")
            if quote == _DOLLARS and not listed.is_delisted:
                self._spot.setdefault(base, listed.symbol)
        elif listed.dex:
            if not listed.is_delisted:
                self._builders.setdefault(listed.symbol.partition(":")[2], listed.symbol)
        else:
            (self._delisted if listed.is_delisted else self._first)[listed.symbol] = listed.symbol

    @property
    def first_dex(self) -> tuple[str, ...]:
        """Symbols of the first dex, those not trading now too."""
        return (*self._first, *self._delisted)

    def symbol(
        self, tickers: Sequence[str], *, spot: Mapping[str, str], trust_builders: bool
    ) -> str | None:
        """The symbol that stands for the asset with these tickers; None if it is not listed.

        A perp of the first dex before all (PEPE trades there as kPEPE, a thousand at a time), then
        a spot pair, then a builder dex, and last a perp of the first dex that is not trading now:
        it may come back, and the market is about it all the same.

        Args:
            tickers: the asset's, best first.
            spot: the spot token that is known to be the asset, by ticker; anybody can deploy
                another of the same name.
            trust_builders: what a builder dex lists under this ticker is the asset. It is not
                where the ticker is that of a stock too: builders list stocks.
        """
        spot_tokens = [spot[ticker] for ticker in tickers if ticker in spot]
        ranked: list[tuple[dict[str, str], Sequence[str]]] = [
            (self._first, _with_thousands(tickers)),
            (self._spot, spot_tokens),
            (self._builders, _with_thousands(tickers) if trust_builders else ()),
            (self._delisted, _with_thousands(tickers)),
        ]
        found = (names[token] for names, tokens in ranked for token in tokens if token in names)
        return next(found, None)


def _with_thousands(tickers: Sequence[str]) -> list[str]:
    """Each ticker and the same with the k that the exchange puts before lots of a thousand."""
    return [name for ticker in tickers for name in (ticker, f"k{ticker}")]
