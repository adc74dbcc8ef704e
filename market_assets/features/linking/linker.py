"""Which assets of the exchange a prediction market is about.

In this order: what the market's own text names, held against the event's tags; the slug of a
family of up/down or price markets; the event's title; and where nothing is named, the event's
tags. A tag of an asset that the market's own text does not name gives way to one that it does: an
event on "Bitcoin, Ethereum, Solana" has the tags of all three, each of its markets is about one.

Crypto only. Builder dexs list gold and Tesla as well, but markets on those are not linked: their
tickers and their price wording are those of a hundred companies and commodities that nobody lists.

Pure: words, tags and slugs in, links out. Frames are made in `frames`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from market_assets.features.linking.listings import Listings
from market_assets.features.linking.reading import Entry, Reader
from market_assets.features.linking.vocabulary import Denial, aliases, denials, slug_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from market_assets.features.linking.listings import Listed
    from market_assets.features.linking.reading import Named
    from market_assets.features.linking.vocabulary import Alias

Method = Literal["tag", "slug", "name", "cashtag"]

ASSET_TAGS: Final[Mapping[str, str]] = {"235": "bitcoin", "39": "ethereum", "818": "solana"}
"""Tags of one asset by their number, which stays when the slug is renamed."""
CRYPTO_TAG_IDS: Final = frozenset({"21", "1312"})
"""crypto and crypto-prices."""
CRYPTO_TAG_SLUGS: Final = frozenset({"defi", "fdv", "memecoins", "meme-coins"})
"""Tags that only markets on crypto have, beside those that begin with `crypto`.

