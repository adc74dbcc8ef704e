"""Up to 32,768 texts and where each of their tokens occurs; once made, it never changes.

A text is a number below the segment's length. The tokens stand in one string, and a part of a token
is found by looking through that: there are 15,000 or so, 110 kB. Behind each token are the numbers
of the texts that have it: as a list of 16-bit numbers where they are few, as a bit for each text
where they are more than a sixteenth, which is shorter then and united faster.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from itertools import count
from typing import TYPE_CHECKING, Final

import numpy as np

from market_assets.api.market_index.words import END, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from market_assets.api.market_index.words import Word

MOST_TEXTS: Final = 32_768
_COMMON: Final = 16
"""A token is common when more than one text in so many has it: 16 bits a text, or one."""
_SHORT: Final = 3
"""Up to this length a pattern is looked for at all places at once: it has many."""
_FEW: Final = 48
"""Lists that are united one by one; more are united in one pass over all lists."""


class Segment:
    """Texts, found by parts of their tokens.

    Attributes:
        ids: which market each text is of; ascending.
        hashes: of each text.
        is_sorted: the upper half of `ids` is smaller for the market that comes first among
            otherwise equal ones.
    """

    def __init__(
        self,
        *,
        ids: NDArray[np.uint64],
        hashes: NDArray[np.uint32],
        is_sorted: bool,
        vocabulary: bytes,
        common: NDArray[np.uint8],
        offsets: NDArray[np.uint32],
        postings: NDArray[np.uint16],
    ) -> None:
        """Made by `Builder`.

        Args:
            ids: see above.
            hashes: see above.
            is_sorted: see above.
            vocabulary: the tokens, `END` before, between and behind them; common ones first.
            common: for each common token a bit for each text.
            offsets: where the texts of each other token begin in `postings`, and its end.
            postings: texts, token after token.
        """
        self.ids, self.hashes, self.is_sorted = ids, hashes, is_sorted
        self._vocabulary, self._common = vocabulary, common
        self._offsets, self._postings = offsets, postings
        ends = np.flatnonzero(np.frombuffer(vocabulary, np.uint8) == END[0])
        self._starts = (ends[:-1] + 1).astype(np.uint32)

    def __len__(self) -> int:
        return len(self.ids)

    def matching(self, words: Iterable[Word]) -> NDArray[np.bool_] | None:
        """For each text whether it has all patterns of all words; None: no text has."""
        patterns = sorted({one for word in words for one in word.patterns}, key=len, reverse=True)
        hits: NDArray[np.bool_] | None = None
        for pattern in patterns:  # the longest, which is the rarest, first
            found = self._having(pattern)
            if found is None:
                return None
            hits = found if hits is None else hits & found
            if not hits.any():
                return None
        return hits

    def _having(self, pattern: bytes) -> NDArray[np.bool_] | None:
        places = self._places(pattern)
        if not len(places):
            return None
        chosen = np.zeros(len(self._starts), np.bool_)
        chosen[np.searchsorted(self._starts, places, "right") - 1] = True
        most = len(self._common)
        if chosen[:most].any():
            bits = np.bitwise_or.reduce(self._common[chosen[:most]], axis=0)
            hits = np.unpackbits(bits, count=len(self)).view(np.bool_)
        else:
            hits = np.zeros(len(self), np.bool_)
        if len(rare := np.flatnonzero(chosen[most:])) <= _FEW:
            for token in rare:
                hits[self._postings[self._offsets[token] : self._offsets[token + 1]]] = True
        else:
            hits[self._postings[np.repeat(chosen[most:], np.diff(self._offsets))]] = True
        return hits

    def _places(self, pattern: bytes) -> NDArray[np.uint32]:
        """Where in the vocabulary there are tokens that have the pattern."""
        begins = pattern.startswith(END)  # which is the end of the token before
        if len(pattern) <= _SHORT:
            return _places(self._vocabulary, pattern) + begins
        found: list[int] = []
        place = self._vocabulary.find(pattern)
        while place >= 0:
            found.append(place + begins)
            following = self._vocabulary.find(END, place + begins)
            place = self._vocabulary.find(pattern, following)
        return np.array(found, np.uint32)


class Builder:
    """Collects texts for one segment."""

    def __init__(self) -> None:
        """Empty."""
        self._numbers: defaultdict[bytes, int] = defaultdict(count().__next__)
        self._tokens, self._counts = array("I"), array("I")

    def add(self, texts: Sequence[str]) -> None:
        """More texts, in their order."""
        for found in tokens(texts):
            self._counts.append(len(found))
            self._tokens.extend(map(self._numbers.__getitem__, found))

    def build(
        self, ids: NDArray[np.uint64], hashes: NDArray[np.uint32], *, is_sorted: bool
    ) -> tuple[Segment, NDArray[np.intp]]:
        """The segment, and in which order it has the texts: `added[order]`.

        Args:
            ids: of the texts that were added, at most `MOST_TEXTS`, in their order.
            hashes: the same.
            is_sorted: see `Segment`.
        """
        order = np.argsort(ids, kind="stable")
        number = np.empty(len(order), np.uint16)
        number[order] = np.arange(len(order), dtype=np.uint16)
        texts = np.repeat(number, np.frombuffer(self._counts, np.uint32))
        token = np.frombuffer(self._tokens, np.uint32)
        uses = np.bincount(token, minlength=len(self._numbers))
        is_common = uses * _COMMON > len(ids)
        names = np.argsort(~is_common, kind="stable")
        renamed = np.empty(len(names), np.uint32)
        renamed[names] = np.arange(len(names), dtype=np.uint32)
        texts = texts[np.argsort(renamed[token], kind="stable")]
        offsets = np.concatenate([[0], np.cumsum(uses[names])]).astype(np.uint32)
        common = int(is_common.sum())
        bits = np.zeros((common, len(ids)), np.bool_)
        for row in range(common):
            bits[row, texts[offsets[row] : offsets[row + 1]]] = True
        known = list(self._numbers)
        segment = Segment(
            ids=ids[order],
            hashes=hashes[order],
            is_sorted=is_sorted,
            vocabulary=END + END.join(known[name] for name in names) + END,
            common=np.packbits(bits, axis=1),
            offsets=offsets[common:] - offsets[common],
            postings=texts[offsets[common] :].copy(),
        )
        return segment, order


def _places(text: bytes, pattern: bytes) -> NDArray[np.uint32]:
    """Where the short pattern begins in the text."""
    every = np.frombuffer(text, np.uint8)
    last = len(every) - len(pattern) + 1
    hits = every[:last] == pattern[0]
    for offset in range(1, len(pattern)):
        hits &= every[offset : last + offset] == pattern[offset]
    return np.flatnonzero(hits).astype(np.uint32)
