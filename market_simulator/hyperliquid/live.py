"""Live candles: which bars change when, minute by minute, for the coins that anybody watches.

Candle frames, like trades, come block by block. At the start of a minute its blocks are known (they
are a function of the minute), and this keeps an agenda of them; `due` gives what has happened since
it was last asked, at most one newest state per coin, with the end of a minute never skipped.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from market_simulator.hyperliquid.bars import MINUTE_MS, Bar, Minute, bucket_minute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from market_simulator.hyperliquid.market import Market


class Step(NamedTuple):
    """What happened to a coin: its blocks in `(after_ms, until_ms]`, and its bars since.

    `bars` holds the bar so far by interval, `first` the minute in which each began.
    """

    coin: str
    after_ms: int
    until_ms: int
    bars: dict[str, tuple[int, Bar]]


@dataclass
class _Watched:
    """A coin that is watched.

    Attributes:
        minute: its present minute, block by block.
        at: how many of these blocks have been given out.
        seen_ms: up to when.
        before: for each interval the bar of its bin up to this minute.
        users: how many want each interval; the interval "" stands for trades and quotes only.
    """

    minute: Minute
    at: int
    seen_ms: int
    before: dict[str, Bar | None] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)


class Live:
    """The agenda of the watched coins."""

    def __init__(self, market: Market, now_ms: int) -> None:
        self._market = market
        self._minute = now_ms // MINUTE_MS
        self._coins: dict[str, _Watched] = {}
        self._ahead: dict[str, Minute] = {}
        self._agenda: list[tuple[int, str]] = []

    def watch(self, coin: str, interval: str, now_ms: int) -> None:
        """Follow a coin; once per use."""
        watched = self._coins.get(coin)
        if watched is None:
            watched = self._coins[coin] = self._fresh(coin, now_ms)
        if interval and interval not in watched.before:
            watched.before[interval] = self._market.bar_so_far(coin, interval, self._minute)
        watched.users[interval] = watched.users.get(interval, 0) + 1

    def told_until(self, coin: str) -> int:
        """Up to which instant a watched coin's steps have been given out."""
        return self._coins[coin].seen_ms

    def unwatch(self, coin: str, interval: str) -> None:
        """Undo one `watch`."""
        watched = self._coins[coin]
        watched.users[interval] -= 1
        if not watched.users[interval]:
            del watched.users[interval]
            watched.before.pop(interval, None)
        if not watched.users:
            del self._coins[coin]

    def reload(self, now_ms: int) -> None:
        """Take the minutes from the market again: a listing changed, or the clock was set."""
        self._minute = now_ms // MINUTE_MS
        self._ahead.clear()
        self._agenda.clear()
        for coin, old in list(self._coins.items()):
            new = self._coins[coin] = self._fresh(coin, now_ms)
            new.users = old.users
            new.before = {i: self._market.bar_so_far(coin, i, self._minute) for i in old.before}

    def prepare(self, count: int) -> None:
        """Compute the next minute of a few coins, so that its start does not stall the stream."""
        missing = (coin for coin in self._coins if coin not in self._ahead)
        for _, coin in zip(range(count), missing, strict=False):
            self._ahead[coin] = self._market.minute(coin, self._minute + 1)

    def due(self, now_ms: int) -> Iterator[Step]:
        """What happened up to `now_ms`, in time's order as far as coins go."""
        while now_ms // MINUTE_MS > self._minute:
            yield from self._until((self._minute + 1) * MINUTE_MS - 1)
            self._next_minute()
        yield from self._until(now_ms)

    def _fresh(self, coin: str, now_ms: int) -> _Watched:
        minute = self._market.minute(coin, self._minute)
        watched = _Watched(minute, bisect_right(minute.times, now_ms), now_ms)
        self._schedule(coin, watched)
        return watched

    def _schedule(self, coin: str, watched: _Watched) -> None:
        if watched.at < len(watched.minute.times):
            heapq.heappush(self._agenda, (watched.minute.times[watched.at], coin))

    def _until(self, until_ms: int) -> Iterator[Step]:
        while self._agenda and self._agenda[0][0] <= until_ms:
            t_ms, coin = heapq.heappop(self._agenda)
            watched = self._coins.get(coin)
            if watched is None or watched.at >= len(watched.minute.times):
                continue
            if watched.minute.times[watched.at] != t_ms:
                continue  # left from before it was unwatched and watched again
            watched.at = bisect_right(watched.minute.times, until_ms)
            after, watched.seen_ms = watched.seen_ms, until_ms
            self._schedule(coin, watched)
            yield Step(coin, after, until_ms, self._bars(watched))

    def _bars(self, watched: _Watched) -> dict[str, tuple[int, Bar]]:
        bar = watched.minute.bars[watched.at - 1]
        return {
            interval: (
                bucket_minute(self._minute, interval),
                bar if before is None else before.then(bar),
            )
            for interval, before in watched.before.items()
        }

    def _next_minute(self) -> None:
        ended, self._minute = self._minute, self._minute + 1
        self._agenda.clear()
        for coin, watched in self._coins.items():
            last = watched.minute.bars[-1] if watched.minute.bars else None
            for interval, before in watched.before.items():
                if bucket_minute(self._minute, interval) != bucket_minute(ended, interval):
                    watched.before[interval] = None
                elif last is not None:
                    watched.before[interval] = last if before is None else before.then(last)
            ahead = self._ahead.pop(coin, None)
            watched.minute = self._market.minute(coin, self._minute) if ahead is None else ahead
            watched.at = 0
            self._schedule(coin, watched)
        self._ahead.clear()
