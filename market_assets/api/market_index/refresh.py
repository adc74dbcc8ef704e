"""Making the index of a new published file from that of the one before.

One pass over the numbers of all rows says where the known texts lie now, what their ranks are, and
which rows have a text that is not known. Only those are read, into a new segment, and with them
the texts of segments that are no longer than what is new: as many small segments as there are bits
in their number, instead of one more with each file, and each text is read some ten times in its
life. A segment of which more than half is gone is read anew, too.

It is slow, on purpose: little is in memory at a time, and whoever waits for the interpreter gets it
within a millisecond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from market_assets.api.market_index.index import NOWHERE, Index, Links, Part
from market_assets.api.market_index.ranks import ranks
from market_assets.api.market_index.segment import MOST_TEXTS, Builder
from market_assets.api.view import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from market_assets.api.market_index.segment import Segment
    from market_assets.storage.api import Snapshot

    Rows = dict[str, NDArray[Any]]

_ROWS: Final = 16_384
"""Rows of which the numbers are read at a time: 1 MB."""
_TEXTS: Final = 4_096
"""Places of which the texts are read at a time: 1 MB."""
_MOST_NAMED: Final = 1_024
"""Rows that a statement names one by one."""
_WITHOUT_BREATH: Final = 256
"""Texts that are cut without a break: a millisecond."""


def refreshed(before: Index | None, snapshot: Snapshot, breathe: Callable[[], object]) -> Index:
    """The index of the file.

    Args:
        before: that of another version of it, of which is kept what still holds.
        snapshot: the file.
        breathe: called every millisecond or so; lets others run, and may raise to end the work.

    Raises:
        StoreError: the file cannot be read.
    """
    known = [_Lying(part.segment) for part in before.parts] if before else []
    new = [np.empty(0, np.uint32)]
    for rows in _pieces(snapshot, "polymarket_markets", "market_rows"):
        new.append(_recognise(known, rows))
        breathe()
    kept, dissolved = _divided([one.part() for one in known], sum(map(len, new)))
    new += [part.places[part.places != NOWHERE] for part in dissolved]
    del known, dissolved
    places = np.sort(np.concatenate(new))
    del new
    pieces = np.array_split(places, max(1, -(-len(places) // MOST_TEXTS)))
    made = [_part(snapshot, one, breathe) for one in pieces if len(one)]
    return Index(snapshot.version, [*kept, *made], _links(snapshot))


class _Lying:
    """Where the texts of a segment lie in a file, as far as it was read."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.places = np.full(len(segment), NOWHERE, np.uint32)
        self.ranks = np.zeros(len(segment), np.uint64)

    def part(self) -> Part:
        return Part(self.segment, self.places, self.ranks)


def _pieces(snapshot: Snapshot, table: str, query: str) -> Iterator[Rows]:
    """What the query says of all rows of the table; nothing where there is no such table."""
    if table not in snapshot.columns:
        return
    (last,) = snapshot.rows(f"select max(rowid) as place from {table}")  # noqa: S608 - own name
    for first in range(0, 0 if last["place"] is None else last["place"] + 1, _ROWS):
        yield snapshot.arrays(sql(query), {"first": first, "last": first + _ROWS - 1})


def _recognise(known: Sequence[_Lying], rows: Rows) -> NDArray[np.uint32]:
    """Note where known texts lie; gives the places of the others."""
    order = np.argsort(rows["id"])
    ids, hashes = rows["id"][order], rows["hash"][order]
    places, its_ranks = rows["place"].astype(np.uint32)[order], _ranks(rows)[order]
    for one in known:
        if not len(ids):
            break
        texts = np.searchsorted(one.segment.ids, ids)
        texts[texts == len(one.segment)] = 0
        is_it = (one.segment.ids[texts] == ids) & (one.segment.hashes[texts] == hashes)
        one.places[texts[is_it]] = places[is_it]
        one.ranks[texts[is_it]] = its_ranks[is_it]
        others = ~is_it
        ids, hashes = ids[others], hashes[others]
        places, its_ranks = places[others], its_ranks[others]
    return places


def _ranks(rows: Rows) -> NDArray[np.uint64]:
    return ranks(*(rows[name] for name in ("is_last", "day", "has_day", "total", "has_total")))


def _divided(parts: Sequence[Part], new: int) -> tuple[list[Part], list[Part]]:
    """Which parts stay as they are, and which are made anew, together with so many new texts."""
    kept, dissolved = [], []
    for part in sorted(parts, key=lambda part: part.live):
        if part.live <= new or part.live * 2 < len(part.segment):
            dissolved.append(part)
            new += part.live
        else:
            kept.append(part)
    return kept, dissolved


def _part(snapshot: Snapshot, places: NDArray[np.uint32], breathe: Callable[[], object]) -> Part:
    """A segment of the rows that lie there."""
    builder = Builder()
    read: list[Rows] = []
    for some in np.split(places, np.flatnonzero(np.diff(places // _TEXTS)) + 1):
        rows = _texts(snapshot, some)
        texts = rows.pop("text").tolist()
        for first in range(0, len(texts), _WITHOUT_BREATH):
            builder.add(texts[first : first + _WITHOUT_BREATH])
            breathe()
        read.append(rows)
    every = {name: np.concatenate([rows[name] for rows in read]) for name in read[0]}
    segment, order = builder.build(
        every["id"], every["hash"], is_sorted=bool(every["is_sorted"].all())
    )
    return Part(segment, every["place"].astype(np.uint32)[order], _ranks(every)[order])


def _texts(snapshot: Snapshot, places: NDArray[np.uint32]) -> Rows:
    """What `sql/market_texts.sql` says of the rows that lie there."""
    statement, bounds = sql("market_texts"), {"first": int(places[0]), "last": int(places[-1])}
    if len(places) <= _MOST_NAMED:
        statement += f" and rowid in ({', '.join(map(str, places.tolist()))})"
    rows = snapshot.arrays(statement, bounds)
    wanted = np.isin(rows["place"], places)
    return {name: values[wanted] for name, values in rows.items()}


def _links(snapshot: Snapshot) -> Links:
    pieces = list(_pieces(snapshot, "polymarket_market_asset_links", "market_links"))
    ids = np.concatenate([np.empty(0, np.uint32), *(rows["id"] for rows in pieces)])
    places = [rows["place"].astype(np.uint32) for rows in pieces]
    del pieces
    order = np.argsort(ids)
    return Links(ids[order], np.concatenate([np.empty(0, np.uint32), *places])[order])
