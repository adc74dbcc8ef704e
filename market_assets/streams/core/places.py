"""Where a stream keeps its locks, its account of itself and its spool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

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


def places(state_dir: Path, stream: str) -> StreamPlaces:
    """The folders of the stream of that name, in the project's own folder beside the database."""
    folder = state_dir if stream == _FIRST else state_dir / "streams" / stream
    return StreamPlaces(folder, folder / "spool")
