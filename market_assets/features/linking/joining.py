"""The vocabulary joined with a registry: the symbol for each name, tag, cashtag and slug."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_assets.features.linking.vocabulary import slug_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from market_assets.features.linking.listings import Listings
    from market_assets.features.linking.reading import Entry
    from market_assets.features.linking.vocabulary import Alias


def symbols_of(listings: Listings, vocabulary: Sequence[Alias]) -> dict[tuple[str, ...], str]:
    """The symbol of each asset of the vocabulary that the exchange lists, by its tickers."""
    spot = {alias.tickers[0]: alias.text for alias in vocabulary if alias.kind == "spot"}
    shared = {
        alias.text
        for alias in vocabulary
        if alias.kind == "ticker" and alias.needs in ("both", "cashtag", "never")
    }
    found = {}
    for tickers in {alias.tickers for alias in vocabulary}:
        trusted = shared.isdisjoint(tickers)
        symbol = listings.symbol(tickers, spot=spot, trust_builders=trusted)
        if symbol is not None:
            found[tickers] = symbol
    return found


def in_brackets(alias: Alias, vocabulary: Sequence[Alias]) -> frozenset[str]:
    """Tickers that may stand in brackets behind this name and leave it what it is."""
    own = set(alias.tickers)
    return frozenset(
        {ticker.upper() for ticker in own}
        | {a.text.upper() for a in vocabulary if a.kind == "ticker" and own & set(a.tickers)}
    )


def cashtags(
    listings: Listings, vocabulary: Sequence[Alias], symbols: Mapping[tuple[str, ...], str]
) -> dict[str, str]:
    """Symbol by cashtag: each perp of the first dex, also one that the vocabulary does not know.

    kPEPE is $PEPE to everybody else.
    """
    found = {}
    for symbol in listings.first_dex:
        found[symbol.upper()] = symbol
        if symbol.startswith("k"):
            found[symbol[1:].upper()] = symbol
    for alias in vocabulary:
        if alias.kind == "ticker" and alias.needs == "never":
            found.pop(alias.text.upper(), None)
        elif alias.kind == "ticker" and alias.tickers in symbols:
            found[alias.text.upper()] = symbols[alias.tickers]
    return found


def by_slug(entries: Sequence[Entry], *needs: str) -> dict[str, str]:
    """Symbol by the slug of each alias that needs one of these."""
    return {slug_of(e.alias.text): e.symbol for e in entries if e.alias.needs in needs}
