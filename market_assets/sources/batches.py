"""Asking about many identifiers, so many at a time, of which one may be too much for the venue.

A batch that is refused, or that the venue fails over (5xx, an answer of another shape), is halved
until what is left is one identifier: that one is named, all others have their answer. So it is done
only while the venue answers others: where nothing but failures come it is away, and one error says
so. The number of requests that are spent on it is bounded.

Not here: when a single request is sent again (`http.py`), what is asked (the clients).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from market_assets.sources.concurrency import fetch_all
from market_assets.sources.errors import (
    VenueError,
    VenueNonsense,
    VenueRejected,
    VenueUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from market_assets.sources.concurrency import AdaptiveLimit

_T = TypeVar("_T")
_Batch = tuple[str, ...]

MOST_EXTRA: Final = 64
"""Requests that one call spends on finding out what the venue chokes on: one identifier of 60 takes
twelve."""
_AWAY_AFTER: Final = 4
"""Failures in a row after which the venue is taken to be away, unless it still answers a question
that it answered before."""
_TOO_LONG: Final = (413, 414)
"""How a venue says that there are too many identifiers in one request."""
_NOT_FOR_AN_ID: Final = (401, 402, 403, 407, 451)
"""Refusals of whoever asks, whatever is asked."""


class Batches(NamedTuple, Generic[_T]):
    """What came of all batches.

    Attributes:
        answers: one per request that was answered, in the order of the identifiers.
        unanswered: identifiers that the venue gave no answer about, with the reason. Nothing is
            known of them.
    """

    answers: list[_T]
    unanswered: dict[str, str]


def ask_in_batches(
    identifiers: Iterable[str],
    most: int,
    ask: Callable[[_Batch], _T],
    *,
    limit: AdaptiveLimit,
    most_extra: int = MOST_EXTRA,
) -> Batches[_T]:
    """What `ask` says of all identifiers, several batches at once.

    Args:
        identifiers: what to ask about; one that comes twice is asked for once.
        most: how many go into one request.
        ask: one request; thread-safe.
        limit: how many at once.
        most_extra: requests that may be spent on finding out what the venue chokes on.

    Raises:
        VenueError: the venue is away or refuses whoever asks; batches that were not yet begun are
            left.
    """
    wanted = list(dict.fromkeys(identifiers))
    batches = [tuple(wanted[at : at + most]) for at in range(0, len(wanted), most)]
    search = _Search(ask, most_extra)
    fetch_all(batches, search.whole, limit=limit, all_or_nothing=True)
    search.halve()
    place = {identifier: at for at, identifier in enumerate(wanted)}
    answers = sorted(search.answers, key=lambda pair: place[pair[0]])
    return Batches([answer for _, answer in answers], search.unanswered)


class _Search(Generic[_T]):
    """One call of `ask_in_batches`."""

    def __init__(self, ask: Callable[[_Batch], _T], most_extra: int) -> None:
        self.answers: list[tuple[str, _T]] = []
        """With the first identifier of the question."""
        self.unanswered: dict[str, str] = {}
        self._ask = ask
        self._extra = most_extra
        self._in_vain = 0
        self._good: str | None = None
        self._failed: list[tuple[_Batch, VenueError]] = []
        self._lock = threading.Lock()

    def whole(self, batch: _Batch) -> None:
        """Ask for a batch; a failure that may be one identifier's is put off.

        Raises:
            VenueError: it is none of these, or the venue is away.
        """
        try:
            answer = self._ask(batch)
        except VenueError as error:
            if not _may_be_an_id(error):
                raise
            with self._lock:
                self._failed.append((batch, error))
                # A refusal is an answer: the venue is there.
                self._in_vain += not isinstance(error, VenueRejected)
                is_away = self._in_vain >= _AWAY_AFTER
            if is_away and not self._still_answers():
                raise
        else:
            with self._lock:
                self.answers.append((batch[0], answer))
                self._good, self._in_vain = batch[0], 0

    def halve(self) -> None:
        """Halve what failed until it is one identifier each.

        Raises:
            VenueError: nothing was answered at all, or the venue is away.
        """
        first = self._failed[0][1] if self._failed else None
        while self._failed:
            batch, error = self._failed.pop()  # one after the other to its end
            if len(batch) == 1 or (self._extra < 2 and not _is_too_long(error)):  # noqa: PLR2004 - two halves
                of_many = "" if len(batch) == 1 else f" (one of {len(batch)} it may be)"
                self.unanswered |= dict.fromkeys(batch, f"{error}{of_many}")
                continue
            if not _is_too_long(error):
                self._extra -= 2
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                self.whole(half)
        if first is not None and self._good is None:
            raise first

    def _still_answers(self) -> bool:
        """Whether the venue answers what it answered before."""
        with self._lock:
            good, self._in_vain = self._good, 0
        if good is None or self._extra < 1:
            return False
        self._extra -= 1
        try:
            self._ask((good,))
        except VenueError:
            return False
        return True


def _may_be_an_id(error: VenueError) -> bool:
    """Whether one of the identifiers may be why a request failed."""
    if isinstance(error, VenueRejected):
        return error.status not in _NOT_FOR_AN_ID
    if isinstance(error, VenueUnavailable):
        return error.status is not None  # it was answered, if with an error
    return isinstance(error, VenueNonsense)


def _is_too_long(error: VenueError) -> bool:
    return isinstance(error, VenueRejected) and error.status in _TOO_LONG
