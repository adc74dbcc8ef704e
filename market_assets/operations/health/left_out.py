"""Parts that a run was to bring and could not, though it brought the rest: in words and metadata.

A dex of an exchange, the books beside a catalogue: the asset is materialized, its channel is fresh,
and one part of it may stand still for days. So each such run leaves a mark in the metadata of the
materialization, and health calls the channel stale once a part is lacking for longer than the
channel's window. Which parts there are is said by whoever reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from market_assets.clock import parse_rfc3339
from market_assets.storage.common.runs import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from dagster import AssetMaterialization

METADATA: Final = "parts_left_out"
"""The key under which a materialization says so."""
_SHOWN: Final = 3


@dataclass(frozen=True)
class LeftOut:
    """A part that is lacking.

    Attributes:
        part: what people call it: `dex xyz`, `books`.
        why: what the venue said, one line without secrets.
        since: when the first of the runs began that could not bring it.
    """

    part: str
    why: str
    since: datetime

    @property
    def line(self) -> str:
        return f"without {self.part} since {self.since:%m-%d %H:%M} UTC: {self.why}"


def as_metadata(
    parts: Mapping[str, str], before: Sequence[LeftOut], now: datetime
) -> dict[str, object]:
    """What a materialization says.

    Args:
        parts: what is lacking, and why.
        before: what the last materialization said.
        now: since when a part is lacking that was there.
    """
    since = {one.part: one.since for one in before}
    return {
        part: {"since": min(since.get(part, now), now).isoformat(), "why": without_secrets(why)}
        for part, why in parts.items()
    }


def from_metadata(materialization: AssetMaterialization | None) -> tuple[LeftOut, ...]:
    """What a materialization says; nothing where it says nothing that can be read."""
    said: Any = materialization.metadata.get(METADATA) if materialization is not None else None
    values = getattr(said, "value", None)
    found = []
    for part, one in values.items() if isinstance(values, dict) else ():
        try:
            found.append(LeftOut(str(part), str(one["why"]), parse_rfc3339(one["since"])))
        except (KeyError, TypeError, ValueError):
            continue
    return tuple(found)


def in_a_line(parts: Sequence[LeftOut]) -> str | None:
    """The longest lacking first; None if nothing is."""
    told = [one.line for one in sorted(parts, key=lambda one: one.since)]
    more = f"and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return "; ".join([*told[:_SHOWN], *([more] if more else [])]) or None
