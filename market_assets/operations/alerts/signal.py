"""A signal of a prediction market as an alert tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the annotation


@dataclass(frozen=True)
class Signal:
    """A row of `polymarket_signal_events`, and the market's question.

    Attributes:
        signal_id: its id; it is told of once.
        kind: what stood out.
        condition_id: the market.
        token_id: the token; None where the signal is the market's.
        symbol: the Hyperliquid symbol that the market is about.
        as_of: the instant of what stood out.
        score: what was measured.
        threshold: what it was held against.
        detail: the figures behind it, as JSON.
        found_at: when it was found.
        question: what the market asks; None where the catalogue lacks it.
    """

    signal_id: str
    kind: str
    condition_id: str
    token_id: str | None
    symbol: str | None
    as_of: datetime
    score: float
    threshold: float
    detail: str
    found_at: datetime
    question: str | None = None
