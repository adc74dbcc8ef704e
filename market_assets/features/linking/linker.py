"""Which assets of the exchange a prediction market is about.

In this order: what the market's own text names, held against the event's tags; the slug of a
family of up/down or price markets; and where neither names an asset, the event's title and its
tags. Those speak for a market whose text is a bare price or date. For one that is about something
else they speak only of what no other market of the event names: an event on "Bitcoin, Ethereum,
Solana" has the tags of all three, each of its markets is about one, and "None of them" about none.

Crypto only. Builder dexs list gold and Tesla as well, but markets on those are not linked: their
tickers and their price wording are those of a hundred companies and commodities that nobody lists.

Pure: words, tags and slugs in, links out. Frames are made in `frames`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from market_assets.features.linking.bare import is_bare, is_one_of_several
from market_assets.features.linking.joining import by_slug, cashtags, in_brackets, symbols_of
from market_assets.features.linking.listings import Listings
from market_assets.features.linking.reading import Entry, Reader
from market_assets.features.linking.vocabulary import Denial, aliases, denials
from market_assets.features.linking.wording import is_about_speech

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

FOREIGN_TAGS: Final = frozenset(
    {"awards", "celebrities", "culture", "games", "geopolitics", "mentions", "movies", "music"}
    | {"pop-culture", "science", "space", "sports", "tv", "video-games", "weather", "world"}
)
"""Tags of events that are about more than an asset, whose tag does not speak for each market."""

TAG_AND_TEXT: Final = 0.99
TAG_AND_TITLE: Final = 0.9
"""Tag and title are the event's: they say less of one of its markets than its own text does."""
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


