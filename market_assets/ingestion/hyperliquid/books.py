"""Whose order books are asked for in a run, and asking for them within its time.

The most traded assets' books are asked for in every run; of the rest those whose last profile is
the oldest, so that all of them get their turn, in turn, without anything to remember between runs
but the profiles themselves.

Each asset has its precise book, and coarser ones only as far as they are needed: until both sides
reach beyond the widest band that is wanted. A thin book reaches there at full precision.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from market_assets.sources.errors import VenueError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime, timedelta

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.sources.hyperliquid.market_wire import Book, BookLevel

FIGURES: Final = (4, 3)
"""Significant figures of the coarser books, in the order in which they are asked for. A price of
95,000 has levels of 1 bps with four (20 levels reach 21 bps) and of 11 with three; one of 12,000
levels of 8 with four."""
_REACH_BPS: Final = 50.0
_WORKERS: Final = 4
_GIVE_UP_AFTER: Final = 8
"""Failures without one success after which the exchange is taken to be away."""


@dataclass(frozen=True)
class Turn:
    """How many assets have their books asked for in a run.

    Attributes:
        always: most traded ones, in every run.
        in_turn: of the others.
    """

    always: int = 60
    in_turn: int = 60


@dataclass(frozen=True)
class Books:
    """What was received.

    Attributes:
        fine: books at full precision.
        coarse: for each of `FIGURES`, the books of the assets that needed one.
        failed: assets whose book could not be had, with the reason.
        not_asked: assets whose turn it was when the time was over.
    """

    fine: tuple[Book, ...]
    coarse: tuple[tuple[Book, ...], ...]
    failed: Mapping[str, str]
    not_asked: tuple[str, ...]


def whose_turn(ranked: Sequence[str], profiled_at: Mapping[str, datetime], turn: Turn) -> list[str]:
    """The assets whose books are asked for now, in order.

    Args:
        ranked: those that trade, most traded first.
        profiled_at: when each one's book was last seen. Those that never were come first, but
            take no more than half of the turns from the others.
        turn: how many.
    """
    rest = ranked[turn.always :]
    never = [symbol for symbol in rest if symbol not in profiled_at]
    waiting = sorted(
        (symbol for symbol in rest if symbol in profiled_at), key=lambda s: profiled_at[s]
    )
    # Books that cannot be had stay among those never seen: they may not take every turn.
    first = never[: max(-(-turn.in_turn // 2), turn.in_turn - len(waiting))]
    return [*ranked[: turn.always], *[*first, *waiting][: turn.in_turn]]


def fetch_books(
    client: HyperliquidClient, symbols: Collection[str], *, within: timedelta, clock: Clock
) -> Books:
    """Ask for the books of these assets, in order, until the time is over.

    An asset that fails costs itself. Where nothing but failures come, the rest is not asked for.

    Args:
        client: the exchange.
        symbols: whose books.
        within: no request is begun after so long: each may wait for its weight.
        clock: for that.
    """
    deadline = clock.monotonic() + within.total_seconds()
    found: dict[str, list[Book]] = {}
    failed: dict[str, str] = {}

    def one(symbol: str) -> None:
        away = not found and len(failed) >= _GIVE_UP_AFTER
        if away or clock.monotonic() >= deadline:
            return
        try:
            found[symbol] = _until_it_reaches(
                client, symbol, may_ask=lambda: clock.monotonic() < deadline
            )
        except VenueError as error:
            failed[symbol] = str(error)

    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="books") as pool:
        for done in [pool.submit(one, symbol) for symbol in symbols]:
            done.result()
    return Books(
        fine=tuple(found[symbol][0] for symbol in symbols if symbol in found),
        coarse=tuple(
            tuple(books[nth] for books in found.values() if len(books) > nth)
            for nth in range(1, len(FIGURES) + 1)
        ),
        failed=failed,
        not_asked=tuple(s for s in symbols if s not in found and s not in failed),
    )


def _until_it_reaches(
    client: HyperliquidClient, symbol: str, may_ask: Callable[[], bool]
) -> list[Book]:
    """The precise book, and coarser ones until both sides reach far enough, or time is over."""
    books = [client.book(symbol)]
    for figures in FIGURES:
        if _reaches(books[0], books[-1]) or not may_ask():
            break
        try:
            books.append(client.book(symbol, figures))
        except VenueError:
            break  # the precise book is worth its row; bands that it does not reach are NULL
    return books


def _reaches(fine: Book, book: Book) -> bool:
    """Whether a book goes beyond the widest band, or asking for a coarser one is of no use."""
    bids, asks = fine.levels
    if not bids or not asks or bids[0].px >= asks[0].px:
        return True
    mid = (bids[0].px + asks[0].px) / 2
    return all(_away(mid, levels) > _REACH_BPS for levels in book.levels)


def _away(mid: float, levels: Sequence[BookLevel]) -> float:
    return abs(levels[-1].px / mid - 1) * 1e4 if levels else 0.0
