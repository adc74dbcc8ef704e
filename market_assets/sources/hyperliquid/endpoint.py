"""One question to the info endpoint, and the count of rows in its answers that made no sense.

What `client.py` and the modules beside it ask through. Not here: which questions there are.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Final, TypeVar

from market_assets.sources.decoding import decoded
from market_assets.sources.errors import VenueRejected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from market_assets.sources.http import HttpTransport

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")

VENUE: Final = "hyperliquid"
_UNKNOWN_COIN: Final = (500, b"null")
"""How some requests are told that there is no such coin; to others a 500 is trouble and passes. It
comes to a coin that is listed too, once in a while, and passes at once."""
_TAKE_A_COIN: Final = ("candleSnapshot", "fundingHistory")
_SAMPLES: Final = 5


class InfoEndpoint:
    """`POST /info`. Thread-safe."""

    def __init__(self, http: HttpTransport) -> None:
        self.http = http
        self._rejected = 0
        self._samples: deque[str] = deque(maxlen=_SAMPLES)
        self._lock = threading.Lock()

    def ask(self, request: Mapping[str, object], weight: int, decode: Callable[[bytes], _T]) -> _T:
        """The decoded answer.

        Args:
            request: what to ask; its `type` names it in errors.
            weight: what it costs of the shared budget.
            decode: raises one of `UNREADABLE` for what it cannot read.

        Raises:
            VenueError: of the class that says what went wrong.
        """
        kind = request["type"]
        refusal = _UNKNOWN_COIN if kind in _TAKE_A_COIN else None
        try:
            body = self.http.post_json("/info", request, weight=weight, refusal=refusal)
        except VenueRejected as error:
            if not error.may_be_trouble:
                raise
            body = self.http.post_json("/info", request, weight=weight, refusal=refusal)
        return decoded(VENUE, str(kind), body, decode)

    def note(self, what: str, faults: Sequence[str]) -> None:
        """Count rows that were dropped, and say so once per answer."""
        if not faults:
            return
        _LOG.warning("%s: %d rows make no sense, the first: %s", what, len(faults), faults[0])
        with self._lock:
            self._rejected += len(faults)
            self._samples.extend(f"{what}: {fault}"[:300] for fault in faults[:_SAMPLES])

    @property
    def rejected(self) -> tuple[int, tuple[str, ...]]:
        """How many rows were dropped because they made no sense, and the last five of them."""
        with self._lock:
            return self._rejected, tuple(self._samples)