class _Read(NamedTuple):
    """A market and what its own text says.

    Attributes:
        subject: the market.
        tagged: the tag of its event that means an asset, by symbol.
        crypto: a tag says that it is about crypto.
        slugs: what its own slug names.
        named: what its question names.
    """

    subject: Subject
    tagged: dict[str, str]
    crypto: bool
    slugs: dict[str, _Slug]
    named: dict[str, Named]

    @property
    def own(self) -> tuple[str, ...]:
        """The symbols that the market itself names, each once."""
        return tuple(dict.fromkeys((*self.slugs, *self.named)))


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
        symbols = symbols_of(listings, vocabulary)
        spelt = [alias for alias in vocabulary if alias.kind in ("name", "ticker")]
        entries = [
            Entry(alias, symbols[alias.tickers], in_brackets(alias, vocabulary))
            for alias in spelt
            if alias.tickers in symbols
        ]
        # Bitcoin Cash is not Bitcoin, also where it is not listed.
        unlisted = [Denial(alias.text, "") for alias in spelt if alias.tickers not in symbols]
        denied = (*(denials() if denied is None else denied), *unlisted)
        self._reader = Reader(entries, cashtags(listings, vocabulary, symbols), denied)
        self._certain = by_slug(entries, "nothing")
        self._likely = by_slug(entries, "nothing", "hint")
        self._any = by_slug(entries, "nothing", "hint", "wording", "both", "cashtag")
        self._tags = self._certain | {
            alias.text: symbols[alias.tickers]
            for alias in vocabulary
            if alias.kind == "tag" and alias.tickers in symbols
        }
        self._tag_ids = {
            number: self._tags[slug] for number, slug in ASSET_TAGS.items() if slug in self._tags
        }

    def links(self, subject: Subject) -> tuple[Link, ...]:
        """As `links_of_event`, for a market whose event has no other, or of which none is known."""
        return self.links_of_event((subject,))

    def links_of_event(
        self, subjects: Sequence[Subject], others: Sequence[Subject] = ()
    ) -> tuple[Link, ...]:
        """The assets that the markets of one event are about, each once for a market.

        What the event says (its title, its tags) counts for a market whose own text names nothing,
        and for any other only where no market of the event names that asset: in "What happens
        before the next Zelda?", the tag of Bitcoin is there for "Bitcoin at $500k before …".

        Never raises, whatever the texts hold.

        Args:
            subjects: the markets that are linked.
            others: further markets of the event: they name assets, and get no links.
        """
        read = [self._read(subject) for subject in subjects]
        named = {symbol for one in (*read, *map(self._read, others)) for symbol in one.own}
        links: list[Link] = []
        for one in read:
            if one.own:
                links += (_own_link(one, symbol) for symbol in one.own)
            else:
                links += self._inherited(one, named)
        return tuple(links)

    def _read(self, subject: Subject) -> _Read:
        """What a market's own text says."""
        tagged, crypto = self._tagged(subject)
        named = {each.symbol: each for each in self._reader.named(subject.question, crypto=crypto)}
        slugs = self._up_or_down(subject.slug)
        if not named and not slugs:
            slugs = self._price_slug(subject.slug)
        return _Read(subject, tagged, crypto, slugs, named)

    def _inherited(self, read: _Read, named: Collection[str]) -> list[Link]:
        """What a market that names nothing is about, by its event.

        Args:
            read: the market.
            named: what the markets of its event name.
        """
        subject, tagged = read.subject, read.tagged
        title = subject.event_title
        by_title = {n.symbol: n for n in self._reader.named(title, crypto=read.crypto)}
        slugs = {} if by_title else self._up_or_down(subject.event_slug)
        if not by_title and not slugs:
            slugs = self._price_slug(subject.event_slug)
        symbols = {*by_title, *slugs} or set(tagged)
        if not symbols:
            return []
        if not is_bare(subject.question):
            if is_about_speech(subject.question) or self._reader.quotes(subject.question):
                return []
            if by_title and is_one_of_several(subject.question, title):
                return []
            if not by_title and not slugs and not FOREIGN_TAGS.isdisjoint(subject.tag_slugs):
                return []
            symbols -= set(named)
        said = dict.fromkeys((*slugs, *by_title, *tagged))
        return [_event_link(read, symbol, by_title, slugs) for symbol in said if symbol in symbols]

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

    def _up_or_down(self, slug: str) -> dict[str, _Slug]:
        """By the slug of an up/down market: any ticker in the family that only crypto has."""
        for pattern, known in ((_UPDOWN, self._any), (_UP_OR_DOWN, self._likely)):
            match = pattern.match(slug)
            if match and match.group(1) in known:
                return {known[match.group(1)]: _Slug(slug, UP_OR_DOWN)}
        return {}

    def _price_slug(self, slug: str) -> dict[str, _Slug]:
        """By the slug of a market on a price, where the title is a bare "$100k"."""
        match = _PRICE.match(slug)
        if match and match.group(1) in self._certain:
            return {self._certain[match.group(1)]: _Slug(slug, PRICE_SLUG)}
        return {}


def _own_link(read: _Read, symbol: str) -> Link:
    """The link to what a market itself names, by the strongest of the things that say so."""
    condition_id = read.subject.condition_id
    if symbol in read.tagged:
        return Link(condition_id, symbol, "tag", read.tagged[symbol], TAG_AND_TEXT)
    if symbol in read.slugs:
        slug = read.slugs[symbol]
        return Link(condition_id, symbol, "slug", slug.text, slug.confidence)
    name = read.named[symbol]
    return Link(condition_id, symbol, name.method, name.matched_text, name.confidence)


def _event_link(
    read: _Read, symbol: str, by_title: Mapping[str, Named], slugs: Mapping[str, _Slug]
) -> Link:
    """The link to what a market's event names, or is tagged with."""
    condition_id, tagged = read.subject.condition_id, read.tagged
    is_named = symbol in by_title or symbol in slugs
    if symbol in tagged:
        alone = ONE_TAG if len(tagged) == 1 else SEVERAL_TAGS
        return Link(
            condition_id, symbol, "tag", tagged[symbol], TAG_AND_TITLE if is_named else alone
        )
    if symbol in slugs:
        slug = slugs[symbol]
        return Link(condition_id, symbol, "slug", slug.text, slug.confidence)
    name = by_title[symbol]
    confidence = round(name.confidence * EVENT_TITLE, 3)
    return Link(condition_id, symbol, name.method, name.matched_text, confidence)
