"""How every channel stands, written to a file by Dagster and read by the terminal of `make run`.

To ask Dagster, a process needs Dagster's memory. A sensor asks it every minute anyway, and leaves
the answer here. Not here: the words (`cli/telling.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from market_assets.streams.core.state import write_json

if TYPE_CHECKING:
    from market_assets.machine_paths import MachinePaths
    from market_assets.operations.health.statuses import Health


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


def write_standings(machine: MachinePaths, health: Health) -> None:
    """Leave the answer for whoever shows it; a disk that is full is logged."""
    rows = [
        {
            "label": row.label,
            "status": row.status,
            "why": row.last_error,
        }
        for row in health.rows
    ]
    write_json(machine.standings, {"at": health.at, "rows": rows})


def read_standings(machine: MachinePaths) -> list[Standing]:
    """The last answer; empty where there is none, or none that can be read."""
    try:
        said = json.loads((machine.standings).read_bytes())
        return [Standing(**row) for row in said["rows"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
