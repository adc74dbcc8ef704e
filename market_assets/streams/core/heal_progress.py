"""How far a healer is, whatever it heals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class HealingProgress:
    """How far the healing is.

    Attributes:
        done: series healed of those found at the start.
        total: how many those were.
        weight: request weight spent.
        eta_s: seconds until the backfill is done at the present rate; None if not known.
        open_holes: gaps that are open now.
        healed_rows: rows brought.
        failing: symbols that were asked for in vain: how often, and why the last time.
        last_error: the latest failure; None if the last request did not fail.
    """

    done: int = 0
    total: int = 0
    weight: int = 0
    eta_s: float | None = None
    open_holes: int = 0
    healed_rows: int = 0
    failing: Mapping[str, str] | None = None
    last_error: str | None = None
