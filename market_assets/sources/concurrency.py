"""Several requests to one venue at once, and fewer of them where it says that it is too much.

`AdaptiveLimit` is how many may run now: additive increase, multiplicative decrease. Whoever sees a
429 says so (`HttpTransport` does, for those that it retries too), and what may run is halved; what
succeeds raises it by one. `fetch_all` runs a call for each of some items under such a limit.

Not here: when a single request is sent again (`http.py`), how many a venue allows (`limits.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from market_assets.sources.errors import VenueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_Item = TypeVar("_Item", bound=Hashable)
_Result = TypeVar("_Result")


class AdaptiveLimit:
    """How many calls may run at once: at least 1, at most what it was made with. Thread-safe."""

    def __init__(self, most: int) -> None:
        """Make a limit that begins at its most.

        Raises:
            ValueError: not even one call may run.
        """
        if most < 1:
            raise ValueError(f"at least one call must be allowed at once, not {most}")
        self.most = most
        self._now = self._lowest = most
        self._running = 0
        self._changed = threading.Condition()

    @property
    def now(self) -> int:
        """How many may run now."""
        with self._changed:
            return self._now

    @property
    def lowest(self) -> int:
        """How few were allowed at the worst."""
        with self._changed:
            return self._lowest

    def busy(self) -> None:
        """The venue said that it is too much: half as many from now on."""
        with self._changed:
            self._now = max(1, self._now // 2)
            self._lowest = min(self._lowest, self._now)

    def succeeded(self) -> None:
        """A call went well: one more from now on."""
        with self._changed:
            if self._now < self.most:
                self._now += 1
                self._changed.notify()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until another call may run, and hold its place."""
        with self._changed:
            self._changed.wait_for(lambda: self._running < self._now)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify()


@dataclass(frozen=True)
class Outcomes(Generic[_Item, _Result]):
    """What came of a call for each item.

    Attributes:
        results: of those that went well, in the order of the items.
        failures: why the others did not, in the same order.
    """

    results: dict[_Item, _Result]
    failures: dict[_Item, VenueError]


def fetch_all(
    items: Iterable[_Item],
    fetch: Callable[[_Item], _Result],
    *,
    limit: AdaptiveLimit,
    all_or_nothing: bool = False,
) -> Outcomes[_Item, _Result]:
    """Call `fetch` for each item, several at once.

    Args:
        items: what to fetch; an item that comes twice is fetched once.
        fetch: thread-safe; raises `VenueError` for what could not be had.
        limit: how many at once; shared by all who ask the same venue.
        all_or_nothing: the first failure is raised, and what was not yet begun is left.

    Raises:
        VenueError: the first failure, in time, if it is to be all or nothing.
        Exception: whatever else `fetch` raises, once those that run have ended.
    """
    wanted = list(dict.fromkeys(items))
    results: dict[_Item, _Result] = {}
    failures: dict[_Item, VenueError] = {}
    given_up = threading.Event()

    def one(item: _Item) -> None:
        with limit.slot():
            if given_up.is_set():
                return
            try:
                results[item] = fetch(item)
            except VenueError as error:
                failures[item] = error  # who sent the request has told the limit of a 429
                if all_or_nothing:
                    given_up.set()
            except BaseException:
                given_up.set()  # a defect, not the venue: it is raised below
                raise
            else:
                limit.succeeded()

    with ThreadPoolExecutor(max(1, min(limit.most, len(wanted)))) as pool:
        for _ in pool.map(one, wanted):
            pass  # what `one` raises is raised here
    if all_or_nothing and failures:
        raise next(iter(failures.values()))
    return Outcomes(
        {item: results[item] for item in wanted if item in results},
        {item: failures[item] for item in wanted if item in failures},
    )
