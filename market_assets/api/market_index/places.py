"""Where the markets lie that have all words, the first ones of an answer.

The index says it where it is of this file and leaves nothing open. Where it leaves something open
(whether the marks of `btc-100k` stand where they should, which of two markets comes first that were
traded alike), the file is asked about the rows that it names. Where there is no index, or too much
is left open, all rows are looked through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_assets.api.market_index.words import word
from market_assets.api.view import lying_at, sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_assets.api.market_index.index import Found, Index
    from market_assets.storage.api import Snapshot

_IF_FEW_FAIL: Final = 2
_IF_MANY_FAIL: Final = 8
"""So many times the rows that are wanted are named by the index, when some may not do."""
_MOST_NAMED: Final = 1000
"""Rows that the file is asked about by name; looking through all is as fast for more."""


def places(snapshot: Snapshot, index: Index | None, typed: Sequence[str], most: int) -> list[int]:
    """`rowid` of the first markets whose question or slug has all the words, in order.

    Args:
        snapshot: the file in which they are.
        index: of this file or of an older one, which then says which markets there may be.
        typed: words in small letters, at least one.
        most: how many are wanted.
    """
    if index is not None:
        words = [word(one) for one in typed]
        is_exact, is_new = all(one.is_exact for one in words), index.version == snapshot.version
        times = _IF_MANY_FAIL if not is_exact else 1 if is_new else _IF_FEW_FAIL
        found = index.first(words, most * times)
        if is_exact and is_new and found.is_ordered:
            named: list[int] = found.places.tolist()
            return named
        if len(found.places) <= _MOST_NAMED:
            lying = (
                _having_first(snapshot, found, typed, most)
                if is_new
                else _having_still(snapshot, index, found, typed)
            )
            if len(lying) >= most or found.is_all:
                return lying[:most]
    return [row["place"] for row in _having(snapshot, typed, "true", most)]


def _having_first(snapshot: Snapshot, found: Found, typed: Sequence[str], most: int) -> list[int]:
    """Which of the rows have the words; when there are enough, no others are looked at."""
    lying: list[int] = []
    named = found.places.tolist()
    enough = most * _IF_FEW_FAIL if found.is_ordered else len(named)
    for some in (named[:enough], named[enough:]):
        if some and len(lying) < most:
            lying += [row["place"] for row in _having(snapshot, typed, lying_at(some))]
    return lying


def _having_still(
    snapshot: Snapshot, index: Index, found: Found, typed: Sequence[str]
) -> list[int]:
    """Which of the rows of an older file are in this one and have the words, wherever they lie."""
    if not len(found.places):
        return []
    rows = _having(snapshot, typed, lying_at(found.places.tolist()))
    # The lower half of an id is enough: what has it by chance, and has the words, is found, too.
    ids = {one % 2**32 for one in found.ids.tolist()}
    rows = [row for row in rows if row["id"] in ids]
    # Whatever was written since lies behind all that was there, unless the file was compacted.
    for condition in (f"rowid > {index.last_place}", "true"):
        if missing := ids.difference(row["id"] for row in rows):
            moved = _having(
                snapshot, typed, f"{condition} and id in ({', '.join(map(str, missing))})"
            )
            if moved:
                lying = [row["place"] for row in (*rows, *moved)]
                rows = _having(snapshot, typed, lying_at(lying))
    return [row["place"] for row in rows]


def _having(
    snapshot: Snapshot, typed: Sequence[str], condition: str, most: int | None = None
) -> list[dict[str, int]]:
    """What the file itself says of the rows for which the condition holds."""
    names = [f"word_{number}" for number in range(len(typed))]
    conditions = [condition, *(f"contains(text, ${name})" for name in names)]
    statement = sql("market_places").format(condition=" and ".join(conditions))
    params = {"most": most, **dict(zip(names, typed, strict=True))}
    return snapshot.rows(statement, params)
