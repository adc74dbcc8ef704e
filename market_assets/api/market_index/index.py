"""The index of one published file: segments of texts, where each row lies there, and its rank.

Segments outlive the file that they were made from; places and ranks are of one file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from market_assets.api.market_index.ranks import unrounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from market_assets.api.market_index.segment import Segment
    from market_assets.api.market_index.words import Word
    from market_assets.storage.api import Version

NOWHERE: Final = np.uint32(2**32 - 1)
"""The place of a text that is not in the file any more."""


@dataclass(frozen=True, eq=False)
class Part:
    """A segment in one file.

    Attributes:
        segment: the texts.
        places: `rowid` of each text's row, or `NOWHERE`.
        ranks: of each row (`ranks.py`); of those that are nowhere it means nothing.
    """

    segment: Segment
    places: NDArray[np.uint32]
    ranks: NDArray[np.uint64]

    @cached_property
    def live(self) -> int:
        """How many of the texts are in the file."""
        return int(np.count_nonzero(self.places != NOWHERE))

    @cached_property
    def first_rank(self) -> int:
        """The smallest rank in it."""
        live = self.ranks[self.places != NOWHERE]
        return int(live.min()) if len(live) else 2**64

    @cached_property
    def last_place(self) -> int:
        """The greatest place in it."""
        live = self.places[self.places != NOWHERE]
        return int(live.max()) if len(live) else -1


@dataclass(frozen=True, eq=False)
class Links:
    """Where the rows lie that say what a market is about.

    Attributes:
        ids: the lower half of the market's id; ascending.
        places: `rowid` in `polymarket_market_asset_links`.
    """

    ids: NDArray[np.uint32]
    places: NDArray[np.uint32]

    def of(self, ids: Sequence[int]) -> list[int]:
        """Places of the rows of these markets, and perhaps of a few others.

        Args:
            ids: of markets, of which the lower half counts.
        """
        wanted = np.array([one % 2**32 for one in ids], np.uint32)
        first = np.searchsorted(self.ids, wanted, "left").tolist()
        last = np.searchsorted(self.ids, wanted, "right").tolist()
        found = (self.places[one:other] for one, other in zip(first, last, strict=True))
        return [place for some in found for place in some.tolist()]


@dataclass(frozen=True, eq=False)
class Found:
    """Rows that come first, or may come first, of those that match.

    Attributes:
        places: `rowid` in the file that the index is of.
        ids: which markets they are, as in `Segment`.
        is_ordered: they are in the order of the answer; else the file must tell, and there may be
            more than were asked for.
        is_all: no others match.
    """

    places: NDArray[np.uint32]
    ids: NDArray[np.uint64]
    is_ordered: bool
    is_all: bool


class Index:
    """All rows of one published file, found by words."""

    def __init__(self, version: Version, parts: Sequence[Part], links: Links) -> None:
        """An index that never changes.

        Args:
            version: of the file that it is of.
            parts: every market is in one of them.
            links: of the markets.
        """
        self.version, self.links = version, links
        self.parts = tuple(sorted(parts, key=lambda part: part.first_rank))
        self.live = sum(part.live for part in parts)
        self.last_place = max((part.last_place for part in parts), default=-1)

    def first(self, words: Sequence[Word], most: int) -> Found:
        """The first rows that have what the words need.

        Segments are looked at in the order of their best rows, and no further than something may
        come from them: what people look for is mostly open, and therefore in the newest ones.

        Args:
            words: what to look for.
            most: how many are wanted.
        """
        hits = _Hits()
        is_all = True
        for part in self.parts:
            if hits.last_rank(most) < part.first_rank:
                is_all = False
                break
            is_all &= hits.add(part, words, most)
        return hits.found(most, is_all=is_all)


class _Hits:
    """What was found so far."""

    def __init__(self) -> None:
        self._ranks: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._ids: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._places: NDArray[np.uint32] = np.empty(0, np.uint32)
        self._is_sorted = True

    def last_rank(self, most: int) -> int:
        """The rank of the last one that is wanted; beyond all ranks while there are too few."""
        if len(self._ranks) < most:
            return 2**64
        return int(np.partition(self._ranks, most - 1)[most - 1])

    def add(self, part: Part, words: Sequence[Word], most: int) -> bool:
        """Those of the part that may be wanted; gives whether these are all that match."""
        matching = part.segment.matching(words)
        if matching is None:
            return True
        hits = np.flatnonzero(matching & (part.places != NOWHERE))
        ranks = part.ranks[hits]
        is_all = len(hits) <= most
        if not is_all:
            near = ranks <= np.partition(ranks, most - 1)[most - 1]
            hits, ranks = hits[near], ranks[near]
        self._ranks = np.concatenate([self._ranks, ranks])
        self._ids = np.concatenate([self._ids, part.segment.ids[hits]])
        self._places = np.concatenate([self._places, part.places[hits]])
        self._is_sorted &= part.segment.is_sorted or not len(hits)
        return is_all

    def found(self, most: int, *, is_all: bool) -> Found:
        """The first ones, and those that cannot be told from the last of them."""
        ties = self._ids >> np.uint64(32)
        order = np.lexsort((ties, self._ranks))
        ranks, ties = self._ranks[order], ties[order]
        tells = unrounded(ranks) & self._is_sorted
        differs = (ranks[1:] != ranks[:-1]) | (tells[1:] & (ties[1:] != ties[:-1]))
        end = len(order)
        if end > most:
            apart = np.flatnonzero(differs[most - 1 :])
            end = most + int(apart[0]) if len(apart) else end
        order = order[:end]
        return Found(
            places=self._places[order],
            ids=self._ids[order],
            is_ordered=bool(differs[: end - 1].all()),
            is_all=is_all and end == len(self._ranks),
        )
