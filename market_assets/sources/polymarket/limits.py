"""What Polymarket's requests weigh, and the budgets they are paid from: one per host.

The venue counts each route of a host on its own, and all of them together, in sliding windows of
ten seconds (https://docs.polymarket.com, rate limits, July 2026). A host has one budget here: its
general limit times a factor that makes every route's weight, the general limit divided by the
route's own, a whole number. So each route's limit holds, and so does that of any mixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from market_assets.sources.limits import WeightBudget

if TYPE_CHECKING:
    from pathlib import Path

    from market_assets.clock import Clock

WINDOW_S: Final = 10.0

_GAMMA: Final = 12_000
"""4000 requests of weight 3."""
GAMMA_OTHER: Final = 3
"""A route without a limit of its own: /sports."""
EVENTS: Final = 24
"""500 requests."""
MARKETS: Final = 40
"""300 requests."""
TAGS: Final = 60
"""200 requests."""

_DATA: Final = 1_000
DATA_OTHER: Final = 1
"""A route without a limit of its own: /oi."""
TRADES: Final = 5
"""200 requests."""

_CLOB: Final = 9_000
BOOKS: Final = 18
"""500 requests; so for /prices."""

_RESERVED_FOR_RUNS: Final = 0.3
"""Share of each budget that only runs may take, so that a backfill never holds up the present."""


class Budgets(NamedTuple):
    """The request weight that all processes of this machine share, by host."""

    gamma: WeightBudget
    data: WeightBudget
    clob: WeightBudget


def polymarket_budgets(folder: Path, *, share: float = 0.8, clock: Clock | None = None) -> Budgets:
    """The budgets of the three hosts, in files of their own.

    Args:
        folder: where the files are; made where it is missing.
        share: how much of what the venue allows is used.
        clock: for the sliding windows.

    Raises:
        ValueError: the share is so small that some request could never be sent.
    """

    def budget(host: str, allowed: int, heaviest: int) -> WeightBudget:
        per_window = int(allowed * share)
        made = WeightBudget(
            folder / f"polymarket_{host}.budget",
            per_window=per_window,
            reserves={"runs": int(per_window * _RESERVED_FOR_RUNS)},
            window=WINDOW_S,
            clock=clock,
        )
        if made.most("backfill") < heaviest:
            raise ValueError(
                f"a share of {share:g} leaves {made.most('backfill')} of polymarket's {host} host"
                f" for a backfill; its heaviest request weighs {heaviest}"
            )
        return made

    return Budgets(
        gamma=budget("gamma", _GAMMA, TAGS),
        data=budget("data", _DATA, TRADES),
        clob=budget("clob", _CLOB, BOOKS),
    )
