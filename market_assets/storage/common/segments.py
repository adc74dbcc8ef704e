"""Segments: how the rows of one append are written to a file, and proved when they are read.

A segment is an Arrow file, named `<order>-<writer>-<checksum>.<table>.arrow`. The checksum is of
the bytes, so that what a crash or a bad disk left is told from what was written, before a decoder
sees it. Where segments are, and when they go, is `spool.py`.

Rows that are all there is inside of some scopes (a whole book) stand in one file with the scopes: a
column `within <columns>` is TRUE in a row, and FALSE where only the scope's columns are filled, so
that an empty side is told too. Code that does not know this column leaves the file alone, as it
does with all columns that it does not know.

Rows of several tables that are one thing (the head of a book and its levels) stand in one segment:
`<order>-<writer>-<checksum>.<table>+<table>.arrow` holds an Arrow file per table, each after its
length. So they are received together or not at all, and drained in one transaction.
"""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from market_assets.frames import FrameError, conform
from market_assets.storage.common.changes import Merge, ReplaceWithin
from market_assets.storage.common.errors import from_os

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from market_assets.tables import TableSpec

SUFFIX: Final = ".arrow"
_WITHIN: Final = "within "
_NAME: Final = re.compile(r"(\d{20})-[0-9a-f]+-([0-9a-f]{8})\.(\w+(?:\+\w+)*)\.arrow")
_TOGETHER: Final = "+"
_LENGTH: Final = struct.Struct("<Q")


class SegmentError(ValueError):
    """A segment's bytes are not what was written: nobody will ever read it."""


class ForeignSegment(SegmentError):  # noqa: N818 - reads as what it is
    """A segment of code that has another table, or other columns: that code can read it."""


@dataclass(frozen=True)
class Segment:
    """A segment's file.

    Attributes:
        path: where it is.
        size: its bytes.
    """

    path: Path
    size: int

    @property
    def table(self) -> str:
        """The table that its rows belong to, `a+b` of several; empty when the name does not say."""
        match = _NAME.match(self.path.name)
        return match[3] if match else ""

    @property
    def order(self) -> int:
        """Nanoseconds of Unix time when it was appended; 0 when the name does not say."""
        match = _NAME.match(self.path.name)
        return int(match[1]) if match else 0


def name(order: int, writer: str, table: str, content: bytes) -> str:
    """The file name of a segment; names sort by `order`."""
    return f"{order:020d}-{writer}-{zlib.crc32(content):08x}.{table}{SUFFIX}"


class Content(NamedTuple):
    """What a segment holds.

    Attributes:
        table: whose rows.
        frame: the rows.
        scopes: the rows are all that there is inside of these; None: they are to be merged.
    """

    table: TableSpec
    frame: pl.DataFrame
    scopes: pl.DataFrame | None = None

    @property
    def change(self) -> Merge | ReplaceWithin:
        """What is to be done with it."""
        if self.scopes is None:
            return Merge(self.table, self.frame)
        return ReplaceWithin(self.table, self.frame, self.scopes, most_removed=1.0)


def encode(frame: pl.DataFrame, scopes: pl.DataFrame | None = None) -> bytes:
    """The frame as an Arrow file: 13 KB for 600 candles, a sixth of what it is uncompressed.

    Args:
        frame: the rows.
        scopes: they are all that there is inside of these; None: they are to be merged.
    """
    if scopes is not None:
        mark = _WITHIN + ",".join(scopes.columns)
        told = (frame.with_columns(pl.lit(value=True).alias(mark)), scopes)
        frame = pl.concat(told, how="diagonal").with_columns(pl.col(mark).fill_null(value=False))
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="zstd", compat_level=pl.CompatLevel.oldest())
    return buffer.getvalue()


def joined(parts: Sequence[bytes]) -> bytes:
    """Several encoded frames as one content; one stays as it is."""
    if len(parts) == 1:
        return parts[0]
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def decode(
    segment: Segment, tables: Sequence[TableSpec], *, drop_unknown: bool = False
) -> list[Content]:
    """What a segment holds, table by table, as the tables are defined now.

    A segment may be older than the code: columns that are new since have what `Column.before` says,
    NULL by default.

    Args:
        segment: its file.
        tables: those that this code knows.
        drop_unknown: leave out columns that this code does not know.

    Raises:
        ForeignSegment: its table is not known here, it has columns that are not, or lacks what must
            be there.
        SegmentError: it cannot be read, and never will be.
        OSError: it could not be read this time.
    """
    match = _NAME.fullmatch(segment.path.name)
    if match is None:
        _check_is_arrow(segment.path.read_bytes())
        raise ForeignSegment("not the name of a segment that this version knows")
    names = match[3].split(_TOGETHER)
    known = {spec.name: spec for spec in tables}
    for one in names:
        if one not in known:
            raise ForeignSegment(f"this version has no table {one!r}")
    content = segment.path.read_bytes()
    if zlib.crc32(content) != int(match[2], 16):
        raise SegmentError("its bytes are not those that were written")
    parts = [content] if len(names) == 1 else _parts(content, len(names))
    return [
        _decode(known[name], part, drop_unknown=drop_unknown)
        for name, part in zip(names, parts, strict=True)
    ]


def _parts(content: bytes, count: int) -> list[bytes]:
    """The contents that were joined.

    Raises:
        SegmentError: there are not so many.
    """
    parts: list[bytes] = []
    at = 0
    while at + _LENGTH.size <= len(content):
        (length,) = _LENGTH.unpack_from(content, at)
        at += _LENGTH.size
        parts.append(content[at : at + length])
        at += length
    if at != len(content) or len(parts) != count:
        raise SegmentError(f"it does not hold the rows of {count} tables")
    return parts


def _decode(spec: TableSpec, content: bytes, *, drop_unknown: bool) -> Content:
    try:
        found = pl.read_ipc(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SegmentError(str(error)) from error
    found, scopes = _apart(found)
    unknown = [column for column in found.columns if column not in spec.column_names]
    if unknown and not drop_unknown:
        raise ForeignSegment(f"this version has no columns {unknown} in {spec.name}")
    added = [
        pl.lit(column.before, spec.schema[column.name]).alias(column.name)
        for column in spec.columns
        if column.name not in found.columns
    ]
    try:
        return Content(spec, conform(spec, found.drop(unknown).with_columns(added)), scopes)
    except FrameError as error:
        raise ForeignSegment(str(error)) from error


def _apart(found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """The rows of a file, and the scopes that they are whole in, if they are."""
    mark = next((name for name in found.columns if name.startswith(_WITHIN)), None)
    if mark is None:
        return found, None
    scopes = found.filter(~pl.col(mark)).select(mark.removeprefix(_WITHIN).split(","))
    return found.filter(pl.col(mark)).drop(mark), scopes


def _check_is_arrow(content: bytes) -> None:
    try:
        pl.read_ipc(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SegmentError(f"not the name of a segment, and {error}") from error


def listed(directory: Path, suffix: str) -> list[Segment]:
    """Files with the suffix, in the order of their names; none where there is no folder."""
    found: list[Segment] = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.endswith(suffix) and not entry.name.startswith("."):
                    try:
                        found.append(Segment(directory / entry.name, entry.stat().st_size))
                    except FileNotFoundError:  # another process has just drained it
                        continue
    except FileNotFoundError:
        return []
    except OSError as error:
        raise from_os(directory, error) from error
    return sorted(found, key=lambda segment: segment.path.name)


def write(path: Path, content: bytes) -> None:
    """Write a new file, onto the disk. May raise an `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
