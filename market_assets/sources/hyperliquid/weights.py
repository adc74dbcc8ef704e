"""What requests weigh, and the budget they are paid from.

The exchange allows an address 1200 a minute, over HTTP and WebSocket posts together:
https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/rate-limits-and-user-limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from market_assets.sources.limits import WeightBudget

if TYPE_CHECKING:
    from pathlib import Path

    from market_assets.clock import Clock

INFO: Final = 20
"""Every info request but those that have a weight of their own here."""
ALL_MIDS: Final = 2
BOOK: Final = 2
FUNDING_ROWS: Final = 500
"""Payments in one answer of `fundingHistory`."""
_PAYMENTS_PER_WEIGHT: Final = 20
MAX_CANDLES: Final = 5000
"""Candles in one answer, and all that the exchange keeps of an interval."""
_CANDLES_PER_WEIGHT: Final = 60
PER_MINUTE: Final = 1200
"""What the exchange allows an address."""
_RESERVES: Final = {"runs": 0.2, "stream": 0.05}
"""Share of the budget that only runs, and only the stream's healing, may take. Beyond it requests
queue in order, so nobody starves. Runs have a fifth: with less, the contexts and books of every
five minutes wait for the backfill of a fresh database (contexts took 50 s with a twentieth)."""


def candles(rows: int) -> int:
    """Weight of a `candleSnapshot` that may answer with so many rows."""
    return INFO + -(-min(rows, MAX_CANDLES) // _CANDLES_PER_WEIGHT)


def funding(rows: int) -> int:
    """Weight of a `fundingHistory` that may answer with so many rows."""
    return INFO + -(-min(rows, FUNDING_ROWS) // _PAYMENTS_PER_WEIGHT)


def weight_budget(path: Path, *, share: float = 0.8, clock: Clock | None = None) -> WeightBudget:
    """The request weight that all processes of this machine share, in the file `path`.

    Args:
        path: the file; made where it is missing.
        share: how much of the exchange's 1200 a minute is used.
        clock: for the sliding minute.

    Raises:
        ValueError: the share is so small that the largest request could never be sent.
    """
    per_minute = int(PER_MINUTE * share)
    reserves = {user: int(per_minute * part) for user, part in _RESERVES.items()}
    budget = WeightBudget(path, per_window=per_minute, reserves=reserves, clock=clock)
    if budget.most("backfill") < candles(MAX_CANDLES):
        raise ValueError(
            f"a share of {share:g} leaves {budget.most('backfill')} a minute for a backfill; the"
            f" largest request weighs {candles(MAX_CANDLES)}"
        )
    return budget
