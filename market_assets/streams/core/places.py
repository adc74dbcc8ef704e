"""Where a stream keeps its locks, its account of itself and its spool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from market_assets.storage.paths import StorePaths

_FIRST: Final = "hyperliquid"
"""The stream that there was before there were several: its files stay where they were, so that
sessions of before and after an upgrade see each other's locks and drain each other's segments."""


class StreamPlaces(NamedTuple):
    """The folders of one stream.

    Attributes:
        folder: locks and small files.
        spool: segments that wait for the database.
    """

    folder: Path
    spool: Path


def places(paths: StorePaths, stream: str) -> StreamPlaces:
    """The folders of the stream of that name, in the folder of the database's own files."""
    if stream == _FIRST:
        return StreamPlaces(paths.state_dir, paths.spool)
    folder = paths.state_dir / "streams" / stream
    return StreamPlaces(folder, folder / "spool")
