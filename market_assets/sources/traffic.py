"""What a transport did: requests, retries, answers by status, bytes; for a run's metadata."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class TransportStats:
    """What a transport did since it was made.

    Attributes:
        requests: requests sent, retries included.
        retries: how many of them were retries.
        by_status: answers by HTTP status; requests without an answer under the error's name.
        received_bytes: bytes of bodies, decompressed.
        concurrency: how many may run at once now; None where nothing limits it.
        lowest_concurrency: how few that were at the worst.
    """

    requests: int
    retries: int
    by_status: Mapping[str, int]
    received_bytes: int
    concurrency: int | None = None
    lowest_concurrency: int | None = None


class Traffic:
    """Counts while requests are made. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._retries = 0
        self._bytes = 0

    def outcome(self, status: str, size: int = 0) -> None:
        """A request came to an end: its status or the name of its error, and the body's bytes."""
        with self._lock:
            self._outcomes[status] += 1
            self._bytes += size

    def retry(self) -> None:
        """A request is sent again."""
        with self._lock:
            self._retries += 1

    def stats(
        self, *, concurrency: int | None = None, lowest_concurrency: int | None = None
    ) -> TransportStats:
        """What was counted so far, with what only the transport's limit knows."""
        with self._lock:
            return TransportStats(
                requests=sum(self._outcomes.values()),
                retries=self._retries,
                by_status=dict(self._outcomes),
                received_bytes=self._bytes,
                concurrency=concurrency,
                lowest_concurrency=lowest_concurrency,
            )
