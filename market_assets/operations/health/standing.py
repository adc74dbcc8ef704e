"""How every channel stands, written to a file by Dagster and read by the terminal of `make run`.

To ask Dagster, a process needs Dagster's memory. A sensor asks it every minute anyway, and leaves
the answer here. Not here: the words (`cli/telling.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from market_assets.streams.core.state import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from market_assets.operations.health.statuses import Health

STANDING_FILE: Final = "standing.json"
"""In `Settings.state_dir`."""


@dataclass(frozen=True)
class Standing:
    """How one channel is, or a part of the system that channels depend on.

    Attributes:
        label: `source/channel`.
        status: one of the five of `health/statuses.py`.
        why: what is wrong, or None.
    """

    label: str
    status: str
    why: str | None = None


def write_standings(state_dir: Path, health: Health) -> None:
    """Leave the answer for whoever shows it; a disk that is full is logged."""
    rows = [
        {
            "label": row.label,
            "status": row.status,
            "why": row.last_error,
        }
        for row in health.rows
    ]
    write_json(state_dir / STANDING_FILE, {"at": health.at, "rows": rows})


def read_standings(state_dir: Path) -> list[Standing]:
    """The last answer; empty where there is none, or none that can be read."""
    try:
        said = json.loads((state_dir / STANDING_FILE).read_bytes())
        return [Standing(**row) for row in said["rows"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
