"""Where real payloads are, if this machine has them; the project holds none itself."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).resolve().parent.parent.parent / "shared" / "recordings"


def recordings(source: str) -> Path | None:
    """The folder of a venue's recorded payloads; None where they are not there."""
    folder = _FOLDER / source
    return folder if folder.is_dir() else None
