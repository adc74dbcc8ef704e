"""Reading the feed of trades downwards, from now or from a given time, without losing any.

What is relied on: an answer is a contiguous piece of a feed that is newest first. The feed moves
while it is read: new trades on top push the others down, late ones land in the middle, an answer
may be a cached one. So nothing is concluded from where a page was asked for, only from what it
shows: a second is *whole* once an answer shows it together with something newer above it (or at
the top of what was asked for) and something older below it. The next page is asked for from one
row above the oldest second of the last one, and counts only if it begins above that second. Where
it does not, where offsets end (10,000) or where they stand still, a window that ends with that
second takes over, with offsets of its own; where a second has more trades than a page, the page
grows.

Only a second that is larger than any page (10,000 rows) is put together from several answers.

Whether the end of a window belongs to it is not documented: only what lies before it counts. An
empty answer is asked for again, and believed only where nothing known contradicts it.

Not here: what a fill is told by (`trade_keys.py`), what is written (`trade_reading.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from market_assets.sources.errors import VenueNonsense, VenueRejected
from market_assets.sources.polymarket.data_api import GREATEST_OFFSET, MOST_TRADES
from market_assets.sources.polymarket.host import VENUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market_assets.sources.errors import VenueError
    from market_assets.sources.polymarket.model import Trade, TradePage

SECOND: Final = timedelta(seconds=1)
FAR: Final = datetime.max.replace(microsecond=0, tzinfo=UTC)
"""Later than every trade: the top of a walk that begins at the present."""
_BELOW: Final = timedelta(hours=1)
"""How far below what is wanted a window reaches: an older trade in it proves that all was seen."""
_GROWTH: Final = 4
_TIME: Final = "%Y-%m-%d %H:%M:%S"


class Feed(Protocol):
    """`DataClient`, as far as it is needed here."""

    def trades(
        self,
        *,
        limit: int,
        offset: int = 0,
        start: datetime | None = None,
        end: datetime | None = None,
        min_notional_usd: float | None = None,
    ) -> TradePage:
        """One page, newest first; see `DataClient.trades`."""
        ...


class Stretch(NamedTuple):
    """What one answer brought.

    Attributes:
        trades: those from the floor to the top, in the feed's order.
        from_at: every trade from here on …
        to_at: … to here (exclusive) is known by this answer and was not before; equal to
            `from_at` where the answer proves nothing.
        is_last: the floor is reached.
        rejected: rows that make no sense, by position, and why.
        trouble: why one cannot read on from here; the trades are good all the same.
    """

    trades: tuple[Trade, ...]
    from_at: datetime
    to_at: datetime
    is_last: bool = False
    rejected: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default, never changed
    trouble: VenueError | None = None


class FeedWalk:
    """One way down the feed, a page at a time. Between two pages the caller may stop for good."""

    def __init__(
        self,
        feed: Feed,
        *,
        floor: datetime,
        top: datetime,
        min_usd: float,
        page_rows: int,
        known_at: datetime | None = None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            feed: the venue.
            floor: every trade from this whole second on is wanted.
            top: only those before this whole second; `FAR` for all up to the present.
            min_usd: smaller trades are not asked for.
            page_rows: rows a page.
            known_at: the time of a trade that the venue has: a feed that ends above it is cut off.
        """
        self._feed = feed
        self._floor, self._top = floor, top
        self._min_usd = min_usd
        self._page_rows = page_rows
        self._known_at = known_at
        self._whole_from = top
        """Every trade between here and the top has been shown."""
        self._end = None if top >= FAR else top
        self._offset = 0
        self._limit = page_rows
        self._steps_plainly = False
        """Offsets go on by what the last answer held: the second is larger than any page."""
        self._is_doubted = False
        """The last answer was empty, and the same is asked again."""
        self._has_read = False

    def read(self) -> Stretch:
        """Ask for the next page.

        Raises:
            VenueNonsense: the answer contradicts what was asked for, or an earlier one.
            VenueError: it could not be had; the class says why. Asking again is possible.
        """
        try:
            page = self._ask()
        except VenueRejected:
            if not self._offset or self._steps_plainly:
                raise
            self._to_window(self._page_rows)  # offsets end earlier than the venue says
            return self._nothing()
        if not page.rows:
            return self._empty()
        self._is_doubted = False
        self._check(page)
        if not page.trades:  # so few rows that they prove nothing; the client refuses many
            self._step(page.rows)
            return self._nothing()._replace(rejected=page.rejected)
        times = [trade.traded_at for trade in page.trades]
        if any(later > earlier for earlier, later in pairwise(times)):
            newest = max(times) + SECOND if self._whole_from >= FAR else self._whole_from
            trouble = VenueNonsense(VENUE, f"trades: {self._place()} are not newest first")
            wanted = self._wanted(page)
            return Stretch(wanted, newest, self._whole_from, False, page.rejected, trouble)
        self._has_read = True
        whole, known = self._whole_from, self._whole_from
        if self._offset == 0 or self._steps_plainly or times[0] >= known:
            whole = min(known, times[-1] + SECOND)
        if whole < known:
            self._whole_from = whole
            self._go_on(times)
        else:
            self._insist(page.rows)
        down_to = max(whole, self._floor)
        is_last = down_to == self._floor
        return Stretch(self._wanted(page), down_to, known, is_last, page.rejected)

    def _ask(self) -> TradePage:
        return self._feed.trades(
            limit=self._limit,
            offset=self._offset,
            start=None if self._end is None else self._floor - _BELOW,
            end=self._end,
            min_notional_usd=self._min_usd,
        )

    def _nothing(self) -> Stretch:
        return Stretch((), self._whole_from, self._whole_from)

    def _wanted(self, page: TradePage) -> tuple[Trade, ...]:
        """Without what lies below the floor or above the top; alike fills stay together."""
        return tuple(one for one in page.trades if self._floor <= one.traded_at < self._top)

    def _check(self, page: TradePage) -> None:
        """Whether the page is an answer to the question.

        Raises:
            VenueNonsense: it is not.
        """
        newest = page.newest_at
        if self._end is not None and newest is not None and newest > self._end:
            raise VenueNonsense(VENUE, f"trades: {self._place()} hold one of {newest:{_TIME}}")

    def _go_on(self, times: Sequence[datetime]) -> None:
        """After progress: the next page begins one row above the oldest second of this one."""
        above = times.index(times[-1]) - 1
        self._limit = self._page_rows
        self._steps_plainly = False
        if above <= 0:
            self._to_window(self._limit * _GROWTH)
        elif self._offset + above > GREATEST_OFFSET:
            self._to_window(self._limit)
        else:
            self._offset += above

    def _insist(self, rows: int) -> None:
        """After an answer that proved nothing new: ask in a way that must, sooner or later."""
        if self._end != self._whole_from:
            self._to_window(self._page_rows)
        elif not self._steps_plainly and rows >= self._limit and self._limit < MOST_TRADES:
            self._to_window(self._limit * _GROWTH)
        else:
            self._step(rows)

    def _step(self, rows: int) -> None:
        """Ask for what comes below the last answer's rows, whatever they were.

        Raises:
            VenueNonsense: a second has more trades than there are offsets.
        """
        self._steps_plainly = True
        self._offset += rows
        if self._offset > GREATEST_OFFSET:
            raise VenueNonsense(
                VENUE,
                f"trades: more than {GREATEST_OFFSET} of {self._whole_from - SECOND:{_TIME}}",
            )

    def _empty(self) -> Stretch:
        """After an answer without rows: the feed's end, if it is one.

        Raises:
            VenueNonsense: it is none, and the venue keeps to it.
        """
        if not self._is_doubted:
            self._is_doubted = True
            return self._nothing()
        if self._offset and not self._steps_plainly:
            self._to_window(self._page_rows)
            return self._nothing()
        shown = self._whole_from - SECOND if self._steps_plainly else self._whole_from
        if self._known_at is not None and self._known_at < shown:
            known = f"{self._known_at:{_TIME}}"
            raise VenueNonsense(VENUE, f"trades: {self._place()} are none, but one is of {known}")
        is_end = self._steps_plainly if self._has_read else self._end is not None
        if not is_end or not (self._has_read or self._has_a_present()):
            raise VenueNonsense(VENUE, f"trades: {self._place()} are none")
        return self._nothing()._replace(from_at=self._floor, is_last=True)

    def _has_a_present(self) -> bool:
        """Whether there are trades now: a venue without any is not believed about its past."""
        return self._feed.trades(limit=1, min_notional_usd=self._min_usd).rows > 0

    def _to_window(self, limit: int) -> None:
        self._end = None if self._whole_from >= FAR else self._whole_from
        self._offset = 0
        self._limit = min(limit, MOST_TRADES)
        self._steps_plainly = False
        self._is_doubted = False

    def _place(self) -> str:
        end = "" if self._end is None else f" up to {self._end:{_TIME}}"
        return f"{self._limit} rows{end} from row {self._offset} on"
