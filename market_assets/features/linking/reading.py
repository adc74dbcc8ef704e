"""Finds the assets that a text names, by the rules of `assets.csv` and `denials.csv`.

A text is cut into words once, and each word is looked up as the beginning of a known phrase, so the
cost does not grow with the number of aliases. Tags and slugs are not read here (`linker`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from market_assets.features.linking.vocabulary import Alias, key_of, words, year_blind
from market_assets.features.linking.wording import is_spoken, speaks_of_asset, speaks_of_launch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from market_assets.features.linking.vocabulary import Denial, Word

CONFIDENCE: Final[Mapping[str, float]] = {
    "cashtag": 0.97,
    "nothing": 0.95,
    "both": 0.9,
    "wording": 0.88,
    "hint": 0.8,
}
"""By what made the text name the asset: the needs of an alias that were met, or its cashtag."""


class Named(NamedTuple):
    """An asset that a text names."""

    symbol: str
    method: Literal["name", "cashtag"]
    matched_text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Entry:
    """An alias of a listed asset, and the tickers that may stand in brackets behind it."""

    alias: Alias
    symbol: str
    tickers: frozenset[str]


class _Phrase(NamedTuple):
    """What begins with some word: all its words; no entries where they are denied."""

    key: tuple[str, ...]
    entries: tuple[Entry, ...]


class Reader:
    """Reads texts against a vocabulary; made once, used for many."""

    def __init__(
        self, entries: Iterable[Entry], cashtags: Mapping[str, str], denials: Iterable[Denial]
    ) -> None:
        """Index the phrases by their first word, the longest first.

        Args:
            entries: names and tickers, each with the symbol that it links to.
            cashtags: symbol by ticker in capitals.
            denials: phrases that are no asset, and words that deny an alias.
        """
        by_key: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
        for entry in entries:
            by_key[key_of(entry.alias.text)].append(entry)
        self._denied_by: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for denial in denials:
            if denial.alias:
                self._denied_by[denial.alias.casefold()].append(key_of(denial.text))
            else:
                by_key[key_of(denial.text)] = []
        self._by_word: dict[str, list[_Phrase]] = defaultdict(list)
        for key in sorted(by_key, key=len, reverse=True):
            self._by_word[key[0]].append(_Phrase(key, tuple(by_key[key])))
        self._cashtags = cashtags

    def named(self, text: str, *, crypto: bool) -> tuple[Named, ...]:
        """The assets that a text names, each once, in the order in which it names them.

        Args:
            text: a title.
            crypto: whether a tag says that it is about crypto.
        """
        found, doubtful = self._scan(text)
        hint = crypto or bool(found)
        keys: tuple[str, ...] | None = None
        for entry, word_start, end in doubtful:
            keys = keys or tuple(word.key for word in words(text))
            if self._is_denied(entry.alias.text, keys):
                continue
            met = _needs_met(entry, text, word_start, end, crypto=crypto, hint=hint)
            if met:
                named = Named(entry.symbol, "name", text[word_start:end], CONFIDENCE[met])
                found.append((word_start, named))
        unique: dict[str, Named] = {}
        for _, named in sorted(found, key=lambda item: (item[0], -item[1].confidence)):
            unique.setdefault(named.symbol, named)
        return tuple(unique.values())

    def quotes(self, text: str) -> bool:
        """Whether a text holds a known name as a word that somebody may say."""
        split = words(text)
        return any(
            is_spoken(text, word.start, split[at + len(phrase.key) - 1].end)
            for at, word in enumerate(split)
            if (phrase := self._phrase_at(text, split, at)) is not None
        )

    def _scan(self, text: str) -> tuple[list[tuple[int, Named]], list[tuple[Entry, int, int]]]:
        """What is named beyond doubt, and what may be, each with its place."""
        certain: list[tuple[int, Named]] = []
        doubtful: list[tuple[Entry, int, int]] = []
        split = words(text)
        position = 0
        while position < len(split):
            word = split[position]
            position += 1
            dollars = _dollar_before(text, word.start)
            if dollars == "foreign":
                continue
            ticker = word.key.upper()
            if dollars == "cashtag" and ticker in self._cashtags:
                shown = text[word.start - 1 : word.end]
                named = Named(self._cashtags[ticker], "cashtag", shown, CONFIDENCE["cashtag"])
                certain.append((word.start, named))
                continue
            phrase = self._phrase_at(text, split, position - 1)
            if phrase is None:
                continue
            position += len(phrase.key) - 1
            start, end = word.start, split[position - 1].end
            if is_spoken(text, start, end) or text[max(0, start - 1) : start] == "@":
                continue
            for entry in phrase.entries:
                if not _is_spelt(entry.alias, text, start, end):
                    continue
                if entry.alias.needs == "nothing":
                    confidence = CONFIDENCE["nothing"]
                    named = Named(entry.symbol, "name", text[start:end], confidence)
                    certain.append((start, named))
                elif not _is_part_of_a_word(text, start, end):
                    doubtful.append((entry, start, end))
        return certain, doubtful

    def _phrase_at(self, text: str, split: list[Word], at: int) -> _Phrase | None:
        """The longest phrase that begins with this word."""
        for phrase in self._by_word.get(split[at].key, ()):
            here = split[at : at + len(phrase.key)]
            if len(here) == len(phrase.key) and all(
                year_blind(word.key) == key for word, key in zip(here, phrase.key, strict=True)
            ):
                gaps = (text[left.end : right.start] for left, right in pairwise(here))
                if all(gap in (" ", "-") for gap in gaps):
                    return phrase
        return None

    def _is_denied(self, alias: str, keys: tuple[str, ...]) -> bool:
        """Whether words elsewhere in the text say that this alias means something else."""
        return any(
            keys[at : at + len(denial)] == denial
            for denial in self._denied_by.get(alias.casefold(), ())
            for at in range(len(keys) - len(denial) + 1)
        )


def _needs_met(
    entry: Entry, text: str, start: int, end: int, *, crypto: bool, hint: bool
) -> str | None:
    """Which needs of the alias the text meets, as a key of `CONFIDENCE`; None if not enough."""
    alias = entry.alias
    is_capital = alias.kind == "ticker" or _begins_alike(alias.text, text[start:end])
    if not is_capital:
        launches = alias.needs in ("hint", "wording") and speaks_of_launch(text, end)
        return "wording" if launches else None
    wording = speaks_of_asset(text, start, end, entry.tickers, crypto=crypto)
    if alias.needs == "both":
        return "both" if crypto and wording else None
    if alias.needs in ("hint", "wording") and wording:
        return "both" if crypto else "wording"
    return "hint" if alias.needs == "hint" and hint else None


def _is_spelt(alias: Alias, text: str, start: int, end: int) -> bool:
    """Whether an alias stands in this case: tickers letter for letter, names in any."""
    return alias.kind != "ticker" or text[start:end] == alias.text


def _begins_alike(alias: str, found: str) -> bool:
    return alias[0].islower() or found[0].isupper()


def _is_part_of_a_word(text: str, start: int, end: int) -> bool:
    """Doge-1, R&D, 'S and x/S are not the words that they hold."""
    return text[end : end + 1] in ("-", "&") or text[max(0, start - 1) : start] in tuple("-&/'’.")


def _dollar_before(text: str, start: int) -> Literal["", "cashtag", "foreign"]:
    """Whether a word is a cashtag; `foreign` where the dollar belongs to another word: A$AP."""
    if start == 0 or text[start - 1] != "$":
        return ""
    before = text[start - 2] if start > 1 else " "
    return "foreign" if before.isalnum() or before in "$@_" else "cashtag"
