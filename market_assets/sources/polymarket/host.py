"""What the clients of Polymarket's three hosts share: how they ask, and what they count.

A transport, a limit of requests at once, decoding with its errors, identifiers in batches, and the
things that made no sense. Not here: which questions there are (`gamma.py`, `data_api.py`,
`clob.py`), what they weigh (`limits.py`), what the answers mean (`wire.py`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeVar

from market_assets.clock import SystemClock
from market_assets.sources.batches import ask_in_batches
from market_assets.sources.concurrency import AdaptiveLimit
from market_assets.sources.decoding import decoded
from market_assets.sources.errors import VenueNonsense
from market_assets.sources.http import HttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from market_assets.clock import Clock
    from market_assets.proxies import Proxies
    from market_assets.sources.batches import Batches
    from market_assets.sources.limits import WeightBudget
    from market_assets.sources.retry import RetryPolicy
    from market_assets.sources.traffic import TransportStats

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")

VENUE: Final = "polymarket"
MARKETS_A_REQUEST: Final = 60
"""Condition ids in one query: it stays well below the 8 KB that the venue takes."""
_SAMPLES: Final = 5
_ENOUGH_TO_JUDGE: Final = 10


def merged(what: str, asked: Batches[Any], rejected: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What all batches left out, and by id what the venue gave no answer about."""
    found = {f"{what} {id_[:100]}": reason for id_, reason in asked.unanswered.items()}
    for one in rejected:
        found |= one
    return found


class HostClient:
    """One host. Thread-safe: threads share connections, budget, concurrency and counts."""

    def __init__(
        self,
        base_url: str,
        *,
        budget: WeightBudget | None = None,
        user: str = "runs",
        clock: Clock | None = None,
        timeout: float = 10.0,
        retries: RetryPolicy | None = None,
        proxies: Proxies | None = None,
        concurrency: int = 4,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a client.

        Args:
            base_url: the host's address, or that of another that speaks the same.
            budget: the weight that all processes share (`polymarket_budgets`); None: no limit.
            user: on whose account: runs or backfill.
            clock: for deadlines, and for what lies in the future.
            timeout: seconds for connecting, and for each pause in an answer.
            retries: when to ask again.
            proxies: which of them leads to the venue; None: it is reached directly.
            concurrency: requests at once, at most; fewer after a 429.
            sleep: how to wait between attempts.
        """
        self._clock = clock or SystemClock()
        self._limit = AdaptiveLimit(concurrency)
        self._http = HttpTransport(
            base_url,
            VENUE,
            budget=budget,
            user=user,
            limit=self._limit,
            timeout=timeout,
            retry=retries,
            proxies=proxies,
            clock=self._clock,
            sleep=sleep,
        )
        self._gone: set[str] = set()
        """Routes that were answered as being no more, where there is another."""
        self._rejected = 0
        self._samples: deque[str] = deque(maxlen=_SAMPLES)
        self._lock = threading.Lock()

    def _get(
        self,
        path: str,
        query: Mapping[str, str | Sequence[str]],
        weight: int,
        decode: Callable[[bytes], _T],
    ) -> _T:
        """The decoded answer to a GET.

        Args:
            path: names the question in errors.
            query: a parameter with several values is repeated.
            weight: what it costs of the shared budget.
            decode: raises one of `UNREADABLE` for what it cannot read.

        Raises:
            VenueError: of the class that says what went wrong.
        """
        return decoded(VENUE, path, self._http.get_json(path, query, weight=weight), decode)

    def _post(self, path: str, payload: object, weight: int, decode: Callable[[bytes], _T]) -> _T:
        """The decoded answer to a POST; otherwise as `_get`."""
        return decoded(VENUE, path, self._http.post_json(path, payload, weight=weight), decode)

    def _in_batches(
        self, identifiers: Iterable[str], most: int, ask: Callable[[tuple[str, ...]], _T]
    ) -> Batches[_T]:
        """What `ask` says of all identifiers, so many at a time, several batches at once.

        An identifier that the venue chokes on costs itself; see `sources/batches.py`.

        Args:
            identifiers: what to ask about; one that comes twice is asked for once.
            most: how many go into one request.
            ask: one request.

        Raises:
            VenueError: nothing can be had; batches that were not yet begun are left.
        """
        found = ask_in_batches(identifiers, most, ask, limit=self._limit)
        self._note("unanswered", found.unanswered)
        return found

    def _note(self, what: str, rejected: Mapping[str, str]) -> None:
        """Count what was kept out of an answer. The run's metadata shows it: each walk has some."""
        if not rejected:
            return
        named = [f"{what}: {name}: {reason}" for name, reason in rejected.items()]
        _LOG.debug("%d values make no sense, the first: %s", len(named), named[0][:300])
        with self._lock:
            self._rejected += len(named)
            self._samples.extend(text[:300] for text in named[:_SAMPLES])

    def _refuse_if_none_can_be_read(
        self, what: str, rows: int, read: int, rejected: Mapping[str, str]
    ) -> None:
        """An answer of which nothing can be read is no empty one: its shape has changed.

        Fewer rows prove too little: one bad row of one is that row's fault.

        Raises:
            VenueNonsense: so it is.
        """
        if rows >= _ENOUGH_TO_JUDGE and read == 0 and rejected:
            name, reason = next(iter(rejected.items()))
            raise VenueNonsense(
                VENUE, f"{what}: none of {rows} rows can be read; {name}: {reason}"[:400]
            )

    @property
    def rejected(self) -> tuple[int, tuple[str, ...]]:
        """How many things were kept out because they made no sense, and the last five of them."""
        with self._lock:
            return self._rejected, tuple(self._samples)

    def stats(self) -> TransportStats:
        """Requests, retries, statuses and concurrency so far."""
        return self._http.stats()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
