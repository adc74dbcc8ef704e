"""The rows of a frame that a table can take, where some of them it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from market_assets.frames import FrameError, conform

if TYPE_CHECKING:
    from market_assets.tables import TableSpec


class Sifted(NamedTuple):
    """The rows that the table can take, and of each other one its symbol and the reason."""

    sound: pl.DataFrame
    refused: dict[str, str]


def sift(table: TableSpec, frame: pl.DataFrame) -> Sifted:
    """Tell a frame's sound rows from the others, by halves: one bad row takes a few looks."""
    try:
        return Sifted(conform(table, frame), {})
    except FrameError as error:
        if frame.height <= 1:
            name = str(frame["symbol"][0]) if frame.height and "symbol" in frame.columns else ""
            return Sifted(frame.clear(), {name: str(error)})
    middle = frame.height // 2
    first, second = sift(table, frame[:middle]), sift(table, frame[middle:])
    return Sifted(pl.concat([first.sound, second.sound]), first.refused | second.refused)
