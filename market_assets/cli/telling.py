"""What the terminal of `run` says while it is up: a line for each change, and nothing else.

Dagster's sensor writes down how every channel is (`health/standing.py`); here those are compared
with the last ones. A channel that is being brought is as it was before. What was never there is no
news while the system starts; what keeps failing is told once.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_assets.operations.health.standing import Standing

SETTLES_S: Final = 300.0
"""After so long, what is not there yet is news."""
_LONGEST_CAUSE: Final = 300


class Teller:
    """Remembers what was told, and finds the words for what is new."""

    def __init__(self, hint: str) -> None:
        """Begin with nothing told.

        Args:
            hint: what to try first, once all is well.
        """
        self._hint = hint
        self._told: dict[str, str] = {}
        self._is_settled = False

    def news(self, standings: Sequence[Standing], since_start_s: float) -> list[str]:
        """Lines for what has changed since the last call.

        Args:
            standings: of every channel, as they are now.
            since_start_s: how long the system has been up.
        """
        starts = not self._is_settled and since_start_s < SETTLES_S
        changes: dict[tuple[str, str], list[str]] = defaultdict(list)
        for one in standings:
            before = self._told.get(one.label)
            if one.status in (before, "running"):
                continue
            if before is None and starts and one.status in ("missing", "stale"):
                continue
            self._told[one.label] = one.status
            again = " again" if before in ("failed", "stale") and one.status == "ok" else ""
            changes[one.status + again, _cause(one)].append(one.label)
        lines = [
            f"{status}: {', '.join(labels)}{f': {why}' if why else ''}"
            for (status, why), labels in changes.items()
        ]
        if not self._is_settled and self._all_are_ok(standings):
            self._is_settled = True
            lines.append(f"all is well, {len(standings)} channels. {self._hint}")
        return lines

    def _all_are_ok(self, standings: Sequence[Standing]) -> bool:
        return bool(standings) and all(self._told.get(one.label) == "ok" for one in standings)


def _cause(one: Standing) -> str:
    if one.status == "ok":
        return ""
    line = " ".join((one.why or "").split())
    return line if len(line) <= _LONGEST_CAUSE else line[: _LONGEST_CAUSE - 1] + "…"