`airdrops` is not one: Polymarket gives it to markets on language models too.
"""

TAG_AND_TEXT: Final = 0.99
UP_OR_DOWN: Final = 0.98
PRICE_SLUG: Final = 0.8
ONE_TAG: Final = 0.8
SEVERAL_TAGS: Final = 0.6
EVENT_TITLE: Final = 0.85
"""What a name in the event's title is worth, beside the same name in the market's own."""

_UPDOWN: Final = re.compile(r"([a-z0-9-]+?)-updown-\d+[mhdw](?:-|$)")
_UP_OR_DOWN: Final = re.compile(r"([a-z0-9-]+?)-up-or-down(?:-|$)")
_PRICE: Final = re.compile(
    r"(?:what-)?(?:price-)?(?:will-)?(?:the-price-of-)?([a-z0-9-]+?)-(?:be-)?"
    r"(?:above|below|reach|hit|dip|price|multi-?strikes?|all-time-high|ath)(?:-|$)"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of a market. Absent texts are ''.

    Attributes:
        condition_id: the market's id.
        question: its own text.
        slug: its own name in addresses.
        event_title: the event that it belongs to.
        event_slug: the event's name in addresses.
        tag_ids: tags of the event by number.
        tag_slugs: the same tags by slug.
    """

    condition_id: str
    question: str
    slug: str = ""
    event_title: str = ""
    event_slug: str = ""
    tag_ids: tuple[str, ...] = ()
    tag_slugs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A market is about an asset.

    Attributes:
        condition_id: the market.
        symbol: the asset, as the exchange's registry has it.
        method: the strongest thing that says so.
        matched_text: the tag, the slug or the words that say so, as they stand.
        confidence: 0 to 1: a rank by what said so, set by hand, not a measured frequency.
    """

    condition_id: str
    symbol: str
    method: Method
    matched_text: str
    confidence: float


class _Slug(NamedTuple):
    """A slug that names an asset."""

    text: str
    confidence: float


class Linker:
    """Links markets to the assets of one registry. Made once for many markets."""

    def __init__(
        self,
        registry: Collection[Listed],
        *,
        vocabulary: Sequence[Alias] | None = None,
        denied: Sequence[Denial] | None = None,
    ) -> None:
        """Join the vocabulary with the registry.

        Args:
            registry: what the exchange lists; nothing else is ever linked to.
            vocabulary: what assets are called; by default that of this package.
            denied: what looks like an asset and is not; by default that of this package.
        """
        listings = Listings(registry)
        vocabulary = aliases() if vocabulary is None else vocabulary
        symbols = _symbols(listings, vocabulary)
        spelt = [alias for alias in vocabulary if alias.kind in ("name", "ticker")]
        entries = [
            Entry(alias, symbols[alias.tickers], _in_brackets(alias, vocabulary))
            for alias in spelt
            if alias.tickers in symbols
        ]
        # Bitcoin Cash is not Bitcoin, also where it is not listed.
        unlisted = [Denial(alias.text, "") for alias in spelt if alias.tickers not in symbols]
        denied = (*(denials() if denied is None else denied), *unlisted)
        self._reader = Reader(entries, _cashtags(listings, vocabulary, symbols), denied)
        self._certain = _by_slug(entries, "nothing")
        self._likely = _by_slug(entries, "nothing", "hint")
        self._any = _by_slug(entries, "nothing", "hint", "wording", "both", "cashtag")
        self._tags = self._certain | {
            alias.text: symbols[alias.tickers]
            for alias in vocabulary
            if alias.kind == "tag" and alias.tickers in symbols
        }
        self._tag_ids = {
            number: self._tags[slug] for number, slug in ASSET_TAGS.items() if slug in self._tags
        }

    def links(self, subject: Subject) -> tuple[Link, ...]:
        """The assets that the market is about, each once; empty if none.

        Never raises, whatever the texts hold.
        """
        tagged, crypto = self._tagged(subject)
        named = {each.symbol: each for each in self._reader.named(subject.question, crypto=crypto)}
        slugs = self._up_or_down(subject)
        if not named and not slugs:
            slugs = self._price_slug(subject)
        if not named and not slugs:
            title = self._reader.named(subject.event_title, crypto=crypto)
            named = {
                n.symbol: n._replace(confidence=round(n.confidence * EVENT_TITLE, 3)) for n in title
            }
        return tuple(
            _link(subject.condition_id, symbol, tagged, slugs, named)
            for symbol in dict.fromkeys((*slugs, *named) or tagged)
        )

    def _tagged(self, subject: Subject) -> tuple[dict[str, str], bool]:
        """The slug (or number) of the tag by symbol, and whether a tag says it is about crypto."""
        tagged: dict[str, str] = {}
        slugs = [slug.casefold() for slug in subject.tag_slugs]
        for slug in slugs:
            if slug in self._tags:
                tagged.setdefault(self._tags[slug], slug)
        for number in subject.tag_ids:
            if number in self._tag_ids:
                tagged.setdefault(self._tag_ids[number], number)
        crypto = (
            bool(tagged)
            or not CRYPTO_TAG_IDS.isdisjoint(subject.tag_ids)
            or any(s in CRYPTO_TAG_SLUGS or s.startswith("crypto") for s in slugs)
        )
        return tagged, crypto

    def _up_or_down(self, subject: Subject) -> dict[str, _Slug]:
        """By the slug of an up/down market: any ticker in the family that only crypto has."""
        for slug in (subject.slug, subject.event_slug):
            for pattern, known in ((_UPDOWN, self._any), (_UP_OR_DOWN, self._likely)):
                match = pattern.match(slug)
                if match and match.group(1) in known:
                    return {known[match.group(1)]: _Slug(slug, UP_OR_DOWN)}
        return {}

    def _price_slug(self, subject: Subject) -> dict[str, _Slug]:
        """By the slug of a market on a price, where the title is a bare "$100k"."""
        for slug in (subject.slug, subject.event_slug):
            match = _PRICE.match(slug)
            if match and match.group(1) in self._certain:
                return {self._certain[match.group(1)]: _Slug(slug, PRICE_SLUG)}
        return {}


def _link(
    condition_id: str,
    symbol: str,
    tagged: Mapping[str, str],
    slugs: Mapping[str, _Slug],
    named: Mapping[str, Named],
) -> Link:
    """The link, by the strongest of the things that say so."""
    if symbol in tagged:
        if symbol in slugs or symbol in named:
            confidence = TAG_AND_TEXT
        else:
            confidence = ONE_TAG if len(tagged) == 1 else SEVERAL_TAGS
        return Link(condition_id, symbol, "tag", tagged[symbol], confidence)
    if symbol in slugs:
        return Link(condition_id, symbol, "slug", slugs[symbol].text, slugs[symbol].confidence)
    name = named[symbol]
    return Link(condition_id, symbol, name.method, name.matched_text, name.confidence)


def _symbols(listings: Listings, vocabulary: Sequence[Alias]) -> dict[tuple[str, ...], str]:
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


def _in_brackets(alias: Alias, vocabulary: Sequence[Alias]) -> frozenset[str]:
    """Tickers that may stand in brackets behind this name and leave it what it is."""
    own = set(alias.tickers)
    return frozenset(
        {ticker.upper() for ticker in own}
        | {a.text.upper() for a in vocabulary if a.kind == "ticker" and own & set(a.tickers)}
    )


def _cashtags(
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


def _by_slug(entries: Sequence[Entry], *needs: str) -> dict[str, str]:
    """Symbol by the slug of each alias that needs one of these."""
    return {slug_of(e.alias.text): e.symbol for e in entries if e.alias.needs in needs}
