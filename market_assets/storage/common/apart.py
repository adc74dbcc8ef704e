"""Segments that no drain brings in, and why: those set aside, and those left for other code.

Set aside is what cannot be what was written: bytes that are not those of the checksum, or no Arrow
file. It is renamed (`.bad`), with the cause in a file beside it (`.bad.why`). Left, under its name,
is what was written by a version of the project that knows another table or other columns: that
version drains it, before or after this one. `.left.json` says why, for those who only look.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from market_assets.storage.common.errors import from_os
from market_assets.storage.common.segments import SUFFIX, Segment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BAD: Final = ".bad"
_WHY: Final = ".why"
_LEFT: Final = ".left.json"


@dataclass(frozen=True)
class Apart:
    """A segment that is not brought in.

    Attributes:
        segment: its file.
        kind: `set aside`, or `left`.
        cause: why, on one line.
    """

    segment: Segment
    kind: Literal["set aside", "left"]
    cause: str


def set_aside(segment: Segment, cause: str) -> None:
    """Rename it, so that no drain looks at it again.

    Raises:
        OSError: it cannot be renamed; it stays where it is.
    """
    bad = segment.path.with_name(segment.path.name + BAD)
    bad.with_name(bad.name + _WHY).write_text(cause, "utf-8")
    segment.path.rename(bad)


def put_back(directory: Path) -> int:
    """Give the segments that were set aside their names again; says how many.

    Raises:
        StoreError: the folder cannot be written.
    """
    count = 0
    try:
        for bad in sorted(directory.glob(f"*{BAD}")):
            bad.rename(bad.with_name(bad.name.removesuffix(BAD)))
            bad.with_name(bad.name + _WHY).unlink(missing_ok=True)
            count += 1
    except OSError as error:
        raise from_os(directory, error) from error
    return count


def note_left(directory: Path, causes: Mapping[str, str]) -> None:
    """Say which segments are left, by name, and why. May raise an `OSError`."""
    path = directory / _LEFT
    draft = path.with_name(f"{_LEFT}.draft")
    draft.write_text(json.dumps(causes), "utf-8")
    draft.rename(path)


def left(directory: Path) -> dict[str, str]:
    """Why segments are left, by name: those that a drain has met and that are still there."""
    try:
        said = json.loads((directory / _LEFT).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(said, dict):
        return {}
    return {str(name): str(why) for name, why in said.items() if (directory / str(name)).exists()}


def apart(directory: Path) -> list[Apart]:
    """All of them, in the order of their names; none where there is no folder."""
    found = [
        Apart(Segment(directory / name, _size(directory / name)), "left", why)
        for name, why in left(directory).items()
    ]
    for bad in directory.glob(f"*{SUFFIX}{BAD}"):
        try:
            why = bad.with_name(bad.name + _WHY).read_text("utf-8")
        except (OSError, ValueError):
            why = "cannot be read"
        found.append(Apart(Segment(bad, _size(bad)), "set aside", why))
    return sorted(found, key=lambda one: one.segment.path.name)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
