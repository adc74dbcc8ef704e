"""From the database into the archive: read, kept, and only then deleted.

Rows are deleted as they were read: one that has changed meanwhile stays, and goes the next time.
The database is held for the reading and for the deleting, not for the writing of files in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from market_assets.storage.common.changes import Discard, Retired
from market_assets.storage.common.errors import ArchiveUnreadable
from market_assets.storage.common.merge import newest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import polars as pl

    from market_assets.storage.common.changes import Expired, Written
    from market_assets.storage.files.archive.archive import Archive

AT_ONCE: Final = 200_000
"""Rows of a rule that are read at a time: in good order there are a few thousand a minute."""


class Database(Protocol):
    """What is asked of the store here."""

    def read(self, sql: str, params: Sequence[object] | Mapping[str, object] = ()) -> pl.DataFrame:
        """What a query gives."""

    def write(self, *changes: Discard) -> tuple[Written, ...]:
        """Apply all changes in one transaction."""


def retire(
    database: Database,
    archive: Archive,
    expired: Sequence[Expired],
    *,
    now: datetime,
    at_once: int = AT_ONCE,
) -> Retired:
    """Move rows into the archive; the caller holds it.

    A file that cannot be read keeps its table's rows in the database, and no other table's.

    Args:
        database: where the rows are.
        archive: where they go.
        expired: which rows.
        now: by the project's clock.
        at_once: rows of a rule that are read at a time.

    Raises:
        ArchiveUnreadable: that was so; everything else is done.
    """
    unreadable: list[ArchiveUnreadable] = []
    deleted: list[tuple[str, int]] = []
    archived: list[tuple[str, int]] = []
    waiting = [one for one in expired if one.rows]
    while waiting:
        frames = [(one, database.read(_read(one, at_once), one.params)) for one in waiting]
        found = []
        for one, frame in frames:
            if frame.is_empty():
                continue
            try:
                rows = newest(one.table, frame, now)
                came = archive.add(one.table, rows, over_before=one.before)
            except ArchiveUnreadable as error:
                unreadable.append(error)
                continue
            archived.append((one.table.name, came))
            found.append((one, frame))
        done = database.write(*(Discard(one.table, frame) for one, frame in found)) if found else ()
        deleted += [(one.table, one.deleted) for one in done]
        # What was read and not deleted has changed meanwhile: the next round's.
        waiting = [
            one
            for (one, frame), went in zip(found, done, strict=True)
            if frame.height == at_once and went.deleted
        ]
    over: dict[str, Expired] = {}
    for one in expired:
        if one.table.name not in over or one.before > over[one.table.name].before:
            over[one.table.name] = one
    for one in over.values():
        try:
            archive.finish(one.table, one.before)
        except ArchiveUnreadable as error:
            unreadable.append(error)
    dropped = archive.shrink()
    if unreadable:
        raise unreadable[0]
    return Retired(added_up(deleted), added_up(archived), dropped)


def added_up(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The sums by name, without those that are 0."""
    sums: dict[str, int] = {}
    for name, count in counts:
        if count:
            sums[name] = sums.get(name, 0) + count
    return sums


def _read(expired: Expired, at_once: int) -> str:
    spec = expired.table
    columns = ", ".join(f'"{name}"' for name in spec.column_names)
    return (
        f'select {columns} from "{spec.name}" where {expired.where}'  # noqa: S608 - the project's own SQL
        f' order by "{spec.time_column}" limit {at_once:d}'
    )
