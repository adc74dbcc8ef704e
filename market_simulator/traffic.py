"""What went over the wire, counted: the answer of `GET /__control__/stats`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Traffic:
    """Counts since the venue was started.

    Attributes:
        requests: by type, then by status; what could not be read counts as type `?`.
        frames: data frames sent, by channel.
        errors: error frames sent, by the beginning of their text.
        handshakes: WebSocket handshakes by outcome.
        messages: messages that clients sent over WebSockets, by method.
        rows: rows in answers, by type.
    """

    requests: dict[str, Counter[int]] = field(default_factory=dict)
    frames: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    handshakes: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)

    def answered(self, kind: str, status: int) -> None:
        """Count an answer to a request of that type."""
        self.requests.setdefault(kind, Counter())[status] += 1
